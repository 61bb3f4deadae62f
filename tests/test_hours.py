"""Opening hours: real days of three years, what a person may force, what may not stand in the file, and what holds on every day."""

import datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.hours import ZONE, Calendar, Override
from ivr.hours_file import load_hours
from ivr.hours_words import describe, moment, words
from ivr.load import PROMPTS
from ivr.problem import Problem
from ivr.voice import sentences, text_of

TODAY = datetime.date(2026, 11, 23)
TEXTS = sentences(PROMPTS)


def at(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def back(ms: int | None) -> str:
    return "" if ms is None else datetime.datetime.fromtimestamp(ms / 1000, ZONE).strftime("%Y-%m-%dT%H:%M")


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return load_hours(today=TODAY)


def from_text(tmp_path: Path, text: str, queues: tuple[str, ...] = ("dat-dai",)) -> Calendar:
    file = tmp_path / "hours.yaml"
    file.write_text(text, "utf-8")
    return load_hours(file, queues, TODAY)


# --- days that were and will be -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment_", "is_open", "why", "opens"),
    [
        ("2026-11-23T07:29", False, "night", "2026-11-23T07:30"),
        ("2026-11-23T07:30", True, "", ""),
        ("2026-11-23T11:30", False, "lunch", "2026-11-23T13:30"),
        ("2026-11-23T16:59", True, "", ""),
        ("2026-11-23T17:00", False, "night", "2026-11-25T07:30"),  # the day of culture lies between
        ("2026-11-24T09:00", False, "holiday", "2026-11-25T07:30"),
        ("2026-11-27T18:00", False, "night", "2026-11-30T07:30"),
        ("2026-11-28T09:00", False, "weekend", "2026-11-30T07:30"),
        ("2026-08-22T09:00", True, "", ""),  # a Saturday worked for …
        ("2026-08-31T09:00", False, "holiday", "2026-09-03T07:30"),  # … this Monday, before the national day
        ("2025-04-26T09:00", True, "", ""),
        ("2025-05-02T09:00", False, "holiday", "2025-05-05T07:30"),
        ("2026-04-27T09:00", False, "holiday", "2026-04-28T07:30"),  # Giỗ Tổ fell on a Sunday
        ("2027-02-06T08:00", False, "holiday", "2027-02-11T07:30"),  # Tết
        ("2026-12-31T23:59", False, "night", "2027-01-04T07:30"),
    ],
)
def test_days_of_the_vietnamese_calendar(calendar: Calendar, moment_: str, is_open: bool, why: str, opens: str) -> None:
    found = calendar.at(at(moment_))
    assert (found.open, found.why, back(found.opens_at)) == (is_open, why, opens)


def test_an_opening_says_when_it_ends(calendar: Calendar) -> None:
    assert back(calendar.at(at("2026-11-23T08:00")).until) == "2026-11-23T11:30"
    assert back(calendar.at(at("2026-11-28T09:00")).until) == "2026-11-30T07:30"


def test_next_year_is_asked_for_in_time(calendar: Calendar) -> None:
    assert calendar.warnings(at("2026-09-30T09:00")) == []
    (warning,) = calendar.warnings(at("2026-10-01T09:00"))
    assert "2027" in warning.vi and "known" in warning.en


# --- a week of one's own ----------------------------------------------------------------------------------------------------

WEEK = 'week: {mon: ["08:00-12:00"], fri: ["22:00-02:00"]}\n'


def test_hours_may_run_past_midnight_and_differ_by_queue(tmp_path: Path) -> None:
    calendar = from_text(tmp_path, WEEK + 'queues: {dat-dai: {mon: ["09:00-10:00"]}}\nholidays: none\n')
    assert [calendar.at(at(f"2026-11-{day}")).open for day in ("20T21:59", "20T22:00", "21T01:59", "21T02:00")] == [
        False,
        True,
        True,
        False,
    ]
    assert [calendar.at(at("2026-11-23T08:30"), queue).open for queue in ("", "dat-dai", "khác")] == [True, False, True]
    assert back(calendar.at(at("2026-11-23T08:30"), "dat-dai").opens_at) == "2026-11-23T09:00"


def test_exceptions_and_swaps(tmp_path: Path) -> None:
    calendar = from_text(
        tmp_path,
        WEEK + "holidays: none\nswaps: [{off: 2026-11-23, work: 2026-11-28}]\n"
        'exceptions: [{day: 2026-12-07, until: 2026-12-08, hours: ["14:00-15:00"], title: Họp}, {day: 2026-12-14, title: Nghỉ}]\n',
    )
    assert [calendar.at(at(f"2026-{m}")).open for m in ("11-23T09:00", "11-28T09:00", "12-07T09:00", "12-08T14:30", "12-14T09:00")] == [
        False, True, False, True, False]  # fmt: skip
    assert calendar.at(at("2026-12-07T09:00")).title == "Họp"


def test_always_is_always(tmp_path: Path) -> None:
    calendar = from_text(tmp_path, "always: true\n")
    found = calendar.at(at("2027-02-06T03:00"))
    assert found.open and found.until is None and calendar.warnings(at("2026-12-01T00:00")) == []


def test_a_calendar_without_hours_ahead_knows_no_opening(tmp_path: Path) -> None:
    calendar = from_text(
        tmp_path,
        'week: {mon: ["08:00-12:00"]}\nholidays: none\nexceptions: [{day: 2026-11-24, until: 2027-03-01, title: Sửa nhà}]\n',
    )
    found = calendar.at(at("2026-11-24T09:00"))
    assert not found.open and found.opens_at is None
    assert words(found, at("2026-11-24T09:00"), "vi") == ("smartpbx/closed-now", "smartpbx/opens-unknown")


# --- what people force --------------------------------------------------------------------------------------------------------


def test_what_is_forced_counts_until_its_end(calendar: Calendar) -> None:
    closed = Override(
        at("2026-11-23T09:00"), at("2026-11-23T10:00"), open=False, reason="Mất điện", announcement="emergency"
    )
    opened = Override(at("2026-11-28T09:00"), at("2026-11-28T10:00"), open=True, queues=("dat-dai",))
    forced = calendar.with_overrides([closed, opened])
    during = forced.at(at("2026-11-23T09:30"))
    assert (during.open, during.why, during.title, during.announcement) == (False, "forced", "Mất điện", "emergency")
    assert back(during.opens_at) == "2026-11-23T10:00" and forced.at(at("2026-11-23T10:00")).open
    assert back(forced.at(at("2026-11-23T08:30")).until) == "2026-11-23T09:00"
    assert forced.at(at("2026-11-28T09:30"), "dat-dai").open and not forced.at(at("2026-11-28T09:30")).open
    assert words(during, at("2026-11-23T09:30"), "vi")[0] == "smartpbx/emergency"
    later = calendar.with_overrides([closed, Override(at("2026-11-23T09:15"), at("2026-11-23T09:45"), open=True)])
    assert [later.at(at(f"2026-11-23T09:{m}")).open for m in ("10", "20", "50")] == [False, True, False]


def test_an_urgent_notice_leaves_the_hours_to_the_calendar(calendar: Calendar) -> None:
    said = Override(at("2026-11-23T09:00"), at("2026-11-24T10:00"), None, "Bão", "emergency")
    told = calendar.with_overrides([said])
    assert told.at(at("2026-11-23T09:30")) == msgspec.structs.replace(
        calendar.at(at("2026-11-23T09:30")), announcement="emergency"
    )
    night = told.at(at("2026-11-23T22:00"))
    assert (night.open, night.why, night.announcement) == (False, "night", "emergency")
    assert told.at(at("2026-11-24T10:00")) == calendar.at(at("2026-11-24T10:00"))
    shut = told.with_overrides([said, Override(at("2026-11-23T09:00"), at("2026-11-23T11:00"), False, "Mất điện")])
    assert shut.at(at("2026-11-23T09:30")).announcement == "emergency" and not shut.at(at("2026-11-23T09:30")).open


# --- every day ------------------------------------------------------------------------------------------------------------------

CALENDAR = load_hours(today=TODAY)


@settings(max_examples=400, deadline=None)
@given(st.integers(at("2025-01-01T00:00") // 1000, at("2028-06-01T00:00") // 1000))
def test_the_next_change_is_exactly_there(second: int) -> None:
    fresh = CALENDAR.with_overrides([])
    found = fresh.at(1000 * second)
    assert found.until is not None and found.until > 1000 * second
    assert fresh.at(found.until).open is not found.open and fresh.at(found.until - 1).open is found.open
    assert found.open or found.opens_at == found.until
    halfway = (1000 * second + found.until) // 2
    assert fresh.at(halfway).open is found.open


@given(st.lists(st.integers(at("2026-11-20T00:00") // 60_000, at("2026-12-05T00:00") // 60_000), max_size=40))
def test_what_was_asked_before_changes_no_answer(minutes: list[int]) -> None:
    used = CALENDAR.with_overrides([])
    for minute in minutes:
        assert used.at(minute * 60_000) == CALENDAR.with_overrides([]).at(minute * 60_000)


# --- words -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23T06:00", "Hiện đã hết giờ làm việc. Chúng tôi làm việc trở lại lúc bảy giờ ba mươi sáng hôm nay"),
        ("2026-11-23T12:00", "Hiện đang giờ nghỉ trưa. Chúng tôi làm việc trở lại lúc một giờ ba mươi chiều hôm nay"),
        ("2026-11-25T18:00", "Hiện đã hết giờ làm việc. Chúng tôi làm việc trở lại lúc bảy giờ ba mươi sáng ngày mai"),
        (
            "2026-11-27T18:00",
            "Hiện đã hết giờ làm việc. Chúng tôi làm việc trở lại lúc bảy giờ ba mươi sáng thứ hai ngày ba mươi tháng mười một",
        ),
        (
            "2027-02-06T08:00",
            "Hôm nay Trung tâm nghỉ lễ. Chúng tôi làm việc trở lại lúc bảy giờ ba mươi sáng thứ năm ngày mười một tháng hai",
        ),
    ],
)
def test_who_calls_a_closed_line_hears_when_it_opens(calendar: Calendar, now: str, expected: str) -> None:
    heard = words(calendar.at(at(now)), at(now), "vi")
    assert text_of(heard, TEXTS["vi"]) == expected
    assert all(
        (PROMPTS / language / f"{sound}.wav").exists()
        for language in ("vi", "en")
        for sound in words(calendar.at(at(now)), at(now), language)
    )


def test_english_says_it_in_english() -> None:
    assert (
        text_of(moment(at("2026-11-30T13:05"), at("2026-11-23T08:00"), "en"), TEXTS["en"])
        == "one oh five P M Monday November thirtieth"
    )


def test_a_person_reads_the_same(calendar: Calendar) -> None:
    said = describe(calendar, at("2027-02-06T08:00"), "", TEXTS["vi"])
    assert (
        "ĐÓNG (Tết Nguyên Đán)" in said
        and "mở lại 07:30 thứ năm 11/02/2027" in said
        and "«Hôm nay Trung tâm nghỉ lễ." in said
        and "⚠" in said
    )


# --- what may not stand in the file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ('week:\n  mon: ["08:00-12:00", "11:00-13:00"]', 2, "overlaps"),
        ('week:\n  mon: ["14:00-15:00", "08:00-09:00"]', 2, "overlaps"),
        ('week:\n  mon: ["8h-12h"]', 2, "no span"),
        ('week:\n  mon: ["25:00-26:00"]', 2, "no span"),
        ('week:\n  mon: ["08:00-08:00"]', 2, "begins and ends at once"),
        ("week:\n  mon: 08:00-12:00", 2, "a list"),
        ('week:\n  thứ hai: ["08:00-12:00"]', 2, "«thứ hai» is unknown"),
        ('week:\n  mon: ["08:00-12:00"]\n  mon: ["08:00-11:00"]', 3, "written twice"),
        ("week: {}", 1, "no hours"),
        (WEEK + "queues:\n  x: {mon: []}", 3, "«x» is unknown"),
        (WEEK + "holidays: china", 2, "unknown holidays «china»"),
        (WEEK + "exceptions:\n  - {day: 2026-02-30}", 3, "«2026-02-30» is no date"),
        (WEEK + "exceptions:\n  - {day: 2026-12-02, until: 2026-12-01}", 3, "comes before"),
        (WEEK + "exceptions:\n  - {day: 2026-12-02}\n  - {day: 2026-12-02}", 4, "another exception"),
        (WEEK + "exceptions:\n  - {title: x}", 3, "needs day"),
        (WEEK + "swaps:\n  - {off: 2026-12-02}", 3, "off and work"),
        (WEEK + "known: [soon]", 2, "«soon» is no year"),
        (WEEK + "always: perhaps", 2, "true or false"),
        (WEEK + "opening: x", 2, "«opening» is unknown"),
        ("week: [", 1, "not YAML"),
        ("- mon", 1, "fields"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int, expected: str) -> None:
    with pytest.raises(Problem) as problem:
        from_text(tmp_path, text)
    assert (
        expected in problem.value.en
        and f"hours.yaml, line {line}:" in problem.value.en
        and f"dòng {line}:" in problem.value.vi
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="SMARTPBX_HOURS"):
        load_hours(tmp_path / "none.yaml")
