"""What two phones agree on before they can hear each other: address, codec, digits, direction (RFC 4566, 3264). Pure."""

import re

import msgspec

from pbx.demo.rtp import PCMA, PCMU

EVENT = 101
"""Our payload type for digits; the other side may choose its own."""
_RTPMAP = re.compile(r"a=rtpmap:(\d+) telephone-event/8000", re.IGNORECASE)
_MEDIA = re.compile(r"m=audio (\d+) \S+ ([\d ]+)")
_WHERE = re.compile(r"c=IN IP4 ([\d.]+)")
_DIRECTION = re.compile(r"a=(sendrecv|sendonly|recvonly|inactive)")


class Agreed(msgspec.Struct, frozen=True):
    """Where the other side listens and what it understands. `event` is 0 when it takes no digits."""

    host: str
    port: int
    codec: int
    event: int
    direction: str


def describe(ip: str, port: int, *, version: int = 1, direction: str = "sendrecv", codecs: tuple[int, ...]) -> str:
    """Our side of the agreement; `codecs` in the order we like them."""
    names = {PCMU: "PCMU", PCMA: "PCMA"}
    lines = [
        "v=0",
        f"o=phone 1 {version} IN IP4 {ip}",
        "s=-",
        f"c=IN IP4 {ip}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(map(str, codecs))} {EVENT}",
        *(f"a=rtpmap:{codec} {names[codec]}/8000" for codec in codecs),
        f"a=rtpmap:{EVENT} telephone-event/8000",
        f"a=fmtp:{EVENT} 0-15",
        "a=ptime:20",
        f"a={direction}",
    ]
    return "\r\n".join([*lines, ""])


def understand(body: str) -> Agreed | None:
    """The other side's description; nothing when it offers no audio that we speak."""
    media, where = _MEDIA.search(body), _WHERE.search(body)
    if media is None or where is None:
        return None
    codec = next((c for c in map(int, media.group(2).split()) if c in (PCMU, PCMA)), None)
    if codec is None:
        return None
    event, direction = _RTPMAP.search(body), _DIRECTION.search(body)
    return Agreed(
        where.group(1),
        int(media.group(1)),
        codec,
        int(event.group(1)) if event else 0,
        direction.group(1) if direction else "sendrecv",
    )
