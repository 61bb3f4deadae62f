"""Bytes off the socket -> messages, so that nothing that arrives can do harm further in.

Splits on bytes and decodes each message once, whole, so that no letter is lost at the edge of a TCP segment. What is malformed or
forged is set aside and counted, and the stream goes on: one caller's hostile number must not blind the log.
Pure, and fast, for everything else waits behind it: the names of a message's headers are judged once for each new
sequence (`shapes`), and an event that nobody wants is not taken apart at all.

Knows nothing of sockets, of logging in, or of what an event means.
"""

import re
from collections import Counter, deque
from collections.abc import Iterator

from ivr.problem import Problem
from pbx.ami.shapes import Fault, Shape, repeatable, shape

MAX_MESSAGE = 1 << 20
FIRST_LINE = 4096
"""Whoever says so much before ending a line is no Asterisk."""
KEPT = 50
KEPT_BYTES = 4096
SLICE = 1 << 16

_BANNER = b"Asterisk Call Manager/"
# Asterisk itself has ended messages with \r\n\n and lines with a bare \n (asterisk issue 761), so a blank line is any of these.
_BLANK = re.compile(rb"\n\r?\n")
_ESCAPE = re.compile(r"\\([abfnrtv\\'\"?])")
_MEANT = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_SHAPES_KEPT = 4096
_LIKE_A_CAPTURE = re.compile(rb"^(Asterisk Call Manager/\d|(Event|Response): ?\w)", re.MULTILINE)

Message = dict[str, str]


class Oversize(Exception):
    """A message longer than allowed; the connection cannot be trusted further. `messages` came whole before it."""

    def __init__(self, messages: list[Message]) -> None:
        super().__init__("message too long")
        self.messages = messages


class Quarantine:
    """What was set aside: how often for which reason, and the bytes of the last ones, cut to `KEPT_BYTES`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.raw: deque[tuple[Fault, bytes]] = deque(maxlen=KEPT)

    def add(self, fault: Fault, raw: bytes) -> None:
        self.counts[fault.value] += 1
        self.raw.append((fault, raw[:KEPT_BYTES]))


def unescape(value: str) -> str:
    """Undo Asterisk's C escapes, once: `O\\'Brien` -> `O'Brien`."""
    return _ESCAPE.sub(lambda found: _MEANT.get(found[1], found[1]), value)


class Framer:
    """Messages of one session, in order.

    `system_name` is what genuine events carry as `SystemName`; empty: learned from the first event that cannot be a caller's.
    `asked` is how our own ActionIDs begin: rows of lists carry these instead of a signature. None: nothing was asked; `''`: any
    ActionID will do, for captures of other people's sessions.
    `wanted` names the events to take apart; others are framed, counted in `skipped` and dropped.
    """

    def __init__(
        self,
        *,
        system_name: str = "",
        asked: str | None = None,
        wanted: frozenset[str] | None = None,
        max_message: int = MAX_MESSAGE,
        quarantine: Quarantine | None = None,
    ) -> None:
        self.banner: str | None = None
        """First line of the session, None until it is known; empty where there was none."""
        self.quarantine = quarantine or Quarantine()
        self.skipped = 0
        self.damaged = 0
        """Messages with bytes that are not UTF-8; they were kept, with U+FFFD in place."""
        self._system_name: str | None = system_name or None
        self._stamps: bool | None = None
        self._asked = asked
        self._wanted = None if wanted is None else frozenset(name.encode() for name in wanted)
        self._max = max_message
        self._carry = bytearray()
        self._eol = "\r\n"
        self._shapes: dict[tuple[str, tuple[str, ...]], Shape] = {}

    @property
    def quarantined(self) -> dict[str, int]:
        """How many messages were set aside, by reason."""
        return dict(self.quarantine.counts)

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that this chunk completes. How the stream is cut into chunks makes no difference.

        Raises:
            Oversize: a message is longer than `max_message`.
        """
        messages: list[Message] = []
        for raw in self._pieces(chunk):
            if len(raw) > self._max:
                raise Oversize(messages)
            message = self._message(raw) if raw else None
            if message is not None:
                messages.append(message)
        if len(self._carry) > self._max:
            raise Oversize(messages)
        return messages

    def end(self) -> None:
        """The stream is over: what is left of it is torn off."""
        if left := bytes(self._carry).strip(b"\r\n"):
            self.quarantine.add(Fault.TORN, left)
        self._carry.clear()

    # --- bytes -> raw messages --------------------------------------------------------------------------------

    def _pieces(self, chunk: bytes) -> list[bytes]:
        """Whole raw messages without blank lines around them; the rest stays in the carry."""
        carry = self._carry
        seen = max(0, len(carry) - 2)
        carry += chunk
        if self.banner is None:
            if not self._open():
                return []
            seen = 0
        # Only the new bytes are searched, or a long line that drips in would cost its length squared.
        if carry.find(b"\n\r\n", seen) < 0 and carry.find(b"\n\n", seen) < 0:
            return []
        pieces = bytes(carry).split(b"\r\n\r\n")
        if b"\n\n" in carry or any(b"\n\r\n" in piece for piece in pieces):
            pieces = _BLANK.split(carry)
        carry[:] = pieces.pop()
        return [piece.strip(b"\r\n") for piece in pieces]

    def _open(self) -> bool:
        """Take the banner off; False while the first line is not whole."""
        carry = self._carry
        carry[:] = carry.lstrip(b"\r\n")  # a capture may begin between the two ends of a line
        end = carry.find(b"\n", 0, FIRST_LINE)
        if end < 0 and len(carry) < FIRST_LINE:
            return False
        self._eol = "\n" if end > 0 and carry[end - 1] != 0x0D else "\r\n"
        self.banner = ""
        if end > 0 and carry.startswith(_BANNER):
            self.banner = bytes(carry[:end]).decode("ascii", "replace").strip()
            del carry[: end + 1]
        return True

    # --- raw message -> headers -------------------------------------------------------------------------------

    def _message(self, raw: bytes) -> Message | None:
        if self._wanted is not None and self._unwanted(raw):
            self.skipped += 1
            return None
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            self.damaged += 1
            text = raw.decode(errors="replace")
        message = self._headers(text)
        if isinstance(message, Fault):
            self.quarantine.add(message, raw)
            return None
        known = self._shape(message)
        fault = known.fault or (self._forged(message, known) if known.event else None)
        if fault is not None:
            self.quarantine.add(fault, raw)
            return None
        if "\\" in text:
            for key in known.escaped:
                message[key] = unescape(message[key])
        return message

    def _headers(self, text: str) -> Message | Fault:
        lines = text.split(self._eol)
        if text.count("\n") != len(lines) - 1:
            return Fault.BARE_LINE_FEED
        try:
            message = dict([line.split(": ", 1) for line in lines])  # a list is quicker than a generator
        except ValueError:
            return _take_apart(lines)
        return message if len(message) == len(lines) else _take_apart(lines)

    def _unwanted(self, raw: bytes) -> bool:
        if self._wanted is None or not raw.startswith(b"Event: "):
            return False
        end = raw.find(b"\n", 7)
        name = raw[7:] if end < 0 else raw[7:end].rstrip(b"\r")
        return name not in self._wanted and (self._asked is None or b"\nActionID: " not in raw)

    def _shape(self, message: Message) -> Shape:
        event, keys = message.get("Event", ""), tuple(message)
        known = self._shapes.get((event, keys))
        if known is None:
            if len(self._shapes) >= _SHAPES_KEPT:
                self._shapes.clear()
            known = self._shapes[event, keys] = shape(event, keys)
        return known

    def _forged(self, message: Message, known: Shape) -> Fault | None:
        if known.asked and not known.live and self._asked is not None and message["ActionID"].startswith(self._asked):
            return None
        if not known.signed:
            return Fault.UNSIGNED
        if message["Event"] == "FullyBooted":  # written at login, outside the ordinary way: never stamped, never named
            return None
        if self._stamps is None and known.proof:
            self._stamps = known.stamped
            self._system_name = self._system_name or message.get("SystemName", "")
        # Seconds, ten digits of them, then the fraction: a caller must spend 27 of his 79 bytes on it.
        if self._stamps and not (known.stamped and message["Timestamp"][10:11] == "."):
            return Fault.UNSTAMPED
        if self._system_name is not None and message.get("SystemName", "") != self._system_name:
            return Fault.FOREIGN
        return None


def _take_apart(lines: list[str]) -> Message | Fault:
    """The careful way, for headers that repeat, and for what a dialplan wrote: only there may a colon lack its space."""
    message: Message = {}
    event = lines[0].removeprefix("Event: ") if lines[0].startswith("Event: ") else ""
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon or not (value.startswith(" ") or event == "UserEvent"):
            return Fault.BROKEN_LINE
        value = value.removeprefix(" ")
        if key not in message:
            message[key] = value
        elif repeatable(event, key):
            message[key] += "\n" + value
        else:
            return Fault.REPEATED
    return message


def read_capture(
    data: bytes,
    *,
    name: str = "capture",
    wanted: frozenset[str] | None = None,
    system_name: str = "",
    framer: Framer | None = None,
) -> Iterator[Message]:
    """The messages of a raw capture: banner, login reply, events, as they came off the socket. It may begin in mid-stream.

    A torn end is dropped and counted. Pass a `framer` of your own (with `asked=''`) to read its counts afterwards.

    Raises:
        Problem: this is no capture of AMI. At once, not at the first message.
    """
    if not _LIKE_A_CAPTURE.search(data):
        raise Problem(
            f"{name} không phải là bản ghi AMI (không thấy dòng Event hay Response). Hãy ghi lại bằng smartpbx record.",
            f"{name} is not an AMI capture (it has no Event or Response line). Make one with smartpbx record.",
        )
    return _messages(data, name, framer or Framer(system_name=system_name, asked="", wanted=wanted))


def _messages(data: bytes, name: str, framer: Framer) -> Iterator[Message]:
    for start in range(0, len(data), SLICE):
        try:
            yield from framer.feed(data[start : start + SLICE])
        except Oversize as error:
            yield from error.messages
            raise Problem(
                f"Bản ghi {name} hỏng: một thông điệp dài hơn 1 MiB trước byte {start + SLICE}. Hãy ghi lại.",
                f"The capture {name} is damaged: a message of more than 1 MiB before byte {start + SLICE}. Make it again.",
            ) from error
    framer.end()
