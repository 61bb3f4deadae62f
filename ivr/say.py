"""Numbers in words: as sounds for the telephone, and as text for people.

Vietnamese by the rules of Asterisk's own `say.c`, with its file names, so that what Asterisk says and what we say is the same: mốt
after a ten, tư after a ten, lăm after a ten, lẻ where a ten is missing, không trăm where a hundred is. Pure.
"""

from collections.abc import Iterator

LIMIT = 10**12
"""Asterisk's own numbers end at a thousand million; a tax on land does not."""
_SIZES = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (1, ""))

_ONES_VI = ["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"]
_ONES_EN = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
            "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]  # fmt: skip
_TENS_EN = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

WORDS = {
    "vi": {
        **{str(n): word for n, word in enumerate(_ONES_VI)},
        "10": "mười",
        "tens": "mươi",
        "1a": "mốt",
        "4a": "tư",
        "5a": "lăm",
        "odd": "lẻ",
        "hundred": "trăm",
        "thousand": "nghìn",
        "million": "triệu",
        "billion": "tỷ",
    },
    "en": {
        **{str(n): word for n, word in enumerate(_ONES_EN)},
        **{str(10 * n): word for n, word in enumerate(_TENS_EN) if word},
        "hundred": "hundred",
        "thousand": "thousand",
        "million": "million",
        "billion": "billion",
    },
}
"""Language -> sound below `digits/` -> the word that it says."""


def digits(keys: str) -> tuple[str, ...]:
    """Sounds that read a code or a telephone number digit by digit."""
    return tuple(f"digits/{digit}" for digit in keys if digit.isascii() and digit.isdigit())


def number(value: int, language: str) -> tuple[str, ...]:
    """Sounds that say a whole number, 0 ≤ value < 10¹².

    Raises:
        ValueError: outside that range.
    """
    return tuple(f"digits/{name}" for name in _names(value, language))


def spoken(value: int, language: str = "vi") -> str:
    """The same as text: 1205 -> «một nghìn hai trăm lẻ năm»."""
    return " ".join(WORDS[language][name] for name in _names(value, language))


def _names(value: int, language: str) -> Iterator[str]:
    if not 0 <= value < LIMIT:
        raise ValueError(f"{value} is not between 0 and {LIMIT - 1}")
    return _vi(value) if language == "vi" else _en(value)


def _vi(value: int) -> Iterator[str]:
    if value == 0:
        yield "0"
        return
    led = False
    for size, name in _SIZES:
        group = value // size % 1000
        if group:
            yield from _group_vi(group, full=led)
            if name:
                yield name
        led = led or bool(group)


def _group_vi(group: int, *, full: bool) -> Iterator[str]:
    """Three digits; `full` when something greater was said before, so that a missing hundred must be said."""
    hundreds, rest = divmod(group, 100)
    tens, ones = divmod(rest, 10)
    if hundreds or full:
        yield str(hundreds)
        yield "hundred"
    if not tens and ones and (hundreds or full):
        yield "odd"
    if tens == 1:
        yield "10"
    elif tens:
        yield str(tens)
        yield "tens"
    if ones:
        yield _one_vi(ones, tens)


def _one_vi(ones: int, tens: int) -> str:
    if tens >= 2 and ones == 1:
        return "1a"
    if tens >= 2 and ones == 4:
        return "4a"
    if tens and ones == 5:
        return "5a"
    return str(ones)


def _en(value: int) -> Iterator[str]:
    if value == 0:
        yield "0"
        return
    for size, name in _SIZES:
        group = value // size % 1000
        if group:
            yield from _group_en(group)
            if name:
                yield name


def _group_en(group: int) -> Iterator[str]:
    hundreds, rest = divmod(group, 100)
    if hundreds:
        yield str(hundreds)
        yield "hundred"
    if rest >= 20:
        yield str(rest // 10 * 10)
        rest %= 10
    if rest:
        yield str(rest)
