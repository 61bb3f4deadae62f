"""The people of whom two together may hear an original: who they are, and that they are it. A file beside the keys, for its owner only.

Knows names and pass phrases; what they open is somebody else's.
"""

import hashlib
import hmac
import os
from pathlib import Path

from ivr.problem import Problem

SHORTEST = 12
_COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 << 20}


class Custodians:
    """`file`: a line a person, `name:salt:hash` (scrypt)."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def names(self) -> list[str]:
        return list(self._read())

    def add(self, name: str, phrase: str) -> None:
        """Let somebody be one of the two; the same name again is a new phrase.

        Raises:
            Problem: no name, or a phrase that is too short.
        """
        name = name.strip()
        if not name or ":" in name or not name.isprintable():
            raise Problem(
                "Tên người giữ quyền trống hoặc có ký tự lạ.", "The custodian's name is empty or has odd characters."
            )
        if len(phrase) < SHORTEST:
            raise Problem(
                f"Câu mật khẩu cần ít nhất {SHORTEST} ký tự.", f"The pass phrase needs at least {SHORTEST} characters."
            )
        salt = os.urandom(16)
        kept = self._read() | {name: (salt.hex(), _hash(phrase, salt))}
        text = "".join(f"{who}:{salt}:{digest}\n" for who, (salt, digest) in kept.items())
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._file.with_name(f".{self._file.name}.new")
        fresh.touch(0o600)
        fresh.write_text(text, "utf-8")
        fresh.replace(self._file)

    def check(self, first: tuple[str, str], second: tuple[str, str]) -> None:
        """Both are custodians, and not one person twice.

        Raises:
            Problem: they are not; does not tell which of them was wrong.
        """
        known = self._read()
        right = [name in known and hmac.compare_digest(_hash(phrase, bytes.fromhex(known[name][0])), known[name][1]) for name, phrase in
                 (first, second)]  # fmt: skip
        if first[0] == second[0] or not all(right):
            raise Problem(
                "Cần hai người giữ quyền khác nhau, đúng tên và đúng câu mật khẩu.",
                "Two different custodians are needed, each with the right name and pass phrase.",
            )

    def _read(self) -> dict[str, tuple[str, str]]:
        if not self._file.exists():
            return {}
        lines = (line.rsplit(":", 2) for line in self._file.read_text("utf-8").splitlines())
        return {line[0]: (line[1], line[2]) for line in lines if len(line) == 3}


def _hash(phrase: str, salt: bytes) -> str:
    return hashlib.scrypt(phrase.encode(), salt=salt, **_COST).hex()
