"""Recordings as a whole: what waits to be written down, how full the store is, what failed and is to be tried again."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards import tapes_view, views
from dashboards.forms import fields
from dashboards.languages import chosen, language_of
from dashboards.pages import House, Pages, Reads, html

NOTICES = ("tried_again", "tried_gone")


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/recordings")
    def recordings(request: Request, told: str = "") -> HTMLResponse:
        say = views.Tongue(language_of(request))
        titles = views.titles_of(house.centre, say)
        page = pages.page(
            "tapes.html",
            say.language,
            work=tapes_view.work(house.tapes.work(), say),
            room=tapes_view.room(house.tapes.room(), say),
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

    return router
