"""Made-up days of a call centre, second by second of nobody's real time: who calls, who waits how long, who serves whom.

A day is a list of happenings in order, made without asking any estimate, so that every estimator can be asked about the very same
callers. Callers come as a Poisson process of changing rate, talk for a lognormal time, give up after an exponential patience; agents
ring, now and then do not pick up, wrap up, take turns between the queues they serve (the longest waiting first) and come and go. Who
waits is told something when the announcer would: before entering, when the place improves, and once a minute.
"""

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
GAP, AGAIN = 20 * SECOND, 60 * SECOND


@dataclass(frozen=True)
class Serving:
    at: int
    queue: str
    agents: int
    free: int
    capacity: float


@dataclass(frozen=True)
class Joined:
    at: int
    queue: str
    call: str


@dataclass(frozen=True)
class Connected:
    at: int
    queue: str
    call: str
    waited: int


@dataclass(frozen=True)
class Left:
    at: int
    queue: str
    call: str


@dataclass(frozen=True)
class Finished:
    at: int
    queue: str
    handle_ms: int


@dataclass(frozen=True)
class Asked:
    """Somebody is to be told something now."""

    at: int
    queue: str
    call: str
    ahead: int
    waited: int


Happening = Serving | Joined | Connected | Left | Finished | Asked


@dataclass(frozen=True)
class Demand:
    """`rate(hour)`: callers an hour; times in seconds, `patience_s` the mean."""

    rate: Callable[[float], float]
    handle_s: float = 180
    spread: float = 0.75
    patience_s: float = 900


@dataclass(frozen=True)
class Shift:
    """An agent: the queues, and from which to which hour of the day."""

    queues: tuple[str, ...]
    hours: tuple[tuple[float, float], ...] = ((0, 99),)


@dataclass(frozen=True)
class Kind:
    name: str
    demand: dict[str, Demand]
    shifts: tuple[Shift, ...]
    hours: float = 9


def flat(rate: float) -> Callable[[float], float]:
    return lambda hour: rate


def peaks(rate: float) -> Callable[[float], float]:
    """Two humps, as at an office: about ten and about three."""
    return lambda hour: (
        rate * (0.55 + 0.6 * math.exp(-((hour - 2.5) ** 2) / 1.2) + 0.5 * math.exp(-((hour - 7) ** 2) / 1.2))
    )


ALL_DAY, NO_NOON = ((0.0, 99.0),), ((0.0, 4.0), (5.5, 99.0))

KINDS = (
    Kind("quiet", {"a": Demand(flat(14))}, (Shift(("a",)),) * 2),
    Kind("busy", {"a": Demand(peaks(82))}, (Shift(("a",)),) * 5),
    Kind("overloaded", {"a": Demand(flat(95), patience_s=480)}, (Shift(("a",)),) * 4),
    Kind(
        "leaving at noon",
        {"a": Demand(flat(82), patience_s=600)},
        (Shift(("a",), ALL_DAY),) * 3 + (Shift(("a",), NO_NOON),) * 2,
    ),
    Kind(
        "two queues",
        {"a": Demand(peaks(60), patience_s=600), "b": Demand(flat(28), handle_s=240, patience_s=600)},
        (Shift(("a",)),) * 2 + (Shift(("b",)),) + (Shift(("a", "b")),) * 3,
    ),
    Kind("impatient", {"a": Demand(flat(90), patience_s=120)}, (Shift(("a",)),) * 4),
    Kind("one agent", {"a": Demand(flat(15))}, (Shift(("a",)),)),
)


@dataclass
class _Agent:
    shift: Shift
    here: bool = False
    busy: bool = False
    rings_for: str = ""


@dataclass
class _Caller:
    call: str
    queue: str
    joined: int
    handle_ms: int
    told_at: int
    told_ahead: int
    ringing: bool = False


@dataclass
class Day:
    """One day of a kind. `happenings` after `run`."""

    kind: Kind
    seed: int
    happenings: list[Happening] = field(default_factory=list)

    def run(self) -> list[Happening]:
        self._random = random.Random(f"{self.kind.name} {self.seed}")
        self._todo: list[tuple[int, int, Callable[[int], None]]] = []
        self._count = itertools.count()
        self._waiting: dict[str, list[_Caller]] = {name: [] for name in self.kind.demand}
        self._agents = [_Agent(shift) for shift in self.kind.shifts]
        self._plan()
        while self._todo:
            at, _, do = heapq.heappop(self._todo)
            do(at)
        return self.happenings

    def _at(self, at: float, do: Callable[[int], None]) -> None:
        heapq.heappush(self._todo, (int(at), next(self._count), do))

    def _plan(self) -> None:
        for agent in self._agents:
            for start, end in agent.shift.hours:
                self._at(1 + start * HOUR, partial(self._comes, agent))
                if end < self.kind.hours:
                    self._at(end * HOUR, partial(self._goes, agent))
        for queue, demand in self.kind.demand.items():
            most = max(demand.rate(hour / 10) for hour in range(int(self.kind.hours * 10)))
            at = 0.0
            while (at := at + self._random.expovariate(most) * HOUR) < self.kind.hours * HOUR:
                if self._random.random() < demand.rate(at / HOUR) / most:
                    self._at(at + 2, partial(self._arrives, queue))

    # --- agents -----------------------------------------------------------------------------------------------

    def _comes(self, agent: _Agent, at: int) -> None:
        agent.here = True
        self._note(at)
        self._match(at)

    def _goes(self, agent: _Agent, at: int) -> None:
        agent.here = False
        self._note(at)

    def _note(self, at: int) -> None:
        for queue in self._waiting:
            self._serving(queue, at)

    def _serving(self, queue: str, at: int) -> None:
        mine = [a for a in self._agents if queue in a.shift.queues and (a.here or a.busy)]
        free = sum(a.here and (not a.busy or a.rings_for == queue) for a in mine)
        capacity = sum(1 / max(1, sum(bool(self._waiting[q]) or q == queue for q in a.shift.queues)) for a in mine)
        self.happenings.append(Serving(at, queue, sum(a.here for a in mine), free, capacity))

    def _match(self, at: int) -> None:
        """Every free agent rings for the longest waiting caller whom nobody rings for yet."""
        for agent in self._agents:
            if not agent.here or agent.busy:
                continue
            heads = [c for q in agent.shift.queues for c in self._waiting[q] if not c.ringing]
            if not heads:
                continue
            caller = min(heads, key=lambda c: c.joined)
            agent.busy = caller.ringing = True
            agent.rings_for = caller.queue
            if self._random.random() < 0.03:
                self._at(at + 15 * SECOND, partial(self._misses, agent, caller))
            else:
                rings = self._random.uniform(2, 7) * SECOND
                self._at(at + rings, partial(self._answers, agent, caller))

    def _misses(self, agent: _Agent, caller: _Caller, at: int) -> None:
        agent.busy = caller.ringing = False
        agent.rings_for = ""
        self._match(at)

    def _answers(self, agent: _Agent, caller: _Caller, at: int) -> None:
        agent.rings_for = ""
        if caller not in self._waiting[caller.queue]:
            self._free(agent, at)
            return
        self._waiting[caller.queue].remove(caller)
        self.happenings.append(Connected(at, caller.queue, caller.call, at - caller.joined))
        self._at(at + caller.handle_ms, partial(self._finishes, agent, caller))
        self._improved(caller.queue, at)

    def _finishes(self, agent: _Agent, caller: _Caller, at: int) -> None:
        self.happenings.append(Finished(at, caller.queue, caller.handle_ms))
        self._at(at + self._random.uniform(5, 20) * SECOND, partial(self._free, agent))

    def _free(self, agent: _Agent, at: int) -> None:
        agent.busy = False
        self._match(at)

    # --- callers ----------------------------------------------------------------------------------------------

    def _arrives(self, queue: str, at: int) -> None:
        demand = self.kind.demand[queue]
        handle = self._random.lognormvariate(math.log(demand.handle_s) - demand.spread**2 / 2, demand.spread)
        ahead = len(self._waiting[queue])
        call = f"{queue}-{next(self._count)}"
        caller = _Caller(call, queue, at + 4 * SECOND, int(handle * SECOND), at, ahead)
        self._serving(queue, at)
        self.happenings.append(Asked(at, queue, call, ahead, 0))
        self._at(caller.joined, partial(self._joins, caller))

    def _joins(self, caller: _Caller, at: int) -> None:
        self._waiting[caller.queue].append(caller)
        self._serving(caller.queue, at)
        self.happenings.append(Joined(at, caller.queue, caller.call))
        patience = self._random.expovariate(1 / self.kind.demand[caller.queue].patience_s) * SECOND
        self._at(at + patience, partial(self._gives_up, caller))
        self._at(at + AGAIN, partial(self._again, caller))
        self._match(at)

    def _gives_up(self, caller: _Caller, at: int) -> None:
        if caller in self._waiting[caller.queue]:
            self._waiting[caller.queue].remove(caller)
            self.happenings.append(Left(at, caller.queue, caller.call))
            self._improved(caller.queue, at)

    def _improved(self, queue: str, at: int) -> None:
        for ahead, caller in enumerate(self._waiting[queue]):
            if ahead < caller.told_ahead and at - caller.told_at >= GAP:
                self._ask(caller, ahead, at)

    def _again(self, caller: _Caller, at: int) -> None:
        if caller not in self._waiting[caller.queue]:
            return
        if at - caller.told_at >= AGAIN:
            self._ask(caller, self._waiting[caller.queue].index(caller), at)
        self._at(caller.told_at + AGAIN, partial(self._again, caller))

    def _ask(self, caller: _Caller, ahead: int, at: int) -> None:
        caller.told_at, caller.told_ahead = at, ahead
        self._serving(caller.queue, at)
        self.happenings.append(Asked(at, caller.queue, caller.call, ahead, at - caller.joined))
