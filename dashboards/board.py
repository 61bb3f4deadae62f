"""The wallboard: a page, and the stream that keeps it true."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from dashboards.languages import chosen, language_of
from dashboards.live import Hub
from dashboards.pages import Pages, html

RETRY_MS = 1000


def routes(pages: Pages, hub: Hub) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def start() -> RedirectResponse:
        return RedirectResponse("/board")

    @router.get("/board")
    async def board(request: Request) -> HTMLResponse:
        language = language_of(request)
        return html(
            pages.page("board.html", language, board=await pages.board(language), here="board"), chosen(request)
        )

    @router.get("/live", response_class=EventSourceResponse)
    async def live(request: Request) -> AsyncIterator[ServerSentEvent]:
        async for update in hub.watch(language_of(request)):
            yield ServerSentEvent(raw_data=update, event="board", retry=RETRY_MS)

    return router
