"""The live board: rendered once for all who watch it, sent as what changed.

Everybody gets a whole picture first and then only the sections that look different. A viewer who reads too slowly is not buffered for: what
it has not taken yet is thrown away and it gets a whole picture again; so a page that comes back needs no memory of where it was. Knows no
calls; `render` makes the sections.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

log = logging.getLogger(__name__)

Sections = Mapping[str, str]
"""Element id -> HTML."""

FASTEST_S = 0.25
"""At most four renderings a second, however much happens."""
BEAT_S = 1.75
"""With `FASTEST_S`, two seconds at most from one word to the next; a page that hears nothing for 5.5 s says so."""
QUEUED = 32
"""Updates; at four a second a viewer may lag eight seconds."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Viewer:
    """One open page."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.updates: asyncio.Queue[str] = asyncio.Queue(QUEUED)
        self.behind = True
        """Needs a whole picture next."""


class Hub:
    """Watches the source, renders for each language that is being looked at, and hands out what changed."""

    def __init__(
        self,
        render: Callable[[str], Awaitable[Sections]],
        wait_changed: Callable[[int], Awaitable[None]],
        version: Callable[[], int],
        build: str = "",
    ) -> None:
        self._render = render
        self._wait_changed = wait_changed
        self._version = version
        self._build = build
        self._viewers: set[Viewer] = set()
        self._shown: dict[str, Sections] = {}
        self._rendering = asyncio.Lock()
        self._stopping = False

    async def run(self) -> None:
        """Until cancelled. Beats in between, so that a page knows that it is still being told."""
        while True:
            version = self._version()
            for language in {viewer.language for viewer in self._viewers}:
                try:
                    await self._publish(language)
                except Exception:
                    # The log may be away for a moment. Pages that are told nothing say so by themselves; this loop must go on.
                    log.exception("the board could not be rendered")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wait_changed(version), BEAT_S)
            await asyncio.sleep(FASTEST_S)

    def stop(self) -> None:
        """Let every viewer go, so that the server can end at once."""
        self._stopping = True
        for viewer in self._viewers:
            _give(viewer, "")

    async def watch(self, language: str) -> AsyncIterator[str]:
        """JSON for a page: `{"now", "build", "sections"}`, the first with all sections, later ones with those that changed."""
        viewer = Viewer(language)
        self._viewers.add(viewer)
        try:
            yield await self._whole(viewer)
            while not self._stopping:
                update = await viewer.updates.get()
                if viewer.behind:
                    update = await self._whole(viewer)
                if update:
                    yield update
        finally:
            self._viewers.discard(viewer)
            if all(other.language != language for other in self._viewers):
                # Nobody keeps it true any more: whoever comes next must not be shown it.
                self._shown.pop(language, None)

    async def _whole(self, viewer: Viewer) -> str:
        async with self._rendering:
            sections = self._shown.get(viewer.language)
            if sections is None:
                sections = self._shown[viewer.language] = await self._render(viewer.language)
            viewer.behind = False
            while not viewer.updates.empty():
                viewer.updates.get_nowait()
            return self._update(sections)

    async def _publish(self, language: str) -> None:
        async with self._rendering:
            fresh = await self._render(language)
            before = self._shown.get(language, {})
            watching = [viewer for viewer in self._viewers if viewer.language == language]
            if watching:
                self._shown[language] = fresh
            update = self._update({key: html for key, html in fresh.items() if before.get(key) != html})
            for viewer in watching:
                _give(viewer, update)

    def _update(self, sections: Sections) -> str:
        return json.dumps({"now": now_ms(), "build": self._build, "sections": dict(sections)}, ensure_ascii=False)


def _give(viewer: Viewer, update: str) -> None:
    try:
        viewer.updates.put_nowait(update)
    except asyncio.QueueFull:
        viewer.behind = True
