"""The same as the pages, for programs: JSON in the shapes of `smartpbx replay --json`, and whether the service is well."""

import asyncio
import logging
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from dashboards.calls import cursor
from dashboards.pages import Reads, Source
from pbx.replay import call_as_json, iso
from recordings.queries import CallRow

log = logging.getLogger(__name__)


def routes(reads: Reads, source: Source) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """Ready when the log can be read and Asterisk is heard."""
        stale = source.picture().stale_since
        well = {"log": "ok" if await _readable(reads) else "lost", "asterisk": "ok" if stale is None else "lost"}
        return JSONResponse(well | {"stale_since": iso(stale or None)}, 200 if set(well.values()) == {"ok"} else 503)

    @router.get("/api/v1/board")
    async def board() -> dict[str, Any]:
        """The picture of now, and today's figures by queue."""
        return _board_as_json(source)

    @router.get("/api/v1/calls")
    def calls(limit: Annotated[int, Query(ge=1, le=500)] = 50, before: str = "", q: str = "") -> dict[str, Any]:
        """Newest first. `next` goes into `before` for the page after; null at the end."""
        rows = reads.calls(limit=limit, before=cursor(before), text=q[:100])
        return {"calls": [_row_as_json(row) for row in rows], "next": _next(rows, limit)}

    @router.get("/api/v1/calls/{call_id}")
    def call(call_id: str) -> JSONResponse:
        found = reads.call(call_id)
        if found is None:
            return JSONResponse({"title": "no such call", "status": 404}, 404, media_type="application/problem+json")
        words = msgspec.to_builtins(found.words)
        return JSONResponse(call_as_json(found.record) | {"transcript": found.transcript_state, "words": words})

    return router


async def _readable(reads: Reads) -> bool:
    try:
        await asyncio.to_thread(reads.calls, limit=1)
    except Exception:
        # Whatever a database may raise, the answer to "are you ready?" is no, not an error page.
        log.exception("the call log cannot be read")
        return False
    return True


def _row_as_json(row: CallRow) -> dict[str, Any]:
    return call_as_json(row.record) | {"transcript": row.transcript_state}


def _next(rows: list[CallRow], limit: int) -> str | None:
    return f"{rows[-1].record.arrived_at}~{rows[-1].record.call_id}" if len(rows) == limit else None


_MOMENTS = ("at", "stale_since", "since", "arrived_at", "joined_at")


def _board_as_json(source: Source) -> dict[str, Any]:
    picture = source.picture()
    total, by_queue = source.figures()
    shown: dict[str, Any] = msgspec.to_builtins(picture)
    for part in (shown, *shown["calls"], *shown["agents"]):
        for moment in _MOMENTS:
            if moment in part:
                # 0 is "never" in a picture: nothing has been heard yet.
                part[moment] = iso(part[moment] or None)
    shown["stale"] = picture.stale_since is not None
    shown["figures"] = {
        "total": msgspec.to_builtins(total),
        "queues": {name: msgspec.to_builtins(f) for name, f in by_queue.items()},
    }
    return shown
