"""Every read of the call log: frozen rows for whoever shows them. Nothing here writes."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from pbx.numbers import same
from pbx.record import CallRecord
from recordings.citizens import Citizens, forms_of
from recordings.labels import topics
from recordings.rows import records_of
from recordings.search import Search
from recordings.shelf import Kept
from recordings.tables import calls, recordings, scores, transcripts, visits
from recordings.words import Turn, Word, fold, turns


class CallRow(msgspec.Struct, frozen=True):
    """A line of the list. `transcript_state`: none (not recorded), pending, done or failed."""

    record: CallRecord
    transcript_state: str
    snippet: str


class CallDetail(msgspec.Struct, frozen=True):
    """One call with everything that was said. `reason` tells why a transcript failed; `flaws` what is wrong with the audio."""

    record: CallRecord
    transcript_state: str
    reason: str
    model: str
    words: tuple[Word, ...]
    duration_ms: int
    """Length of the kept audio; 0 when there is none."""
    flaws: tuple[str, ...] = ()
    place: str = ""
    """`wav`: a file that is still to be put away; `shelf`; `gone`; '' when nothing is kept."""
    play: Kept | None = None
    """What may be heard."""
    original: Kept | None = None
    """What holds the numbers that are silenced in what may be heard."""
    left: str = ""
    """Why it was not put away."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        return turns(self.words)


class Backlog(msgspec.Struct, frozen=True):
    """What still waits to become words: calls, their talk in seconds, and the arrival of the oldest (UTC ms)."""

    calls: int
    talk_s: float
    oldest: int | None


class Only(msgspec.Struct, frozen=True):
    """Narrows a list of calls. Empty: not asked for."""

    since: int = 0
    until: int = 0
    """Arrived in [since, until), UTC ms."""
    caller_of: str = ""
    """The same caller as in this call."""
    callback: str = ""
    """Asked for this callback, or is it."""
    message: str = ""
    """Left a message of this kind; `any`: of either."""
    factor: str = ""
    score: int = 0
    """Answered this question of the survey, with this score; without a factor: any question."""
    queue: str = ""
    """The call counts for this queue (it may have stayed in others before)."""
    topic: str = ""
    """Is about this: `field` or `field/procedure`."""


Cursor = tuple[int, str]
"""`arrived_at` and `call_id` of the last row seen; the next page begins after it."""
SNIPPET = 120
LONGEST_SEARCH = 200


class Log:
    """Reads. May be used from several threads at once. `titles` are queue -> what people call it, so that they can search by that."""

    def __init__(self, engine: sa.Engine, titles: Mapping[str, str] | None = None) -> None:
        self._engine = engine
        self._titles = {name: fold(title) for name, title in (titles or {}).items()}
        self.citizens = Citizens(engine)
        self.search = Search(engine)

    def calls(
        self,
        *,
        limit: int = 50,
        before: Cursor | None = None,
        text: str = "",
        outcome: str = "",
        queue: str = "",
        only: Only | None = None,
    ) -> list[CallRow]:
        """Newest first. `text` is looked for in numbers, agents, queues and spoken words, with or without diacritics, and is the number of
        a petition; `queue` is one that the call stayed in."""
        rows = sa.select(calls, transcripts.c.state, transcripts.c.text).outerjoin(transcripts)
        rows = rows.order_by(calls.c.arrived_at.desc(), calls.c.call_id.desc()).limit(limit)
        if before is not None:
            rows = rows.where(sa.tuple_(calls.c.arrived_at, calls.c.call_id) < sa.tuple_(*map(sa.literal, before)))
        if outcome:
            rows = rows.where(calls.c.outcome == outcome)
        if queue:
            rows = rows.where(sa.or_(calls.c.queue == queue, _stayed_in([queue])))
        wanted = _searchable(text)
        if wanted:
            rows = rows.where(self._contains(wanted))
        with self._engine.connect() as connection:
            for condition in _conditions(connection, only or Only()):
                rows = rows.where(condition)
            found = connection.execute(rows).mappings().all()
            records = records_of(connection, found)
        return [_call_row(record, row, wanted) for record, row in zip(records, found, strict=True)]

    def call(self, call_id: str) -> CallDetail | None:
        query = sa.select(calls, transcripts, *_KEPT)
        query = query.outerjoin(transcripts).outerjoin(recordings, recordings.c.call_id == calls.c.call_id)
        with self._engine.connect() as connection:
            row = connection.execute(query.where(calls.c.call_id == _searchable(call_id))).mappings().first()
            if row is None:
                return None
            [record] = records_of(connection, [row])
        return CallDetail(
            record=record,
            transcript_state=_state(row),
            reason=row["reason"] or "",
            model=row["model"] or "",
            words=msgspec.convert(row["words"] or [], tuple[Word, ...]),
            duration_ms=row["audio_ms"] or row["duration_ms"] or 0,
            flaws=tuple(row["flaws"] or ()),
            place=row["place"] or "",
            play=msgspec.convert(row["play"], Kept | None),
            original=msgspec.convert(row["original"], Kept | None),
            left=row["left"] or "",
        )

    def records_between(self, start: int, end: int) -> list[CallRecord]:
        """Calls that arrived in [start, end), UTC ms, oldest first."""
        query = sa.select(calls).where(_arrived(start, end)).order_by(calls.c.arrived_at, calls.c.call_id)
        with self._engine.connect() as connection:
            return records_of(connection, connection.execute(query).mappings().all())

    def count_between(self, start: int, end: int) -> int:
        """How many calls arrived in [start, end), UTC ms."""
        return self._count(_arrived(start, end))

    def count(self) -> int:
        return self._count(sa.true())

    def without_transcript(self, limit: int = 10_000) -> list[str]:
        """Recorded calls that nobody has transcribed yet, newest first."""
        query = sa.select(calls.c.call_id).outerjoin(transcripts)
        query = query.where(calls.c.recorded, transcripts.c.call_id.is_(None))
        query = query.order_by(calls.c.arrived_at.desc()).limit(limit)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def unfinished(self, limit: int = 10_000) -> list[tuple[str, int]]:
        """Recorded calls without words, or whose audio is not put away, and when they arrived; newest first."""
        query = sa.select(calls.c.call_id, calls.c.arrived_at).outerjoin(transcripts)
        query = query.outerjoin(recordings, recordings.c.call_id == calls.c.call_id)
        left = sa.or_(transcripts.c.call_id.is_(None), recordings.c.place == "wav")
        query = query.where(calls.c.recorded, left).order_by(calls.c.arrived_at.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [(call_id, at) for call_id, at in connection.execute(query)]

    def backlog(self) -> Backlog:
        """Recorded calls that nobody has transcribed yet."""
        query = sa.select(sa.func.count(), sa.func.sum(calls.c.talk_ms), sa.func.min(calls.c.arrived_at))
        query = query.select_from(calls.outerjoin(transcripts)).where(calls.c.recorded, transcripts.c.call_id.is_(None))
        with self._engine.connect() as connection:
            count, talk_ms, oldest = connection.execute(query).one()
        return Backlog(count, (talk_ms or 0) / 1000, oldest)

    def given_up(self, limit: int = 200) -> list[tuple[CallRow, str]]:
        """Calls whose words or whose audio somebody must look after, with the reason; newest first."""
        query = sa.select(
            calls, transcripts.c.state, transcripts.c.text, transcripts.c.reason, recordings.c.reason.label("left")
        )
        query = query.outerjoin(transcripts).outerjoin(recordings, recordings.c.call_id == calls.c.call_id)
        query = query.where(sa.or_(transcripts.c.state == "failed", recordings.c.reason != ""))
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(calls.c.arrived_at.desc()).limit(limit)).mappings().all()
            records = records_of(connection, found)
        rows = zip(records, found, strict=True)
        return [(_call_row(record, row, ""), row["reason"] or row["left"] or "") for record, row in rows]

    def settled(self, call_id: str) -> bool:
        """Whether the words of the call are stored, or given up."""
        query = sa.select(transcripts.c.call_id).where(transcripts.c.call_id == call_id)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def _count(self, condition: Any) -> int:
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(calls).where(condition)).scalar_one()

    def _contains(self, wanted: str) -> Any:
        # autoescape: what people type is text, never a pattern.
        folded = fold(wanted)
        meant = [name for name, title in self._titles.items() if folded in title]
        return sa.or_(
            calls.c.caller.contains(wanted.replace(" ", ""), autoescape=True),
            calls.c.folded.contains(folded, autoescape=True),
            transcripts.c.folded.contains(folded, autoescape=True),
            calls.c.call_id == wanted,
            calls.c.linkedid == wanted,
            calls.c.petition == wanted,
            calls.c.queue.contains(folded, autoescape=True),
            _stayed_in(meant) if meant else sa.false(),
        )


def _searchable(text: str) -> str:
    """What was typed, in one line, without what a database refuses to be asked for."""
    plain = text.encode("utf-8", "ignore").decode("utf-8").replace("\0", "")
    return " ".join(plain.split())[:LONGEST_SEARCH]


def _stayed_in(queues: Sequence[str]) -> Any:
    return sa.exists().where(visits.c.call_id == calls.c.call_id, visits.c.queue.in_(queues))


def _conditions(connection: sa.Connection, only: Only) -> list[Any]:
    found: list[Any] = []
    if only.since or only.until:
        found.append(_arrived(only.since, only.until or 2**62))
    if only.callback:
        found.append(calls.c.callback_id == _searchable(only.callback))
    if only.queue:
        found.append(calls.c.queue == _searchable(only.queue))
    if only.topic:
        field, _, procedure = _searchable(only.topic).partition("/")
        about = sa.select(topics.c.call_id).where(
            topics.c.field == field, *([topics.c.procedure == procedure] if procedure else [])
        )
        found.append(calls.c.call_id.in_(about))
    if only.message:
        found.append(calls.c.message != "" if only.message == "any" else calls.c.message == _searchable(only.message))
    if only.factor or only.score:
        asked = scores.c.factor == _searchable(only.factor) if only.factor else sa.true()
        given = scores.c.value == only.score if only.score else sa.true()
        found.append(calls.c.call_id.in_(sa.select(scores.c.call_id).where(asked, given)))
    if only.caller_of:
        known = sa.select(calls.c.caller).where(calls.c.call_id == _searchable(only.caller_of))
        number = same(connection.execute(known).scalar() or "")
        # People without a number are not one person.
        found.append(calls.c.caller.in_(forms_of(number)) if number else calls.c.call_id == _searchable(only.caller_of))
    return found


def _arrived(start: int, end: int) -> Any:
    return sa.and_(calls.c.arrived_at >= start, calls.c.arrived_at < end)


_KEPT = [
    recordings.c.duration_ms.label("audio_ms"), recordings.c.flaws, recordings.c.place, recordings.c.play, recordings.c.original,
    recordings.c.reason.label("left"),
]  # fmt: skip


def _state(row: Any) -> str:
    return row["state"] or ("pending" if row[calls.c.recorded] else "none")


def _call_row(record: CallRecord, row: Any, wanted: str) -> CallRow:
    return CallRow(record, _state(row), _snippet(row["text"] or "", wanted))


def _snippet(text: str, wanted: str) -> str:
    """The part of the transcript around the words looked for; its beginning when they are not in it."""
    at = fold(text).find(fold(wanted)) if wanted else 0
    start = max(0, at - SNIPPET // 3)
    cut = text[start : start + SNIPPET]
    return f"{'…' if start else ''}{cut}{'…' if start + SNIPPET < len(text) else ''}"
