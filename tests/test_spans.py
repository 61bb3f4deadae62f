"""Days and moments as people write them in Vietnam: what is read, and what is refused with which words."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.spans import DAY_MS, day, end_problem, moment, span_asked, typed
from dashboards.views import ZONE
from dashboards.words import WORDS

NOW = round(datetime(2026, 11, 23, 23, 59, 59, tzinfo=ZONE).timestamp() * 1000)
MIDNIGHT = round(datetime(2026, 11, 23, tzinfo=ZONE).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("24/11/2026", date(2026, 11, 24)), ("4/1/2026", date(2026, 1, 4)), ("2026-11-24", date(2026, 11, 24)),
        ("24.11.2026", date(2026, 11, 24)),
        (" 29/2/2028 ", date(2028, 2, 29)), ("29/2/2027", None), ("11/24/2026", None),
        ("24/11/26", None), ("0/1/2026", None), ("24/11/0026", None),
        ("24/11/9999", None), ("", None), ("hôm nay", None), ("２４/11/2026", None), ("24/11/2026 5", None), ("-24/11/2026", None),
    ],
)  # fmt: skip
def test_days(text: str, read: date | None) -> None:
    assert day(text) == read


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("23/11/2026 17:00", 17), ("2026-11-23T17:00", 17), ("2026-11-23T17:00:59", 17), ("23/11/2026 17h00", 17), ("23/11/2026  7g00", 7),
        ("23/11/2026", None), ("23/11/2026 24:00", None), ("23/11/2026 17:60", None), ("17:00", None), ("23/11/2026 5pm", None), ("", None),
        ("23/11/2026 17:00" + " " * 99, 17), ("23/11/2026 17:00\n<b>", None),
    ],
)  # fmt: skip
def test_moments(text: str, hour: int | None) -> None:
    assert moment(text) == (None if hour is None else MIDNIGHT + hour * 3_600_000)


@given(st.integers(946_684_800_000 // 60_000 + 10_000, 4_000_000_000_000 // 60_000))
def test_a_moment_that_a_form_shows_is_read_back(minute: int) -> None:
    assert moment(typed(minute * 60_000)) == minute * 60_000


@given(st.text(max_size=60))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    assert end_problem(text, NOW, 31) in {"", "bad_until_missing", "bad_until_wrong", "bad_until_past", "bad_until_far"}
    assert span_asked("own", text, text, NOW).end > MIDNIGHT or day(text) is not None


@pytest.mark.parametrize(
    ("key", "days"), [("today", 1), ("recent", 2), ("week", 7), ("month", 30), ("nonsense", 2), ("", 2)]
)
def test_spans_end_with_the_day_of_vietnam(key: str, days: int) -> None:
    span = span_asked(key, "", "", NOW)
    assert (span.end, span.end - span.start) == (MIDNIGHT + DAY_MS, days * DAY_MS)
    assert span_asked(span.key, span.first, span.last, NOW) == span
    assert span_asked("own", span.first, span.last, NOW).start == span.start


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [("", "1/1/2026", "bad_days_missing"), ("1/1/2026", " ", "bad_days_missing"), ("31/4/2026", "1/5/2026", "bad_day"),
     ("2/1/2026", "1/1/2026", "bad_days_order"), ("1/1/2025", "2/1/2026", "bad_days_long"), ("1/1/2026", "31/12/2026", "")],
)  # fmt: skip
def test_days_of_ones_own(first: str, last: str, problem: str) -> None:
    span = span_asked("own", first, last, NOW)
    assert span.problem == problem and (not problem or problem in WORDS["vi"])
    if problem:
        assert (span.start, span.first, span.last) == (MIDNIGHT, first, last)
