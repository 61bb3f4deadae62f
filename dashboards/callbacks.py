"""Promises to call back: those that stand, and how others ended."""

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards import lost_view, views
from dashboards.forms import fields
from dashboards.languages import chosen, language_of
from dashboards.live import now_ms
from dashboards.lost import kept
from dashboards.pages import BY, House, Pages, Reads, html
from dashboards.spans import span_asked


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/callbacks")
    async def callbacks(
        request: Request, span: str = "", first: str = "", last: str = "", done: str = ""
    ) -> HTMLResponse:
        now = now_ms()
        asked = span_asked(span, first, last, now)
        ended = await asyncio.to_thread(log.citizens.callbacks, asked.start, asked.end)
        say = views.Tongue(language_of(request))
        titles = views.titles_of(house.centre, say)
        waiting = lost_view.waiting_now(house.picture().calls)
        page = pages.page(
            "callbacks.html",
            say.language,
            rows=lost_view.callback_rows(house.callbacks(), waiting, titles, say, now),
            ended=[lost_view.ended_row(c, titles, say, now) for c in ended],
            span=asked,
            notice=lost_view.notice(done, "", say),
            kept_query=kept(asked),
            here="callbacks",
        )
        return html(page, chosen(request))

    @router.post("/callbacks/cancel")
    async def cancel(request: Request) -> Response:
        sent = await fields(request)
        done = "cancelled" if house.cancel_callback(sent.get("callback", ""), BY) else "gone"
        asked = span_asked(sent.get("span", ""), sent.get("first", ""), sent.get("last", ""), now_ms())
        return RedirectResponse("/callbacks?" + urlencode(asked.query | {"done": done}), 303)

    return router
