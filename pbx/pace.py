"""How fast one queue moves: what the told wait is computed from. Pure; knows no caller's name and nothing of what was told.

The wait of somebody with k callers ahead is a sum of k + 1 stages. In each one the head of the queue is fetched, or one of those ahead
gives up: with `capacity` agents, `work` agent-milliseconds a connection and an abandonment rate `a` per waiting caller, stage j ends at
the rate capacity / work + j·a (the M/M/n+M queue, «Erlang A»: Garnett, Mandelbaum, Reiman 2002). The sum is told as a gamma
distribution of the same mean and variance; the variance has room for what is not known of the pace.

`work` is measured where it can be: agent-milliseconds that passed while callers waited and nobody was free, over the connections made in
them. That counts wrap-up, ringing, missed calls and an agent's other queues without being told of any. Few of those yet: the mean
handling time stands in for them.
"""

from bisect import insort
from collections import deque
from statistics import median

HANDLES = 40
"""Handling times that are remembered."""
FRESH_MS = 8 * 3_600_000
"""How old a handling time may be to say how it goes today."""
PICKUP_MS = 20_000
"""Within this a free agent has answered, four times of five."""
OVERHEAD_MS = 8_000
"""Ringing, and being chosen: work that no handling time shows."""
FORGET = 0.96
"""Weight of what was seen, from one connection to the next: about the last 25 count."""
WEIGHT = 6
"""What the handling times weigh, in connections, beside the measured work."""
DRIFT = 0.2
"""Standard deviation of the pace over the wait, as a share: agents who pause, calls of another kind."""
LONGEST_GAP = 6
"""No gap between two connections tells more than this many times the handling time."""
UNHEARD_MS = 1_800_000
"""Waiting without anybody giving up that is presumed at the start."""
NORMAL = {50: 0.0, 80: 0.8416}


class Pace:
    """One queue. `prior_ms` is the handling time that is presumed before any call, None when nothing may be presumed."""

    def __init__(self, prior_ms: int | None = None) -> None:
        self._prior_ms = prior_ms
        self.agents = 0
        self._capacity = 0.0
        self._free: int | None = None
        self._last_at = 0
        self._waiting: dict[str, int] = {}
        self._talks: list[int] = []
        self._handles: deque[tuple[int, int]] = deque(maxlen=HANDLES)
        self._handle: float | None = float(prior_ms) if prior_ms is not None else None
        self._gap = 0.0
        self._work = self._connections = 0.0
        self._waited = self._gave_up = 0.0

    # --- what happens -----------------------------------------------------------------------------------------

    def serving(self, at: int, agents: int, free: int | None, capacity: float | None) -> None:
        self._advance(at)
        self.agents = max(0, agents)
        self._free = free
        self._capacity = min(self.agents, capacity) if capacity is not None else float(self.agents)

    def joined(self, call_id: str, at: int) -> None:
        self._advance(at)
        self._waiting.setdefault(call_id, at)

    def is_waiting(self, call_id: str) -> bool:
        return call_id in self._waiting

    def forget_oldest(self, kept: int) -> None:
        """Nobody waits so long that this many came later: their end was never seen."""
        while len(self._waiting) > kept:
            del self._waiting[next(iter(self._waiting))]

    def connected(self, call_id: str, at: int) -> None:
        contended = self._contended(at)
        self._advance(at)
        if contended:
            self._work = FORGET * self._work + self._open_gap()
            self._connections = FORGET * self._connections + 1
            self._gap = 0.0
        self._waiting.pop(call_id, None)
        self._forget_waiting()
        if self._free:
            self._free -= 1
        if len(self._talks) < 2 * max(1, self.agents):
            insort(self._talks, at)

    def left(self, call_id: str, at: int) -> None:
        self._advance(at)
        if self._waiting.pop(call_id, None) is not None:
            self._forget_waiting()
            self._gave_up += 1

    def finished(self, at: int, handle_ms: int) -> None:
        self._advance(at)
        self._end_talk(at - handle_ms)
        self._handles.append((at, max(0, handle_ms)))
        self._handle = self._mean_handle()

    def _end_talk(self, began: int) -> None:
        if self._talks:
            nearest = min(range(len(self._talks)), key=lambda i: abs(self._talks[i] - began))
            del self._talks[nearest]

    def _forget_waiting(self) -> None:
        self._waited *= FORGET
        self._gave_up *= FORGET

    def _advance(self, at: int) -> None:
        """Time up to `at` has passed as things stood; an event that comes late moves nothing back."""
        passed = max(0, at - self._last_at) if self._last_at else 0
        if passed and self._waiting:
            self._waited += passed * len(self._waiting)
            if self._contended(self._last_at):
                self._gap += passed * self._capacity
        self._last_at = max(self._last_at, at)

    def _contended(self, at: int) -> bool:
        """Whether somebody waits for whom nobody is free."""
        return len(self._waiting) > self.free(at)

    # --- what follows from it ---------------------------------------------------------------------------------

    def free(self, at: int) -> int:
        """Agents who take a call of this queue now. Unless it was said, it is guessed from the talks of this queue; a head that
        has waited longer than ringing takes shows that the guess is wrong."""
        if self._free is not None:
            return self._free
        if self._waiting and at - next(iter(self._waiting.values())) > PICKUP_MS:
            return 0
        return max(0, self.agents - len(self._talks))

    def support(self, at: int) -> int:
        """Calls handled lately enough to tell from."""
        return sum(at - when <= FRESH_MS for when, _ in self._handles)

    @property
    def has_prior(self) -> bool:
        return self._prior_ms is not None

    def quantiles(self, at: int, ahead: int) -> tuple[float, float]:
        """P50 and P80 of the time from now to the connection, in ms. Somebody must serve, and some handling time be known."""
        self._advance(at)
        ahead -= self.free(at)
        if ahead < 0:
            return PICKUP_MS / 2, float(PICKUP_MS)
        work, seen = self._work_each(), self._connections + WEIGHT
        pace, gives_up = max(self._capacity, 0.05) / work, self._gave_up / (self._waited + UNHEARD_MS)
        mean = variance = 0.0
        for place in range(ahead + 1):
            stage = 1 / (pace + place * gives_up)
            mean += stage
            variance += stage * stage
        variance += mean * mean * (1 / seen + DRIFT * DRIFT)
        return _gamma(50, mean, variance), _gamma(80, mean, variance)

    def _work_each(self) -> float:
        presumed = (self._handle or 0.0) + OVERHEAD_MS
        return (self._work + self._open_gap() + WEIGHT * presumed) / (self._connections + WEIGHT)

    def _open_gap(self) -> float:
        """What passed without a connection counts too: a queue that stands still gets slower."""
        return min(self._gap, LONGEST_GAP * ((self._handle or 0.0) + OVERHEAD_MS))

    def _mean_handle(self) -> float:
        """The mean, because waits are sums; one endless call counts no more than four usual ones."""
        times = [ms for _, ms in self._handles]
        limit = 4 * median(times)
        total, weight = float(sum(min(ms, limit) for ms in times)), len(times)
        if self._prior_ms is not None:
            total, weight = total + WEIGHT * self._prior_ms, weight + WEIGHT
        return total / weight


def _gamma(percent: int, mean: float, variance: float) -> float:
    """Quantile of the gamma distribution with these moments (Wilson and Hilferty 1931)."""
    shape = mean * mean / variance
    ninth = 1 / (9 * shape)
    return float(mean * (1 - ninth + NORMAL[percent] * ninth**0.5) ** 3)
