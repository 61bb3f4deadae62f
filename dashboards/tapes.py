"""Recordings: one is played; as a whole, what waits to be written down, how full the store is, what failed and is to be tried again."""

import asyncio
import logging

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from dashboards import tapes_view, views
from dashboards.forms import fields
from dashboards.languages import chosen, language_of
from dashboards.live import now_ms
from dashboards.pages import BY, House, Pages, Reads, html
from dashboards.ranges import ranged

logger = logging.getLogger(__name__)

WEEK_MS = 7 * 86_400_000
MOST = 20
NOTICES = ("tried_again", "tried_gone")


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/recordings")
    def recordings(request: Request, told: str = "") -> HTMLResponse:
        say = views.Tongue(language_of(request))
        titles = views.titles_of(house.centre, say)
        listened, found = house.tapes.lines(now_ms() - WEEK_MS, now_ms() + 1)
        page = pages.page(
            "tapes.html",
            say.language,
            work=tapes_view.work(house.tapes.work(), say),
            room=tapes_view.room(house.tapes.room(), say),
            listened=say.count(listened),
            troubles=[tapes_view.trouble(t, house.centre, say) for t in found[:MOST]],
            quality=[tapes_view.quality(q, say) for q in house.tapes.quality(0, now_ms() + 1)[:MOST]],
            rows=[tapes_view.failed(row, reason, titles, say) for row, reason in house.tapes.given_up()],
            notice=say(told) if told in NOTICES else "",
            bad=told == "tried_gone",
            here="recordings",
        )
        return html(page, chosen(request))

    @router.post("/recordings/again")
    async def again(request: Request) -> Response:
        call = (await fields(request)).get("call", "")
        told = "tried_again" if await asyncio.to_thread(house.tapes.again, call) else "tried_gone"
        return RedirectResponse(f"/recordings?told={told}", 303)

    @router.get("/calls/{call_id}/audio")
    def audio(request: Request, call_id: str) -> Response:
        found = log.call(call_id)
        asked = request.headers.get("range", "")
        if (
            found is not None and found.play is not None and asked in ("", "bytes=0-")
        ):  # the rest of it is the same listening
            house.audit.note(BY, "listen", found.record.call_id)
        try:
            sound = house.tapes.play(found) if found is not None else None
        except OSError as e:
            logger.error("recording_unreadable call=%s reason=%s", call_id, e)
            return JSONResponse(
                {"title": "recording unreadable", "status": 503}, 503, media_type="application/problem+json"
            )
        if sound is None:
            return JSONResponse({"title": "no recording", "status": 404}, 404, media_type="application/problem+json")
        return ranged(sound, asked, "audio/ogg")

    return router
