"""The voice of one call: a UDP socket that sends 20 ms of sound every 20 ms and keeps what comes back.

Knows packets and time, not who calls whom. Packets leave at multiples of 20 ms from the first one, so the clock never drifts; a loop
that was held up sends what is late at once, up to a point.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Iterable
from itertools import chain
from secrets import randbits

import numpy as np

from pbx.demo import rtp
from pbx.demo.rtp import FRAME, FRAME_S, Samples
from pbx.demo.sdp import EVENT, Agreed

REMEMBERED_S = 120.0
LATE_FRAMES = 10
"""How much a held-up loop sends at once; what is older is skipped, as by a phone that was busy."""
JUMP = FRAME * 3
"""A packet that comes this much later than the last one ended, in samples, begins after a pause."""
_PORT_TRIES = 50
_LONGEST = 2048


def _even_socket(ip: str) -> socket.socket:
    """A socket on a free even port: RTCP would go to the odd one above, which nobody may own."""
    for _ in range(_PORT_TRIES):
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        found.setblocking(False)
        found.bind((ip, 0))
        if found.getsockname()[1] % 2 == 0:
            return found
        found.close()
    raise OSError(f"no even port is free on {ip}")


class Media:
    """Binds a socket at once; `connect` it to the other side, `close` it. `port` is what to offer."""

    def __init__(self, ip: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = _even_socket(ip)
        self._loop.add_reader(self._socket, self._read)
        self.port: int = self._socket.getsockname()[1]
        self._timer: asyncio.TimerHandle | None = None
        self._agreed: Agreed | None = None
        self._codec = rtp.PCMA
        self._sequence, self._timestamp, self._source = randbits(15), randbits(31), randbits(32)
        self._due = 0.0
        self._to_say: deque[bytes] = deque()
        self._to_press: deque[bytes] = deque()
        self._press_began = 0
        self._said: asyncio.Future[None] | None = None
        self._was_pressed: asyncio.Future[None] | None = None
        self._got: deque[tuple[float, int, bytes]] = deque(maxlen=round(REMEMBERED_S / FRAME_S))
        self._last_key = -1
        self._sound: asyncio.Event = asyncio.Event()
        self.keys_heard = ""
        """Every digit that the other side pressed so far."""
        self.last_sound = 0.0
        """Loop time of the last packet with sound in it; 0 before the first."""
        self.source: tuple[str, int] = ("", 0)
        """Where the last datagram came from."""
        self.received = 0
        self.sent = 0

    def connect(self, agreed: Agreed) -> None:
        """Send there from now on; called again when the other side moves."""
        self._agreed, self._codec = agreed, agreed.codec
        if self._timer is None:
            self._due = self._loop.time()
            self._tick()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        for waiting in (self._said, self._was_pressed):
            if waiting and not waiting.done():
                waiting.cancel()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    # --- sending ----------------------------------------------------------------------------------------------

    def say(self, samples: Samples) -> "asyncio.Future[None]":
        """Queue sound; resolves when its last packet has left."""
        self._to_say.extend(rtp.encode(samples, self._codec))
        if self._said is None or self._said.done():
            self._said = self._loop.create_future()
        return self._said

    def press(self, keys: Iterable[str]) -> "asyncio.Future[None]":
        """Queue digits, each with a pause after it; resolves when the last one is over.

        Raises:
            ValueError: no such key on a telephone.
        """
        self._to_press.extend(chain.from_iterable([*rtp.press(k), *[b""] * rtp.PAUSE_FRAMES] for k in keys))
        if self._was_pressed is None or self._was_pressed.done():
            self._was_pressed = self._loop.create_future()
        return self._was_pressed

    def _tick(self) -> None:
        now = self._loop.time()
        if now - self._due > LATE_FRAMES * FRAME_S:
            skipped = int((now - self._due) / FRAME_S)
            self._due += skipped * FRAME_S
            self._timestamp += skipped * FRAME
        while self._due <= now:
            self._send_frame()
            self._due += FRAME_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def _send_frame(self) -> None:
        if self._to_press and (event := self._to_press.popleft()):
            self._send_key(event)
        elif self._to_say:
            self._send(self._codec, self._to_say.popleft(), self._timestamp)
        else:
            self._send(self._codec, rtp.SILENCE[self._codec], self._timestamp)
        self._timestamp += FRAME
        for queue, done in ((self._to_say, self._said), (self._to_press, self._was_pressed)):
            if done and not queue and not done.done():
                done.set_result(None)

    def _send_key(self, event: bytes) -> None:
        """One packet of a digit. All of a digit's packets carry the time at which it was pressed, and the ends go at once."""
        first = event[2:] == FRAME.to_bytes(2)
        if first:
            self._press_began = self._timestamp
        kind = self._agreed.event if self._agreed else 0
        self._send(kind, event, self._press_began, marker=first)
        while event[1] & 0x80 and self._to_press and self._to_press[0] == event:
            self._send(kind, self._to_press.popleft(), self._press_began)

    def _send(self, kind: int, payload: bytes, timestamp: int, *, marker: bool = False) -> None:
        packet = rtp.Packet(kind, marker, self._sequence, timestamp, self._source, payload)
        self._sequence += 1
        self.sent += 1
        if self._agreed:
            # What the socket cannot take is lost, as on any network; a port that closed before its BYE came is no news.
            with contextlib.suppress(OSError):
                self._socket.sendto(packet.encode(), (self._agreed.host, self._agreed.port))

    # --- listening --------------------------------------------------------------------------------------------

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            for _ in range(LATE_FRAMES):
                data, self.source = self._socket.recvfrom(_LONGEST)
                self._receive(data)

    def _receive(self, data: bytes) -> None:
        packet = rtp.parse(data)
        if packet is None:
            return
        if packet.payload_type in rtp.SILENCE:
            self.received += 1
            now = self._loop.time()
            self._got.append((now, packet.payload_type, packet.payload))
            if rtp.is_loud(packet.payload, packet.payload_type):
                self.last_sound = now
                self._sound.set()
        elif packet.payload_type == EVENT and packet.timestamp != self._last_key:
            key = rtp.pressed(packet.payload)
            self._last_key = packet.timestamp if key else self._last_key
            self.keys_heard += key or ""

    def heard(self) -> tuple[float, Samples]:
        """Loop time of the first remembered packet, and everything since as 8 kHz samples; pauses are silence."""
        pieces: list[Samples] = []
        began, at = (self._got[0][0] if self._got else 0.0), 0
        for when, codec, payload in self._got:
            behind = round((when - began) * rtp.RATE) - at
            if behind > JUMP:
                pieces.append(np.zeros(behind, np.int16))
                at += behind
            pieces.append(rtp.decode(payload, codec))
            at += len(payload)
        return began, np.concatenate(pieces) if pieces else np.zeros(0, np.int16)

    async def sound(self) -> None:
        """Wait for the next packet with sound in it."""
        self._sound.clear()
        await self._sound.wait()

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing was heard for so long, counted from now or from the last sound after now."""
        began = self._loop.time()
        while (left := max(self.last_sound, began) + seconds - self._loop.time()) > 0:
            await asyncio.sleep(left)
