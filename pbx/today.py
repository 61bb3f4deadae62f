"""Today's finished calls and their figures. A day is a day in Vietnam; a call belongs to the day it arrived."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pbx.metrics import QueueFigures, Tally
from pbx.record import CallRecord

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def day_bounds(at: int) -> tuple[int, int]:
    """The local day that a moment lies in: [start, end) in UTC ms."""
    start = datetime.fromtimestamp(at / 1000, ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(start.timestamp() * 1000), int((start + timedelta(days=1)).timestamp() * 1000)


class Today:
    """Each call counts once, however often it is told."""

    def __init__(self, thresholds_ms: Mapping[str, int]) -> None:
        self._thresholds = thresholds_ms
        self._start = self._end = 0
        self._seen: set[str] = set()
        self._tally = Tally(thresholds_ms)

    def turn(self, at: int) -> None:
        """Begin a new day if `at` lies in one."""
        if not self._start <= at < self._end:
            self._start, self._end = day_bounds(at)
            self._seen.clear()
            self._tally = Tally(self._thresholds)

    def add(self, records: Iterable[CallRecord]) -> None:
        for record in records:
            if self._start <= record.arrived_at < self._end and record.call_id not in self._seen:
                self._seen.add(record.call_id)
                self._tally.add(record)

    def figures(self) -> tuple[QueueFigures, dict[str, QueueFigures]]:
        """All queues together, and each."""
        return self._tally.total(), self._tally.queues()
