"""Agents for tests: phones that are signed in and answer, never answer, or refuse, and count what they did."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from pbx.demo.call import CallEndedError
from pbx.demo.conversations import conversations
from pbx.demo.phone import Phone
from pbx.settings import Settings


class Desk:
    """One agent. `rings_s` None never answers; `busy` refuses at once; `talks_s` None lets the caller hang up."""

    def __init__(self, phone: Phone, rings_s: float | None, talks_s: float | None, busy: bool) -> None:
        self.phone = phone
        self._rings_s, self._talks_s, self._busy = rings_s, talks_s, busy
        self.rang = 0
        self.answered = 0
        self.hung_up = 0
        """How many calls this agent ended, not the caller."""

    async def work(self) -> None:
        while True:
            call = await self.phone.next_call()
            self.rang += 1
            if self._busy:
                call.reject(486)
                continue
            call.ring()
            with contextlib.suppress(CallEndedError):
                if self._rings_s is None:
                    await call.ended
                    continue
                await call.stay(self._rings_s)
                call.answer()
                self.answered += 1
                await call.say(conversations()[0].turns[0].audio)
                if self._talks_s is None:
                    await call.ended
                    continue
                await call.stay(self._talks_s)
                self.hung_up += 1
                await call.hangup()


@contextlib.asynccontextmanager
async def desk(
    settings: Settings,
    extension: str,
    secret: str,
    *,
    rings_s: float | None = 0.5,
    talks_s: float | None = None,
    busy: bool = False,
) -> AsyncIterator[Desk]:
    """Sign an agent in for the length of the block."""
    server = (settings.bind_address, settings.sip_port)
    async with Phone(server, extension, secret=secret, local_ip=settings.bind_address) as phone:
        await phone.register()
        at = Desk(phone, rings_s, talks_s, busy)
        working = asyncio.create_task(at.work())
        try:
            yield at
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
