"""Sounds for SIPp's `play_pcap_audio`: digits as RFC 4733 and speech as A-law, in packets that SIPp sends as they are.

SIPp rewrites addresses and ports but no RTP header, so every file of one call continues the numbering of the one before: Asterisk takes a
digit only when its timestamp is newer than that of the last digit.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

from pbx.demo import rtp
from pbx.demo.rtp import FRAME, FRAME_S, PCMA, Packet
from pbx.demo.sdp import EVENT

SOURCE = 0x1022
A_FILE = 1_500
"""Packets of room in the numbering for each file: half a minute. A greater leap is taken for another source."""


def digits(path: Path, keys: str, place: int) -> None:
    """Keys one after the other; `place` is the order among the files of one call."""
    packets = []
    at = 0
    for key in keys:
        began = at
        for payload in rtp.press(key):
            timestamp = _timestamp(place, began)
            kind = Packet(EVENT, at == began, _sequence(place, len(packets)), timestamp, SOURCE, payload)
            packets.append((at * FRAME_S, kind))
            at += 1
        at += rtp.PAUSE_FRAMES
    _write(path, packets)


def speech(path: Path, samples: rtp.Samples, place: int) -> None:
    frames = rtp.encode(samples, PCMA)
    _write(
        path,
        (
            (n * FRAME_S, Packet(PCMA, n == 0, _sequence(place, n), _timestamp(place, n), SOURCE, frame))
            for n, frame in enumerate(frames)
        ),
    )


def _sequence(place: int, n: int) -> int:
    return (place * A_FILE + n) % 65536


def _timestamp(place: int, n: int) -> int:
    return (place * A_FILE + n) * FRAME


def _write(path: Path, packets: Iterable[tuple[float, Packet]]) -> None:
    """A capture of Ethernet frames with IPv4 and UDP around each packet; seconds from the start."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, packet in packets:
            data = packet.encode()
            udp = struct.pack(">HHHH", 4000, 4002, 8 + len(data), 0) + data
            home = bytes((127, 0, 0, 1))
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, home, home) + udp
            frame = bytes(12) + b"\x08\x00" + ip
            micros = round(at * 1e6)
            file.write(struct.pack("<IIII", 1000 + micros // 10**6, micros % 10**6, len(frame), len(frame)) + frame)
