"""Dossiers as the hotline knows them: codes, standings, answers, and how an answer is spoken. Pure.

A standing has no name, no address and no content: what it does not hold cannot be told to the wrong person.
"""

import datetime
import re
from zoneinfo import ZoneInfo

import msgspec

from ivr import say, say_moments

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_DIGITS = re.compile(r"[0-9]{10}")
WAITING = frozenset((1, 2, 4, 5, 6))
"""National codes of dossiers whose result is still to come: for them the appointment is told."""
SPOKEN = frozenset(range(1, 11))
BRING = frozenset((5, 6, 9))
"""National codes at which the citizen has something to do or to bring."""


class Agency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One agency that gives out codes. `prefix` begins its dossier codes; `unit` is what the portal calls it; `prompt` says its name."""

    prefix: str
    unit: str
    prompt: str

    def code(self, digits: str) -> str:
        """The whole code: 000.00.01.H29-240115-0001."""
        return f"{self.prefix}-{digits[:6]}-{digits[6:]}"


class Standing(msgspec.Struct, frozen=True):
    """How a dossier stood at `as_of` (UTC ms). `status`: national code, 0 for one that nobody knows."""

    code: str
    agency: str
    status: int
    as_of: int
    due: datetime.date | None = None
    returned: datetime.date | None = None
    fee_dong: int = 0


class Found(msgspec.Struct, frozen=True):
    """`stale`: the portal did not answer, this is the last good answer."""

    standing: Standing
    stale: bool = False


class Ambiguous(msgspec.Struct, frozen=True):
    """Several agencies have a dossier of these digits and this factor; the caller chooses by the order."""

    agencies: tuple[Agency, ...]


class BadCode(msgspec.Struct, frozen=True):
    """Not ten digits that begin with a date that was."""


class NeedFactor(msgspec.Struct, frozen=True):
    """The second factor is missing. The same for codes that exist and for those that do not."""


class Unknown(msgspec.Struct, frozen=True):
    """No dossier of these digits has this factor. Which of the two is wrong is not told: nobody learns what exists."""


class TooMany(msgspec.Struct, frozen=True):
    """Too many tries, by this call, this number, or for this dossier."""


class Unavailable(msgspec.Struct, frozen=True):
    """The portal does not answer, and nothing is remembered. `why` is for the log."""

    why: str


Answer = Found | Ambiguous | BadCode | NeedFactor | Unknown | TooMany | Unavailable


def is_code(digits: str, today: datetime.date) -> bool:
    """Whether these could be the last ten digits of a code: yymmdd, not after tomorrow, and four more."""
    if not _DIGITS.fullmatch(digits):
        return False
    try:
        day = datetime.date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return False
    return day <= today + datetime.timedelta(days=1)


def sounds(answer: Answer, language: str) -> tuple[str, ...]:
    """What the caller hears."""
    match answer:
        case Found():
            return _standing(answer, language)
        case Ambiguous():
            return tuple(
                sound
                for n, agency in enumerate(answer.agencies, 1)
                for sound in (*say.number(n, language), say_moments.PAUSE, f"smartpbx/{agency.prompt}")
            )
        case BadCode():
            return ("smartpbx/dossier-bad-code",)
        case TooMany():
            return ("smartpbx/dossier-too-many",)
        case Unavailable():
            return ("smartpbx/dossier-unavailable",)
        case Unknown() | NeedFactor():
            return ("smartpbx/dossier-not-found",)


def _standing(found: Found, language: str) -> tuple[str, ...]:
    standing = found.standing
    spoken: list[str] = []
    if found.stale:
        then = datetime.datetime.fromtimestamp(standing.as_of / 1000, ZONE)
        spoken += ["smartpbx/dossier-as-of", *say_moments.clock(then.hour, then.minute, language)]
        spoken += say_moments.date(then.date(), language)
    spoken.append(f"smartpbx/dossier-status-{standing.status if standing.status in SPOKEN else 0}")
    if standing.status == 6 and standing.fee_dong:
        spoken += ["smartpbx/dossier-fee", *say_moments.money(standing.fee_dong, language)]
    if standing.status in BRING:
        spoken.append(f"smartpbx/dossier-bring-{standing.status}")
    if standing.due is not None and standing.status in WAITING:
        spoken += ["smartpbx/dossier-due", *say_moments.date(standing.due, language)]
    return tuple(spoken)
