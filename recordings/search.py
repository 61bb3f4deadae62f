"""Finds calls by what was said in them: as it is written first, then without diacritics, then about as it sounds; the newest first in each.

Reads only. Both databases give the same answers in the same order; what narrows a search besides words are columns of the call.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from pbx.numbers import dialable
from pbx.record import CallRecord
from recordings.citizens import forms_of
from recordings.rows import records_of
from recordings.search_query import Query, Term, parse
from recordings.spoken import KINDS, MAKE, lexeme, quoted, spoken, tokens
from recordings.tables import calls, scores, transcripts, visits
from recordings.words import Turn, Word, fold, turns

SENTENCES = 2
LATEST = 2_000
"""Calls among which PostgreSQL looks first."""


class Snippet(msgspec.Struct, frozen=True):
    """A turn around what was found; words are marked where they match. `start_s` is where to play from."""

    channel: str
    start_s: float
    words: tuple[tuple[str, bool], ...]


class Hit(msgspec.Struct, frozen=True):
    """A call; `rank` is 0 when it was said just so, 1 without diacritics, 2 when it only sounds like it."""

    record: CallRecord
    rank: int
    snippets: tuple[Snippet, ...]


class Found(msgspec.Struct, frozen=True):
    hits: tuple[Hit, ...]
    more: bool
    problem: str = ""
    """What was wrong with the question: `nothing` to look for, or `only_without`."""


class Narrowing(msgspec.Struct, frozen=True):
    """What else a call must be; empty is not asked for. `[since, until)` UTC ms; talk in ms."""

    since: int = 0
    until: int = 0
    queue: str = ""
    agent: str = ""
    outcome: str = ""
    number: str = ""
    code: str = ""
    talk_min: int = 0
    talk_max: int = 0
    score: int = 0


class Search:
    """May be used from several threads at once."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def find(self, text: str, only: Narrowing = Narrowing(), limit: int = 50) -> Found:  # noqa: B008 - frozen
        query = parse(text)
        if not query.wanted:
            return Found((), False, "only_without" if query.terms else "nothing")
        with self._engine.connect() as connection:
            ranked = self._ranked(connection, query, only, limit + 1)
            hits = _hits(connection, query, ranked[:limit])
        return Found(hits, len(ranked) > limit)

    def _ranked(self, connection: sa.Connection, query: Query, only: Narrowing, limit: int) -> list[tuple[str, int]]:
        """Call and rank, best first."""
        found: dict[str, int] = {}
        for rank, kind in enumerate(KINDS):
            if len(found) >= limit:
                break
            # What was found better is found again here.
            for call_id in _newest(connection, query, kind, only, limit):
                if len(found) < limit:
                    found.setdefault(call_id, rank)
        return list(found.items())


def _newest(connection: sa.Connection, query: Query, kind: str, only: Narrowing, limit: int) -> Sequence[str]:
    if connection.dialect.name == "sqlite":
        return connection.execute(_in_sqlite(query, kind, only, limit)).scalars().all()
    # What many say is found among the latest calls, row by row; the index would first fetch all who ever said it.
    latest = connection.execute(_in_postgresql(query, kind, only, limit, LATEST)).scalars().all()
    return (
        latest if len(latest) >= limit else connection.execute(_in_postgresql(query, kind, only, limit)).scalars().all()
    )


def _in_sqlite(query: Query, kind: str, only: Narrowing, limit: int) -> Any:
    index = sa.table("spoken_index", sa.column("rowid"), sa.column("spoken_index"))
    statement = sa.select(spoken.c.call_id).join(calls, calls.c.call_id == spoken.c.call_id)
    statement = statement.join(index, index.c.rowid == spoken.c.id)
    asked = (index.c.spoken_index.op("MATCH")(_fts(query, kind)), *_within(index.c.rowid, only), *_conditions(only))
    return statement.where(*asked).order_by(index.c.rowid.desc()).limit(limit)


def _in_postgresql(query: Query, kind: str, only: Narrowing, limit: int, latest: int = 0) -> Any:
    said = sa.select(spoken.c.id, spoken.c.call_id, sa.column("said")).where(*_within(spoken.c.id, only))
    rows = (said.order_by(spoken.c.id.desc()).limit(latest) if latest else said).subquery("rows")
    statement = sa.select(rows.c.call_id).join(calls, calls.c.call_id == rows.c.call_id)
    asked = sa.text("rows.said @@ CAST(:asked AS tsquery)").bindparams(asked=_tsquery(query, kind))
    return statement.where(asked, *_conditions(only)).order_by(rows.c.id.desc()).limit(limit)


def _within(column: Any, only: Narrowing) -> tuple[Any, Any]:
    return column >= only.since * 1000, column < (only.until or 2**42) * 1000


def _fts(query: Query, kind: str) -> str:
    """For FTS5; every word stands in quotes, so that nothing in it is an operator."""

    def term(t: Term, kind: str) -> str:
        return '"' + " ".join(MAKE[kind](word) for word in t.words) + '"' + ("*" if t.prefix else "")

    wanted = " AND ".join(term(t, kind) for t in query.wanted)
    # What must not be there is meant as it is written, not as it sounds.
    without = "".join(f" NOT (exact : {term(t, 'exact')})" for t in query.unwanted)
    return f"({kind} : ({wanted})){without}"


def _tsquery(query: Query, kind: str) -> str:
    def term(t: Term, kind: str) -> str:
        words = [quoted(lexeme(kind, MAKE[kind](word))) for word in t.words]
        words[-1] += ":*" if t.prefix else ""
        return "(" + " <-> ".join(words) + ")"

    return " & ".join([*(term(t, kind) for t in query.wanted), *("!" + term(t, "exact") for t in query.unwanted)])


def _conditions(only: Narrowing) -> list[Any]:
    found: list[Any] = []
    if only.queue:
        stayed = sa.exists().where(visits.c.call_id == calls.c.call_id, visits.c.queue == only.queue)
        found.append(sa.or_(calls.c.queue == only.queue, stayed))
    if only.agent:
        found.append(calls.c.folded.contains(fold(only.agent), autoescape=True))
    if only.outcome:
        found.append(calls.c.outcome == only.outcome)
    if only.number:
        number = dialable(only.number)
        found.append(
            calls.c.caller.in_(forms_of(number)) if number else calls.c.caller.contains(only.number, autoescape=True)
        )
    if only.code:
        found.append(sa.or_(calls.c.dossier == only.code, calls.c.petition == only.code, calls.c.call_id == only.code))
    if only.talk_min:
        found.append(calls.c.talk_ms >= only.talk_min)
    if only.talk_max:
        found.append(calls.c.talk_ms <= only.talk_max)
    if only.score:
        found.append(calls.c.call_id.in_(sa.select(scores.c.call_id).where(scores.c.value == only.score)))
    return found


# --- what is shown ------------------------------------------------------------------------------------------------


def _hits(connection: sa.Connection, query: Query, ranked: Sequence[tuple[str, int]]) -> tuple[Hit, ...]:
    ids = [call_id for call_id, _ in ranked]
    rows = connection.execute(sa.select(calls).where(calls.c.call_id.in_(ids))).mappings().all()
    records = {record.call_id: record for record in records_of(connection, rows)}
    query_words = sa.select(transcripts.c.call_id, transcripts.c.words).where(transcripts.c.call_id.in_(ids))
    said: dict[str, Any] = {row.call_id: row.words for row in connection.execute(query_words)}
    return tuple(
        Hit(
            records[call_id],
            rank,
            snippets(msgspec.convert(said.get(call_id) or [], tuple[Word, ...]), query, KINDS[rank]),
        )
        for call_id, rank in ranked
        if call_id in records
    )


def snippets(words: Sequence[Word], query: Query, kind: str) -> tuple[Snippet, ...]:
    """The turns that say most of what was looked for, in order of time."""
    shown = [(turn, _marked(turn, query, kind)) for turn in turns(words)]
    best = sorted((item for item in shown if any(mark for _, mark in item[1])), key=lambda item: -_worth(item[1]))
    chosen = sorted(best[:SENTENCES], key=lambda item: item[0].start)
    return tuple(Snippet(turn.channel, turn.start, marked) for turn, marked in chosen)


def _worth(marked: Sequence[tuple[str, bool]]) -> int:
    return len({word for word, mark in marked if mark})


def _marked(turn: Turn, query: Query, kind: str) -> tuple[tuple[str, bool], ...]:
    make = MAKE[kind]
    heard = [" ".join(map(make, tokens(word.word))) for word in turn.words]
    hit: set[int] = set()
    for term in query.wanted:
        wanted = [make(word) for word in term.words]
        for at in range(len(heard) - len(wanted) + 1):
            if _same(heard[at : at + len(wanted)], wanted, term.prefix):
                hit.update(range(at, at + len(wanted)))
    return tuple((word.word, at in hit) for at, word in enumerate(turn.words))


def _same(heard: Sequence[str], wanted: Sequence[str], prefix: bool) -> bool:
    *before, last = wanted
    return list(heard[:-1]) == before and (heard[-1].startswith(last) if prefix else heard[-1] == last)
