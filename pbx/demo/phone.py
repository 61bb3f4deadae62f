"""A telephone: one SIP socket, registered or not, that places calls and takes them.

Knows no behaviour: who holds it decides. It binds to one address and talks to one server.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from secrets import token_hex

from pbx.demo import sip
from pbx.demo.call import Call
from pbx.demo.dialog import Dialog, Line
from pbx.demo.media import Media
from pbx.demo.signalling import Address, NoReplyError, Signalling
from pbx.demo.sip import Message

EXPIRES_S = 300
AGAIN_S = 5.0
"""After a registration failed: Asterisk may be starting anew."""
CLOSING_S = 1.2

log = logging.getLogger(__name__)


class RegistrationError(Exception):
    """The server does not let this phone in; `code` is its answer."""

    def __init__(self, user: str, code: int) -> None:
        super().__init__(f"phone {user} could not register: {code}")
        self.code = code


class Phone:
    """Use as `async with Phone(...) as phone`, or `open` and `close` it.

    `user` is the caller's number, `name` what the other side may display. With more than `lines` calls it is busy.
    """

    def __init__(
        self,
        server: Address,
        user: str,
        *,
        secret: str = "",
        name: str = "",
        local_ip: str = "127.0.0.1",
        local_port: int = 0,
        lines: int = 1,
    ) -> None:
        self.server, self.user, self.secret, self.name = server, user, secret, name
        self.local_ip, self._local_port, self._lines = local_ip, local_port, lines
        self._line: Line | None = None
        self._calls: dict[str, Call] = {}
        self._ringing: asyncio.Queue[Call] = asyncio.Queue()
        self._register_id, self._register_cseq = token_hex(12), 0
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Phone":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Bind the socket; nothing is sent yet."""
        signalling = await Signalling.open(self.local_ip, self._on_request, self._local_port)
        self._line = Line(signalling, self.local_ip, self.server, self.user, self.secret, self.name)

    async def close(self) -> None:
        """Hang up, unregister, and give the sockets back, within `CLOSING_S` even when nobody answers."""
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSING_S):
                    await asyncio.gather(*(call.hangup() for call in self.calls))
                    await self.unregister()
        finally:
            self._drop()

    def _drop(self) -> None:
        for call in self.calls:
            call.drop()
        if self._renewing:
            self._renewing.cancel()
        if self._line:
            self._line.signalling.close()
            self._line = None

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._open_line.signalling.address

    @property
    def calls(self) -> list[Call]:
        """Those that are not over."""
        return list(self._calls.values())

    @property
    def _open_line(self) -> Line:
        if self._line is None:
            raise RuntimeError("the phone is not open")
        return self._line

    # --- calls ------------------------------------------------------------------------------------------------

    async def call(self, number: str, *, headers: Mapping[str, str] | None = None) -> Call:
        """Dial; the call is on its way when this returns. `await call.answered()` waits for the other side."""
        call = self._new_call(number)
        call.dial(tuple((headers or {}).items()))
        return call

    async def next_call(self) -> Call:
        """The next call that comes in and has not been given up meanwhile. It is silent until you `ring`, `answer` or `reject`."""
        while (call := await self._ringing.get()).ended.done():
            pass
        return call

    def _new_call(self, number: str, came: tuple[Message, Address] | None = None) -> Call:
        media = Media(self.local_ip)
        dialog = Dialog(self._open_line, media.port, number, came)
        call = Call(dialog, media, number, self._forget)
        self._calls[call.call_id] = call
        return call

    def _forget(self, call_id: str) -> None:
        self._calls.pop(call_id, None)

    # --- requests from outside --------------------------------------------------------------------------------

    def _on_request(self, request: Message, addr: Address) -> None:
        if call := self._calls.get(request.call_id):
            call.received(request, addr)
        elif request.method == "INVITE" and not sip.parameter(request.header("To"), "tag"):
            if len(self._calls) >= self._lines:
                self._reply(request, 486, addr)
            else:
                call = self._new_call(sip.user(request.header("From")), (request, addr))
                call.dialled = sip.user(request.header("To"))
                self._ringing.put_nowait(call)
        elif request.method in ("OPTIONS", "NOTIFY"):
            self._reply(request, 200, addr)
        else:
            self._reply(request, 481, addr)

    def _reply(self, request: Message, code: int, addr: Address) -> None:
        response = sip.response(request, code, tag=token_hex(6))
        self._open_line.signalling.answer(request, response, addr)

    # --- registration -----------------------------------------------------------------------------------------

    async def register(self) -> None:
        """Tell the server where this phone is, now and for as long as it is open.

        Raises:
            RegistrationError: it refuses.
            NoReplyError: it is not there.
        """
        await self._register(EXPIRES_S)
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())

    async def unregister(self) -> None:
        """Tell it that nobody sits here any more, whether it listens or not. Nothing to do for who never registered."""
        if self._renewing is None:
            return
        self._renewing.cancel()
        self._renewing = None
        with contextlib.suppress(RegistrationError, NoReplyError):
            await self._register(0)

    async def _renew(self) -> None:
        wait = EXPIRES_S / 2
        while True:
            await asyncio.sleep(wait)
            try:
                await self._register(EXPIRES_S)
                wait = EXPIRES_S / 2
            except (RegistrationError, NoReplyError) as e:
                log.warning("phone %s lost its registration: %s", self.user, e)
                wait = AGAIN_S

    async def _register(self, expires: int) -> None:
        line = self._open_line
        request = self._registration(expires)
        final = await line.signalling.ask(request, self.server)
        if proof := line.proof(request, final):
            final = await line.signalling.ask(self._registration(expires, proof), self.server)
        if final.code >= 300:
            raise RegistrationError(self.user, final.code)

    def _registration(self, expires: int, proof: Iterable[tuple[str, str]] = ()) -> Message:
        line = self._open_line
        self._register_cseq += 1
        headers = [
            ("Via", line.via),
            ("From", f"{line.identity};tag={token_hex(6)}"),
            ("To", line.identity),
            ("Call-ID", self._register_id),
            ("CSeq", f"{self._register_cseq} REGISTER"),
            ("Contact", line.contact),
            ("Expires", str(expires)),
            *proof,
        ]
        return sip.request("REGISTER", f"sip:{self.server[0]}:{self.server[1]}", headers)
