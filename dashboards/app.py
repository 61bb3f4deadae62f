"""The pages and their API, as one FastAPI application.

There is no sign-in yet: the server must listen on the machine itself only, which is the default. It refuses requests that name another
host, so that no web page elsewhere can reach it through somebody's browser. Reads the log and the board; changes nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import Cookie, FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dashboards import views
from dashboards.live import Hub, Sections, now_ms
from pbx.centre import Centre
from pbx.metrics import QueueFigures
from pbx.picture import Picture
from pbx.record import Outcome
from pbx.replay import call_as_json, iso
from pbx.settings import Settings
from recordings.audio import kept_path
from recordings.queries import CallDetail, CallRow, Cursor

HERE = Path(__file__).parent
PAGE = 50
RECENT = 5
SECTIONS = ("link", "big", "queues", "waiting", "calls", "finished", "agents")

Language = Annotated[str | None, Query(alias="lang", pattern="^(vi|en)$")]
Kept = Annotated[str, Cookie(alias="lang")]


class Source(Protocol):
    """Where the board of now comes from."""

    centre: Centre

    def picture(self) -> Picture: ...
    def figures(self) -> tuple[QueueFigures, Mapping[str, QueueFigures]]: ...
    async def wait_changed(self, version: int) -> None: ...


class Reads(Protocol):
    """What is read from the log."""

    def calls(
        self, *, limit: int = 50, before: Cursor | None = None, text: str = "", outcome: str = "", queue: str = ""
    ) -> list[CallRow]: ...
    def call(self, call_id: str) -> CallDetail | None: ...


class Pages:
    """Renders; one of these for an application."""

    def __init__(self, source: Source, log: Reads) -> None:
        self._source = source
        self._log = log
        self._templates = Environment(
            loader=PackageLoader("dashboards"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, name: str, language: str, **values: Any) -> str:
        say = views.Tongue(language)
        shared = {
            "say": say,
            "lang": say.language,
            "other": "en" if say.language == "vi" else "vi",
            "centre": self._source.centre,
        }
        return self._templates.get_template(name).render(**shared, now=now_ms(), **values)

    async def board(self, language: str) -> views.View:
        finished = await asyncio.to_thread(self._log.calls, limit=RECENT)
        return views.board(
            self._source.picture(), self._source.figures(), finished, self._source.centre, views.Tongue(language)
        )

    async def sections(self, language: str) -> Sections:
        """Each section of the board by itself, for those who watch it change."""
        shown = await self.board(language)
        return {f"s-{name}": self.page(f"_{name}.html", language, board=shown) for name in SECTIONS}


def create_app(source: Source, log: Reads, settings: Settings) -> FastAPI:
    """All routes. `source` and `log` are only read."""
    pages = Pages(source, log)
    hub = Hub(pages.sections, source.wait_changed, lambda: source.picture().version)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(hub.run())
        yield
        hub.stop()
        running.cancel()
        await asyncio.wait({running})

    app = FastAPI(title="Smart PBX", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.hub = hub
    hosts = ["localhost", "127.0.0.1", "[::1]", settings.web_host]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.middleware("http")(_guarded)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    _board_routes(app, pages, hub)
    _call_routes(app, pages, log, source, settings)
    _api_routes(app, log, source)
    return app


_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


async def _guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers.update(_HEADERS)
    if not request.url.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response


def _html(text: str, lang: str | None, status: int = 200) -> HTMLResponse:
    response = HTMLResponse(text, status)
    if lang:
        response.set_cookie("lang", lang, max_age=31_536_000, httponly=True, samesite="lax")
    return response


def _board_routes(app: FastAPI, pages: Pages, hub: Hub) -> None:
    @app.get("/", include_in_schema=False)
    async def start() -> RedirectResponse:
        return RedirectResponse("/board")

    @app.get("/board", include_in_schema=False)
    async def board(lang: Language = None, kept: Kept = "vi") -> HTMLResponse:
        language = lang or kept
        return _html(pages.page("board.html", language, board=await pages.board(language), here="board"), lang)

    @app.get("/live", response_class=EventSourceResponse, include_in_schema=False)
    async def live(lang: Language = None) -> AsyncIterator[ServerSentEvent]:
        async for update in hub.watch(lang or "vi"):
            yield ServerSentEvent(data=update, event="board")


def _call_routes(app: FastAPI, pages: Pages, log: Reads, source: Source, settings: Settings) -> None:
    @app.get("/calls", include_in_schema=False)
    def calls(
        q: str = "", outcome: str = "", before: str = "", lang: Language = None, kept: Kept = "vi"
    ) -> HTMLResponse:
        language = lang or kept
        rows = log.calls(
            limit=PAGE + 1, before=_cursor(before), text=q[:100], outcome=outcome if outcome in list(Outcome) else ""
        )
        shown = views.calls(rows[:PAGE], source.centre, views.Tongue(language))
        last = rows[PAGE - 1].record if len(rows) > PAGE else None
        older = f"{last.arrived_at}~{last.call_id}" if last else ""
        page = pages.page(
            "calls.html",
            language,
            rows=shown,
            q=q[:100],
            outcome=outcome,
            outcomes=list(Outcome),
            older=older,
            here="calls",
        )
        return _html(page, lang)

    @app.get("/calls/{call_id}", include_in_schema=False)
    def call(call_id: str, lang: Language = None, kept: Kept = "vi") -> HTMLResponse:
        language = lang or kept
        found = log.call(call_id)
        if found is None:
            return _html(pages.page("missing.html", language, here="calls"), lang, 404)
        shown = views.detail(found, source.centre, views.Tongue(language))
        audio = _audio(settings, call_id) is not None
        return _html(pages.page("call.html", language, call=shown, audio=audio, here="calls"), lang)

    @app.get("/calls/{call_id}/audio", include_in_schema=False)
    def audio(call_id: str) -> Response:
        path = _audio(settings, call_id) if log.call(call_id) is not None else None
        if path is None:
            return JSONResponse({"title": "no recording", "status": 404}, 404, media_type="application/problem+json")
        return FileResponse(path, media_type="audio/wav")


def _audio(settings: Settings, call_id: str) -> Path | None:
    try:
        path = kept_path(settings.audio_dir, call_id)
    except ValueError:
        return None
    return path if path.is_file() else None


def _cursor(text: str) -> Cursor | None:
    at, _, call_id = text.partition("~")
    return (int(at), call_id) if at.isdecimal() and len(at) < 16 and call_id else None


def _api_routes(app: FastAPI, log: Reads, source: Source) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        """Ready when the log can be read and Asterisk is heard."""
        log.calls(limit=1)
        stale = source.picture().stale_since
        ready = {"log": "ok", "asterisk": "ok" if stale is None else "lost", "stale_since": iso(stale or None)}
        return JSONResponse(ready, 200 if stale is None else 503)

    @app.get("/api/v1/calls")
    def calls(limit: Annotated[int, Query(ge=1, le=500)] = 50, before: str = "", q: str = "") -> dict[str, Any]:
        rows = log.calls(limit=limit, before=_cursor(before), text=q[:100])
        return {"calls": [call_as_json(row.record) | {"transcript": row.transcript_state} for row in rows]}

    @app.get("/api/v1/calls/{call_id}")
    def call(call_id: str) -> JSONResponse:
        found = log.call(call_id)
        if found is None:
            return JSONResponse({"title": "no such call", "status": 404}, 404, media_type="application/problem+json")
        words = [
            {"word": w.word, "start": w.start, "end": w.end, "conf": w.conf, "channel": w.channel} for w in found.words
        ]
        return JSONResponse(call_as_json(found.record) | {"transcript": found.transcript_state, "words": words})
