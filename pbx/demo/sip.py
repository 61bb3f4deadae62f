"""SIP messages as data: read, build, and the few questions a phone asks of them (RFC 3261).

Pure. Knows no socket, no timer and no call; whoever needs a random branch or tag brings it along. Only what a phone that talks
to one server needs: no Record-Route, no TCP framing, no multipart bodies.
"""

import re
from collections.abc import Iterable

import msgspec

Headers = tuple[tuple[str, str], ...]

VERSION = "SIP/2.0"
REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    405: "Method Not Allowed",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    603: "Decline",
}
_LONG = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type"}
_ECHOED = ("Via", "From", "To", "Call-ID", "CSeq")
_USER = re.compile(r"sips?:([^@;>]*)@", re.IGNORECASE)
_URI = re.compile(r"<([^>]*)>")
_PARAMETER = re.compile(r";\s*([a-zA-Z-]+)=([^;\s,>]*)")
_CAUSE = re.compile(r"q\.850\s*;.*?cause=(\d+)", re.IGNORECASE)


class Message(msgspec.Struct, frozen=True):
    """A request or a response. Header names keep the case they came with; questions ignore it."""

    start: str
    headers: Headers
    body: str = ""

    @property
    def code(self) -> int:
        """The status of a response; 0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith(VERSION) else 0

    @property
    def method(self) -> str:
        """What is asked, or what a response answers."""
        return self.header("CSeq").split()[-1] if self.code else self.start.split(" ")[0]

    @property
    def uri(self) -> str:
        return self.start.split(" ")[1]

    @property
    def cseq(self) -> int:
        return int(self.header("CSeq").split()[0])

    @property
    def call_id(self) -> str:
        return self.header("Call-ID")

    @property
    def branch(self) -> str:
        return parameter(self.header("Via"), "branch")

    @property
    def cause(self) -> int:
        """Q.850 cause of the header Reason; 0 when there is none."""
        found = _CAUSE.search(self.header("Reason"))
        return int(found.group(1)) if found else 0

    def header(self, name: str) -> str:
        """The first header of that name; empty when there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.headers if _LONG.get(key.lower(), key.lower()) == wanted]

    def encode(self) -> bytes:
        """The bytes on the wire.

        Raises:
            ValueError: a value would break out of its line.
        """
        body = self.body.encode()
        lines = [self.start, *(f"{k}: {v}" for k, v in self.headers), f"Content-Length: {len(body)}"]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a SIP header must stay on one line")
        return "\r\n".join([*lines, "", ""]).encode() + body


def parse(data: bytes) -> Message | None:
    """A message, or nothing when the datagram is none that can be answered (keep-alives, noise)."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    headers = tuple((k.strip(), v.strip()) for k, colon, v in (line.partition(":") for line in lines) if colon)
    message = Message(start, headers, body)
    whole = all(message.header(name) for name in _ECHOED) and re.fullmatch(r"\d+ +\w+", message.header("CSeq"))
    is_known = re.fullmatch(rf"{VERSION} \d{{3}}( .*)?|\w+ \S+ {VERSION}", start)
    return message if whole and is_known else None


def request(method: str, uri: str, headers: Iterable[tuple[str, str]], body: str = "") -> Message:
    return Message(f"{method} {uri} {VERSION}", (*headers, ("Max-Forwards", "70")), body)


def response(to: Message, code: int, *, tag: str, headers: Headers = (), body: str = "") -> Message:
    """The answer to a request; `tag` names our side of the dialog where the request names none yet."""
    echoed = [(name, value) for name in _ECHOED for value in to.all(name)]
    if code > 100 and not parameter(to.header("To"), "tag"):
        echoed = [(k, f"{v};tag={tag}" if k == "To" else v) for k, v in echoed]
    return Message(f"{VERSION} {code} {REASONS[code]}", (*echoed, *headers), body)


def acknowledgement(invite: Message, final: Message) -> Message:
    """The ACK of a refusal, which belongs to the transaction of the INVITE."""
    kept = [(name, invite.header(name)) for name in ("Via", "From", "Call-ID")]
    return request("ACK", invite.uri, [*kept, ("To", final.header("To")), ("CSeq", f"{invite.cseq} ACK")])


def cancellation(invite: Message) -> Message:
    kept = [(name, invite.header(name)) for name in ("Via", "From", "To", "Call-ID")]
    return request("CANCEL", invite.uri, [*kept, ("CSeq", f"{invite.cseq} CANCEL")])


def parameter(value: str, name: str) -> str:
    """A parameter after the address, such as `tag`; empty when there is none."""
    tail = value.rpartition(">")[2]
    return next((v for k, v in _PARAMETER.findall(tail) if k.lower() == name), "")


def user(value: str) -> str:
    """The user part of an address header: a number, mostly."""
    found = _USER.search(value)
    return found.group(1) if found else ""


def target(contact: str) -> str:
    """The URI of a Contact."""
    found = _URI.search(contact)
    return found.group(1) if found else contact.partition(";")[0].strip()
