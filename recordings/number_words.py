"""How numbers are said, digit by digit or in groups, in Vietnamese and English, as people and recognisers write it. Pure data and one look.

A token's weight is the count of digits that it stands for when somebody reads out a long number: «hai mươi tư» are two, «ba trăm linh năm»
three. Groups read as amounts («hai triệu») are told apart by their big words.
"""

import re
import unicodedata
from enum import Enum

from recordings.words import sound

_SAID = {
    "0": "không hông hổng khống zero oh o nought",
    "1": "một mốt one",
    "2": "hai two",
    "3": "ba three",
    "4": "bốn tư four",
    "5": "năm lăm nhăm five",
    "6": "sáu six",
    "7": "bảy bẩy seven",
    "8": "tám eight",
    "9": "chín nine",
}
DIGITS = {word: digit for digit, words in _SAID.items() for word in words.split()}
ONE_MORE = frozenset((
    "mười", "linh", "lẻ", "lẽ", "ninh", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
))  # fmt: skip
"""Each stands for one digit more: the one of «mười hai», the nought of «linh năm»."""
BETWEEN = frozenset(("mươi", "trăm", "chục", "rưỡi", "double", "triple", "hundred"))
"""Part of a number, and no digit of their own."""
TENS = frozenset(("mười", "mươi"))
"""A nought follows where no digit does."""
BIG = frozenset(("nghìn", "ngàn", "ngìn", "triệu", "tỷ", "tỉ", "thousand", "million", "billion"))
"""Whoever says these tells an amount or a year."""
FILLERS = frozenset((
    "ờ", "ơ", "à", "ạ", "ừ", "ừm", "ừa", "ờm", "um", "uh", "hm", "là", "rồi", "dạ", "vâng", "vầng", "nhé", "nha", "nhá", "thì",
    "tiếp", "theo", "ấy", "đấy", "đó", "xong", "phẩy", "chấm", "gạch", "ngang", "cách", "và", "với", "ok", "okê", "yes", "yeah",
    "and", "then", "dash", "dot", "space", "em", "cháu", "bác", "hả", "hở", "đức",
))  # fmt: skip
"""What is said between two groups of one number."""
_SOUNDS_LIKE = frozenset(map(sound, (*FILLERS, *DIGITS)))
"""Recognisers write «giá rối» for «dạ rồi» and «hải» for «hai»: such a word within a number is part of it."""
_NUMERIC = re.compile(r"\+?\d+(?:[.\-–/ ]\d+)*")


SURELY = 9
"""So many digits in one word are a number of somebody, whatever else is in the word."""


class Kind(Enum):
    """What a word is in the middle of a number."""

    DIGIT = 1
    PART = 2
    BIG = 3
    FILLER = 4
    OTHER = 5


def plain(word: str) -> str:
    """As the lists have it: composed, lower case, without what stands around it."""
    return unicodedata.normalize("NFC", word).lower().strip(".,;:!?…()[]«»\"'")


def look(word: str) -> tuple[Kind, int, str]:
    """Kind, how many digits it stands for, and the digits themselves where they are told."""
    token = plain(word)
    if token in DIGITS:
        return Kind.DIGIT, 1, DIGITS[token]
    if _NUMERIC.fullmatch(token):
        digits = "".join(c for c in token if c.isdecimal())
        # A date, or an amount with its points: 24/11/2026, 1.250.000.
        amount = "/" in token or re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+", token) is not None
        return (Kind.BIG, 0, "") if amount and not token.startswith("0") else (Kind.DIGIT, len(digits), digits)
    digits = "".join(c for c in token if c.isdecimal())
    if len(digits) >= SURELY:
        return Kind.DIGIT, len(digits), digits
    if token in ONE_MORE:
        return Kind.PART, 1, "?"
    if token in BETWEEN:
        return Kind.PART, 0, "?"
    if token in BIG:
        return Kind.BIG, 0, ""
    return (Kind.FILLER if token in FILLERS or sound(token) in _SOUNDS_LIKE else Kind.OTHER), 0, ""
