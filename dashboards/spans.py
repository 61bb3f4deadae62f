"""What people type about time: a span of days to look at, a moment when something ends. Pure: what is wrong comes back as a name of words.

Knows the calendar of the centre, not what is looked at.
"""

import re
from datetime import date, datetime, timedelta

import msgspec

from dashboards.views import ZONE

DAY_MS = 86_400_000
LONGEST_DAYS = 366
DAYS = {"today": 1, "recent": 2, "week": 7, "month": 30}
"""Spans that end with today -> how many days they have."""
USUAL = "recent"
"""In the morning one looks at last evening too."""
_EARLIEST = 2000


class Span(msgspec.Struct, frozen=True):
    """[start, end) in UTC ms. `first` and `last` are the days as people write them, or what was typed when `problem` says what is wrong.

    Typed as text: a browser's own field would show the order of day and month of the browser's language, not of the centre.
    """

    key: str
    start: int
    end: int
    first: str
    last: str
    problem: str = ""

    @property
    def query(self) -> dict[str, str]:
        """What an address needs to show the same span."""
        return {"span": self.key} | ({"first": self.first, "last": self.last} if self.key == "own" else {})


def span_asked(key: str, first: str, last: str, now: int) -> Span:
    """The span with this key, `own` from day to day; the usual one for anything that makes no sense."""
    today = datetime.fromtimestamp(now / 1000, ZONE).date()
    if key != "own":
        key = key if key in DAYS else USUAL
        return _span(key, today - timedelta(DAYS[key] - 1), today)
    days = day(first), day(last)
    problem = _wrong(first, last, *days)
    if problem or days[0] is None or days[1] is None:
        start, end = bounds(today, today)
        return Span("own", start, end, first[:40], last[:40], problem)
    return _span("own", days[0], days[1])


def _wrong(first: str, last: str, start: date | None, end: date | None) -> str:
    if not first.strip() or not last.strip():
        return "bad_days_missing"
    if start is None or end is None:
        return "bad_day"
    if end < start:
        return "bad_days_order"
    return "bad_days_long" if (end - start).days >= LONGEST_DAYS else ""


def _span(key: str, first: date, last: date) -> Span:
    return Span(key, *bounds(first, last), f"{first:%d/%m/%Y}", f"{last:%d/%m/%Y}")


def bounds(first: date, last: date) -> tuple[int, int]:
    """From the first moment of one day to the last of another, UTC ms."""
    start = datetime(first.year, first.month, first.day, tzinfo=ZONE)
    end = datetime(last.year, last.month, last.day, tzinfo=ZONE) + timedelta(1)
    return round(start.timestamp() * 1000), round(end.timestamp() * 1000)


_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII)
_LOCAL = re.compile(r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})", re.ASCII)
_TIME = re.compile(r"(\d{1,2})[:hg](\d{2})(?::\d{2})?", re.ASCII)


def day(text: str) -> date | None:
    """`2026-11-24` as browsers send it, `24/11/2026` as people write it; None for no day."""
    found = _ISO.fullmatch(text.strip()) or _LOCAL.fullmatch(text.strip())
    try:
        made = date(*(int(found[part]) for part in ("year", "month", "day"))) if found else None
    except ValueError:
        return None
    return made if made is not None and _EARLIEST <= made.year < 9999 else None


def moment(text: str) -> int | None:
    """`2026-11-24T17:00` or `24/11/2026 17:00` (also 17h00), in Vietnam -> UTC ms; None for no moment."""
    first, _, second = text.strip()[:40].replace("T", " ").partition(" ")
    on, time = day(first), _TIME.fullmatch(second.strip())
    if on is None or time is None:
        return None
    hour, minute = int(time[1]), int(time[2])
    if hour > 23 or minute > 59:
        return None
    return round(datetime(on.year, on.month, on.day, hour, minute, tzinfo=ZONE).timestamp() * 1000)


def end_problem(text: str, now: int, longest_days: int) -> str:
    """What is wrong with the end that somebody typed: a name of words, `''` when it will do."""
    if not text.strip():
        return "bad_until_missing"
    at = moment(text)
    if at is None:
        return "bad_until_wrong"
    if at <= now:
        return "bad_until_past"
    return "bad_until_far" if at > now + longest_days * DAY_MS else ""


def typed(at: int) -> str:
    """A moment as a form shows it: `24/11/2026 17:00`."""
    return datetime.fromtimestamp(at / 1000, ZONE).strftime("%d/%m/%Y %H:%M")
