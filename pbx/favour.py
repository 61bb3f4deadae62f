"""Who gets a head start in the queue, how much, and why. Pure.

A head start is counted in seconds of waiting, never as a rank: a caller with 120 s stands where somebody stands who came 120 s earlier. It
is capped, so nobody waits longer than the cap because of others who came later, however many those are.
"""

from collections.abc import Mapping

import msgspec

from pbx.numbers import same
from pbx.record import CallRecord, Outcome

REMEMBERED = 20_000
SHORT_TALK_MS = 5_000
"""Nobody is helped in less; a caller who comes again after such a talk was cut off."""
LOST = frozenset((Outcome.ABANDONED, Outcome.TIMEOUT, Outcome.LEAVE_EMPTY, Outcome.FAILED))


class Favours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds of head start for each reason, of which the greatest counts, and what no sum may exceed."""

    cut_off_s: int = 180
    """Whose talk broke off within the last `within_s`."""
    lost_s: int = 60
    """Who waited in vain within the last `within_s`."""
    dossier_s: int = 60
    """Who called about the same dossier before."""
    line_s: Mapping[str, int] = {}
    """Dialled number -> head start of that line, such as one for the elderly."""
    cap_s: int = 300
    within_s: int = 3600


class _Past(msgspec.Struct):
    at: int
    outcome: Outcome
    cut_off: bool


class Recent:
    """The latest call of each number and of each dossier, for as long as it matters."""

    def __init__(self, favours: Favours = Favours()) -> None:  # noqa: B008 - frozen
        self._favours = favours
        self._numbers: dict[str, _Past] = {}
        self._dossiers: dict[str, int] = {}

    def add(self, record: CallRecord) -> None:
        """A call is over."""
        number = same(record.caller)
        if number:
            cut_off = _was_cut_off(record)
            self._numbers.pop(number, None)
            self._numbers[number] = _Past(record.ended_at, record.outcome, cut_off)
        if record.dossier:
            self._dossiers.pop(record.dossier, None)
            self._dossiers[record.dossier] = record.ended_at
        for kept in (self._numbers, self._dossiers):
            if len(kept) > REMEMBERED:
                del kept[next(iter(kept))]

    def favour(self, caller: str, dialled: str, dossier: str, at: int) -> tuple[int, str]:
        """Seconds of head start and the reason, `(0, '')` for most people."""
        rules = self._favours
        reasons = {"line": rules.line_s.get(dialled, 0)}
        past = self._numbers.get(same(caller)) if same(caller) else None
        if past is not None and at - past.at <= rules.within_s * 1000:
            reasons["cut_off"] = rules.cut_off_s if past.cut_off else 0
            reasons["lost"] = rules.lost_s if past.outcome in LOST else 0
        if dossier in self._dossiers:
            reasons["dossier"] = rules.dossier_s
        why = max(reasons, key=lambda reason: reasons[reason])
        seconds = min(reasons[why], rules.cap_s)
        return (seconds, why) if seconds > 0 else (0, "")


def _was_cut_off(record: CallRecord) -> bool:
    """A talk that ended by no ordinary hang-up (Q.850 cause 16), or before it began, or that nobody saw end."""
    if not record.talk_ms and record.answered_at is None:
        return False
    return record.cause not in (0, 16) or record.talk_ms < SHORT_TALK_MS or record.complete_by == "unknown"
