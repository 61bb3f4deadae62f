"""What a form sends, read with bounds, and from where it may come.

There is no token: a browser says by itself whether a request comes from a page of ours, and what says that it does not is refused. Programs
on this machine that are no browsers say nothing and are let in, as they could read the files anyway.
"""

from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from fastapi.responses import PlainTextResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

LARGEST = 16_384
MOST = 20
"""Fields of a form."""
LONGEST = 500
"""Characters of a field."""


async def fields(request: Request, longest: int = LONGEST, largest: int = LARGEST) -> dict[str, str]:
    """The fields of a form, each once, in one line and not endless (`longest` characters); empty for what is no form or too large
    (`largest` bytes)."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > largest:
            return {}
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST, errors="replace")
    except ValueError:
        return {}
    return {name: " ".join(value.replace("\0", "").split())[:longest] for name, value in pairs}


class SameOrigin:
    """Refuses whatever changes something and comes from a page elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if refused and _foreign(Headers(scope=scope)):
            await PlainTextResponse("cross-origin request refused", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _foreign(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")  # browsers before 2023
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")
