"""Dates, times, money, telephones and codes: the words, and read back to what they say."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import say_moments as say
from ivr.load import PROMPTS
from ivr.voice import sentences, text_of
from tests.spoken import Misspoken, english, english_date, english_time, vietnamese, vietnamese_date, vietnamese_time

TEXTS = sentences(PROMPTS)


def spoken(sounds: tuple[str, ...], language: str = "vi") -> str:
    assert all((PROMPTS / language / f"{sound}.wav").exists() for sound in sounds)
    return text_of(sounds, TEXTS[language])


@pytest.mark.parametrize(
    ("day", "vi", "en"),
    [
        ("2026-11-24", "ngày hai mươi tư tháng mười một", "November twenty-fourth"),
        ("2026-04-04", "ngày mùng bốn tháng tư", "April fourth"),
        ("2026-01-10", "ngày mùng mười tháng một", "January tenth"),
        ("2026-12-31", "ngày ba mươi mốt tháng mười hai", "December thirty-first"),
        ("2026-05-15", "ngày mười lăm tháng năm", "May fifteenth"),
        ("2026-10-21", "ngày hai mươi mốt tháng mười", "October twenty-first"),
    ],
)
def test_dates(day: str, vi: str, en: str) -> None:
    date = datetime.date.fromisoformat(day)
    assert (spoken(say.date(date, "vi")), spoken(say.date(date, "en"), "en")) == (vi, en)


def test_a_year_may_be_said() -> None:
    assert (
        spoken(say.date(datetime.date(2027, 2, 6), "vi", year=True))
        == "ngày mùng sáu tháng hai năm hai nghìn không trăm hai mươi bảy"
    )


@pytest.mark.parametrize(
    ("clock", "vi", "en"),
    [
        ((7, 30), "bảy giờ ba mươi sáng", "seven thirty A M"),
        ((11, 0), "mười một giờ trưa", "eleven A M"),
        ((12, 15), "mười hai giờ mười lăm trưa", "twelve fifteen P M"),
        ((13, 5), "một giờ năm phút chiều", "one oh five P M"),
        ((17, 45), "năm giờ bốn mươi lăm chiều", "five forty five P M"),
        ((19, 21), "bảy giờ hai mươi mốt tối", "seven twenty one P M"),
        ((0, 0), "mười hai giờ đêm", "twelve A M"),
        ((23, 59), "mười một giờ năm mươi chín đêm", "eleven fifty nine P M"),
    ],
)
def test_clocks(clock: tuple[int, int], vi: str, en: str) -> None:
    assert (spoken(say.clock(*clock, "vi")), spoken(say.clock(*clock, "en"), "en")) == (vi, en)


MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


@given(st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 12, 31)), st.booleans())
def test_a_spoken_date_can_be_read_back(day: datetime.date, year: bool) -> None:
    expected = (day.day, day.month, day.year if year else None)
    assert vietnamese_date(spoken(say.date(day, "vi", year=year))) == expected
    assert english_date(spoken(say.date(day, "en", year=year), "en"), MONTHS) == expected


def test_every_day_of_a_leap_year_has_words_of_its_own() -> None:
    first = datetime.date(2028, 1, 1)
    days = [first + datetime.timedelta(days=n) for n in range(366)]
    for language in ("vi", "en"):
        assert len({spoken(say.date(day, language), language) for day in days}) == 366


def test_every_minute_of_the_day_can_be_read_back() -> None:
    for minute in range(24 * 60):
        time = divmod(minute, 60)
        assert vietnamese_time(text_of(say.clock(*time, "vi"), TEXTS["vi"])) == time
        assert english_time(text_of(say.clock(*time, "en"), TEXTS["en"])) == time


@pytest.mark.parametrize(
    "words", ["ngày năm tháng năm", "ngày mùng mười một tháng hai", "ngày mùng hai tháng bốn", "mùng hai tháng ba"]
)
def test_the_reader_stumbles_over_wrong_dates(words: str) -> None:
    with pytest.raises(Misspoken):
        vietnamese_date(words)


@given(st.one_of(st.integers(0, 999_999_999_999), st.integers(0, 10_000).map(lambda n: n * 1000)))
def test_money_can_be_read_back(dong: int) -> None:
    assert vietnamese(spoken(say.money(dong, "vi")).removesuffix(" đồng")) == dong
    assert english(spoken(say.money(dong, "en"), "en").removesuffix(" dong")) == dong


@pytest.mark.parametrize(
    ("number", "groups"),
    [("0912345678", [4, 3, 3]), ("+84912345678", [4, 3, 3]), ("02043555666", [4, 3, 4]), ("113", [3]), ("", [])],
)
def test_telephones_are_read_in_groups(number: str, groups: list[int]) -> None:
    row: list[int] = []
    for sound in say.phone(number, "vi"):
        if sound == say.PAUSE or not row:
            row.append(0)
        row[-1] += sound != say.PAUSE
    assert row == groups
    assert not groups or "không chín một hai" in spoken(say.phone("0912345678", "vi"))


@given(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZĐ-.", max_size=30))
def test_a_code_is_read_whole(code: str) -> None:
    heard = [sound for sound in say.code(code, "vi") if sound != say.PAUSE]
    assert len(heard) == len(code)
    assert "".join(sound.rpartition("/")[2] for sound in heard if sound.startswith("digits")) == "".join(
        c for c in code if c.isdigit()
    )


@given(st.text(max_size=30))
def test_nothing_strange_is_read(code: str) -> None:
    assert all(sound in TEXTS["vi"] and sound in TEXTS["en"] for sound in say.code(code, "vi"))


@pytest.mark.parametrize(("seconds", "vi", "en"), [
    (0, "dưới một phút", "less than a minute"), (59, "dưới một phút", "less than a minute"), (60, "một phút", "one minute"),
    (61, "hai phút", "two minutes"), (1500, "hai mươi lăm phút", "twenty five minutes"),
])  # fmt: skip
def test_lengths_of_time(seconds: int, vi: str, en: str) -> None:
    assert (spoken(say.duration(seconds, "vi")), spoken(say.duration(seconds, "en"), "en")) == (vi, en)


def test_weekdays() -> None:
    monday = datetime.date(2026, 11, 23)
    days = [spoken(say.weekday(monday + datetime.timedelta(days=n), "vi")) for n in range(7)]
    assert days == ["thứ hai", "thứ ba", "thứ tư", "thứ năm", "thứ sáu", "thứ bảy", "chủ nhật"]


@given(st.from_regex(r"(\+84|0)[0-9]{7,11}", fullmatch=True))
def test_a_telephone_is_read_whole(number: str) -> None:
    heard = "".join(sound[-1] for sound in say.phone(number, "vi") if sound != say.PAUSE)
    assert heard == ("0" + number[3:] if number.startswith("+84") else number)
    runs = "".join(" " if sound == say.PAUSE else "x" for sound in say.phone(number, "vi")).split()
    assert all(2 <= len(run) <= 4 for run in runs)


@given(st.integers(60, 100_000))
def test_a_length_of_time_is_never_told_too_short(seconds: int) -> None:
    for language, reader in (("vi", vietnamese), ("en", english)):
        words = spoken(say.duration(seconds, language), language).rpartition(" ")[0]
        assert 0 <= reader(words) * 60 - seconds < 60


def test_letters_have_vietnamese_names() -> None:
    assert spoken(say.code("H29-Đ.W", "vi")) == "hát hai chín gạch đê chấm vê kép"
