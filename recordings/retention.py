"""How long things are kept, and what is due to go. Pure but for reading the file of rules."""

from pathlib import Path
from typing import Literal

import msgspec
import yaml

from ivr.problem import Problem

SHIPPED = Path(__file__).with_name("keeping.yaml")
DAY_MS = 86_400_000
Kind = Literal["recording", "original", "transcript", "message", "petition", "number"]
KINDS: tuple[Kind, ...] = ("recording", "original", "transcript", "message", "petition", "number")
FORWARD_DAYS = 40
"""A clock that has gone further since the last run is asked about before anything goes."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days since the call, and what it is kept for."""

    days: int
    purpose: str


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule for each kind. `recording`: what may be played; `original`: what holds the masked numbers; `message` and `petition`: the
    recordings and words of callers who left one; `number`: who called."""

    recording: Rule
    original: Rule
    transcript: Rule
    message: Rule
    petition: Rule
    number: Rule

    def of(self, kind: Kind) -> Rule:
        rule: Rule = getattr(self, kind)
        return rule


def load_rules(path: Path = SHIPPED) -> Rules:
    """Read and check the file.

    Raises:
        Problem: it cannot be read, or a rule is missing, unknown or makes no sense.
    """
    try:
        rules = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Rules)
    except (OSError, yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as e:
        raise Problem(
            f"Tệp thời hạn lưu {path} sai hoặc không đọc được: {e}. Mẫu đúng là {SHIPPED}.",
            f"The file of retention rules {path} is wrong or cannot be read: {e}. {SHIPPED} is a right example.",
        ) from e
    wrong = [kind for kind in KINDS if not (1 <= rules.of(kind).days <= 36_500 and rules.of(kind).purpose.strip())]
    if wrong:
        listed = ", ".join(wrong)
        raise Problem(
            f"Tệp thời hạn lưu {path}: {listed} cần số ngày từ 1 đến 36500 và mục đích. Hãy điền lại.",
            f"{path}: {listed} need 1 to 36500 days and a purpose. Fill them in.",
        )
    return rules


def kind_of_talk(message: str) -> Kind | None:
    """Which rule keeps the audio and the words of a call that left a message; None for a talk, whose audio and words have their own."""
    return {"voicemail": "message", "petition": "petition"}.get(message)  # type: ignore[return-value]


def clock_problem(now: int, last: int | None) -> str:
    """Why nothing may go now: `back` when the clock went back since the last run, `forward` when it went far; '' when all is well."""
    if last is None:
        return ""
    if now < last:
        return "back"
    return "forward" if now - last > FORWARD_DAYS * DAY_MS else ""
