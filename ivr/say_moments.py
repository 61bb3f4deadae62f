"""Dates, times of day, weekdays, lengths of time, money, telephone numbers and codes as sounds. Pure, like the numbers in `ivr.say`."""

import datetime

from ivr.say import digits, number

PAUSE = "digits/pause"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def phone(text: str, language: str) -> tuple[str, ...]:
    """A telephone number in groups, as people read it out: 0912 345 678. `+84` is read as 0."""
    plain = "0" + text.removeprefix("+84") if text.startswith("+84") else text
    plain = "".join(c for c in plain if c.isascii() and c.isdigit())
    groups = [plain[:4], *(plain[i : i + 3] for i in range(4, len(plain), 3))]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return _grouped(groups)


def code(text: str, language: str) -> tuple[str, ...]:
    """A code one character after the other, digits in threes; what is neither digit, letter, dash nor dot is left out."""
    sounds: list[str] = []
    row = 0
    for character in text.upper():
        if character.isascii() and character.isdigit():
            if row and row % 3 == 0:
                sounds.append(PAUSE)
            sounds.append(f"digits/{character}")
            row += 1
        elif character in _NAMES:
            sounds.append(_NAMES[character])
            row = 0
    return tuple(sounds)


_NAMES = {letter: f"letters/{letter.lower()}" for letter in _LETTERS} | {
    "Đ": "letters/dd", "-": "letters/dash", ".": "letters/dot",
}  # fmt: skip


def _grouped(groups: list[str]) -> tuple[str, ...]:
    sounds = [sound for group in groups if group for sound in (*digits(group), PAUSE)]
    return tuple(sounds[:-1])


def money(dong: int, language: str) -> tuple[str, ...]:
    """«một trăm năm mươi nghìn đồng»."""
    return (*number(dong, language), "time/dong")


def date(day: datetime.date, language: str, *, year: bool = False) -> tuple[str, ...]:
    """24/11: «ngày hai mươi tư tháng mười một»; the first ten days are «mùng». English: «November twenty-fourth»."""
    if language == "vi":
        first = ("time/mung",) if day.day <= 10 else ()
        month = ("digits/4a",) if day.month == 4 else number(day.month, "vi")
        spoken = ("time/ngay", *first, *number(day.day, "vi"), "time/thang", *month)
        return (*spoken, "time/nam", *number(day.year, "vi")) if year else spoken
    spoken = (f"time/month-{day.month}", f"time/day-{day.day}")
    return (*spoken, *number(day.year, language)) if year else spoken


def weekday(day: datetime.date, language: str) -> tuple[str, ...]:
    """«thứ hai» … «chủ nhật»."""
    return (f"time/weekday-{day.isoweekday()}",)


def clock(hour: int, minute: int, language: str) -> tuple[str, ...]:
    """07:30 «bảy giờ ba mươi sáng», 13:05 «một giờ năm phút chiều»; English in twelve hours, too."""
    twelve = hour % 12 or 12
    if language == "vi":
        minutes = (*number(minute, "vi"), *(("time/phut",) if minute < 10 else ())) if minute else ()
        return (*number(twelve, "vi"), "time/gio", *minutes, _part_of_day(hour))
    minutes = (*(("time/oh",) if minute < 10 else ()), *number(minute, language)) if minute else ()
    return (*number(twelve, language), *minutes, "time/am" if hour < 12 else "time/pm")


def _part_of_day(hour: int) -> str:
    for until, name in ((4, "dem"), (11, "sang"), (13, "trua"), (18, "chieu"), (22, "toi")):
        if hour < until:
            return f"time/{name}"
    return "time/dem"


def duration(seconds: int, language: str) -> tuple[str, ...]:
    """Whole minutes, rounded up; what is shorter is «dưới một phút»."""
    if seconds < 60:
        return ("time/under-a-minute",)
    minutes = -(-seconds // 60)
    return (*number(minutes, language), "time/phut" if language == "vi" or minutes != 1 else "time/minute")


MOMENTS = {
    "vi": {
        "time/ngay": "ngày", "time/mung": "mùng", "time/thang": "tháng", "time/nam": "năm", "time/gio": "giờ", "time/phut": "phút",
        "time/sang": "sáng", "time/trua": "trưa", "time/chieu": "chiều", "time/toi": "tối", "time/dem": "đêm",
        "time/dong": "đồng", "time/under-a-minute": "dưới một phút", "time/today": "hôm nay", "time/tomorrow": "ngày mai",
        **{f"time/weekday-{n}": name for n, name in enumerate(
            ("thứ hai", "thứ ba", "thứ tư", "thứ năm", "thứ sáu", "thứ bảy", "chủ nhật"), 1)},
        **{f"letters/{letter}": name for letter, name in zip(
            (*_LETTERS.lower(), "dd", "dash", "dot"),
            ("a", "bê", "xê", "dê", "e", "ép phờ", "giê", "hát", "i ngắn", "gi", "ca", "lờ", "mờ", "nờ", "o", "pê", "quy", "rờ",
             "sờ", "tê", "u", "vê", "vê kép", "ích xì", "i dài", "dét", "đê", "gạch", "chấm"), strict=True)},
    },
    "en": {
        "time/am": "A M", "time/pm": "P M", "time/oh": "oh", "time/dong": "dong", "time/phut": "minutes", "time/minute": "minute",
        "time/under-a-minute": "less than a minute", "time/today": "today", "time/tomorrow": "tomorrow",
        **{f"time/weekday-{n}": name for n, name in enumerate(
            ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), 1)},
        **{f"time/month-{n}": name for n, name in enumerate(
            ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
             "December"), 1)},
        **{f"time/day-{n}": name for n, name in enumerate(
            ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
             "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth",
             "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth", "twenty-seventh",
             "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first"), 1)},
        **{f"letters/{letter}": name for letter, name in zip(
            (*_LETTERS.lower(), "dd", "dash", "dot"), (*_LETTERS, "D", "dash", "dot"), strict=True)},
    },
}  # fmt: skip
"""Language -> sound -> what it says. A pause says nothing."""
