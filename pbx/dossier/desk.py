"""The desk between the telephone and a portal: who may ask how often, what is proved, what is remembered when the portal is silent.

Nothing is told without the second factor, and a wrong factor sounds like a wrong code: nobody learns which dossiers exist. The memory holds
standings only, under names that nobody can guess without its key.
"""

import asyncio
import contextlib
import datetime
import hmac
import json
import logging
import os
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import yaml

from pbx.dossier.portal import Entry, Portal, PortalError
from pbx.dossier.shapes import (
    ZONE,
    Agency,
    Ambiguous,
    Answer,
    BadCode,
    Found,
    NeedFactor,
    Standing,
    TooMany,
    Unavailable,
    Unknown,
    is_code,
)  # fmt: skip
from pbx.numbers import same

log = logging.getLogger(__name__)

AGENCIES = Path(__file__).with_name("agencies.yaml")
REMEMBERED = 5_000


class Limits(msgspec.Struct, frozen=True):
    """Tries with a factor: in one call, of one number, of all withheld numbers together, and for one dossier, within `window_s`."""

    call: int = 3
    number: int = 9
    withheld: int = 30
    dossier: int = 9
    window_s: int = 3600
    deadline_s: float = 8.0
    rest_s: float = 30.0
    """After `faults` failures in a row the portal is left alone for so long."""
    faults: int = 3


class DossierDesk:
    """Asked from one loop. `clock` gives UTC ms; `memory` is the file of last good answers."""

    def __init__(
        self, portal: Portal, agencies: Sequence[Agency], clock: Callable[[], int], memory: "Memory", limits: Limits = Limits()  # noqa: B008
    ) -> None:  # fmt: skip
        self._portal, self._agencies, self._clock, self._memory, self._limits = (
            portal,
            tuple(agencies),
            clock,
            memory,
            limits,
        )
        self._tries: dict[str, deque[int]] = {}
        self._faults = 0
        self._rests_until = 0

    async def ask(
        self, *, digits: str, agency: str = "", factor: str = "", caller: str = "", call_id: str = ""
    ) -> Answer:
        """What may be told. `agency`: the order number chosen after an `Ambiguous` answer, from 1. Never raises."""
        today = datetime.datetime.fromtimestamp(self._clock() / 1000, ZONE).date()
        if not is_code(digits, today):
            return BadCode()
        if len(factor) != 4 or not (factor.isascii() and factor.isdigit()):
            return NeedFactor()
        if not agency and self._too_often(digits, caller, call_id):
            return TooMany()
        try:
            entries = await self._entries(digits)
        except PortalError as e:
            log.warning("portal_failed reason=%s", e)
            return self._remembered(digits, factor, agency, str(e))
        return self._chosen([entry for entry in entries if _proves(entry, factor)], digits, factor, agency)

    def _chosen(self, mine: list[Entry], digits: str, factor: str, agency: str) -> Answer:
        if len(mine) > 1:
            prefixes = {entry.standing.agency for entry in mine}
            agencies = tuple(a for a in self._agencies if a.prefix in prefixes)
            if not (agency.isdecimal() and 1 <= int(agency) <= len(agencies)):
                return Ambiguous(agencies)
            mine = [entry for entry in mine if entry.standing.agency == agencies[int(agency) - 1].prefix]
        if not mine:
            return Unknown()
        self._memory.keep(digits, factor, mine[0].standing)
        return Found(mine[0].standing)

    def _remembered(self, digits: str, factor: str, agency: str, why: str) -> Answer:
        standing = self._memory.find(digits, factor)
        return Found(standing, stale=True) if standing is not None else Unavailable(why)

    async def _entries(self, digits: str) -> list[Entry]:
        """From the portal, within the deadline; one that has failed again and again is left alone for a while."""
        if self._clock() < self._rests_until:
            raise PortalError("left alone after repeated failures")
        try:
            async with asyncio.timeout(self._limits.deadline_s):
                entries = await self._portal.find(digits, self._agencies)
        except (PortalError, TimeoutError) as e:
            self._faults += 1
            if self._faults >= self._limits.faults:
                self._rests_until = self._clock() + round(self._limits.rest_s * 1000)
                self._faults = self._limits.faults - 1  # after the rest one more failure is enough
            raise e if isinstance(e, PortalError) else PortalError("no answer in time") from e
        self._faults = 0
        return entries

    # --- limits -----------------------------------------------------------------------------------------------

    def _too_often(self, digits: str, caller: str, call_id: str) -> bool:
        """Counts this try, unless there were too many already."""
        limits, number = self._limits, same(caller)
        whose = (f"n:{number}", limits.number) if number else ("n:", limits.withheld)
        counted = [(f"c:{call_id}", limits.call), whose, (f"d:{digits}", limits.dossier)]
        if any(len(self._recent(key)) >= most for key, most in counted):
            return True
        for key, _ in counted:
            self._recent(key).append(self._clock())
        return False

    def _recent(self, key: str) -> deque[int]:
        tries = self._tries.pop(key, None) or deque()
        self._tries[key] = tries
        while tries and tries[0] <= self._clock() - self._limits.window_s * 1000:
            tries.popleft()
        while len(self._tries) > 3 * REMEMBERED:
            del self._tries[next(iter(self._tries))]
        return tries


def _proves(entry: Entry, factor: str) -> bool:
    """Each is compared in a time that tells nothing, and all of them are."""
    return sum(hmac.compare_digest(theirs.encode(), factor.encode()) for theirs in entry.factors) > 0


class Memory:
    """The last good standings in a file of our own. A damaged file is begun anew: it is a convenience."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._key, self._standings = secrets.token_bytes(32), dict[str, Standing]()
        if file is not None and file.exists():
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError, msgspec.ValidationError):
                found = json.loads(file.read_text("utf-8"))
                self._key = bytes.fromhex(found["key"])
                self._standings = msgspec.convert(found["standings"], dict[str, Standing])

    def _name(self, digits: str, factor: str) -> str:
        return hmac.digest(self._key, f"{digits}/{factor}".encode(), "sha256").hex()

    def find(self, digits: str, factor: str) -> Standing | None:
        return self._standings.get(self._name(digits, factor))

    def keep(self, digits: str, factor: str, standing: Standing) -> None:
        name = self._name(digits, factor)
        self._standings.pop(name, None)
        self._standings[name] = standing
        while len(self._standings) > REMEMBERED:
            del self._standings[next(iter(self._standings))]
        if self._file is not None:
            try:
                self._write(self._file)
            except OSError:
                log.warning("dossier_memory_not_written")

    def _write(self, file: Path) -> None:
        text = json.dumps({"key": self._key.hex(), "standings": msgspec.to_builtins(self._standings)})
        fresh = file.with_name(f".{file.name}.new")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as out:
            out.write(text)
        fresh.replace(file)


def load_agencies(path: Path = AGENCIES) -> tuple[Agency, ...]:
    """The agencies of the file."""
    return msgspec.convert(yaml.safe_load(path.read_text("utf-8")), tuple[Agency, ...])
