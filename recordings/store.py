"""Every write to the call log, each of them safe to repeat. Knows tables, not threads and not files."""

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from pbx.record import CallRecord
from recordings.tables import calls, transcripts
from recordings.words import Transcript, fold

_RANK = {"unknown": 0, "reconciled": 1, "live": 2}


def keep_calls(connection: sa.Connection, records: Iterable[CallRecord]) -> None:
    """Store finished calls. A call told twice stays one row; a fuller account replaces a poorer one, never the reverse."""
    rows = {record.call_id: _row(record) for record in records}
    if not rows:
        return
    insert = _insert(connection, calls)
    fresh = {column.name: insert.excluded[column.name] for column in calls.c if column.name != "call_id"}
    fuller = _rank(insert.excluded["complete_by"]) >= _rank(calls.c.complete_by)
    statement = insert.on_conflict_do_update(index_elements=["call_id"], set_=fresh, where=fuller)
    connection.execute(statement, list(rows.values()))


def _rank(column: Any) -> Any:
    return sa.case(_RANK, value=column, else_=0)


def _row(record: CallRecord) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(record)
    return {column.name: row[column.name] for column in calls.c}


def keep_transcript(connection: sa.Connection, call_id: str, transcript: Transcript, made_at: int) -> None:
    """Store what was recognised; a later transcript of the same call replaces an earlier one."""
    _put_transcript(
        connection,
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
    done = sa.select(transcripts.c.call_id).where(transcripts.c.call_id == call_id, transcripts.c.state == "done")
    if connection.execute(done).first() is None:
        _put_transcript(
            connection, call_id=call_id, state="failed", model=model, text="", folded="", words=[], reason=reason,
            duration_ms=0, made_at=made_at,
        )  # fmt: skip


def _put_transcript(connection: sa.Connection, **row: Any) -> None:
    insert = _insert(connection, transcripts)
    fresh = {name: insert.excluded[name] for name in row if name != "call_id"}
    connection.execute(insert.on_conflict_do_update(index_elements=["call_id"], set_=fresh), [row])


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)
