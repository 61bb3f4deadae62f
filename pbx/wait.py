"""What a waiting caller may be told about the wait, and whether it came true. Pure: time comes with every call.

app_queue's own estimate is the average wait of those answered before less the caller's own, as an absolute value: it ignores the place and
grows once the average has passed. This one is a range, P50 to P80 of the time from now, from those ahead, the agents who really serve, and
the queue's own pace (`pbx/pace.py`); it says that it cannot tell when it cannot, and falls silent where it was wrong too often
(`pbx/calibration.py`). It knows nothing of channels, and of queues only their names.

A caller who was told a range keeps it. The minutes told later never rise, and the end never drifts more than the minute that speech
rounds to, unless there was a cause: more people ahead, fewer agents serving, or a «cannot tell» between. When the told time
has run out, or is no longer believed, nothing is promised again.
"""

import heapq
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from pbx.calibration import MUTE, Calibration, Score, published
from pbx.pace import Pace

MINUTE_MS = 60_000
SUPPORT = 5
LONGEST_MS = 60 * MINUTE_MS
REMEMBERED = 5_000
"""Callers of whom is remembered what they were told, and callers waiting in one queue; the oldest make room."""


class Why(StrEnum):
    """Why no range is told."""

    THIN = "thin"
    """Too few calls were handled lately."""
    NOBODY = "nobody"
    """Nobody serves the queue now."""
    MUTED = "muted"
    """Too many of the last told waits did not come true."""
    OVERDUE = "overdue"
    """The wait that was told is over, or will not be kept, and nothing happened that explains it."""
    FAR = "far"
    """More than an hour."""


class Told(msgspec.Struct, frozen=True):
    """What a caller was told, or would be: kept in the call's record.

    The range runs in seconds from `at`, whole minutes; «under 1 minute» is 0 and 60; None when it cannot be told, and `why`.
    """

    at: int
    queue: str
    ahead: int
    serving: int
    low_s: int | None
    high_s: int | None
    why: str = ""


class _Promise(msgspec.Struct):
    """The last range of one caller. `end`: the earliest end, before rounding, since the last cause."""

    queue: str
    ahead: int
    serving: int
    end: float
    low_s: int


class _Open(msgspec.Struct):
    """A caller of whom it is not known yet whether what was told comes true: by `end`, the earliest that was told, or not."""

    queue: str
    at: int
    end: int
    first_ms: int
    """The first upper bound."""
    missed: bool = False


class _Range(msgspec.Struct):
    end: float
    low_s: int
    high_s: int


class WaitModel:
    """One for the centre, fed in the order of events. `priors_ms`: queue -> handling time that may be presumed before any call.

    Each call costs O(callers ahead) at most; what is kept is bounded, whatever is told.
    """

    def __init__(self, priors_ms: Mapping[str, int] | None = None, mute_below: float = MUTE) -> None:
        self._priors = dict(priors_ms or {})
        self._mute_below = mute_below
        self._paces: dict[str, Pace] = {}
        self._scores: dict[str, Score] = {}
        self._promises: dict[str, _Promise] = {}
        self._open: dict[str, _Open] = {}
        self._ends: list[tuple[int, str]] = []

    # --- what happens -----------------------------------------------------------------------------------------

    def serving(self, queue: str, at: int, agents: int, free: int | None = None, capacity: float | None = None) -> None:
        """Agents who serve the queue now: ready, ringing, talking, wrapping up. `free`: those of them who could take a call of this
        queue at once, or are being rung for one.

        `capacity`: the same agents, one who serves several queues as a fraction, 1 / his queues in which somebody waits.
        """
        self._pace(queue).serving(at, agents, free, capacity)

    def joined(self, queue: str, call_id: str, at: int) -> None:
        pace = self._pace(queue)
        pace.joined(call_id, at)
        pace.forget_oldest(REMEMBERED)

    def connected(self, queue: str, call_id: str, at: int) -> None:
        self._settle_due(at)
        self._pace(queue).connected(call_id, at)
        self._settle(queue, call_id, at, connected=True)
        self._promises.pop(call_id, None)

    def left(self, queue: str, call_id: str, at: int) -> None:
        """Without being connected. Who comes back into the queue is still owed what was told."""
        self._settle_due(at)
        self._pace(queue).left(call_id, at)
        self._settle(queue, call_id, at, connected=False)

    def finished(self, queue: str, at: int, handle_ms: int) -> None:
        """An agent is free again after a call of this length, wrap-up included where it is known."""
        self._pace(queue).finished(at, handle_ms)

    # --- what is told -----------------------------------------------------------------------------------------

    def estimate(self, queue: str, call_id: str, at: int, ahead: int, waited_ms: int) -> Told:
        """What this caller could be told now; nothing is noted. `ahead` callers go first; `waited_ms` in this queue so far."""
        self._settle_due(at)
        pace = self._pace(queue)
        if waited_ms > 0 and not pace.is_waiting(call_id):
            pace.joined(call_id, at - waited_ms)  # found waiting after a restart
        found = self._range(queue, call_id, at, ahead)
        if isinstance(found, _Range) and self._score(queue).muted:
            found = Why.MUTED
        if isinstance(found, Why):
            return Told(at, queue, ahead, pace.agents, None, None, found.value)
        return Told(at, queue, ahead, pace.agents, found.low_s, found.high_s)

    def told(self, call_id: str, told: Told) -> None:
        """It was really spoken. What was not, because it is muted, is judged all the same: so it may find its voice again."""
        if told.why in (Why.THIN, Why.NOBODY, Why.FAR):
            self._promises.pop(call_id, None)
        if told.high_s is None and told.why != Why.MUTED:
            return
        found = self._range(told.queue, call_id, told.at, told.ahead)
        if not isinstance(found, _Range):
            return
        self._promise(call_id, told, found)
        self._watch(call_id, told, found.high_s * 1000)

    def calibration(self, queue: str = "") -> Calibration:
        """Of one queue, or of all."""
        scores = [score for name, score in self._scores.items() if queue in ("", name)]
        return published(queue, scores)

    def _range(self, queue: str, call_id: str, at: int, ahead: int) -> _Range | Why:
        pace = self._pace(queue)
        if pace.agents <= 0:
            return Why.NOBODY
        if pace.support(at) < SUPPORT and not pace.has_prior:
            return Why.THIN
        middle, upper = pace.quantiles(at, ahead)
        upper *= self._score(queue).stretch
        promise = self._kept(queue, call_id, ahead)
        if promise is None:
            return Why.FAR if upper > LONGEST_MS else _spoken(at + upper, middle, upper)
        left = promise.end - at
        if left <= 0 or middle > left:
            return Why.OVERDUE
        found = _spoken(at + min(upper, left), middle, min(upper, left))
        return _Range(found.end, min(found.low_s, promise.low_s), found.high_s)

    def _kept(self, queue: str, call_id: str, ahead: int) -> _Promise | None:
        """What the caller was told, unless there is a cause to tell something worse."""
        promise = self._promises.get(call_id)
        if promise is None or promise.queue != queue:
            return None
        excused = ahead > promise.ahead or self._pace(queue).agents < promise.serving
        return None if excused else promise

    def _promise(self, call_id: str, told: Told, found: _Range) -> None:
        self._promises.pop(call_id, None)
        self._promises[call_id] = _Promise(told.queue, told.ahead, told.serving, found.end, found.low_s)
        while len(self._promises) > REMEMBERED:
            del self._promises[next(iter(self._promises))]

    # --- whether it came true ---------------------------------------------------------------------------------

    def _watch(self, call_id: str, told: Told, high_ms: int) -> None:
        end, open_ = told.at + high_ms, self._open.get(call_id)
        if open_ is None or open_.queue != told.queue:
            self._score(told.queue).told += told.high_s is not None
            self._open[call_id] = _Open(told.queue, told.at, end, high_ms)
        elif end < open_.end and not open_.missed:
            open_.end = end
        else:
            return
        heapq.heappush(self._ends, (end, call_id))
        while len(self._ends) > REMEMBERED:
            heapq.heappop(self._ends)
        while len(self._open) > REMEMBERED:
            del self._open[next(iter(self._open))]

    def _settle_due(self, at: int) -> None:
        """Where the told time has run out: who still waits was told too little; of who never joined nothing can be learnt."""
        while self._ends and self._ends[0][0] < at:
            end, call_id = heapq.heappop(self._ends)
            open_ = self._open.get(call_id)
            if open_ is None or open_.end != end or open_.missed:
                continue
            if self._pace(open_.queue).is_waiting(call_id):
                open_.missed = True
                self._judge(open_, end + 1, connected=False)
            else:
                del self._open[call_id]

    def _settle(self, queue: str, call_id: str, at: int, *, connected: bool) -> None:
        """What was told of another queue, before the caller came to this one, is neither hit nor miss."""
        open_ = self._open.pop(call_id, None)
        if open_ is not None and open_.queue == queue and not open_.missed:
            self._judge(open_, at, connected=connected)

    def _judge(self, open_: _Open, at: int, *, connected: bool) -> None:
        score, missed = self._score(open_.queue), at > open_.end
        score.settle((at - open_.at) / max(1, open_.end - open_.at), connected)
        if (connected or missed) and open_.first_ms > MINUTE_MS:
            score.learn(hit=not missed)

    # --- queues -----------------------------------------------------------------------------------------------

    def _pace(self, queue: str) -> Pace:
        if queue not in self._paces:
            self._paces[queue] = Pace(self._priors.get(queue))
        return self._paces[queue]

    def _score(self, queue: str) -> Score:
        if queue not in self._scores:
            self._scores[queue] = Score(self._mute_below)
        return self._scores[queue]


def _spoken(end: float, middle_ms: float, upper_ms: float) -> _Range:
    """Whole minutes: the upper bound up, the lower one to the nearest, so that the range is no wider than it must be."""
    high = max(1, -int(-upper_ms // MINUTE_MS))
    low = 0 if high == 1 else min(high, round(middle_ms / MINUTE_MS))
    return _Range(end, 60 * low, 60 * high)
