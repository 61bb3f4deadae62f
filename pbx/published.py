"""The versions of the menu that the running service knows, and the watch for a new one.

A caller finishes in the version that was met at the beginning, also over a restart: so every version that can be read is kept at hand.
"""

import asyncio
import logging
from collections.abc import Callable, Collection

from ivr import publish
from ivr.load import load_menu
from ivr.menu import Menu
from ivr.problem import Problem
from pbx import events as e
from pbx.service import now_ms
from pbx.settings import Settings

log = logging.getLogger(__name__)

LOOK_S = 1.0


class Published:
    """`menus`: version -> menu, shared with the board, which only reads it. The file of the settings is version `''`.

    Raises:
        Problem: there is no menu that could be used.
    """

    def __init__(self, settings: Settings, queues: Collection[str]) -> None:
        self._store, self._queues, self._prompts = settings.menus_dir, queues, settings.prompts_dir
        self.menus: dict[str, Menu] = {}
        for version in publish.versions(self._store):
            self._learn(version)
        current = publish.current(self._store)
        self.version = _name(current)
        if self.version not in self.menus:
            self.version = ""
            self.menus[""] = load_menu(settings.menu, queues, self._prompts)

    def _learn(self, version: publish.Version) -> bool:
        if _name(version) not in self.menus and publish.is_good(self._store, version):
            try:
                self.menus[_name(version)] = load_menu(
                    publish.file_of(self._store, version), self._queues, self._prompts
                )
            except Problem as problem:
                log.warning("menu_version_unusable number=%d reason=%s", version.number, problem.en.partition("\n")[0])
        return _name(version) in self.menus

    async def watch(self, put: Callable[[e.AnyEvent], None]) -> None:
        """Tell the board when another version is in force, until cancelled."""
        put(e.MenuPublished(now_ms(), self.version))
        while True:
            await asyncio.sleep(LOOK_S)
            current = publish.current(self._store)
            if current is not None and _name(current) != self.version and self._learn(current):
                self.version = _name(current)
                log.info("menu_published version=%s", self.version)
                put(e.MenuPublished(now_ms(), self.version))


def _name(version: publish.Version | None) -> str:
    return f"{version.number:04}" if version is not None else ""
