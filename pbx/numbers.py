"""Which telephone numbers may be dialled, and when two of them are the same one.

A number comes from strangers: a caller's own claim, keys, a form. What this lets through is digits only and somebody's telephone in
Vietnam; everything else is refused. Pure.
"""

import re

_MOBILE = re.compile(r"0[35789]\d{8}")
_LANDLINE = re.compile(r"02\d{9}")
_NOISE = str.maketrans("", "", " .-()\t")
LONGEST = 20


def dialable(text: str) -> str | None:
    """The national form (`0912345678`) of a Vietnamese mobile or landline number, None for anything else.

    +84 and 0084 are folded; short, special and foreign numbers are refused: calling them may cost money or reach an emergency service.
    """
    number = text.strip().translate(_NOISE)
    if len(number) > LONGEST or not number.isascii():
        return None
    for prefix in ("+84", "0084"):
        if number.startswith(prefix):
            number = "0" + number.removeprefix(prefix).removeprefix("0")
    return number if _MOBILE.fullmatch(number) or _LANDLINE.fullmatch(number) else None


def same(text: str) -> str:
    """What stands for this caller when calls are compared: the dialable form, else the text; '' for a withheld number."""
    return dialable(text) or (text if text.lower() not in ("", "invalid", "anonymous", "unknown", "restricted") else "")
