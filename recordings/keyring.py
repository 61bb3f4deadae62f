"""The keys of the recordings at rest: age (X25519), one line each in a file that lies elsewhere than the recordings.

The newest key seals; every key opens what it has sealed, so a key may be changed without touching what is kept. Whoever has the file and
the `age` program can open the recordings without this software. Knows no recording.
"""

import hashlib
import os
from pathlib import Path

import pyrage

from ivr.problem import Problem


class KeyMissing(OSError):
    """What is to be opened was sealed with a key that is not in the file."""


class Keyring:
    """May be used by several threads at once."""

    def __init__(self, identities: list[pyrage.x25519.Identity]) -> None:
        self._identities = identities

    @classmethod
    def open(cls, file: Path, data_dir: Path, *, sealed_before: bool = False) -> "Keyring":
        """The keys of this file; the first is made when there is no file, unless something was `sealed_before`: then it was lost, and a new
        one would hide that.

        Raises:
            Problem: the file lies among the data that it protects, others may read it, or it holds no key.
        """
        _refuse_inside(file, data_dir)
        try:
            if not file.exists():
                _refuse_lost(file, sealed_before)
                _make(file)
            if file.stat().st_mode & 0o077:
                raise Problem(
                    f"Tệp khoá ghi âm {file} cho người khác đọc. Hãy chạy: chmod 600 {file}",
                    f"The key file of the recordings {file} can be read by others. Run: chmod 600 {file}",
                )
            return cls(_read(file))
        except OSError as e:
            raise Problem(
                f"Không đọc hoặc tạo được tệp khoá ghi âm {file}: {e.strerror}. Hãy sửa quyền hoặc đặt SMARTPBX_KEY_FILE.",
                f"Cannot read or make the key file of the recordings {file}: {e.strerror}. Give permission or set SMARTPBX_KEY_FILE.",
            ) from e

    @property
    def key_id(self) -> str:
        """Names the key that seals now; tells nothing of it."""
        return _id_of(self._identities[-1])

    def seal(self, data: bytes) -> bytes:
        return bytes(pyrage.encrypt(data, [self._identities[-1].to_public()]))

    def unseal(self, data: bytes, key_id: str = "") -> bytes:
        """What was sealed.

        Raises:
            KeyMissing: none of the keys fits; names the one that did.
        """
        try:
            return bytes(pyrage.decrypt(data, self._identities))
        except pyrage.DecryptError as e:
            raise KeyMissing(f"none of the keys opens it; it was sealed with {key_id or 'another'}: {e}") from e


def add_key(file: Path) -> str:
    """Seal with a new key from now on; its id.

    Raises:
        OSError: the file cannot be written.
    """
    identity = pyrage.x25519.Identity.generate()
    with file.open("a") as keys:
        keys.write(f"{identity}\n")
        keys.flush()
        os.fsync(keys.fileno())
    return _id_of(identity)


def _id_of(identity: pyrage.x25519.Identity) -> str:
    return hashlib.sha256(str(identity.to_public()).encode()).hexdigest()[:12]


def _refuse_inside(file: Path, data_dir: Path) -> None:
    if file.resolve().is_relative_to(data_dir.resolve()):
        raise Problem(
            f"Tệp khoá {file} nằm trong thư mục dữ liệu {data_dir}: ai lấy dữ liệu thì lấy luôn khoá. "
            "Hãy đặt SMARTPBX_KEY_FILE ở chỗ khác.",
            f"The key file {file} lies within the data directory {data_dir}: who takes the data takes the key. "
            "Set SMARTPBX_KEY_FILE elsewhere.",
        )


def _refuse_lost(file: Path, sealed_before: bool) -> None:
    if sealed_before:
        raise Problem(
            f"Không thấy tệp khoá {file}, mà đã có ghi âm được khoá bằng nó. Hãy đặt lại bản sao của tệp này.",
            f"The key file {file} is missing, and there are recordings sealed with it. Put its copy back.",
        )


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as keys:
        keys.write("# Keys of the recordings. Without this file nobody can hear them again: keep a copy in a safe.\n")
    add_key(file)


def _read(file: Path) -> list[pyrage.x25519.Identity]:
    lines = [line.strip() for line in file.read_text("utf-8", "replace").splitlines()]
    try:
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError as e:
        raise Problem(
            f"Tệp khoá ghi âm {file} có dòng không phải khoá age. Hãy lấy lại bản sao của tệp này.",
            f"The key file {file} has a line that is no age key. Bring back its copy.",
        ) from e
    if not found:
        raise Problem(
            f"Tệp khoá ghi âm {file} không có khoá nào. Hãy lấy lại bản sao, hoặc xoá tệp để tạo khoá mới (ghi âm cũ sẽ không mở được).",
            f"The key file {file} holds no key. Bring back its copy, or delete it for a new one (old recordings cannot be opened then).",
        )
    return found
