"""A session with Asterisk that is either known to be alive or known to be lost.

Connects, logs in, listens, and begins again for ever, slower each time; a refused login is tried again only after half a minute. A peer
that says nothing is noticed within six seconds. Nothing is kept while Asterisk is away and nothing is ever repeated: after a
reconnect the owner finds out what is, in `on_up`.

Knows nothing of what a message means, nor how it is written (`wire`).
"""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import SystemRandom
from typing import Literal

from pbx.ami.framing import Message, Quarantine
from pbx.ami.outgoing import AmiError, AmiLost, AmiRefused, AmiSlow, Reply, check
from pbx.ami.wire import Wire

__all__ = ["AmiError", "AmiLost", "AmiRefused", "AmiSlow", "Link", "Pace", "Reply", "State"]

log = logging.getLogger(__name__)

State = Literal["connecting", "up", "refused", "stopped"]
_random = SystemRandom()


@dataclass(frozen=True)
class Pace:
    """How long things may take, in seconds."""

    ping: float = 1.9
    patience: float = 3.8
    """How long a ping may stay unanswered; two more are sent meanwhile. With `ping` this bounds a silence: 5.7 s."""
    connect: float = 5.0
    login: float = 5.0
    booted: float = 2.0
    """How long to wait for FullyBooted, which an account without the class `system` never hears."""
    first_retry: float = 0.2
    longest_retry: float = 5.0
    refused_retry: float = 30.0
    settled: float = 5.0
    """After a session that lived this long the next retry is a quick one again."""


class Link:
    """One account's session with one Asterisk.

    `on_message` gets every event, in order, from within the reader: it must be cheap. `on_up` is awaited after each login; events that
    came since are held back until it has run to its first wait, so that it can prepare for them; if it fails the session is
    given up and tried again. `on_lost` gets the reason once for each change: closed, silent, refused, unreachable, not_ami,
    oversize, not_ready, dropped. `tee` gets every byte.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        secret: str,
        *,
        want_events: bool,
        on_message: Callable[[Message], None],
        on_up: Callable[[], Awaitable[None]] | None = None,
        on_lost: Callable[[str], None] | None = None,
        system_name: str = "",
        wanted: frozenset[str] | None = None,
        tee: Callable[[bytes], None] | None = None,
        tls: ssl.SSLContext | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._where = (host, port)
        events = "on" if want_events else "off"
        self._login = {"Action": "Login", "Username": user, "Secret": secret, "Events": events}
        check(self._login)
        self._want_events = want_events
        self._on_message = on_message
        self._on_up = on_up
        self._on_lost = on_lost
        self._system_name = system_name
        self._wanted = wanted
        self._tee = tee
        self._tls = tls
        self._pace = pace or Pace()
        self._wire: Wire | None = None
        self._running: asyncio.Task[None] | None = None
        self._told = ""
        self._stopped = False
        self.state: State = "connecting"
        self.banner = ""
        self.quarantine = Quarantine()
        """What was set aside, over all sessions."""
        self._last_heard = time.monotonic()

    def __repr__(self) -> str:
        return f"<Link {self._where[0]}:{self._where[1]} {self.state}>"

    @property
    def last_heard(self) -> float:
        """When the last byte came, on the clock of `time.monotonic`; when the link was made, if none ever did."""
        return self._last_heard if self._wire is None else self._wire.last_heard

    @property
    def pending(self) -> int:
        """How many actions are open."""
        return 0 if self._wire is None else len(self._wire.responses)

    # --- asking -------------------------------------------------------------------------------------------------

    async def ask(self, action: Mapping[str, str], *, deadline: float = 5.0) -> Reply:
        """Send an action and wait for the whole answer, a list with all its rows; at most `deadline` seconds.

        Raises:
            AmiRefused: Asterisk said no.
            AmiLost: not connected, or no longer; the outcome is unknown.
            AmiSlow: no answer in time; the outcome is unknown.
            ValueError: the action holds what must not be sent.
        """
        return await self._up().ask(action, deadline)

    def tell(self, action: Mapping[str, str]) -> None:
        """Send an action without waiting. What it does comes back as events; a refusal is logged.

        Raises:
            AmiLost: not connected; the action is not kept.
            ValueError: the action holds what must not be sent.
        """
        self._up().tell(action)

    def drop(self) -> None:
        """Give this session up and begin a new one: for an owner who cannot make sense of what it was told."""
        if self._wire is not None:
            self._wire.lose("dropped")

    def _up(self) -> Wire:
        if self._wire is None or self.state != "up":
            raise AmiLost("not connected")
        return self._wire

    # --- living -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until `stop`, or cancelled."""
        if self._stopped:
            return
        self._running = asyncio.create_task(self._for_ever())
        try:
            await self._running
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not self._stopped or (current is not None and current.cancelling()):
                raise
        finally:
            self.state = "stopped"

    async def stop(self) -> None:
        """End the session, or the wait for one; no connection is made afterwards."""
        self._stopped = True
        self.state = "stopped"
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    async def _for_ever(self) -> None:
        attempt = 0
        while True:
            begun = time.monotonic()
            reason = await self._session()
            attempt = 0 if time.monotonic() - begun >= self._pace.settled else attempt + 1
            self.state = "refused" if reason == "refused" else "connecting"
            if reason != self._told:
                self._tell_owner(reason)
            await asyncio.sleep(self._delay(reason, attempt))

    def _tell_owner(self, reason: str) -> None:
        self._told = reason
        log.warning("ami_lost reason=%s", reason)
        if self._on_lost is not None:
            try:
                self._on_lost(reason)
            except Exception as error:  # whoever listens badly must not end the listening
                log.error("ami_on_lost_failed error=%s", type(error).__name__)

    def _delay(self, reason: str, attempt: int) -> float:
        pace = self._pace
        if reason == "refused":
            return pace.refused_retry * _random.uniform(1.0, 1.2)
        longest = min(pace.longest_retry, pace.first_retry * 2.0 ** min(attempt, 16))
        return longest * _random.uniform(0.5, 1.0)

    async def _session(self) -> str:
        """One connection, from beginning to end; returns why it ended."""
        try:
            wire = await self._connect()
        except (OSError, TimeoutError):
            return "unreachable"
        try:
            # A peer that has not said that it is AMI is not told the secret.
            await asyncio.wait({wire.greeted}, timeout=self._pace.login)
            if not wire.greeted.done():
                raise AmiSlow("no greeting")
            self.banner = wire.framer.banner or ""
            await wire.ask(self._login, self._pace.login)
            await self._serve(wire)
        except AmiRefused:
            wire.lose("refused")
        except (AmiLost, TimeoutError):
            wire.lose("silent")
        finally:
            self._last_heard = wire.last_heard
            self._wire = None
            wire.close()
        return str(wire.reason)

    async def _connect(self) -> Wire:
        def make() -> Wire:
            return Wire(
                hear=self._on_message,
                tee=self._tee,
                system_name=self._system_name,
                wanted=self._wanted,
                quarantine=self.quarantine,
            )

        async with asyncio.timeout(self._pace.connect):
            _, wire = await asyncio.get_running_loop().create_connection(make, *self._where, ssl=self._tls)
        return wire

    async def _serve(self, wire: Wire) -> None:
        """Logged in: bring the owner up to date, then listen until the connection is lost."""
        if self._want_events:
            await asyncio.wait({wire.booted}, timeout=self._pace.booted)
        if wire.lost.done():
            return
        self._wire = wire
        self.state = "up"
        self._told = ""
        log.info("ami_up version=%s", self.banner.rpartition("/")[2])
        preparing = asyncio.create_task(self._prepare(wire))
        watching = asyncio.create_task(self._watch(wire))
        # Behind the new task's first step, which the loop has queued already.
        asyncio.get_running_loop().call_soon(wire.open)
        try:
            await asyncio.shield(wire.lost)
        finally:
            preparing.cancel()
            watching.cancel()
            await asyncio.wait({preparing, watching})

    async def _prepare(self, wire: Wire) -> None:
        if self._on_up is None:
            return
        try:
            await self._on_up()
        except Exception as error:  # an owner who does not know what is, must not go on as if he did
            log.error("ami_on_up_failed error=%s", type(error).__name__)
            wire.lose("not_ready")

    async def _watch(self, wire: Wire) -> None:
        """Ping, and end the connection when a ping stays unanswered. Whatever is heard counts as an answer."""
        pace = self._pace
        unanswered: float | None = None
        next_ping = time.monotonic() + pace.ping
        while not wire.lost.done():
            limit = next_ping if unanswered is None else min(next_ping, unanswered + pace.patience)
            await asyncio.sleep(max(0.0, limit - time.monotonic()))
            now = time.monotonic()
            if unanswered is not None and wire.last_heard > unanswered:
                unanswered = None
            if unanswered is not None and now >= unanswered + pace.patience:
                wire.lose("silent")
            elif now >= next_ping:
                with contextlib.suppress(AmiLost):
                    wire.tell({"Action": "Ping"})
                unanswered = unanswered or now
                next_ping = now + pace.ping
