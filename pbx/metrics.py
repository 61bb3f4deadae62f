"""The figures, each with one definition, used live and over history by the same code.

A figure of a queue counts visits: a caller who times out of one queue and is answered in another is offered to both. Conservation
holds by construction: offered is the sum of the outcomes. Knows nothing of where the records come from.

* service level: answered with wait ≤ threshold, over offered, in per cent (the inclusive-answered form: nobody is left out). None while
  nothing was offered.
* ASA (average speed of answer): mean wait of answered visits, ms.
* longest wait: over all finished visits, answered or not, ms.
"""

from collections.abc import Iterable, Mapping

import msgspec

from pbx.record import CallRecord, Outcome, Visit

DEFAULT_THRESHOLD_MS = 20_000
NEVER_IN_A_QUEUE = frozenset((Outcome.LEFT_IN_MENU, Outcome.BLOCKED, Outcome.TRANSFERRED))


class QueueFigures(msgspec.Struct, frozen=True):
    """The figures of one queue, or of all; durations in ms, `service_level` in per cent with one decimal."""

    offered: int
    answered: int
    abandoned: int
    timeout: int
    key_exit: int
    full: int
    join_empty: int
    leave_empty: int
    withdrawn: int
    closed: int
    voicemail: int
    callback: int
    failed: int
    service_level: float | None
    asa_ms: int | None
    longest_wait_ms: int


class Tally:
    """Adds finished visits up. Adding is cheap; reading computes."""

    def __init__(self, thresholds_ms: Mapping[str, int] | None = None) -> None:
        self._thresholds = dict(thresholds_ms or {})
        self._sums: dict[str, _Sum] = {}

    def add(self, record: CallRecord) -> None:
        """A call that we made is no demand: whom it calls back was offered when that caller waited."""
        if record.kind != "inbound":
            return
        for visit in record.visits:
            limit = self._thresholds.get(visit.queue, DEFAULT_THRESHOLD_MS)
            self._sums.setdefault(visit.queue, _Sum()).add(visit, limit)

    def queues(self) -> dict[str, QueueFigures]:
        return {name: s.figures() for name, s in sorted(self._sums.items())}

    def total(self) -> QueueFigures:
        whole = _Sum()
        for s in self._sums.values():
            whole.merge(s)
        return whole.figures()


class _Sum:
    __slots__ = ("longest_ms", "outcomes", "waited_answered_ms", "within")

    def __init__(self) -> None:
        self.outcomes: dict[Outcome, int] = {}
        self.within = 0
        self.waited_answered_ms = 0
        self.longest_ms = 0

    def add(self, visit: Visit, limit_ms: int) -> None:
        if visit.outcome is None:
            return
        self.outcomes[visit.outcome] = self.outcomes.get(visit.outcome, 0) + 1
        self.longest_ms = max(self.longest_ms, visit.wait_ms)
        if visit.outcome is Outcome.ANSWERED:
            self.waited_answered_ms += visit.wait_ms
            self.within += visit.wait_ms <= limit_ms

    def merge(self, other: "_Sum") -> None:
        for outcome, n in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + n
        self.within += other.within
        self.waited_answered_ms += other.waited_answered_ms
        self.longest_ms = max(self.longest_ms, other.longest_ms)

    def figures(self) -> QueueFigures:
        counts = {o.value: self.outcomes.get(o, 0) for o in Outcome if o not in NEVER_IN_A_QUEUE}
        offered, answered = sum(counts.values()), counts["answered"]
        return QueueFigures(
            offered=offered,
            **counts,
            service_level=round(100 * self.within / offered, 1) if offered else None,
            asa_ms=round(self.waited_answered_ms / answered) if answered else None,
            longest_wait_ms=self.longest_ms,
        )


def figures(records: Iterable[CallRecord], thresholds_ms: Mapping[str, int] | None = None) -> Tally:
    """All records at once: what history and `replay` use."""
    tally = Tally(thresholds_ms)
    for record in records:
        tally.add(record)
    return tally
