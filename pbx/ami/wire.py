"""One connection to Asterisk, and the one door to panoramisk.

From panoramisk come the protocol, which holds the transport and the table of open actions, and the action, which writes itself and
carries its future. Passed by are its parser (decodes each chunk alone, falls over repeated headers), its `send` (escapes
nothing, logs secrets), its keeping of unanswered actions (sends an Originate again after every reconnect), its belief about when an
answer is whole, its obedience to a Shutdown that anybody may forge, and the whole Manager (pings without listening for the answer,
reconnects after `close`, hammers a wrong secret, makes one task an event). Its FastAGI server and CallManager are not to be used at all.

Nothing is sent twice, everything open fails when the connection ends, and no message, callback or answer ends it by being odd.
Knows nothing of reconnecting or of what a message means.
"""

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol

from pbx.ami.framing import Framer, Message, Oversize, Quarantine
from pbx.ami.outgoing import AmiError, AmiLost, AmiRefused, AmiSlow, Reply, check

log = logging.getLogger(__name__)

MAX_OPEN = 100
MAX_UNSENT = 1 << 20
USER_TIMEOUT_MS = 5000

_What = TypeVar("_What")


class _Ask(Action):  # type: ignore[misc]  # panoramisk has no types
    """An action whose answer somebody awaits. Its future gives a Reply."""

    def add_message(self, message: Message) -> bool:
        """Take a part of the answer; True when it is whole."""
        if ("Response" in message) == bool(self.responses):  # first the response, once, then rows
            return False
        self.responses.append(message)
        first: Message = self.responses[0]
        if first["Response"].lower() in ("error", "fail", "failure"):
            self._settle(AmiRefused(first.get("Message", "refused")))
            return True
        listed = first.get("EventList", "").lower() == "start"
        ended = "Event" in message and message.get("EventList", "").lower() in ("complete", "cancelled")
        if listed and not ended:
            return False
        self._settle(Reply(first, self.responses[1:-1]))
        return True

    def fail(self) -> None:
        self._settle(AmiLost("the session ended before the answer; the outcome is unknown"))

    def _settle(self, result: Reply | AmiError) -> None:
        if self.future.done():
            return
        if isinstance(result, Reply):
            self.future.set_result(result)
        else:
            self.future.set_exception(result)

    def __repr__(self) -> str:
        return f"<{self['Action']}>"  # the rest may be a secret or a caller's


class Wire(AMIProtocol):  # type: ignore[misc]
    """From the first byte to the last. `hear` gets each event in order, at once, but none before `open`."""

    def __init__(
        self,
        *,
        hear: Callable[[Message], None],
        tee: Callable[[bytes], None] | None = None,
        system_name: str = "",
        wanted: frozenset[str] | None = None,
        quarantine: Quarantine | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.prefix = secrets.token_hex(8)
        """Our ActionIDs begin so; whoever writes into the stream cannot guess it."""
        wanted = None if wanted is None else wanted | {"FullyBooted"}
        self.framer = Framer(system_name=system_name, asked=self.prefix, wanted=wanted, quarantine=quarantine)
        self._hear = hear
        self._tee = tee
        self._held: list[Message] | None = []
        self._count = 0
        self.responses: dict[str, _Ask] = {}
        self.greeted: asyncio.Future[None] = loop.create_future()
        """Done when the peer has said that it is AMI, or is gone."""
        self.lost: asyncio.Future[None] = loop.create_future()
        self.booted: asyncio.Future[None] = loop.create_future()
        """Done at FullyBooted, or when the peer is gone."""
        self.reason = ""
        """Why it ended: closed, silent, oversize, not_ami, or what `lose` was told."""
        self.last_heard = time.monotonic()
        self.faults = 0
        """Exceptions out of `hear` and `tee`."""

    # --- called by asyncio --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.responses = {}
        sock: socket.socket | None = transport.get_extra_info("socket")
        # The receive buffer is left alone: to set it would turn off the kernel's own tuning, which goes higher.
        if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)

    def data_received(self, data: bytes) -> None:
        self.last_heard = time.monotonic()
        if self._tee is not None:
            self._guard(self._tee, data)
        before = self.framer.quarantine.counts.total()
        try:
            messages = self.framer.feed(data)
        except Oversize as error:
            messages = error.messages
            self.lose("oversize")
        _log_quarantine(before, self.framer.quarantine)
        if self.framer.banner == "":
            self.lose("not_ami")
        elif self.framer.banner is not None:
            _done(self.greeted)
        for message in messages:
            self.handle_message(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.reason = self.reason or "closed"
        for ask in self.responses.values():
            ask.fail()
        self.responses.clear()
        for future in (self.greeted, self.booted, self.lost):
            _done(future)

    # --- called by the link -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Let events through; first those that came since login."""
        held, self._held = self._held or [], None
        for message in held:
            self._guard(self._hear, message)

    def lose(self, reason: str) -> None:
        """End the connection now, whatever the peer does. The first reason stays."""
        self.reason = self.reason or reason
        self.transport.abort()

    def close(self) -> None:
        """End it in peace: what was written still goes out, unless the peer has stopped reading."""
        self.reason = self.reason or "stopped"
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def tell(self, action: Mapping[str, str]) -> None:
        """Write an action whose answer matters only if it is a refusal; that is logged.

        Raises:
            AmiLost: the connection is closing, or the peer has stopped reading.
            ValueError: the action must not be sent.
        """
        self._admit(action)
        self._write(Action({**action, "ActionID": self._next_id("t", action["Action"])}))

    async def ask(self, action: Mapping[str, str], deadline: float) -> Reply:
        """Write an action and wait for the whole answer.

        Raises:
            AmiLost, AmiRefused, AmiSlow: see there. ValueError: the action must not be sent.
        """
        self._admit(action)
        if len(self.responses) >= MAX_OPEN:
            raise AmiSlow(f"{MAX_OPEN} actions are open already")
        ask = _Ask({**action, "ActionID": self._next_id("a", action["Action"])})
        self.responses[ask.id] = ask
        try:
            async with asyncio.timeout(deadline):
                self._write(ask)
                reply: Reply = await ask.future
                return reply
        except TimeoutError:
            raise AmiSlow(f"no answer to {action['Action']} within {deadline:g} s") from None
        finally:
            self.responses.pop(ask.id, None)

    # --- inside -------------------------------------------------------------------------------------------------

    def _admit(self, action: Mapping[str, str]) -> None:
        check(action)
        if self.closed or self.transport.is_closing():
            raise AmiLost("not connected")
        if self.transport.get_write_buffer_size() > MAX_UNSENT:
            self.lose("silent")
            raise AmiLost("the peer has stopped reading")

    def _write(self, action: Action) -> None:
        self.transport.write(str(action).encode())

    def _next_id(self, kind: Literal["a", "t"], verb: str) -> str:
        self._count += 1
        return f"{self.prefix}-{kind}{self._count}-{verb}"

    def handle_message(self, message: Message) -> None:
        """Give it to whoever asked, to whoever listens, or to both."""
        action_id = message.get("ActionID", "")
        if action_id.startswith(self.prefix):
            self._answer(action_id, message)
            if "Privilege" not in message:  # OriginateResponse and its like are answer and event at once
                return
        if "Event" not in message:
            return
        if message["Event"] == "FullyBooted":
            _done(self.booted)
        if self._held is not None:
            self._held.append(message)
        else:
            self._guard(self._hear, message)

    def _answer(self, action_id: str, message: Message) -> None:
        ask = self.responses.get(action_id)
        if ask is not None:
            if ask.add_message(message):
                self.responses.pop(action_id, None)
        elif action_id.startswith("-t", len(self.prefix)) and message.get("Response", "").lower() == "error":
            denied = message.get("Message", "").lower() == "permission denied"
            log.warning("ami_action_refused verb=%s denied=%s", action_id.rpartition("-")[2], denied)

    def _guard(self, consumer: Callable[[_What], None], what: _What) -> None:
        try:
            consumer(what)
        except Exception as error:  # a consumer's fault must not cost the session
            self.faults += 1
            log.error("ami_consumer_failed error=%s at=%s", type(error).__name__, _where(error))


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _where(error: BaseException) -> str:
    """Where it was raised; an ordinary traceback would show a caller's words."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"


def _log_quarantine(before: int, quarantine: Quarantine) -> None:
    """The first, the tenth, the hundredth: a flood of forged events must not become a flood of lines."""
    now = quarantine.counts.total()
    if now != before and len(str(now)) > len(str(before or "")):
        log.warning("ami_quarantined total=%d last=%s", now, quarantine.raw[-1][0].value)
