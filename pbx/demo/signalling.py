"""SIP over UDP: what was asked is asked again until it is answered, and what was answered is answered the same way again (RFC 3261 §17).

Knows transactions, not calls. A lost datagram costs half a second, never a call.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import cast

from pbx.demo import sip
from pbx.demo.sip import Message

Address = tuple[str, int]
Handler = Callable[[Message, Address], None]

T1, T2 = 0.5, 4.0
GIVE_UP_S = 64 * T1
"""Timer B, F and H: after this the other side is gone."""


class NoReplyError(Exception):
    """Nobody answered a request, however often it was sent."""


class Signalling(asyncio.DatagramProtocol):
    """One UDP socket. `handler` gets each request once, ACK excepted; it answers with `answer`."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._transport: asyncio.DatagramTransport | None = None
        self._asked: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        self._answered: dict[tuple[str, str], bytes] = {}
        self._acknowledged: dict[tuple[str, int], bytes] = {}
        self._repeated: dict[tuple[str, int], asyncio.Task[None]] = {}
        self.address: Address = ("", 0)

    @classmethod
    async def open(cls, ip: str, handler: Handler, port: int = 0) -> "Signalling":
        """Bind to this port of that address, or to a free one."""
        loop = asyncio.get_running_loop()
        _, signalling = await loop.create_datagram_endpoint(lambda: cls(handler), local_addr=(ip, port))
        return signalling

    def close(self) -> None:
        for task in self._repeated.values():
            task.cancel()
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def error_received(self, exc: Exception) -> None:
        """The other side's port is closed: the retransmissions find out whether it stays so."""

    # --- asking -----------------------------------------------------------------------------------------------

    async def ask(self, request: Message, to: Address, provisional: Handler | None = None) -> Message:
        """The final response. `provisional` sees 1xx on the way. A refused INVITE is acknowledged here, a 200 is not.

        Raises:
            NoReplyError: nothing came within `GIVE_UP_S`.
        """
        key = (request.branch, request.method)
        replies = self._asked[key] = asyncio.Queue()
        try:
            final = await self._final(request, to, replies, provisional)
        finally:
            del self._asked[key]
        if request.method == "INVITE" and final.code >= 300:
            self.acknowledge(sip.acknowledgement(request, final), to)
        return final

    async def _final(
        self, request: Message, to: Address, replies: "asyncio.Queue[Message]", provisional: Handler | None
    ) -> Message:
        loop = asyncio.get_running_loop()
        data, gives_up = request.encode(), loop.time() + GIVE_UP_S
        wait: float | None = T1
        is_invite = request.method == "INVITE"
        self._send(data, to)
        while True:
            try:
                async with asyncio.timeout(wait):
                    reply = await replies.get()
            except TimeoutError:
                if loop.time() >= gives_up:
                    raise NoReplyError(request.method) from None
                self._send(data, to)
                wait = cast(float, wait) * 2 if is_invite else min(cast(float, wait) * 2, T2)
                continue
            if reply.code >= 200:
                return reply
            if is_invite:
                wait = None  # it rings: people may take their time
            if provisional:
                provisional(reply, to)

    def acknowledge(self, ack: Message, to: Address) -> None:
        """Send an ACK, and again whenever the response that it belongs to comes again."""
        key = (ack.call_id, ack.cseq)
        self._acknowledged[key] = ack.encode()
        self._send(self._acknowledged[key], to)
        asyncio.get_running_loop().call_later(GIVE_UP_S, self._acknowledged.pop, key, None)

    # --- answering --------------------------------------------------------------------------------------------

    def answer(self, request: Message, response: Message, to: Address) -> None:
        """Send a response; a final one to an INVITE is repeated until it is acknowledged."""
        data = response.encode()
        self._answered[(request.branch, request.method)] = data
        self._send(data, to)
        if request.method == "INVITE" and response.code >= 200:
            key = (request.call_id, request.cseq)
            self._repeated[key] = asyncio.create_task(self._repeat(data, to))
            self._repeated[key].add_done_callback(lambda _: self._repeated.pop(key, None))

    async def _repeat(self, data: bytes, to: Address) -> None:
        wait, waited = T1, 0.0
        while waited < GIVE_UP_S:
            await asyncio.sleep(wait)
            self._send(data, to)
            waited += wait
            wait = min(wait * 2, T2)

    # --- the socket -------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Address) -> None:
        message = sip.parse(data)
        if message is None:
            return
        if message.code:
            self._on_response(message, addr)
        else:
            self._on_request(message, addr)

    def _on_response(self, message: Message, addr: Address) -> None:
        if replies := self._asked.get((message.branch, message.method)):
            replies.put_nowait(message)
        elif message.method == "INVITE" and message.code >= 200:
            with contextlib.suppress(KeyError):
                self._send(self._acknowledged[(message.call_id, message.cseq)], addr)

    def _on_request(self, message: Message, addr: Address) -> None:
        if message.method == "ACK":
            if task := self._repeated.get((message.call_id, message.cseq)):
                task.cancel()
            return
        key = (message.branch, message.method)
        if (known := self._answered.get(key)) is not None:
            if known:
                self._send(known, addr)
            return
        self._answered[key] = b""
        asyncio.get_running_loop().call_later(GIVE_UP_S, self._answered.pop, key, None)
        self._handler(message, addr)

    def _send(self, data: bytes, to: Address) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(data, to)
