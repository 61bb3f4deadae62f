"""Who was lost, and one click that promises to call them back."""

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards import lost_view, views
from dashboards.forms import fields
from dashboards.languages import chosen, language_of
from dashboards.live import now_ms
from dashboards.pages import BY, House, Pages, Reads, html
from dashboards.spans import Span, span_asked
from pbx.numbers import dialable
from pbx.record import CallRecord
from recordings.citizens import Lost


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/lost")
    async def lost(
        request: Request, span: str = "", first: str = "", last: str = "", done: str = "", call: str = ""
    ) -> HTMLResponse:
        asked = span_asked(span, first, last, now_ms())
        booked = {callback.number for callback in house.callbacks()}
        found = await asyncio.to_thread(log.citizens.lost, asked.start, asked.end, booked)
        say = views.Tongue(language_of(request))
        who = views.masked(await _caller(log, call), say) if done else ""
        page = pages.page(
            "lost.html",
            say.language,
            **_shown(found, views.titles_of(house.centre, say), say),
            span=asked,
            notice=lost_view.notice(done, who, say),
            kept_query=kept(asked),
            here="lost",
        )
        return html(page, chosen(request))

    @router.post("/lost/call")
    async def call_back(request: Request) -> Response:
        sent = await fields(request)
        call = sent.get("call", "")
        found = await asyncio.to_thread(log.call, call)
        done = "no_call" if found is None else ask(house, found.record)
        asked = span_asked(sent.get("span", ""), sent.get("first", ""), sent.get("last", ""), now_ms())
        return RedirectResponse("/lost?" + urlencode(asked.query | {"done": done, "call": call}), 303)

    return router


def ask(house: House, record: CallRecord) -> str:
    """Promise the caller of a call a callback to the field that he wanted; what came of it."""
    number = dialable(record.caller)
    if number is None:
        return "bad_number"
    known = {queue.name for queue in house.centre.queues}
    queue = record.queue if record.queue in known else house.centre.general_queue
    return house.ask_callback(number, queue, record.language, BY)


def kept(span: Span) -> str:
    """What a link to the other language keeps."""
    return "&" + urlencode(span.query)


async def _caller(log: Reads, call_id: str) -> str:
    found = await asyncio.to_thread(log.call, call_id)
    return found.record.caller if found is not None else ""


def _shown(found: Lost, titles: views.Titles, say: views.Tongue) -> views.View:
    now = now_ms()
    return {
        "rows": [lost_view.lost_row(c, titles, say, now) for c in found.callers[: lost_view.SHOWN]],
        "more": max(0, len(found.callers) - lost_view.SHOWN),
        "count": say.count(len(found.callers)),
        "open_count": say.count(sum(c.state == "open" for c in found.callers)),
        "withheld": say.count(found.withheld) if found.withheld else "",
    }
