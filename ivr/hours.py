"""Opening hours: open or closed at a moment, why, until when, and when the line opens again. Pure: the calendar is handed in.

A week of hours, for the whole line and for queues that have their own; public holidays; working days that the government swapped; local
exceptions; and what a person forced until a moment. Times in the calendar are Vietnamese; moments are UTC ms.
"""

import datetime
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from ivr.problem import Problem

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
HORIZON_DAYS = 60
"""So far ahead the next opening is looked for."""
NEXT_YEAR_FROM = (10, 1)
"""From this day of the year on, next year's swapped days should be known."""
_DAY = datetime.timedelta(days=1)

Span = tuple[int, int]
"""Minutes after midnight, from and until; an end beyond 1440 lies on the next day."""
ALL_DAY: tuple[Span, ...] = ((0, 1440),)


class Why(StrEnum):
    """Why it is closed, or open against the calendar."""

    OPEN = ""
    NIGHT = "night"
    LUNCH = "lunch"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    EXCEPTION = "exception"
    FORCED = "forced"


class Opening(msgspec.Struct, frozen=True):
    """How a line or queue stands at a moment. `title` names the holiday or the reason; `announcement` is a prompt to be heard first."""

    open: bool
    why: str = ""
    title: str = ""
    until: int | None = None
    """When this changes; None: not within the horizon."""
    opens_at: int | None = None
    announcement: str = ""


class Override(msgspec.Struct, frozen=True):
    """What a person forced: from `start` until `end` (UTC ms), for these queues, or for all when there are none. `open` None: the calendar
    goes on, only the announcement is added."""

    start: int
    end: int
    open: bool | None
    reason: str = ""
    announcement: str = ""
    queues: tuple[str, ...] = ()

    def holds(self, moment: int, queue: str) -> bool:
        return self.start <= moment < self.end and (not self.queues or queue in self.queues)


class Exceptional(msgspec.Struct, frozen=True):
    """The hours of one day that is not like the others; no spans: closed."""

    spans: tuple[Span, ...]
    title: str = ""


class Rules(msgspec.Struct, frozen=True):
    """The calendar as data. `week` has seven days from Monday; `queues` the weeks of queues that differ; `known` the years whose swapped
    days are decided."""

    week: tuple[tuple[Span, ...], ...]
    queues: Mapping[str, tuple[tuple[Span, ...], ...]] = {}
    holidays: Mapping[datetime.date, str] = {}
    working: frozenset[datetime.date] = frozenset()
    exceptions: Mapping[datetime.date, Exceptional] = {}
    known: frozenset[int] = frozenset()
    always: bool = False


class _Day(msgspec.Struct, frozen=True):
    spans: tuple[Span, ...]
    why: Why
    title: str


class Calendar:
    """Answers for any moment; what it found last for a queue is kept until it changes, for it is asked every second."""

    def __init__(self, rules: Rules, overrides: Sequence[Override] = ()) -> None:
        self._rules = rules
        self._overrides = tuple(overrides)
        self._found: dict[str, tuple[int, int, Opening]] = {}
        self._days: dict[tuple[str, datetime.date], _Day] = {}

    def with_overrides(self, overrides: Sequence[Override]) -> "Calendar":
        """The same calendar and what people forced; of two that hold the later one counts."""
        return Calendar(self._rules, overrides)

    def at(self, moment: int, queue: str = "") -> Opening:
        """How the queue, or the line (`''`), stands at this moment."""
        since, fresh_until, found = self._found.get(queue, (0, 0, None))
        if found is not None and since <= moment < fresh_until:
            return found
        edges = self._edges(moment, queue)
        found = self._look(moment, queue, edges)
        self._found[queue] = (moment, edges[0] if edges else moment + 60_000, found)
        return found

    def _look(self, moment: int, queue: str, edges: list[int]) -> Opening:
        is_open, why, title, announcement = self._state(moment, queue)
        until = next((edge for edge in edges if self._state(edge, queue)[0] is not is_open), None)
        return Opening(is_open, why.value, title, until, None if is_open else until, announcement)

    def _state(self, moment: int, queue: str) -> tuple[bool, Why, str, str]:
        holding = [forced for forced in reversed(self._overrides) if forced.holds(moment, queue)]
        announcement = next((forced.announcement for forced in holding if forced.announcement), "")
        for forced in holding:
            if forced.open is not None:
                return forced.open, Why.FORCED, forced.reason, announcement
        return *self._usual(moment, queue), announcement

    def _usual(self, moment: int, queue: str) -> tuple[bool, Why, str]:
        """What the calendar alone says."""
        if self._rules.always:
            return True, Why.OPEN, ""
        local = datetime.datetime.fromtimestamp(moment / 1000, ZONE)
        minute = local.hour * 60 + local.minute
        today, before = self._day(local.date(), queue), self._day(local.date() - _DAY, queue)
        if _inside(today.spans, minute) or _inside(before.spans, minute + 1440):
            return True, Why.OPEN, ""
        if today.why is not Why.OPEN:
            return False, today.why, today.title
        within = today.spans and today.spans[0][0] <= minute < today.spans[-1][1]
        return False, Why.LUNCH if within else Why.NIGHT, ""

    def _day(self, day: datetime.date, queue: str) -> _Day:
        key = (queue, day)
        if key not in self._days:
            if len(self._days) > 5000:
                self._days.clear()
            self._days[key] = self._plan(day, queue)
        return self._days[key]

    def _plan(self, day: datetime.date, queue: str) -> _Day:
        rules = self._rules
        week = rules.queues.get(queue, rules.week)
        if (exceptional := rules.exceptions.get(day)) is not None:
            return _Day(exceptional.spans, Why.EXCEPTION, exceptional.title)
        if day in rules.holidays and day not in rules.working:
            return _Day((), Why.HOLIDAY, rules.holidays[day])
        spans = week[day.weekday()]
        if not spans and day in rules.working:
            return _Day(next((usual for usual in week if usual), ()), Why.OPEN, "")
        return _Day(spans, Why.OPEN if spans else Why.WEEKEND, "")

    def _edges(self, moment: int, queue: str) -> list[int]:
        """Every moment of the horizon at which anything could change, in order."""
        edges = {edge for forced in self._overrides for edge in (forced.start, forced.end)}
        if not self._rules.always:
            first = datetime.datetime.fromtimestamp(moment / 1000, ZONE).date() - _DAY
            for n in range(HORIZON_DAYS + 2):
                day = first + n * _DAY
                midnight = _ms(day)
                edges.add(midnight)
                edges.update(midnight + 60_000 * minute for span in self._day(day, queue).spans for minute in span)
        ordered = sorted(edges)
        return ordered[bisect_right(ordered, moment) :]

    def warnings(self, moment: int) -> list[Problem]:
        """What a person should see to before it is too late."""
        local = datetime.datetime.fromtimestamp(moment / 1000, ZONE).date()
        if self._rules.always:
            return []
        wanted = [local.year, *([local.year + 1] if (local.month, local.day) >= NEXT_YEAR_FROM else [])]
        return [
            Problem(
                f"Chưa biết lịch nghỉ và làm bù năm {year}. Khi có quyết định, hãy thêm vào mục swaps và known của tệp giờ làm việc.",
                f"The holidays and swapped working days of {year} are not known yet: add them to swaps and known of the hours file.",
            )
            for year in wanted
            if year not in self._rules.known
        ]


def _inside(spans: tuple[Span, ...], minute: int) -> bool:
    return any(start <= minute < end for start, end in spans)


def _ms(day: datetime.date) -> int:
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp() * 1000)
