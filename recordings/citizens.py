"""What the log knows of citizens beyond single calls: who was lost, who is promised a callback, who is kept out, what they said of us.

Reads only.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from pbx.callbacks import Callback, CallbackState
from pbx.gate import Block
from pbx.numbers import dialable, same
from pbx.record import Outcome
from recordings.tables import blocks as block_table
from recordings.tables import callbacks as callback_table
from recordings.tables import calls, scores

FINAL = frozenset((CallbackState.DONE, CallbackState.CANCELLED, CallbackState.EXPIRED, CallbackState.UNREACHED))
SERVED = (Outcome.ANSWERED, Outcome.TRANSFERRED)
"""Somebody spoke with the caller, or an extension rang."""
LOST = tuple(set(Outcome) - {*SERVED, Outcome.VOICEMAIL, Outcome.CALLBACK, Outcome.BLOCKED})
MENU, QUEUE, CLOSED, LINE = "menu", "queue", "closed", "line"
"""Where a caller was lost: in the menu, in a queue, before a closed door, or by a broken line."""


class LostCaller(msgspec.Struct, frozen=True):
    """A number that got nobody, over the whole span. `call_id`, `where`, `queue`, `node` and `wait_ms` are those of the last lost call."""

    number: str
    call_id: str
    times: int
    first_at: int
    last_at: int
    where: str
    queue: str
    node: str
    wait_ms: int
    language: str
    closed: int
    """How many of the calls came outside opening hours."""
    down: int
    """How many came while our service was not there to see them (known from Asterisk's own logs)."""
    state: str = "open"
    """`open`: nobody has come back to this caller; `booked`: a callback is promised; `message`: left one afterwards; `reached`."""
    settled_at: int | None = None


class Lost(msgspec.Struct, frozen=True):
    """Those who were lost in a span; `withheld` are calls without a number, whom nobody can call back."""

    callers: tuple[LostCaller, ...]
    withheld: int


class Ratings(msgspec.Struct, frozen=True):
    """Answers to one question about one queue; `counts` of 1, 2, 3, 4, 5."""

    queue: str
    factor: str
    counts: tuple[int, int, int, int, int]


class Survey(msgspec.Struct, frozen=True):
    """The survey over a span. Queue -> calls with an agent, and how many of those were rated."""

    ratings: tuple[Ratings, ...]
    answered: Mapping[str, int]
    rated: Mapping[str, int]


class Citizens:
    """May be used from several threads at once."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def lost(self, start: int, end: int, booked: Collection[str] = ()) -> Lost:
        """Who was lost in [start, end), UTC ms: first those whom nobody reached since, the oldest first. `booked` are numbers with an open
        callback that the log may not know yet.

        Who got an answer from the menu itself (keyed a dossier's code) and then hung up, or left a message, was not lost.
        """
        query = sa.select(*_LOST).where(calls.c.arrived_at >= start, calls.c.arrived_at < end, _LOST_CALL)
        with self._engine.connect() as connection:
            by_number: dict[str, list[Any]] = defaultdict(list)
            for row in connection.execute(query.order_by(calls.c.arrived_at, calls.c.call_id)):
                by_number[same(row.caller)].append(row)
            withheld = len(by_number.pop("", []))
            since = _since(connection, start, booked) if by_number else {}
        callers = [_caller(number, rows, since.get(number, [])) for number, rows in by_number.items()]
        callers.sort(key=lambda c: (_URGENCY[c.state], c.last_at, c.call_id))
        return Lost(tuple(callers), withheld)

    def callbacks(self, start: int, end: int) -> list[Callback]:
        """Those that ended in [start, end), UTC ms, the latest first."""
        ended = sa.and_(callback_table.c.ended_at >= start, callback_table.c.ended_at < end)
        order = (callback_table.c.ended_at.desc(), callback_table.c.callback_id)
        return _callbacks(self._engine, sa.and_(ended, _is_final()), *order)

    def callback(self, callback_id: str) -> Callback | None:
        return next(iter(_callbacks(self._engine, callback_table.c.callback_id == callback_id)), None)

    def survey(self, start: int, end: int) -> Survey:
        """Of calls that arrived in [start, end), UTC ms."""
        arrived = sa.and_(calls.c.arrived_at >= start, calls.c.arrived_at < end)
        given = sa.select(calls.c.queue, scores.c.factor, scores.c.value, sa.func.count()).join(scores).where(arrived)
        has_score = sa.exists().where(scores.c.call_id == calls.c.call_id)
        by_queue = sa.select(calls.c.queue, sa.func.count()).group_by(calls.c.queue)
        with self._engine.connect() as connection:
            counts = connection.execute(given.group_by(calls.c.queue, scores.c.factor, scores.c.value)).all()
            answered = connection.execute(by_queue.where(arrived, sa.or_(calls.c.outcome == "answered", has_score)))
            rated = connection.execute(by_queue.where(arrived, has_score))
            return Survey(_ratings(map(tuple, counts)), dict(map(tuple, answered)), dict(map(tuple, rated)))


def open_callbacks(engine: sa.Engine) -> list[Callback]:
    """Promises that are still to be kept, in the order of their places."""
    return _callbacks(engine, sa.not_(_is_final()), callback_table.c.place_at, callback_table.c.callback_id)


def blocks(engine: sa.Engine, now: int) -> list[Block]:
    """Blocks in force at `now` (UTC ms), the latest first. Of one number only the latest counts: who was let in again after it is in."""
    latest = sa.select(block_table.c.number, sa.func.max(block_table.c.since).label("since"))
    known = latest.where(block_table.c.since <= now).group_by(block_table.c.number).subquery()
    same_block = sa.and_(known.c.number == block_table.c.number, known.c.since == block_table.c.since)
    query = sa.select(block_table).join(known, same_block)
    query = query.where(block_table.c.until > now, block_table.c.lifted_at.is_(None)).order_by(
        block_table.c.since.desc()
    )
    with engine.connect() as connection:
        return [msgspec.convert(_plain(row), Block) for row in connection.execute(query).mappings()]


def forms_of(number: str) -> list[str]:
    """How the same number may stand in the log."""
    national = dialable(number)
    return [number] if national is None else list({number, national, f"+84{national[1:]}", f"0084{national[1:]}"})


# --- lost callers -------------------------------------------------------------------------------------------------

_URGENCY = {"open": 0, "booked": 1, "message": 2, "reached": 3}
_LOST = (
    calls.c.call_id, calls.c.caller, calls.c.arrived_at, calls.c.outcome, calls.c.queue, calls.c.menu_path, calls.c.wait_ms,
    calls.c.language, calls.c.complete_by,
)  # fmt: skip
_HELPED_ITSELF = sa.or_(
    sa.and_(calls.c.outcome.in_((Outcome.LEFT_IN_MENU, Outcome.CLOSED)), calls.c.dossier != ""), calls.c.message != ""
)
_LOST_CALL = sa.and_(calls.c.kind == "inbound", calls.c.outcome.in_(LOST), sa.not_(_HELPED_ITSELF))
Settlement = tuple[str, int | None]
"""What came after a lost call: a state and since when; None: it holds whenever the call was."""


def _since(connection: sa.Connection, start: int, booked: Iterable[str]) -> dict[str, list[Settlement]]:
    """Number -> what was done for it since `start`."""
    found: dict[str, list[Settlement]] = defaultdict(list)
    for number in booked:
        found[same(number)].append(("booked", None))
    left_message = sa.or_(calls.c.outcome == Outcome.VOICEMAIL, calls.c.message != "")
    later = sa.select(calls.c.caller, calls.c.outcome, calls.c.arrived_at).where(
        calls.c.arrived_at >= start, sa.or_(calls.c.outcome.in_(SERVED), left_message)
    )
    for caller, outcome, at in connection.execute(later):
        found[same(caller)].append(("reached" if outcome in SERVED else "message", at))
    promised = sa.select(callback_table.c.number, callback_table.c.state, callback_table.c.ended_at).where(
        sa.or_(callback_table.c.ended_at >= start, sa.not_(_is_final()))
    )
    for number, state, ended_at in connection.execute(promised):
        if state == CallbackState.DONE:
            found[same(number)].append(("reached", ended_at))
        elif state not in FINAL:
            found[same(number)].append(("booked", None))
    return found


def _caller(number: str, rows: list[Any], since: list[Settlement]) -> LostCaller:
    last = rows[-1]
    settled = [(state, at) for state, at in since if at is None or at >= last.arrived_at]
    state, at = max(settled, key=lambda s: (_URGENCY[s[0]], s[1] or 0), default=("open", None))
    return LostCaller(
        number=number,
        call_id=last.call_id,
        times=len(rows),
        first_at=rows[0].arrived_at,
        last_at=last.arrived_at,
        where=_where(last),
        queue=last.queue,
        node=last.menu_path[-1].partition(":")[0] if last.menu_path else "",
        wait_ms=last.wait_ms,
        language=last.language,
        closed=sum(row.outcome == Outcome.CLOSED for row in rows),
        down=sum(row.complete_by != "live" for row in rows),
        state=state,
        settled_at=at,
    )


def _where(row: Any) -> str:
    match row.outcome:
        case Outcome.CLOSED:
            return CLOSED
        case Outcome.LEFT_IN_MENU:
            return MENU
        case Outcome.FAILED if not row.queue:
            return LINE
        case _:
            return QUEUE if row.queue else MENU


# --- callbacks and survey -----------------------------------------------------------------------------------------


def _is_final() -> Any:
    return callback_table.c.state.in_(sorted(FINAL))


def _callbacks(engine: sa.Engine, condition: Any, *order: Any) -> list[Callback]:
    query = sa.select(callback_table).where(condition).order_by(*order)
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return [msgspec.convert(_plain(row), Callback) for row in rows]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """With names that are nothing but text."""
    return {str(name): value for name, value in row.items() if name != "progress"}


def _ratings(counts: Iterable[tuple[Any, ...]]) -> tuple[Ratings, ...]:
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 5)
    for queue, factor, value, number in counts:
        if 1 <= value <= 5:
            found[queue, factor][value - 1] += number
    return tuple(Ratings(queue, factor, (n[0], n[1], n[2], n[3], n[4])) for (queue, factor), n in sorted(found.items()))
