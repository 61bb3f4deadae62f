"""The SIP side of one call: who both are, which request comes next, and the offers and answers in between (RFC 3261 §12).

Knows messages and the socket they go through, not what they mean for the people: that is `call.py`.
"""

import contextlib
from collections.abc import Callable
from secrets import token_hex

import msgspec

from pbx.demo import digest, sdp, sip
from pbx.demo.rtp import PCMA, PCMU
from pbx.demo.signalling import Address, NoReplyError, Signalling
from pbx.demo.sip import Headers, Message

CODECS = (PCMA, PCMU)
"""The A-law of European and Vietnamese networks first."""
_TYPED: Headers = (("Content-Type", "application/sdp"),)
_PROOFS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


class Line(msgspec.Struct, frozen=True):
    """What a call needs of the phone that it is on."""

    signalling: Signalling
    ip: str
    server: Address
    user: str
    secret: str
    name: str

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.ip}:{self.signalling.address[1]}>"

    @property
    def identity(self) -> str:
        address = f"<sip:{self.user}@{self.server[0]}>"
        return f'"{self.name}" {address}' if self.name else address

    @property
    def via(self) -> str:
        host, port = self.signalling.address
        return f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{token_hex(8)};rport"

    def proof(self, request: Message, refusal: Message) -> Headers:
        """The header that answers a challenge; none when it is not a challenge or we cannot answer it."""
        if refusal.code not in _PROOFS or not self.secret:
            return ()
        asked, header = _PROOFS[refusal.code]
        value = digest.authorization(
            refusal.header(asked),
            user=self.user,
            secret=self.secret,
            method=request.method,
            uri=request.uri,
            cnonce=token_hex(8),
        )
        return ((header, value),) if value else ()


class Dialog:
    """Begun by us towards `number`, or by the INVITE that `came` from an address."""

    def __init__(self, line: Line, port: int, number: str, came: tuple[Message, Address] | None = None) -> None:
        self._line, self._port = line, port
        self._tag = token_hex(6)
        self._version = self._cseq = 0
        self._invite: Message | None = None
        self._peer = line.server
        if came:
            self._invite, self._peer = invite, _ = came
            self.call_id = invite.call_id
            self._local, self._remote = f"{invite.header('To')};tag={self._tag}", invite.header("From")
            self._target = sip.target(invite.header("Contact"))
        else:
            self.call_id = token_hex(12)
            self._target = f"sip:{number}@{line.server[0]}:{line.server[1]}"
            self._local, self._remote = f"{line.identity};tag={self._tag}", f"<{self._target}>"

    # --- asking -----------------------------------------------------------------------------------------------

    async def invite(self, rang: Callable[[], None], headers: Headers = (), *, direction: str = "sendrecv") -> Message:
        """The final response to an INVITE, asked once more with our password where that is wanted. A 200 is acknowledged.

        Raises:
            NoReplyError: nobody answers at that address.
        """
        final = await self._ask_invite(rang, headers, direction)
        if self._invite and (proof := self._line.proof(self._invite, final)):
            final = await self._ask_invite(rang, (*headers, *proof), direction)
        if final.code < 300:
            self._remote = final.header("To")
            self._target = sip.target(final.header("Contact")) or self._target
            self._line.signalling.acknowledge(self._request("ACK"), self._peer)
        return final

    async def _ask_invite(self, rang: Callable[[], None], headers: Headers, direction: str) -> Message:
        body = self._describe(direction, CODECS)
        self._invite = self._request("INVITE", (*headers, *_TYPED), body)
        return await self._line.signalling.ask(self._invite, self._peer, lambda *_: rang())

    def agreed(self, final: Message) -> sdp.Agreed | None:
        """What a final response to our INVITE settles."""
        return sdp.understand(final.body) if final.code < 300 else None

    async def cancel(self) -> None:
        """Take an INVITE back. It may still have been answered meanwhile: its own response tells."""
        if self._invite:
            with contextlib.suppress(NoReplyError):
                await self._line.signalling.ask(sip.cancellation(self._invite), self._peer)

    async def bye(self) -> None:
        with contextlib.suppress(NoReplyError):
            await self._line.signalling.ask(self._request("BYE"), self._peer)

    def _request(self, method: str, headers: Headers = (), body: str = "") -> Message:
        if method != "ACK":
            self._cseq += 1
        who = (("Via", self._line.via), ("From", self._local), ("To", self._remote), ("Call-ID", self.call_id))
        what = (("CSeq", f"{self._cseq} {method}"), ("Contact", self._line.contact))
        return sip.request(method, self._target, (*who, *what, *headers), body)

    def _describe(self, direction: str, codecs: tuple[int, ...]) -> str:
        self._version += 1
        return sdp.describe(self._line.ip, self._port, version=self._version, direction=direction, codecs=codecs)

    # --- answering --------------------------------------------------------------------------------------------

    @property
    def offer(self) -> sdp.Agreed | None:
        """What the other side's INVITE proposes, as far as we can do it."""
        return sdp.understand(self._invite.body) if self._invite else None

    def respond(self, code: int) -> None:
        """Answer the INVITE without a word about sound."""
        if self._invite is None:
            return
        response = sip.response(self._invite, code, tag=self._tag, headers=(("Contact", self._line.contact),))
        self._line.signalling.answer(self._invite, response, self._peer)

    def accept(self) -> sdp.Agreed | None:
        """Answer the last INVITE, or re-INVITE, with 200; 488 and nothing when it offers no codec of ours."""
        offer = self.offer
        if self._invite is None or offer is None:
            self.respond(488)
            return None
        mirrored = {"sendonly": "recvonly", "recvonly": "sendonly"}
        body = self._describe(mirrored.get(offer.direction, offer.direction), (offer.codec,))
        headers = (("Contact", self._line.contact), *_TYPED)
        response = sip.response(self._invite, 200, tag=self._tag, headers=headers, body=body)
        self._line.signalling.answer(self._invite, response, self._peer)
        return offer

    def reinvited(self, invite: Message) -> sdp.Agreed | None:
        """The other side wants to change the sound: held, taken back, moved."""
        self._invite = invite
        return self.accept()

    def reply(self, request: Message, code: int, addr: Address) -> None:
        self._line.signalling.answer(request, sip.response(request, code, tag=self._tag), addr)
