"""The two sessions with one Asterisk, and the past that is told whenever both are up again.

One account only listens, the other only acts: neither alone is worth stealing. After each login live events wait while a snapshot and
the witnesses are asked; then the inbox gets the past, the present, and what waited, in that order. Knows when to ask, not what it means.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from pbx import events as e
from pbx.ami import actions
from pbx.ami.link import AmiError, Link
from pbx.ami.translate import WANTED, snapshot
from pbx.ledger import Ledger
from pbx.service import HEARTBEAT_S, Service, now_ms
from pbx.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 1.0


class Pair:
    """Owns both links. `tee` gets every byte that the listening one receives."""

    def __init__(self, settings: Settings, ledger: Ledger, tee: Callable[[bytes], None] | None = None) -> None:
        self._ledger = ledger
        self._service: Service | None = None
        where = (settings.ami_host, settings.ami_port)
        self._events = Link(
            *where, settings.ami_events_user, settings.ami_events_secret, want_events=True, on_message=self._hear,
            on_up=self._came_up, on_lost=self._lost, system_name=settings.system_name, wanted=WANTED, tee=tee,
        )  # fmt: skip
        self._commands = Link(
            *where, settings.ami_commands_user, settings.ami_commands_secret, want_events=False,
            on_message=_nothing, on_up=self._came_up, system_name=settings.system_name,
        )  # fmt: skip
        self._telling = asyncio.Lock()

    def tell(self, action: actions.Action) -> None:
        """Send without waiting; while the link is down the action is dropped, because its moment will have passed."""
        try:
            self._commands.tell(action)
        except (AmiError, ValueError):
            log.warning("action_dropped kind=%s", action["Action"])

    async def run(self, service: Service) -> None:
        """Until cancelled."""
        self._service = service
        async with asyncio.TaskGroup() as group:
            group.create_task(self._events.run())
            group.create_task(self._commands.run())
            group.create_task(self._beat(service))
            group.create_task(_tick(service))

    def _hear(self, message: dict[str, str]) -> None:
        if self._service is not None:
            self._service.hear(message)

    async def _came_up(self) -> None:
        """A session logged in. The listening one needs the past; when the acting one comes after it, callers whom nobody
        could speak to meanwhile are found by asking once more. A failure in here ends that session, and it begins again."""
        service = self._service
        if service is None or self._events.state != "up":
            return
        service.hold()
        async with self._telling:
            # Once more: whoever told the past before us has let everything go, and what comes now must not overtake our snapshot.
            service.hold()
            past: list[e.AnyEvent] = []
            try:
                past = await self._past(service)
                service.link_up = True
            finally:
                service.release(past)
        service.beat(0)

    async def _past(self, service: Service) -> list[e.AnyEvent]:
        status = (await self._events.ask(actions.STATUS)).headers
        boot = f"{status.get('CoreStartupDate', '')} {status.get('CoreStartupTime', '')}"
        channels = await self._events.ask(actions.CHANNELS)
        queues = await self._events.ask(actions.QUEUES)
        at = now_ms()
        # The witnesses last: whoever is missing from the snapshot has its end in what they had written by then.
        since, mark = service.board.last_at, service.board.ledger
        past, read = await asyncio.to_thread(self._ledger.read, since, mark)
        return [e.LinkUp(at, boot), *past, read, snapshot(at, channels.rows, queues.rows)]

    def _lost(self, reason: str) -> None:
        service = self._service
        if service is None or not service.link_up:
            return
        service.link_up = False
        silent_s = time.monotonic() - self._events.last_heard
        service.put(e.LinkLost(now_ms() - round(1000 * max(0.0, silent_s)), reason))

    async def _beat(self, service: Service) -> None:
        count = 0
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if service.link_up:
                count += 1
                service.beat(count)


async def _tick(service: Service) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        if service.link_up:
            service.tick()


def _nothing(_message: dict[str, str]) -> None:
    """The acting session hears nothing but answers."""
