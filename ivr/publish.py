"""Versions of the menu: each is kept, one of them is current, and every change of that is one rename.

    NNNN.yaml    what was published, never changed afterwards
    NNNN.json    its hash, when and by whom
    current      the number of the version that callers meet

A version is written whole before `current` names it, so whoever is killed in between leaves the earlier one in force. A damaged version is
never served: the newest good one before it is.
"""

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from ivr.load import PROMPTS, load_menu
from ivr.problem import Problem


class Version(msgspec.Struct, frozen=True):
    """One published menu; `at` in UTC ms."""

    number: int
    digest: str
    at: int
    by: str
    name: str


def publish(file: Path, store: Path, queues: Collection[str], prompts: Path = PROMPTS, by: str = "") -> Version:
    """Check a file and make it current.

    Raises:
        Problem: the menu may not be published, somebody else is publishing now, or the store cannot be written.
    """
    load_menu(file, queues, prompts, whole=True)
    with _alone(store):
        text = file.read_bytes()
        number = max((version.number for version in versions(store)), default=0) + 1
        while (store / f"{number:04}.yaml").exists():
            number += 1  # left by somebody who was killed
        version = Version(number, hashlib.sha256(text).hexdigest(), time.time_ns() // 1_000_000, by, file.name)
        _write(store / f"{number:04}.yaml", text)
        _write(store / f"{number:04}.json", msgspec.json.encode(version))
        _write(store / "current", f"{number}\n".encode())
    return version


def undo(store: Path) -> Version:
    """Go back to the version before the current one.

    Raises:
        Problem: there is none.
    """
    with _alone(store):
        now = current(store)
        earlier = [
            version
            for version in versions(store)
            if now is not None and version.number < now.number and is_good(store, version)
        ]
        if not earlier:
            raise Problem("Không có bản nào trước bản đang dùng.", "There is no version before the current one.")
        _write(store / "current", f"{earlier[-1].number}\n".encode())
    return earlier[-1]


def versions(store: Path) -> list[Version]:
    """All that were published, the oldest first; what is damaged is left out."""
    found = []
    for file in sorted(store.glob("[0-9]*.json")):
        with contextlib.suppress(OSError, msgspec.DecodeError):
            found.append(msgspec.json.decode(file.read_bytes(), type=Version))
    return found


def current(store: Path) -> Version | None:
    """The version that callers meet: the one that `current` names, or the newest good one before it; None where nothing was published."""
    try:
        wanted = int((store / "current").read_text("ascii"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        wanted = 1_000_000_000
    good = (version for version in reversed(versions(store)) if version.number <= wanted and is_good(store, version))
    return next(good, None)


def file_of(store: Path, version: Version) -> Path:
    return store / f"{version.number:04}.yaml"


def is_good(store: Path, version: Version) -> bool:
    """Whether its file is still what was published."""
    try:
        return hashlib.sha256(file_of(store, version).read_bytes()).hexdigest() == version.digest
    except OSError:
        return False


@contextlib.contextmanager
def _alone(store: Path) -> Iterator[None]:
    try:
        store.mkdir(parents=True, exist_ok=True)
        lock = os.open(store / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise Problem(
            f"Không ghi được kho cây thoại {store}: {e.strerror}. Hãy cấp quyền ghi hoặc đổi SMARTPBX_DATA_DIR.",
            f"Cannot write the store of menus {store}: {e.strerror}. Give write permission or change SMARTPBX_DATA_DIR.",
        ) from e
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as e:
        raise Problem(
            "Người khác đang công bố cây thoại. Hãy thử lại sau vài giây.",
            "Somebody else is publishing a menu. Try again in some seconds.",
        ) from e
    except OSError as e:
        raise Problem(f"Không ghi được {store}: {e.strerror}.", f"Cannot write {store}: {e.strerror}.") from e
    finally:
        os.close(lock)


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all, and on the disk before anything is built on it."""
    fresh = file.with_name(f".{file.name}.new")
    with fresh.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
