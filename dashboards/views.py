"""How things are said on a page: words, numbers, times in Vietnam, masked numbers, thresholds. Pure; templates only place it.

Numbers are masked here, and text that callers control loses what could turn it round or hide it; escaping is the template engine's.
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.words import WORDS
from pbx.centre import Centre

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TARGET = 80.0
WARN_S, OVER_S = 60, 180
MARKS = 3
"""A Vietnamese letter carries at most two marks; a pile of more hides its neighbours."""
ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
TONES = "\u0300\u0301\u0303\u0309\u0323"

View = dict[str, Any]


class Tongue:
    """The words and number forms of one language."""

    def __init__(self, language: str) -> None:
        self.language = language if language in WORDS else "vi"
        self._words = WORDS[self.language]

    def __call__(self, key: str, **values: object) -> str:
        return self._words[key].format(**values)

    def __contains__(self, key: str) -> bool:
        return key in self._words

    def per_cent(self, value: float | None) -> str:
        if value is None:
            return "–"
        return f"{value:.1f}".replace(".", ",") if self.language == "vi" else f"{value:.1f}"

    def count(self, value: int) -> str:
        """1.234 in Vietnamese, 1,234 in English."""
        return f"{value:,}".replace(",", ".") if self.language == "vi" else f"{value:,}"


def titles_of(centre: Centre, say: Tongue) -> dict[str, str]:
    """Queue -> what people call it."""
    return {q.name: clean(q.title if say.language == "vi" else q.title_en) for q in centre.queues}


# --- text that others wrote ---------------------------------------------------------------------------------------


def clean(text: str, limit: int = 120) -> str:
    """Text of a caller's without control and direction characters or piles of marks, and not endless."""
    kept: list[str] = []
    marks = 0
    for c in unicodedata.normalize("NFC", text):
        category = unicodedata.category(c)
        marks = marks + 1 if category == "Mn" else 0
        if category not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and marks <= MARKS:
            kept.append(c)
    return "".join(kept) if len(kept) <= limit else "".join(kept[: limit - 1]) + "…"


def masked(number: str, say: Tongue) -> str:
    """A number that a passer-by may see: `0912•••678`. Extensions and service numbers are nobody's and stay whole."""
    if not number:
        return say("hidden_number")
    if number == "invalid":
        return say("invalid_number")
    number = clean(number, 400)
    if len(number) <= 5:
        return number
    first = 4 if len(number) >= 10 else 2
    return f"{number[:first]}•••{number[-3:]}"


def sort_key(name: str) -> list[int]:
    """The order of the Vietnamese alphabet: ă after a, đ after d, tones last."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name.lower()) if c not in TONES)
    letters = unicodedata.normalize("NFC", plain)
    return [ALPHABET.find(c) if c in ALPHABET else ord(c) + 100 for c in letters]


# --- times --------------------------------------------------------------------------------------------------------


def clock(at: int, *, seconds: bool = True) -> str:
    return _local(at).strftime("%H:%M:%S" if seconds else "%H:%M")


def date(at: int) -> str:
    return _local(at).strftime("%d/%m/%Y")


def date_time(at: int) -> str:
    return f"{date(at)} {clock(at)}"


def when(at: int | None, now: int) -> str:
    """The time alone when it is today's, with its date when not."""
    if at is None:
        return "–"
    return clock(at, seconds=False) if date(at) == date(now) else f"{clock(at, seconds=False)} {date(at)}"


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZONE)


def span(ms: int) -> str:
    """A duration as people read it: 0:07, 3:12, 1:02:09."""
    seconds = max(0, ms) // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def ticking(since: int, now: int, *, waiting: bool = False) -> View:
    """A running time: the page counts on from `since`; `mark` is its threshold now."""
    return {
        "since": since,
        "text": span(now - since),
        "mark": threshold(now - since) if waiting else "",
        "waiting": waiting,
    }


# --- thresholds ---------------------------------------------------------------------------------------------------


def threshold(wait_ms: int) -> str:
    return "over" if wait_ms >= OVER_S * 1000 else "warn" if wait_ms >= WARN_S * 1000 else "ok"


def level(value: float | None) -> str:
    """How a service level stands to its target."""
    if value is None:
        return "none"
    return "ok" if value >= TARGET else "warn" if value >= TARGET - 10 else "over"


Titles = Mapping[str, str]
"""Queue -> what people call it."""
