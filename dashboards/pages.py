"""What every page needs: where its matter comes from, and the engine that makes HTML of it. Knows no address and no request."""

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from dashboards import board_view, views
from dashboards.live import Sections, now_ms
from dashboards.reception_view import Calibrated
from dashboards.trend import STEP_MS, Trend
from ivr.hours import Opening
from pbx.callbacks import Callback
from pbx.centre import Centre
from pbx.gate import Block
from pbx.metrics import QueueFigures
from pbx.picture import Picture
from recordings.audit import Audit
from recordings.citizens import Citizens
from recordings.queries import CallDetail, CallRow, Cursor, Only
from recordings.search import Search
from recordings.tapes import Tapes

HERE = Path(__file__).parent
RECENT = 4
SECTIONS = ("link", "big", "queues", "waiting", "calls", "finished", "agents")
YEAR_S = 31_536_000
BY = "trực ban"
"""Who did what is done on a page, until people sign in."""


class Source(Protocol):
    """Where the board of now comes from."""

    centre: Centre

    def picture(self) -> Picture: ...
    def figures(self) -> tuple[QueueFigures, Mapping[str, QueueFigures]]: ...
    async def wait_changed(self, version: int) -> None: ...


class House(Source, Protocol):
    """The running house: what stands open for citizens, and what people at the desk may ask of it.

    Called on the house's own loop; everything answers at once. `by` is who asks.
    """

    audit: Audit
    """Where it is written down who looks at what, before it is shown."""
    tapes: Tapes
    """What may be asked about recordings."""

    def callbacks(self) -> tuple[Callback, ...]:
        """Those that have not ended."""

    def ask_callback(self, number: str, queue: str, language: str, by: str) -> str:
        """Promise to call a number: `booked`, `later` (when the line opens), `exists`, `bad_number` or `refused` (no way to call out)."""

    def cancel_callback(self, callback_id: str, by: str) -> bool:
        """False: it has ended already, or there is none."""

    def blocks(self) -> tuple[Block, ...]:
        """Those in force."""

    def block(self, number: str, until: int, reason: str, by: str) -> None: ...

    def unblock(self, number: str, by: str) -> None: ...

    def calibration(self) -> Mapping[str, Calibrated]:
        """Queue -> how true its told waits were."""

    def hours(self) -> Mapping[str, Opening]:
        """Queue -> how it stands now; `''` is the whole line."""

    def set_hours(
        self,
        is_open: bool | None,
        until: int,
        reason: str,
        by: str,
        queues: tuple[str, ...] = (),
        announcement: str = "",
    ) -> None:
        """Open or close these queues, or everything, against the calendar until a moment, UTC ms; None: as the calendar says. A prompt of
        this name is heard first."""

    def release_hours(self, by: str) -> None:
        """The calendar holds again."""


class Reads(Protocol):
    """What is read from the log."""

    citizens: Citizens
    search: Search

    def calls(
        self,
        *,
        limit: int = 50,
        before: Cursor | None = None,
        text: str = "",
        outcome: str = "",
        queue: str = "",
        only: Only | None = None,
    ) -> list[CallRow]: ...
    def call(self, call_id: str) -> CallDetail | None: ...


class Pages:
    """Renders; one of these for an application."""

    def __init__(self, source: Source, log: Reads) -> None:
        self._source = source
        self._log = log
        self.build = _build()
        self.trend = Trend()
        self._templates = Environment(
            loader=PackageLoader("dashboards"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, name: str, language: str, *, ticks: bool = True, **values: Any) -> str:
        """`ticks` False leaves running times empty: then the HTML changes only when something happened."""
        say = views.Tongue(language)
        shared = {
            "say": say,
            "lang": say.language,
            "other": "en" if say.language == "vi" else "vi",
            "centre": self._source.centre,
            "build": self.build,
            "ticks": ticks,
            "kept_query": "",
        }
        return self._templates.get_template(name).render(shared | values, now=now_ms())

    def missing(self, language: str, what: str = "page") -> str:
        """A page in place of one that is not there; `what` is `page` or `call`."""
        say = views.Tongue(language)
        title, text = say(f"missing_{what}"), say(f"missing_{what}_text")
        return self.page("missing.html", language, title=title, text=text, here="calls" if what == "call" else "")

    async def board(self, language: str) -> views.View:
        finished = await asyncio.to_thread(self._log.calls, limit=RECENT)
        picture, figures = self._source.picture(), self._source.figures()
        say = views.Tongue(language)
        return board_view.board(picture, figures, finished, self._source.centre, say, self.trend.lines())

    async def remember(self) -> None:
        """Keep the last hour of the big numbers, until cancelled."""
        while True:
            picture = self._source.picture()
            if picture.stale_since is None:
                self.trend.add(board_view.sample(picture, self._source.figures()[0]))
            await asyncio.sleep(STEP_MS / 1000)

    async def sections(self, language: str) -> Sections:
        """Each section of the board by itself, for those who watch it change."""
        shown = await self.board(language)
        return {f"s-{name}": self.page(f"_{name}.html", language, ticks=False, board=shown) for name in SECTIONS}


def html(text: str, chosen: str = "", status: int = 200) -> HTMLResponse:
    """A page; a language that was just `chosen` is remembered."""
    response = HTMLResponse(text, status)
    if chosen:
        response.set_cookie("lang", chosen, max_age=YEAR_S, httponly=True, samesite="lax")
    return response


def _build() -> str:
    """Changes when the look changes, so that a board which has been open for weeks knows to load itself anew."""
    digest = hashlib.sha256()
    for path in sorted([*HERE.glob("static/*.*"), *HERE.glob("templates/*.html")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
