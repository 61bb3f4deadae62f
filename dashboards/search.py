"""Search in what was said: one field, a few ways to narrow, each found sentence a link that plays from there."""

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboards import search_view, topics_view, views
from dashboards.languages import chosen, language_of
from dashboards.live import now_ms
from dashboards.pages import BY, House, Pages, Reads, html
from dashboards.spans import Span, span_asked
from pbx.record import Outcome
from recordings.audit import of_number
from recordings.search import Found, Narrowing

SHOWN = 50
LONGEST = 200
"""Characters of a question."""
EVER = "ever"


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/search")
    async def search(request: Request, q: str = "") -> HTMLResponse:
        sent = {name: value.strip()[:LONGEST] for name, value in request.query_params.items()}
        asked = _asked(sent, views.titles_of(house.centre, views.Tongue("vi")))
        span = span_asked(sent.get("span", EVER), sent.get("first", ""), sent.get("last", ""), now_ms())
        text = " ".join(q.split())[:LONGEST]
        only = _narrowing(asked, span, sent.get("span", EVER) == EVER)
        found = await asyncio.to_thread(log.search.find, text, only, SHOWN) if text else Found((), False)
        if asked["number"]:
            await asyncio.to_thread(house.audit.note, BY, "search", of_number(asked["number"]))
        say = views.Tongue(language_of(request))
        titles = views.titles_of(house.centre, say)
        week = (
            []
            if text
            else topics_view.week(await asyncio.to_thread(house.tapes.week, now_ms() + 1), house.tapes.topics, say)
        )
        kept = {name: value for name, value in {"q": text, **asked}.items() if value}
        page = pages.page(
            "search.html", say.language, q=text, asked=asked, titles=titles, outcomes=list(Outcome),
            hits=[search_view.hit(hit, titles, say) for hit in found.hits], more=found.more, week=week, asks=bool(text),
            agents=[agent.name for agent in house.centre.agents],
            problem=say(f"search_{found.problem}") if found.problem else "",
            kept_query="&" + urlencode(kept), here="search",
        )  # fmt: skip
        return html(page, chosen(request))

    return router


def _asked(sent: dict[str, str], titles: views.Titles) -> dict[str, str]:
    """What may be asked for besides words; anything else is not asked for."""
    minutes = sent.get("minutes", "")
    return {
        "queue": sent.get("queue", "") if sent.get("queue") in titles else "",
        "outcome": sent.get("outcome", "") if sent.get("outcome") in list(Outcome) else "",
        "agent": sent.get("agent", ""),
        "number": sent.get("number", ""),
        "minutes": minutes if minutes.isascii() and minutes.isdecimal() and len(minutes) < 4 else "",
        "span": sent.get("span", ""),
    }


def _narrowing(asked: dict[str, str], span: Span, ever: bool) -> Narrowing:
    return Narrowing(
        since=0 if ever else span.start, until=0 if ever else span.end, queue=asked["queue"], outcome=asked["outcome"],
        agent=asked["agent"], number=asked["number"], talk_min=60_000 * int(asked["minutes"] or 0),
    )  # fmt: skip
