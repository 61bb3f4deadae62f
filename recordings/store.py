"""Every write to the call log, each of them safe to repeat. Knows tables, not threads and not files."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from pbx.record import CallRecord
from recordings.tables import calls, recordings, transcripts, visits
from recordings.words import Transcript, fold

_RANK = {"unknown": 0, "reconciled": 1, "live": 2}


def keep_calls(connection: sa.Connection, records: Iterable[CallRecord]) -> None:
    """Store finished calls. A call told twice stays one row; a fuller account replaces a poorer one, never the reverse.

    Fuller is what was seen as it happened before what was put together later, and of two alike the one that ends later.
    """
    told: dict[str, dict[str, Any]] = {}
    for row in map(_row, records):
        before = told.get(row["call_id"])
        if before is None or _fullness(row) >= _fullness(before):
            told[row["call_id"]] = row
    if told:
        written = _put_calls(connection, list(told.values()))
        _put_visits(connection, [told[call_id] for call_id in written])


def _put_calls(connection: sa.Connection, rows: list[dict[str, Any]]) -> list[str]:
    """The ids of the rows that were new or fuller than what was there."""
    insert = _insert(connection, calls)
    fresh = {column.name: insert.excluded[column.name] for column in calls.c if column.name != "call_id"}
    new_rank, old_rank = _rank(insert.excluded["complete_by"]), _rank(calls.c.complete_by)
    fuller = sa.or_(new_rank > old_rank, sa.and_(new_rank == old_rank, insert.excluded["ended_at"] >= calls.c.ended_at))
    upsert = insert.on_conflict_do_update(index_elements=["call_id"], set_=fresh, where=fuller)
    values = [{column.name: row[column.name] for column in calls.c} for row in rows]
    return list(connection.execute(upsert.returning(calls.c.call_id), values).scalars())


def _put_visits(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    connection.execute(visits.delete().where(visits.c.call_id.in_([row["call_id"] for row in rows])))
    stays = [
        {"call_id": row["call_id"], "position": position, **visit}
        for row in rows
        for position, visit in enumerate(row["visits"])
    ]
    if stays:
        connection.execute(visits.insert(), stays)


def _fullness(row: dict[str, Any]) -> tuple[int, int]:
    return _RANK.get(row["complete_by"], 0), row["ended_at"]


def _rank(column: Any) -> Any:
    return sa.case(_RANK, value=column, else_=0)


def _row(record: CallRecord) -> dict[str, Any]:
    row: dict[str, Any] = _storable(msgspec.to_builtins(record))
    return row | {"folded": fold(row["agent"])}


def _storable(value: Any) -> Any:
    """What a caller sent, without what a database refuses: NUL (PostgreSQL) and halves of characters (both)."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
        case list() | tuple():
            return [_storable(item) for item in value]
        case dict():
            return {name: _storable(item) for name, item in value.items()}
        case _:
            return value


def keep_recording(connection: sa.Connection, call_id: str, duration_ms: int, flaws: Sequence[str], at: int) -> None:
    """Note that the audio of a call is kept, and what is wrong with it."""
    _upsert(connection, recordings, call_id=call_id, duration_ms=duration_ms, flaws=list(flaws), kept_at=at)


def keep_transcript(connection: sa.Connection, call_id: str, transcript: Transcript, made_at: int) -> None:
    """Store what was recognised; a later transcript of the same call replaces an earlier one."""
    _upsert(
        connection,
        transcripts,
        call_id=call_id,
        state="done",
        model=transcript.model,
        text=transcript.text,
        folded=fold(transcript.text),
        words=msgspec.to_builtins(transcript.words),
        reason="",
        duration_ms=round(transcript.duration_s * 1000),
        made_at=made_at,
    )


def fail_transcript(connection: sa.Connection, call_id: str, model: str, reason: str, made_at: int) -> None:
    """Note that there is no transcript, and why; never over one that exists."""
    _upsert(
        connection, transcripts, transcripts.c.state != "done", call_id=call_id, state="failed", model=model, text="",
        folded="", words=[], reason=_storable(reason), duration_ms=0, made_at=made_at,
    )  # fmt: skip


def _upsert(connection: sa.Connection, table: sa.Table, where: Any = None, **row: Any) -> None:
    insert = _insert(connection, table)
    fresh = {name: insert.excluded[name] for name in row if name != "call_id"}
    connection.execute(insert.on_conflict_do_update(index_elements=["call_id"], set_=fresh, where=where), [row])


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)
