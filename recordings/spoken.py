"""What was said, ready to be searched: each word as it was written, without diacritics, and about as it sounds.

Both databases keep the same table and the same three texts; SQLite searches them through FTS5, PostgreSQL through one tsvector whose
lexemes carry the kind of text. Ids begin with the arrival, so that the newest come first without sorting.
"""

import functools
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from recordings.tables import metadata
from recordings.words import Word, fold, sound, turns

KINDS = ("exact", "folded", "sound")
MAKE: dict[str, Callable[[str], str]] = {
    "exact": str, "folded": functools.lru_cache(50_000)(fold), "sound": functools.lru_cache(50_000)(sound),
}  # fmt: skip
"""How a word becomes one of each kind; the words of a language are soon all known."""
TURN = "ǁ"
"""Stands between two turns as if it were a word, so that a phrase never runs from one speaker into another. No word has this letter."""
MOST_POSITIONS = 16_000
"""PostgreSQL counts no further; an hour and a half of talk."""

spoken = sa.Table(
    "spoken", metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), nullable=False, unique=True),
    *(sa.Column(kind, sa.Text, nullable=False) for kind in KINDS),
)  # fmt: skip
"""`id` is the arrival in UTC ms times 1000, and a number that keeps calls of one moment apart."""


def texts(words: Sequence[Word]) -> dict[str, str]:
    """The three texts of a call, turn after turn."""
    said = [[token for word in turn.words for token in tokens(word.word)] for turn in turns(words)]
    return {kind: f" {TURN} ".join(" ".join(map(make, turn)) for turn in said) for kind, make in MAKE.items()}


def tokens(text: str) -> list[str]:
    """Words of letters and digits, composed and in lower case, as both databases take them apart."""
    plain = unicodedata.normalize("NFC", text).lower()
    return "".join(c if c.isalnum() and c != TURN else " " for c in plain).split()


def keep_spoken(connection: sa.Connection, call_id: str, arrived_at: int, words: Sequence[Word]) -> None:
    """Index what was said in a call, in place of what was indexed of it before."""
    connection.execute(spoken.delete().where(spoken.c.call_id == call_id))
    said = texts(words)
    if not said["exact"]:
        return
    first = arrived_at * 1000
    taken = sa.select(sa.func.max(spoken.c.id)).where(spoken.c.id.between(first, first + 999))
    latest = connection.execute(taken).scalar()
    row: dict[str, Any] = {"id": first if latest is None else min(latest + 1, first + 999), "call_id": call_id, **said}
    connection.execute(spoken.insert(), [row])
    if connection.dialect.name == "postgresql":
        vector = sa.text("UPDATE spoken SET said = CAST(:said AS tsvector) WHERE id = :id")
        connection.execute(vector, {"said": vector_of(said), "id": row["id"]})


def vector_of(said: dict[str, str]) -> str:
    """The three texts as one tsvector: `'e:đất':1 'f:dat':1 's:dat':1 …`; a word of 256 places keeps the first."""
    places: dict[str, list[int]] = {}
    for kind, text in said.items():
        for place, word in enumerate(text.split()[:MOST_POSITIONS], 1):
            if word != TURN:
                places.setdefault(lexeme(kind, word), []).append(place)
    return " ".join(f"{quoted(word)}:{','.join(map(str, at[:255]))}" for word, at in places.items())


def lexeme(kind: str, word: str) -> str:
    return f"{kind[0]}:{word[:80]}"


def quoted(word: str) -> str:
    """As tsvector and tsquery read it."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def many(rows: Iterable[tuple[str, int, Sequence[Word]]]) -> list[dict[str, Any]]:
    """Rows of the table for calls that are indexed for the first time, all at once: call, arrival, words."""
    made: list[dict[str, Any]] = []
    last = -1
    for call_id, arrived_at, words in sorted(rows, key=lambda row: row[1]):
        last = max(last + 1, arrived_at * 1000)
        made.append({"id": last, "call_id": call_id, **texts(words)})
    return [row for row in made if row["exact"]]
