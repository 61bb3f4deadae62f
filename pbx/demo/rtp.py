"""RTP packets, the two G.711 codecs and the digits of RFC 4733, as bytes.

Pure. One packet is 20 ms: 160 samples at 8 kHz, one byte each. The codecs are tables made once, after ITU-T G.711.
"""

import struct

import msgspec
import numpy as np

PCMU, PCMA = 0, 8
RATE = 8000
FRAME = 160
"""Samples in a packet."""
FRAME_S = FRAME / RATE
KEYS = "0123456789*#ABCD"
PRESS_FRAMES = 5
"""A key is pressed for 100 ms …"""
PAUSE_FRAMES = 4
"""… and the next one comes 80 ms later at the earliest."""
ENDS = 3
"""RFC 4733 repeats the packet that ends a digit, so that its loss does not matter."""
LOUD = 400
"""A sample beyond this is sound: -38 dB below full scale, under any prompt and over any line noise."""

Samples = np.ndarray[tuple[int], np.dtype[np.int16]]
_HEADER = struct.Struct(">BBHII")
_EVENT = struct.Struct(">BBH")


class Packet(msgspec.Struct, frozen=True):
    """`timestamp` counts samples."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    source: int
    payload: bytes

    def encode(self) -> bytes:
        kind = self.payload_type | (0x80 if self.marker else 0)
        head = _HEADER.pack(0x80, kind, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.source)
        return head + self.payload


def parse(data: bytes) -> Packet | None:
    """A packet; nothing when the datagram is no RTP of ours (RTCP shares the version but not the types)."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, kind, sequence, timestamp, source = _HEADER.unpack_from(data)
    skip = 12 + 4 * (first & 15)
    if first & 0x10 or len(data) < skip:
        return None
    return Packet(kind & 0x7F, bool(kind & 0x80), sequence, timestamp, source, data[skip:])


def press(key: str) -> list[bytes]:
    """The payloads of one digit, the ending one `ENDS` times; all carry the timestamp at which it began.

    Raises:
        ValueError: no such key on a telephone.
    """
    event = KEYS.index(key)
    down = [_EVENT.pack(event, 10, FRAME * n) for n in range(1, PRESS_FRAMES + 1)]
    end = _EVENT.pack(event, 0x80 | 10, FRAME * (PRESS_FRAMES + 1))
    return [*down, *[end] * ENDS]


def pressed(payload: bytes) -> str | None:
    """The key of a digit that has ended; nothing while it is still held."""
    if len(payload) < 4 or payload[0] >= len(KEYS) or not payload[1] & 0x80:
        return None
    return KEYS[payload[0]]


# --- G.711 --------------------------------------------------------------------------------------------------------


def _decode_alaw() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    size = np.where(exponent > 0, (mantissa * 16 + 264) << np.maximum(exponent - 1, 0), mantissa * 16 + 8)
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _decode_ulaw() -> Samples:
    code = ~np.arange(256) & 0xFF
    size = (((code & 15) * 8 + 132) << (code >> 4 & 7)) - 132
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _encode_alaw() -> bytes:
    samples = np.arange(65536).astype(np.uint16).view(np.int16).astype(int)
    size = np.where(samples < 0, ~samples, samples)
    exponent = np.maximum(np.log2(np.maximum(size, 1)).astype(int) - 7, 0)
    code = exponent << 4 | size >> np.maximum(exponent + 3, 4) & 15
    return bytes(((code | np.where(samples < 0, 0, 0x80)) ^ 0x55).astype(np.uint8))


def _encode_ulaw() -> bytes:
    samples = np.arange(65536).astype(np.uint16).view(np.int16).astype(int)
    size = np.minimum(np.abs(samples), 32635) + 132
    exponent = np.log2(size).astype(int) - 7
    code = exponent << 4 | size >> exponent + 3 & 15
    return bytes((~(code | np.where(samples < 0, 0x80, 0)) & 0xFF).astype(np.uint8))


_DECODED = {PCMA: _decode_alaw(), PCMU: _decode_ulaw()}
_ENCODED = {PCMA: np.frombuffer(_encode_alaw(), np.uint8), PCMU: np.frombuffer(_encode_ulaw(), np.uint8)}
_QUIET = {codec: bytes(np.flatnonzero(np.abs(table.astype(int)) < LOUD).tolist()) for codec, table in _DECODED.items()}
SILENCE = {codec: bytes(_ENCODED[codec][[0]]) * FRAME for codec in _ENCODED}


def encode(samples: Samples, codec: int) -> list[bytes]:
    """Packets' payloads of 20 ms; the last one is filled with silence."""
    padded = np.zeros(-(-len(samples) // FRAME) * FRAME, np.int16)
    padded[: len(samples)] = samples
    data = _ENCODED[codec][padded.view(np.uint16)].tobytes()
    return [data[at : at + FRAME] for at in range(0, len(data), FRAME)]


def decode(payload: bytes, codec: int) -> Samples:
    return _DECODED[codec][np.frombuffer(payload, np.uint8)]


def is_loud(payload: bytes, codec: int) -> bool:
    """Whether somebody speaks in it: more than a click is over the threshold. Cheap: it is asked of every packet."""
    return len(payload.translate(None, _QUIET[codec])) > 4
