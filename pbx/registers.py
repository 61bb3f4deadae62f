"""What the menu asks of registers outside: dossiers of the portal, numbers for petitions. Each question ends in exactly one event.

A register may be slow, dead or wrong; callers in the menu hear music meanwhile, and what comes back is always one of the results that
menus know.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from ivr import say
from pbx import commands as c
from pbx import events as e
from pbx.dossier.desk import DossierDesk, Limits, Memory, load_agencies
from pbx.dossier.national import NationalPortal
from pbx.dossier.opencps import OpenCps
from pbx.dossier.portal import Portal
from pbx.dossier.shapes import Ambiguous, Answer, BadCode, Found, NeedFactor, TooMany, Unknown, sounds
from pbx.service import now_ms
from pbx.settings import Settings
from pbx.today import ZONE

log = logging.getLogger(__name__)

LONGEST_S = 15.0
"""No register keeps a caller longer, whatever it promises."""
Tell = Callable[[e.LookupFinished], None]


class Registers:
    """`register(call_id, day, at)` gives a petition its number and may block; `tell` takes the answer, in the loop."""

    def __init__(self, desk: DossierDesk | None, register: Callable[[str, str, int], str], tell: Tell) -> None:
        self._desk = desk
        self._register = register
        self._tell = tell
        self._running: set[asyncio.Task[None]] = set()

    def ask(self, question: c.LookUp) -> None:
        """Begin to look; the answer comes as an event."""
        task = asyncio.get_running_loop().create_task(self._answer(question))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, question: c.LookUp) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                result, spoken, values = await self._look(question)
        except Exception as error:  # an edge: whatever a register does, the caller goes on
            log.warning("lookup_failed about=%s reason=%s", question.about, type(error).__name__)
            result, spoken, values = "unavailable", (), {}
        self._tell(e.LookupFinished(now_ms(), question.call_id, question.command_id, result, spoken, values))

    async def _look(self, question: c.LookUp) -> tuple[str, tuple[str, ...], dict[str, str]]:
        if question.about == "petition":
            at = now_ms()
            day = datetime.fromtimestamp(at / 1000, ZONE).strftime("%y%m%d")
            number = await asyncio.to_thread(self._register, question.call_id, day, at)
            return "registered", say.digits(number), {"petition": number}
        if self._desk is None:
            return "unavailable", ("smartpbx/dossier-unavailable",), {}
        values = question.values
        answer = await self._desk.ask(
            digits=values.get("code", ""), agency=values.get("agency", ""), factor=values.get("factor", ""),
            caller=question.caller, call_id=question.call_id,
        )  # fmt: skip
        return result_of(answer), sounds(answer, question.language), {}


def result_of(answer: Answer) -> str:
    """The name that menus know an answer by."""
    match answer:
        case Found():
            return "found"
        case Ambiguous():
            return "ambiguous"
        case NeedFactor():
            return "need_factor"
        case Unknown():
            return "unknown"
        case TooMany():
            return "too_many"
        case BadCode():
            return "bad_code"
        case _:
            return "unavailable"


def dossier_desk(settings: Settings) -> DossierDesk | None:
    """The desk that asks the portal of the settings; None where there is none."""
    if not settings.portal_url:
        return None
    limits = Limits()
    where = (settings.portal_url, limits.deadline_s)
    portal: Portal = OpenCps(*where) if settings.portal_kind == "opencps" else NationalPortal(*where)
    return DossierDesk(portal, load_agencies(), now_ms, Memory(settings.data_dir.absolute() / "dossiers.json"), limits)
