"""Reads numbers, days and times back from their words, the way a person who hears them would; written apart from what says them."""

_DIGITS = {word: n for n, word in enumerate(["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"])}
_AFTER_TENS = {"mốt": 1, "tư": 4, "lăm": 5}
_SIZES_VI = {"nghìn": 10**3, "triệu": 10**6, "tỷ": 10**9}
_SMALL_EN = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
             "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
             "eighteen": 18, "nineteen": 19}  # fmt: skip
_TENS_EN = {
    word: 10 * n
    for n, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_SIZES_EN = {"thousand": 10**3, "million": 10**6, "billion": 10**9}


class Misspoken(Exception):
    """A person would stumble over these words."""


def vietnamese(words: str) -> int:
    """The number that these words say.

    Raises:
        Misspoken: not as Vietnamese say it: «mươi một» for «mươi mốt», «mốt» without a ten, sizes out of order, and the like.
    """
    group: list[str] = []
    total, last_size = 0, 10**12
    for word in words.split():
        if word in _SIZES_VI:
            if _SIZES_VI[word] >= last_size or not group:
                raise Misspoken(words)
            last_size = _SIZES_VI[word]
            total += _group(group) * last_size
            group = []
        else:
            group.append(word)
    return total + (_group(group) if group else 0)


def _group(words: list[str]) -> int:
    """Up to three digits: [n trăm] [lẻ n | mười [n] | n mươi [n]]."""
    rest = list(words)
    value = 0
    if rest[1:2] == ["trăm"]:
        value, rest = 100 * _digit(rest[0], _DIGITS), rest[2:]
    if not rest:
        return value
    if rest[0] == "lẻ":
        if len(words) < 4 or len(rest) != 2:
            raise Misspoken(words)
        return value + _digit(rest[1], _DIGITS)
    if rest[0] == "mười":
        return value + 10 + _last(rest[1:], {**_DIGITS, "lăm": 5}, wrong=("năm", "không"))
    if rest[1:2] == ["mươi"]:
        return value + 10 * _digit(rest[0], _DIGITS) + _last(
            rest[2:], {**_DIGITS, **_AFTER_TENS}, wrong=("một", "bốn", "năm", "không")
        )  # fmt: skip
    if len(rest) != 1 or len(words) > 1:
        raise Misspoken(words)
    return _digit(rest[0], _DIGITS)


def _last(rest: list[str], names: dict[str, int], wrong: tuple[str, ...]) -> int:
    if not rest:
        return 0
    if len(rest) > 1 or rest[0] in wrong:
        raise Misspoken(rest)
    return _digit(rest[0], names)


def _digit(word: str, names: dict[str, int]) -> int:
    if word not in names:
        raise Misspoken(word)
    return names[word]


def english(words: str) -> int:
    """The number that these words say; raises `Misspoken` as `vietnamese` does."""
    total = group = 0
    last_size, last = 10**12, ""
    for word in words.split():
        if word in _SMALL_EN:
            if last in _SMALL_EN or (last in _TENS_EN and not 0 < _SMALL_EN[word] < 10):
                raise Misspoken(words)
            group += _SMALL_EN[word]
        elif word in _TENS_EN:
            if last in _SMALL_EN or last in _TENS_EN:
                raise Misspoken(words)
            group += _TENS_EN[word]
        elif word == "hundred":
            group *= 100
        elif word in _SIZES_EN and group and _SIZES_EN[word] < last_size:
            last_size = _SIZES_EN[word]
            total, group = total + group * last_size, 0
        else:
            raise Misspoken(words)
        last = word
    return total + group


# --- days and times -------------------------------------------------------------------------------------------------------


def vietnamese_date(words: str) -> tuple[int, int, int | None]:
    """Day, month, year: «ngày mùng năm tháng tư [năm hai nghìn không trăm hai mươi bảy]»."""
    day, _, rest = words.removeprefix("ngày ").partition(" tháng ")
    first = day.startswith("mùng ")
    day_of_month = vietnamese(day.removeprefix("mùng "))
    if first != (day_of_month <= 10) or not words.startswith("ngày "):
        raise Misspoken(words)
    for month, name in enumerate(
        ["một", "hai", "ba", "tư", "năm", "sáu", "bảy", "tám", "chín", "mười", "mười một", "mười hai"], 1
    ):
        if rest == name:
            return day_of_month, month, None
        if rest.startswith(f"{name} năm "):
            return day_of_month, month, vietnamese(rest.removeprefix(f"{name} năm "))
    raise Misspoken(words)


def vietnamese_time(words: str) -> tuple[int, int]:
    """Hour of 24, minute: «bảy giờ ba mươi tối»; the part of the day tells which seven."""
    hour_words, _, rest = words.partition(" giờ ")
    *minute_words, part = rest.split()
    hour = vietnamese(hour_words)
    match part:
        case "sáng" if 4 <= hour <= 10:
            pass
        case "trưa" if hour in (11, 12):
            pass
        case "chiều" if 1 <= hour <= 5:
            hour += 12
        case "tối" if 6 <= hour <= 9:
            hour += 12
        case "đêm" if hour in (10, 11):
            hour += 12
        case "đêm" if hour in (12, 1, 2, 3):
            hour %= 12
        case _:
            raise Misspoken(words)
    return hour, vietnamese(" ".join(minute_words).removesuffix(" phút"))


def english_date(words: str, months: list[str]) -> tuple[int, int, int | None]:
    """Day, month, year: «November twenty-fourth [two thousand twenty seven]»."""
    month, ordinal, *year = words.split(maxsplit=2)
    return _ordinal(ordinal), months.index(month) + 1, english(year[0]) if year else None


def _ordinal(word: str) -> int:
    irregular = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
                 "twentieth": 20, "thirtieth": 30}  # fmt: skip
    ten, _, one = word.rpartition("-")
    return (_TENS_EN[ten] if ten else 0) + (irregular[one] if one in irregular else english(one.removesuffix("th")))


def english_time(words: str) -> tuple[int, int]:
    """Hour of 24, minute: «one oh five P M»."""
    *spoken, half, _ = words.split()
    hour = english(spoken[0]) % 12 + (12 if half == "P" else 0)
    minutes = spoken[1:]
    if minutes[:1] == ["oh"]:
        return hour, english(minutes[1])
    return hour, english(" ".join(minutes))
