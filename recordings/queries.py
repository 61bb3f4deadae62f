"""Every read of the call log: frozen rows for whoever shows them. Nothing here writes."""

from typing import Any

import msgspec
import sqlalchemy as sa

from pbx.record import CallRecord
from recordings.tables import calls, transcripts
from recordings.words import Turn, Word, fold, turns


class CallRow(msgspec.Struct, frozen=True):
    """A line of the list. `transcript_state`: none (not recorded), pending, done or failed."""

    record: CallRecord
    transcript_state: str
    snippet: str


class CallDetail(msgspec.Struct, frozen=True):
    """One call with everything that was said. `reason` tells why a transcript failed."""

    record: CallRecord
    transcript_state: str
    reason: str
    model: str
    words: tuple[Word, ...]
    duration_ms: int

    @property
    def turns(self) -> tuple[Turn, ...]:
        return turns(self.words)


Cursor = tuple[int, str]
"""`arrived_at` and `call_id` of the last row seen; the next page begins after it."""
SNIPPET = 120


class Log:
    """Reads. May be used from several threads at once."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def calls(
        self, *, limit: int = 50, before: Cursor | None = None, text: str = "", outcome: str = "", queue: str = ""
    ) -> list[CallRow]:
        """Newest first. `text` is looked for in numbers, agents' names, queues and spoken words, with or without diacritics."""
        rows = sa.select(calls, transcripts.c.state, transcripts.c.text).outerjoin(transcripts)
        rows = rows.order_by(calls.c.arrived_at.desc(), calls.c.call_id.desc()).limit(limit)
        if before is not None:
            rows = rows.where(sa.tuple_(calls.c.arrived_at, calls.c.call_id) < sa.tuple_(*map(sa.literal, before)))
        if outcome:
            rows = rows.where(calls.c.outcome == outcome)
        if queue:
            rows = rows.where(calls.c.queue == queue)
        if wanted := " ".join(text.split()):
            rows = rows.where(_contains(wanted))
        with self._engine.connect() as connection:
            return [_call_row(row, wanted if text else "") for row in connection.execute(rows).mappings()]

    def call(self, call_id: str) -> CallDetail | None:
        query = sa.select(calls, transcripts).outerjoin(transcripts).where(calls.c.call_id == call_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        return CallDetail(
            record=_record(row),
            transcript_state=_state(row),
            reason=row["reason"] or "",
            model=row["model"] or "",
            words=msgspec.convert(row["words"] or [], tuple[Word, ...]),
            duration_ms=row["duration_ms"] or 0,
        )

    def records_between(self, start: int, end: int) -> list[CallRecord]:
        """Calls that arrived in [start, end), UTC ms, oldest first."""
        query = (
            sa.select(calls).where(calls.c.arrived_at >= start, calls.c.arrived_at < end).order_by(calls.c.arrived_at)
        )
        with self._engine.connect() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def without_transcript(self, limit: int = 1000) -> list[str]:
        """Recorded calls that nobody has transcribed yet, newest first."""
        query = (
            sa.select(calls.c.call_id).outerjoin(transcripts).where(calls.c.recorded, transcripts.c.call_id.is_(None))
        )
        query = query.order_by(calls.c.arrived_at.desc()).limit(limit)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def count(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(calls)).scalar_one()


def _contains(wanted: str) -> Any:
    # autoescape: what people type is text, never a pattern.
    names = (calls.c.agent, calls.c.queue, calls.c.call_id)
    return sa.or_(
        calls.c.caller.contains(wanted.replace(" ", ""), autoescape=True),
        transcripts.c.folded.contains(fold(wanted), autoescape=True),
        *(column.icontains(wanted, autoescape=True) for column in names),
    )


def _record(row: Any) -> CallRecord:
    return msgspec.convert({str(column.name): row[column.name] for column in calls.c}, CallRecord)


def _state(row: Any) -> str:
    return row["state"] or ("pending" if row["recorded"] else "none")


def _call_row(row: Any, wanted: str) -> CallRow:
    return CallRow(_record(row), _state(row), _snippet(row["text"] or "", wanted))


def _snippet(text: str, wanted: str) -> str:
    """The part of the transcript around the words looked for; its beginning when they are not in it."""
    at = fold(text).find(fold(wanted)) if wanted else 0
    start = max(0, at - SNIPPET // 3)
    cut = text[start : start + SNIPPET]
    return f"{'…' if start else ''}{cut}{'…' if start + SNIPPET < len(text) else ''}"
