"""Callbacks: whom we promised to call, whose turn it is, and how each attempt went. Pure: time comes with every call.

A callback keeps the place in the queue that its caller gave up. What holds, whatever happens in whatever order:

* an attempt is dialled once: it is written down before it is made, and a number that was used is never used again;
* one attempt of a callback at a time, and one open callback a number;
* a callback is dialled only while its queue is open, and only if a free agent is left over after every older live caller of the queue
  and every callback on its way has one; an agent of several queues counts once;
* among callbacks the older place goes first;
* each ends in exactly one of done, cancelled, expired, unreached, and stays there.

So a newer caller passes a callback only while the citizen's phone rings: `Rules.ring_s` at most, then the old place counts again.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from enum import StrEnum

import msgspec
from msgspec.structs import replace

HOUR_MS = 3_600_000
SILENT_S = 30
"""An attempt of which nothing was heard so long after it should have rung out is lost."""
REMEMBERED = 2_000
_PREFIX = "cb-"


class CallbackState(StrEnum):
    """How a callback stands; the last four are final."""

    WAITING = "waiting"
    DIALLING = "dialling"
    REACHED = "reached"
    """The citizen has picked up and is in the queue again."""
    DONE = "done"
    """An agent was connected."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNREACHED = "unreached"
    """All attempts are used up."""


FINAL = frozenset((CallbackState.DONE, CallbackState.CANCELLED, CallbackState.EXPIRED, CallbackState.UNREACHED))
_ON_THE_WAY = frozenset((CallbackState.DIALLING, CallbackState.REACHED))


class Attempt(msgspec.Struct, frozen=True):
    """One time that the number was dialled. `result`: '' while it rings, else answered, busy, no_answer, refused, failed, hung_up
    (picked up, but gave up waiting), lost (nobody knows, we were away)."""

    number: int
    dialled_at: int
    ended_at: int | None = None
    result: str = ""


class Callback(msgspec.Struct, frozen=True):
    """A promise to call somebody back. Times are UTC ms; `place_at` is the moment whose place in the queue it keeps."""

    callback_id: str
    call_id: str
    """The call that asked; '' when a person asked at the desk."""
    number: str
    queue: str
    language: str
    place_at: int
    asked_at: int
    not_before: int
    expires_at: int
    state: CallbackState = CallbackState.WAITING
    attempts: tuple[Attempt, ...] = ()
    asked_by: str = "caller"
    menu_path: tuple[str, ...] = ()
    dossier: str = ""
    ended_at: int | None = None
    why: str = ""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often, how long, and for how long after it was asked for. `retry_after_s`: after the first attempt, the second, …"""

    max_attempts: int = 3
    retry_after_s: tuple[int, ...] = (120, 900)
    ring_s: int = 25
    expires_h: int = 96


class Refusal(msgspec.Struct, frozen=True):
    """The number is promised a call already: that one, with the earlier place, stands."""

    callback: Callback


class Dial(msgspec.Struct, frozen=True):
    """An attempt to make now."""

    callback_id: str
    attempt: int
    number: str
    language: str
    ring_s: int


class Sight(msgspec.Struct, frozen=True):
    """What the scheduler sees of one queue: the places of live callers who wait in it, and its free agents by name."""

    queue: str
    open: bool
    waiting: tuple[int, ...] = ()
    agents: frozenset[str] = frozenset()


def channel_id(callback_id: str, attempt: int) -> str:
    """What Asterisk is told to call the channel of an attempt; it refuses a second one of the same name."""
    return f"{_PREFIX}{callback_id}-{attempt}"


def parse_channel_id(channel: str) -> tuple[str, int] | None:
    """The callback and the attempt of a channel that we dialled."""
    callback_id, _, attempt = channel.removeprefix(_PREFIX).rpartition("-")
    ours = channel.startswith(_PREFIX) and callback_id and attempt.isdecimal()
    return (callback_id, int(attempt)) if ours else None


class Callbacks:
    """All of them; those that have ended are remembered for a while, for reports that come late."""

    def __init__(self, rules: Rules = Rules()) -> None:  # noqa: B008 - frozen
        self._rules = rules
        self._all: dict[str, Callback] = {}

    def open(self) -> tuple[Callback, ...]:
        """Those that have not ended, the oldest place first."""
        return tuple(sorted((c for c in self._all.values() if c.state not in FINAL), key=_order))

    def get(self, callback_id: str) -> Callback | None:
        return self._all.get(callback_id)

    def find(self, number: str) -> list[Callback]:
        """The open ones of a number: one at most."""
        return [callback for callback in self.open() if callback.number == number]

    # --- asking and withdrawing -------------------------------------------------------------------------------

    def book(
        self, *, callback_id: str, call_id: str, number: str, queue: str, language: str, place_at: int, at: int,
        not_before: int, asked_by: str, menu_path: tuple[str, ...] = (), dossier: str = "",
    ) -> Callback | Refusal:  # fmt: skip
        """Promise a call. Told twice it is one promise."""
        if (before := self._all.get(callback_id)) is not None:
            return before if before.state not in FINAL else Refusal(before)
        for other in self.find(number):
            return Refusal(other)
        expires_at = max(at, not_before) + self._rules.expires_h * HOUR_MS
        return self._put(
            Callback(
                callback_id, call_id, number, queue, language, min(place_at, at), at, not_before, expires_at,
                asked_by=asked_by, menu_path=menu_path, dossier=dossier,
            )
        )  # fmt: skip

    def cancel(self, callback_id: str, at: int, why: str) -> Callback | None:
        """A person took it off the list; one whom the citizen has answered is beyond that."""
        callback = self._all.get(callback_id)
        if callback is None or callback.state not in (CallbackState.WAITING, CallbackState.DIALLING):
            return None
        return self._end(callback, CallbackState.CANCELLED, at, why)

    def caller_back(self, number: str, at: int) -> list[Callback]:
        """The citizen calls by himself: nothing more is dialled, and the live call may have the place."""
        ended = [self.cancel(callback.callback_id, at, "called_again") for callback in self.find(number)]
        return [callback for callback in ended if callback is not None]

    # --- what becomes of an attempt ---------------------------------------------------------------------------

    def dialled(self, callback_id: str, attempt: int, at: int) -> Callback | None:
        """This attempt is about to be made; None when it must not be, or was told before."""
        callback = self._all.get(callback_id)
        if callback is None or callback.state is not CallbackState.WAITING or attempt != len(callback.attempts) + 1:
            return None
        attempts = (*callback.attempts, Attempt(attempt, at))
        return self._put(replace(callback, state=CallbackState.DIALLING, attempts=attempts))

    def answered(self, callback_id: str, attempt: int, at: int) -> Callback | None:
        """The citizen has picked up."""
        callback = self._at(callback_id, attempt, CallbackState.DIALLING)
        if callback is None:
            return None
        return self._put(replace(_closed(callback, at, "answered"), state=CallbackState.REACHED))

    def failed(self, callback_id: str, attempt: int, at: int, result: str) -> Callback | None:
        """Nobody picked up."""
        callback = self._at(callback_id, attempt, CallbackState.DIALLING)
        return None if callback is None else self._again(_closed(callback, at, result), at)

    def connected(self, callback_id: str, at: int) -> Callback | None:
        """An agent speaks with the citizen."""
        callback = self._all.get(callback_id)
        if callback is None or callback.state is not CallbackState.REACHED:
            return None
        return self._end(callback, CallbackState.DONE, at, "")

    def hung_up(self, callback_id: str, at: int) -> Callback | None:
        """The citizen had picked up, and is gone before an agent was there."""
        callback = self._all.get(callback_id)
        if callback is None or callback.state is not CallbackState.REACHED:
            return None
        return self._again(_closed(callback, at, "hung_up"), at)

    def restored(self, alive: Collection[str], at: int) -> list[Callback]:
        """After an absence: attempts without a channel are over, and nobody knows how."""
        changed = []
        for callback in self.open():
            if callback.state in _ON_THE_WAY and channel_id(callback.callback_id, len(callback.attempts)) not in alive:
                changed.append(self._again(_closed(callback, at, "lost"), at))
        return changed

    def restore(self, kept: Collection[Callback]) -> None:
        """What another run has written down; what is known already stays."""
        for callback in kept:
            self._all.setdefault(callback.callback_id, callback)

    # --- whose turn it is -------------------------------------------------------------------------------------

    def due(self, at: int, sights: Mapping[str, Sight]) -> tuple[list[Dial], list[Callback]]:
        """The attempts to make now, and the callbacks that have ended, or failed, by time alone. Nothing is marked as dialled."""
        changed = [ended for callback in self.open() if (ended := self._timed_out(callback, at)) is not None]
        agents = _Agents(sights)
        for callback in self.open():
            if callback.state in _ON_THE_WAY:
                agents.reserve(callback.queue)
        dials = []
        for _, _, queue, candidate in sorted(self._demand(at, sights), key=lambda demand: demand[:3]):
            if agents.reserve(queue) and candidate is not None:
                number = len(candidate.attempts) + 1
                dials.append(
                    Dial(candidate.callback_id, number, candidate.number, candidate.language, self._rules.ring_s)
                )
        return dials, changed

    def _demand(self, at: int, sights: Mapping[str, Sight]) -> list[tuple[int, int, str, Callback | None]]:
        """Everybody who wants an agent, to be served by place; of two with one place the live caller first."""
        demand: list[tuple[int, int, str, Callback | None]] = [
            (place, 0, sight.queue, None) for sight in sights.values() for place in sight.waiting
        ]
        for callback in self.open():
            sight = sights.get(callback.queue)
            if (
                sight is not None
                and sight.open
                and callback.state is CallbackState.WAITING
                and self._ready(callback, at)
            ):
                demand.append((callback.place_at, 1, callback.queue, callback))
        return demand

    def _ready(self, callback: Callback, at: int) -> bool:
        if at < callback.not_before:
            return False
        if not callback.attempts:
            return True
        after = self._rules.retry_after_s
        wait_s = after[min(len(callback.attempts), len(after)) - 1] if after else 0
        return at >= (callback.attempts[-1].ended_at or at) + wait_s * 1000

    def _timed_out(self, callback: Callback, at: int) -> Callback | None:
        if callback.state is CallbackState.WAITING and at >= callback.expires_at:
            return self._end(callback, CallbackState.EXPIRED, at, "")
        ringing = callback.state is CallbackState.DIALLING
        if ringing and at >= callback.attempts[-1].dialled_at + (self._rules.ring_s + SILENT_S) * 1000:
            return self._again(_closed(callback, at, "lost"), at)
        return None

    # --- keeping ----------------------------------------------------------------------------------------------

    def _at(self, callback_id: str, attempt: int, state: CallbackState) -> Callback | None:
        callback = self._all.get(callback_id)
        current = callback is not None and callback.state is state and len(callback.attempts) == attempt
        return callback if current else None

    def _again(self, callback: Callback, at: int) -> Callback:
        """Another attempt later, unless this was the last."""
        if len(callback.attempts) >= self._rules.max_attempts:
            return self._end(callback, CallbackState.UNREACHED, at, "")
        return self._put(replace(callback, state=CallbackState.WAITING))

    def _end(self, callback: Callback, state: CallbackState, at: int, why: str) -> Callback:
        under_way = callback.attempts and callback.attempts[-1].ended_at is None
        callback = _closed(callback, at, why) if under_way else callback
        return self._put(replace(callback, state=state, ended_at=at, why=why))

    def _put(self, callback: Callback) -> Callback:
        self._all.pop(callback.callback_id, None)
        self._all[callback.callback_id] = callback
        if len(self._all) > REMEMBERED:
            for old in [c.callback_id for c in self._all.values() if c.state in FINAL][: len(self._all) - REMEMBERED]:
                del self._all[old]
        return callback


def _order(callback: Callback) -> tuple[int, int, str]:
    return callback.place_at, callback.asked_at, callback.callback_id


def _closed(callback: Callback, at: int, result: str) -> Callback:
    """Its latest attempt is over."""
    *before, last = callback.attempts
    return replace(callback, attempts=(*before, replace(last, ended_at=at, result=result)))


class _Agents:
    """The free agents, put aside one after the other; of several the one whom the fewest queues could want."""

    def __init__(self, sights: Mapping[str, Sight]) -> None:
        self._free = {name: set(sight.agents) for name, sight in sights.items()}
        self._wanted = Counter(agent for agents in self._free.values() for agent in agents)

    def reserve(self, queue: str) -> bool:
        """Whether there was one left."""
        free = self._free.get(queue)
        if not free:
            return False
        chosen = min(free, key=lambda agent: (self._wanted[agent], agent))
        for agents in self._free.values():
            agents.discard(chosen)
        return True
