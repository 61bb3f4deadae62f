"""Where finished recordings lie: a directory or an S3-compatible store, sealed, each with a checksum. Knows names and bytes, not calls.

The only place that knows obstore. A name is made of a kind and a call's id; nothing outside the store can be named.
"""

import hashlib
import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import obstore
from obstore.store import LocalStore, from_url

from ivr.problem import Problem
from recordings.keyring import Keyring
from recordings.room import Room, judge

_NAME = re.compile(r"(play|original)/[A-Za-z0-9][A-Za-z0-9._-]{0,90}")
_REMEMBERED = 64 << 20
"""Bytes of opened recordings kept for whoever listens and jumps about."""


class Kept(msgspec.Struct, frozen=True):
    """What lies there: size and SHA-256 of the stored bytes, and the key that sealed them ('' when nobody did)."""

    name: str
    size: int
    sha256: str
    key_id: str = ""


class ShelfMissing(OSError):
    """There is nothing of this name."""


class ShelfDamaged(OSError):
    """What lies there is not what was put there."""


class Shelf:
    """`address`: a directory, `file:///…` or `s3://bucket/…` (obstore takes its credentials from the environment). Threads may share it.

    Raises:
        Problem: the place cannot be used.
    """

    def __init__(self, address: str, keyring: Keyring | None, quota: int = 0) -> None:
        self._keyring = keyring
        self._quota = quota
        self._opened: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._directory = None if "://" in address and not address.startswith("file://") else _directory(address)
        try:
            self._store: Any = LocalStore(self._directory, mkdir=True) if self._directory else from_url(address)
        except Exception as e:  # obstore's errors have no common parent for bad addresses
            raise Problem(
                f"Không dùng được kho ghi âm {address}: {e}. Hãy kiểm tra SMARTPBX_RECORDINGS.",
                f"The store of recordings {address} cannot be used: {e}. Check SMARTPBX_RECORDINGS.",
            ) from e

    # --- putting and getting ----------------------------------------------------------------------------------

    def put(self, name: str, data: bytes) -> Kept:
        """Whole or not at all, and read back before it counts.

        Raises:
            OSError: no room, or the store is away.
            ValueError: no name.
        """
        _check(name)
        sealed = self._keyring.seal(data) if self._keyring else data
        kept = Kept(
            name, len(sealed), hashlib.sha256(sealed).hexdigest(), self._keyring.key_id if self._keyring else ""
        )
        try:
            obstore.put(self._store, name, sealed)
            if self._directory is not None:
                _to_disk(self._directory / name)
        except Exception as e:
            raise OSError(f"the recording could not be put into the store: {_reason(e)}") from e
        self._fetched(name, kept)
        return kept

    def get(self, name: str, kept: Kept | None = None) -> bytes:
        """What was put there.

        Raises:
            ShelfMissing, ShelfDamaged, KeyMissing: it cannot be had.
        """
        _check(name)
        known = (name, kept.sha256 if kept else "")
        with self._lock:
            if known[1] and (opened := self._opened.get(known)) is not None:
                self._opened.move_to_end(known)
                return opened
        sealed = self._fetched(name, kept)
        data = sealed if kept is not None and not kept.key_id else self._unsealed(sealed, kept)
        if known[1]:
            self._remember(known, data)
        return data

    def delete(self, name: str) -> None:
        """Nothing of this name is left; there may have been nothing."""
        _check(name)
        with self._lock:
            self._opened.clear()
        try:
            obstore.delete(self._store, name)
        except FileNotFoundError:
            return

    def names(self, prefix: str = "") -> Iterator[str]:
        for page in obstore.list(self._store, prefix or None):
            for item in page:
                yield str(item["path"])

    def used(self) -> int:
        """Bytes that lie there."""
        return sum(int(item["size"]) for page in obstore.list(self._store) for item in page)

    def room(self) -> Room:
        """How much fits in yet; a store elsewhere has room until its quota."""
        used = self.used()
        if self._directory is None:
            return judge(used, used + max(0, self._quota - used) if self._quota else 0, 0, self._quota)
        disk = shutil.disk_usage(self._directory)
        return judge(used, disk.free, disk.total, self._quota)

    def _fetched(self, name: str, kept: Kept | None) -> bytes:
        try:
            sealed = bytes(obstore.get(self._store, name).bytes())
        except FileNotFoundError as e:
            raise ShelfMissing(f"{name} is not in the store") from e
        except Exception as e:
            raise OSError(f"the store does not give {name}: {_reason(e)}") from e
        if kept is not None and hashlib.sha256(sealed).hexdigest() != kept.sha256:
            raise ShelfDamaged(f"{name} is not what was put there")
        return sealed

    def _unsealed(self, sealed: bytes, kept: Kept | None) -> bytes:
        if self._keyring is None:
            return sealed
        return self._keyring.unseal(sealed, kept.key_id if kept else "")

    def _remember(self, known: tuple[str, str], data: bytes) -> None:
        with self._lock:
            self._opened[known] = data
            while sum(map(len, self._opened.values())) > _REMEMBERED:
                self._opened.popitem(last=False)


def _to_disk(file: Path) -> None:
    """A local put renames and leaves the rest to the system; the file that was good for recognising goes right after it."""
    for path in (file, file.parent, file.parent.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check(name: str) -> None:
    if not _NAME.fullmatch(name) or ".." in name:
        raise ValueError("not the name of a recording")


def _directory(address: str) -> Path:
    return Path(address.removeprefix("file://")).absolute()


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
