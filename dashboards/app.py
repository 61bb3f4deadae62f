"""The pages and their API, as one FastAPI application.

There is no sign-in yet: the server must listen on the machine itself only, which is the default. It refuses requests that name another
host, and forms from pages elsewhere, so that nobody can reach it through somebody's browser. Changes nothing itself: it asks the house.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards import api, board, callbacks, calls, corrections, lost, messages, reception, search, survey, tapes
from dashboards.forms import SameOrigin
from dashboards.languages import language_of
from dashboards.live import Hub
from dashboards.pages import HERE, House, Pages, Reads, html
from pbx.settings import Settings
from recordings.audit import Unwritten

logger = logging.getLogger(__name__)

GUARDS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(source: House, log: Reads, settings: Settings) -> FastAPI:
    """All routes."""
    pages = Pages(source, log)
    hub = Hub(pages.sections, source.wait_changed, lambda: source.picture().version, pages.build)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = {asyncio.create_task(hub.run()), asyncio.create_task(pages.remember())}
        yield
        hub.stop()
        for task in running:
            task.cancel()
        await asyncio.wait(running)

    app = FastAPI(title="Smart PBX", lifespan=lifespan, docs_url=None, redoc_url=None)
    # Whoever stops the server calls `hub.stop()` first: the server waits for open streams before it tells the application.
    app.state.hub = hub
    app.state.trend = pages.trend
    hosts = ["localhost", "127.0.0.1", "[::1]", settings.web_host]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(SameOrigin)
    app.add_middleware(Guarded)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.include_router(board.routes(pages, hub))
    app.include_router(calls.routes(pages, log, source))
    for family in (lost, callbacks, messages, survey, reception, tapes, search, corrections):
        app.include_router(family.routes(pages, log, source))
    app.include_router(api.routes(log, source))

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        """People get a page; programs get JSON."""
        if error.status_code != 404 or "text/html" not in request.headers.get("accept", ""):
            return await http_exception_handler(request, error)
        return html(pages.missing(language_of(request)), status=404)

    @app.exception_handler(Unwritten)
    async def unwritten(request: Request, error: Unwritten) -> Response:
        """Fails closed: what cannot be written down is not shown."""
        logger.error("audit_unwritable %s", error)
        return html(pages.missing(language_of(request), "audit"), status=503)

    return app


class Guarded:
    """Adds the headers that keep a page to itself. Touches no body, so streams flow through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(GUARDS)
                # What is shown is personal; what is static is asked for anew, so that an upgrade is seen at once.
                headers["Cache-Control"] = "no-cache" if scope["path"].startswith("/static/") else "no-store"
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)
