"""Every write to the call log, each of them safe to repeat. Knows tables, not threads and not files."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from pbx.callbacks import Callback, CallbackState
from pbx.gate import Block
from pbx.record import CallRecord
from recordings.shelf import Kept
from recordings.spoken import keep_spoken
from recordings.tables import PARTS, blocks, callbacks, calls, petitions, recordings, transcripts
from recordings.tables_keeping import forgotten
from recordings.words import Transcript, Word, fold

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
        for name, table in PARTS.items():
            _put_parts(connection, name, table, [told[call_id] for call_id in written])


def _put_calls(connection: sa.Connection, rows: list[dict[str, Any]]) -> list[str]:
    """The ids of the rows that were new or fuller than what was there."""
    insert = _insert(connection, calls)
    fresh = {column.name: insert.excluded[column.name] for column in calls.c if column.name != "call_id"}
    new_rank, old_rank = _rank(insert.excluded["complete_by"]), _rank(calls.c.complete_by)
    fuller = sa.or_(new_rank > old_rank, sa.and_(new_rank == old_rank, insert.excluded["ended_at"] >= calls.c.ended_at))
    # Whoever was forgotten is not remembered again because a journal is replayed.
    known = sa.select(forgotten.c.call_id).where(forgotten.c.kind == "number")
    wanted = sa.and_(fuller, calls.c.call_id.not_in(known))
    upsert = insert.on_conflict_do_update(index_elements=["call_id"], set_=fresh, where=wanted)
    values = [{column.name: row[column.name] for column in calls.c} for row in rows]
    return list(connection.execute(upsert.returning(calls.c.call_id), values).scalars())


def _put_parts(connection: sa.Connection, name: str, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    connection.execute(table.delete().where(table.c.call_id.in_([row["call_id"] for row in rows])))
    parts = [
        {"call_id": row["call_id"], "position": position, **part}
        for row in rows
        for position, part in enumerate(row[name])
    ]
    if parts:
        connection.execute(table.insert(), parts)


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


def keep_put_away(connection: sa.Connection, call_id: str, play: Kept | None, original: Kept | None) -> None:
    """Note what of a recording lies on the shelf now, and that no file of it is left elsewhere."""
    stored = {name: msgspec.to_builtins(kept) for name, kept in (("play", play), ("original", original))}
    mine = recordings.c.call_id == call_id
    connection.execute(recordings.update().where(mine).values(place="shelf", reason="", **stored))


def fail_put_away(connection: sa.Connection, call_id: str, reason: str) -> None:
    """Note why a recording still lies as a file."""
    mine = sa.and_(recordings.c.call_id == call_id, recordings.c.place == "wav")
    connection.execute(recordings.update().where(mine).values(reason=_storable(reason)))


def keep_transcript(connection: sa.Connection, call_id: str, transcript: Transcript, made_at: int) -> None:
    """Store what was recognised and index it for search; a later transcript of the same call replaces an earlier one."""
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
    index_words(connection, call_id, transcript.words)


def index_words(connection: sa.Connection, call_id: str, words: Sequence[Word]) -> None:
    """Let a call be found by these words, and by no others."""
    arrived_at = connection.execute(sa.select(calls.c.arrived_at).where(calls.c.call_id == call_id)).scalar()
    if arrived_at is not None:
        keep_spoken(connection, call_id, arrived_at, words)


def fail_transcript(connection: sa.Connection, call_id: str, model: str, reason: str, made_at: int) -> None:
    """Note that there is no transcript, and why; never over one that exists."""
    _upsert(
        connection, transcripts, transcripts.c.state != "done", call_id=call_id, state="failed", model=model, text="",
        folded="", words=[], reason=_storable(reason), duration_ms=0, made_at=made_at,
    )  # fmt: skip


# --- what citizens were promised ----------------------------------------------------------------------------------

_STEPS = {CallbackState.WAITING: 3, CallbackState.DIALLING: 1, CallbackState.REACHED: 2}
_FINAL = 1_000_000


def keep_callbacks(connection: sa.Connection, told: Iterable[Callback]) -> None:
    """Store how callbacks stand. Told twice or in the wrong order, the account that went further stays."""
    rows: dict[str, dict[str, Any]] = {}
    for callback in told:
        row = _storable(msgspec.to_builtins(callback)) | {"progress": progress(callback)}
        before = rows.get(callback.callback_id)
        if before is None or row["progress"] >= before["progress"]:
            rows[callback.callback_id] = row
    if rows:
        insert = _insert(connection, callbacks)
        fresh = {column.name: insert.excluded[column.name] for column in callbacks.c if column.name != "callback_id"}
        further = insert.excluded["progress"] >= callbacks.c.progress
        upsert = insert.on_conflict_do_update(index_elements=["callback_id"], set_=fresh, where=further)
        connection.execute(upsert, list(rows.values()))


def progress(callback: Callback) -> int:
    """How far a callback has come; it never goes back.

    An attempt is dialled, perhaps reaches somebody, and is over: then the callback waits again or has ended for good.
    """
    attempts = len(callback.attempts)
    if callback.state not in _STEPS:
        return _FINAL + attempts
    return 10 * attempts + (_STEPS[callback.state] if attempts else 0)


def keep_block(connection: sa.Connection, block: Block) -> None:
    """Store a block or its end; the same number blocked at another moment is another block. One that was lifted stays lifted."""
    insert = _insert(connection, blocks)
    fresh = {name: insert.excluded[name] for name in ("until", "reason", "by", "lifted_at")}
    still = sa.or_(blocks.c.lifted_at.is_(None), insert.excluded["lifted_at"].is_not(None))
    upsert = insert.on_conflict_do_update(index_elements=["number", "since"], set_=fresh, where=still)
    connection.execute(upsert, [_storable(msgspec.to_builtins(block))])


def register_petition(connection: sa.Connection, call_id: str, day: str, at: int) -> str:
    """The number of this call's petition: the next of the day (`yymmdd`), `261123-001`; asked again, the same one.

    Wants a transaction of `writing`: two processes that ask at once get two numbers.
    """
    if not (len(day) == 6 and day.isascii() and day.isdecimal()):
        raise ValueError("not a day as yymmdd")
    if connection.dialect.name == "postgresql":  # SQLite's writers are alone already
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(1022, 1)"))
    given = connection.execute(sa.select(petitions.c.number).where(petitions.c.call_id == call_id)).scalar()
    if given is not None:
        return str(given)
    # By length first: after 999 comes 1000.
    of_day = sa.select(petitions.c.number).where(petitions.c.number.startswith(f"{day}-"))
    last = of_day.order_by(sa.func.length(petitions.c.number).desc(), petitions.c.number.desc()).limit(1)
    before = connection.execute(last).scalar()
    number = f"{day}-{int(before.partition('-')[2]) + 1 if before else 1:03}"
    connection.execute(petitions.insert(), [{"number": number, "call_id": call_id, "made_at": at}])
    return number


def _upsert(connection: sa.Connection, table: sa.Table, where: Any = None, **row: Any) -> None:
    insert = _insert(connection, table)
    fresh = {name: insert.excluded[name] for name in row if name != "call_id"}
    connection.execute(insert.on_conflict_do_update(index_elements=["call_id"], set_=fresh, where=where), [row])


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)
