"""What citizens answered when the agent had hung up; every figure leads to the calls behind it."""

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboards import survey_view, views
from dashboards.languages import chosen, language_of
from dashboards.live import now_ms
from dashboards.pages import House, Pages, Reads, html
from dashboards.spans import span_asked


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/survey")
    async def survey(
        request: Request, span: str = "month", first: str = "", last: str = "", queue: str = ""
    ) -> HTMLResponse:
        asked = span_asked(span, first, last, now_ms())
        found = await asyncio.to_thread(log.citizens.survey, asked.start, asked.end)
        say = views.Tongue(language_of(request))
        titles = views.titles_of(house.centre, say)
        queue = queue if queue in titles else ""
        kept = asked.query | ({"queue": queue} if queue else {})
        page = pages.page(
            "survey.html",
            say.language,
            survey=survey_view.survey(found, titles, say, asked.start, asked.end, queue),
            titles=titles,
            queue=queue,
            span=asked,
            kept_query="&" + urlencode(kept),
            here="survey",
        )
        return html(page, chosen(request))

    return router
