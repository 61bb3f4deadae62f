"""The live board: rendered once for all who watch it, sent as what changed.

Everybody gets a whole picture first and then only the sections that look different. A viewer who reads too slowly is not buffered for: what
it has not taken yet is thrown away and it gets a whole picture again. Knows no calls; `render` makes the sections.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

Sections = Mapping[str, str]
"""Element id -> HTML."""

FASTEST_S = 0.25
"""At most four renderings a second, however much happens."""
BEAT_S = 2.0
QUEUED = 32


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Viewer:
    """One open page."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.updates: asyncio.Queue[dict[str, object]] = asyncio.Queue(QUEUED)
        self.behind = True
        """Needs a whole picture next."""


class Hub:
    """Watches the source, renders for each language that is being looked at, and hands out what changed."""

    def __init__(
        self,
        render: Callable[[str], Awaitable[Sections]],
        wait_changed: Callable[[int], Awaitable[None]],
        version: Callable[[], int],
    ) -> None:
        self._render = render
        self._wait_changed = wait_changed
        self._version = version
        self._viewers: set[Viewer] = set()
        self._shown: dict[str, Sections] = {}
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. Beats in between, so that a page knows that it is still being told."""
        while True:
            version = self._version()
            if self._viewers:
                await self._publish()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wait_changed(version), BEAT_S)
            await asyncio.sleep(FASTEST_S)

    def stop(self) -> None:
        """Let every viewer go, so that the server can end at once."""
        self._stopping.set()
        for viewer in self._viewers:
            self._give(viewer, {})

    async def watch(self, language: str) -> AsyncIterator[dict[str, object]]:
        """What a page gets: `{"now", "sections"}`, the first with all sections, later ones with those that changed."""
        viewer = Viewer(language)
        self._viewers.add(viewer)
        try:
            yield await self._whole(viewer)
            while not self._stopping.is_set():
                update = await viewer.updates.get()
                if viewer.behind:
                    update = await self._whole(viewer)
                if update:
                    yield update
        finally:
            self._viewers.discard(viewer)

    async def _whole(self, viewer: Viewer) -> dict[str, object]:
        viewer.behind = False
        while not viewer.updates.empty():
            viewer.updates.get_nowait()
        sections = self._shown.get(viewer.language) or await self._render(viewer.language)
        self._shown[viewer.language] = sections
        return {"now": now_ms(), "sections": dict(sections)}

    async def _publish(self) -> None:
        for language in {viewer.language for viewer in self._viewers}:
            fresh = await self._render(language)
            before = self._shown.get(language, {})
            self._shown[language] = fresh
            changed = {key: html for key, html in fresh.items() if before.get(key) != html}
            update: dict[str, object] = {"now": now_ms(), "sections": changed}
            for viewer in list(self._viewers):
                if viewer.language == language:
                    self._give(viewer, update)

    def _give(self, viewer: Viewer, update: dict[str, object]) -> None:
        try:
            viewer.updates.put_nowait(update)
        except asyncio.QueueFull:
            viewer.behind = True
