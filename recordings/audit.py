"""Who listened, read, searched, exported, erased: a log that is only added to and shows when somebody changed it.

Each row's hash covers its own content and the hash before it, so a row that was changed, taken out, put in or moved breaks the chain from
there on; what was cut off at the end is told by the anchors, which lie in a file outside the database. Whoever wants to show something
protected writes here first: what cannot be written is not shown.
"""

import hashlib
import time
from pathlib import Path

import msgspec
import sqlalchemy as sa

from pbx.numbers import same
from recordings.tables import writing
from recordings.tables_keeping import audit

FIRST = "0" * 64
_LONGEST = 500


class Broken(msgspec.Struct, frozen=True):
    """The first row that is not as it was written; `why`: `changed`, `missing` or `cut off`."""

    seq: int
    why: str


class Unwritten(Exception):
    """What was to be looked at could not be written down: it must not be shown."""


class Audit:
    """May be used from several threads and processes at once: their rows make one chain."""

    def __init__(self, engine: sa.Engine, anchors: Path) -> None:
        self._engine = engine
        self._anchors = anchors

    def note(self, who: str, what: str, about: str, why: str = "") -> int:
        """Write it down; the number of the row. Safe to call before something is shown, because it raises when it could not be written.

        Raises:
            Unwritten: show nothing.
        """
        try:
            with writing(self._engine) as connection:
                return add(connection, who, what, about, why)
        except (sa.exc.SQLAlchemyError, OSError) as e:
            raise Unwritten(f"{what} {about}: {type(e).__name__}") from e

    def verify(self) -> Broken | None:
        """What is wrong with the chain, or None; when it is whole its head becomes an anchor."""
        with self._engine.connect() as connection:
            broken, seq, head = _chain(connection, dict(self._known()))
        if broken is None and seq:
            self._anchor(seq, head)
        return broken

    def _known(self) -> list[tuple[int, str]]:
        if not self._anchors.exists():
            return []
        lines = (line.split() for line in self._anchors.read_text("utf-8").splitlines())
        return [(int(line[0]), line[1]) for line in lines if len(line) == 3 and line[0].isdecimal()]

    def _anchor(self, seq: int, head: str) -> None:
        known = self._known()
        if not known or known[-1] != (seq, head):
            with self._anchors.open("a", encoding="utf-8") as file:
                file.write(f"{seq} {head} {time.time_ns() // 1_000_000}\n")


def add(connection: sa.Connection, who: str, what: str, about: str, why: str = "") -> int:
    """The same within a transaction of `writing`: what is logged and what is done happen together or not at all."""
    if connection.dialect.name == "postgresql":  # SQLite's writers are alone already
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(1022, 2)"))
    last = connection.execute(sa.select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    seq, before = (last.seq + 1, last.hash) if last is not None else (1, FIRST)
    row = {"seq": seq, "at": time.time_ns() // 1_000_000} | {
        name: _plain(value) for name, value in (("who", who), ("what", what), ("about", about), ("why", why))
    }
    connection.execute(audit.insert(), [row | {"hash": digest(row, before)}])
    return seq


def digest(row: dict[str, object], before: str) -> str:
    """SHA-256 over the row in one fixed form, and the hash before it."""
    content = msgspec.json.encode([row[name] for name in ("seq", "at", "who", "what", "about", "why")])
    return hashlib.sha256(before.encode() + content).hexdigest()


def of_number(number: str, salt: str = "smartpbx") -> str:
    """A number as the log may hold it: the same number gives the same mark, in whatever form it was written."""
    return "number:" + hashlib.sha256(f"{salt}:{same(number) or number}".encode()).hexdigest()[:16]


def _chain(connection: sa.Connection, anchors: dict[int, str]) -> tuple[Broken | None, int, str]:
    seq, before = 0, FIRST
    for found in connection.execute(sa.select(audit).order_by(audit.c.seq)).mappings():
        seq += 1
        if found["seq"] != seq:
            return Broken(seq, "missing"), seq, before
        before = digest(dict(found), before)
        if found["hash"] != before or anchors.get(seq, before) != before:
            return Broken(seq, "changed"), seq, before
    latest = max(anchors, default=0)
    return (Broken(seq + 1, "cut off") if latest > seq else None), seq, before


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")[:_LONGEST]
