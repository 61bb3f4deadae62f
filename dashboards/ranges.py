"""A part of something that is played, as HTTP asks for it (RFC 9110, section 14). Pure but for the answer it makes."""

import re

from fastapi import Response

_ONE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def asked(header: str, length: int) -> tuple[int, int] | bool | None:
    """(first, last + 1) of what is wanted; None: all of it; False: there is no such part.

    Several parts at once, or what is no range, count as all: a server may always send all.
    """
    found = _ONE.fullmatch(header) if len(header) < 64 else None
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        wanted = min(int(found[2]), length)
        return (length - wanted, length) if wanted else False
    first, last = int(found[1]), int(found[2] or length)
    if found[2] and last < first:
        return None
    return (first, min(last + 1, length)) if first < length else False


def ranged(data: bytes, header: str, media_type: str) -> Response:
    """All of it, or the part that was asked for."""
    wanted = asked(header, len(data))
    headers = {"Accept-Ranges": "bytes"}
    match wanted:
        case None:
            return Response(data, media_type=media_type, headers=headers)
        case (first, end):
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
            return Response(data[first:end], 206, media_type=media_type, headers=headers)
    return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
