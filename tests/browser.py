"""A real Chromium, and a small hotline in memory to look at: the real board, the real log, the real pages."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import soundfile
import uvicorn
from playwright.async_api import Browser, async_playwright

from dashboards.app import create_app
from pbx import commands as c
from pbx import events as e
from pbx.centre import load_centre
from pbx.metrics import QueueFigures
from pbx.picture import Picture
from pbx.record import CallRecord
from pbx.service import now_ms
from pbx.settings import Settings
from pbx.switchboard import Board
from pbx.today import Today
from recordings import opus
from recordings.audit import Audit
from recordings.finishing import Finishing
from recordings.queries import Log
from recordings.shelf import Shelf
from recordings.speech import SpeechFailed
from recordings.speed import Speed
from recordings.store import keep_calls, keep_put_away, keep_recording, keep_transcript
from recordings.tables import open_log
from recordings.tapes import Tapes
from recordings.words import Transcript
from tests.front_desk import FrontDesk
from tests.hearing import RATE, tone
from tests.tables import START, events_of

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def chromium() -> str:
    """The distribution's Chromium; installed when it is missing and we may."""
    found = shutil.which("chromium")
    if found is None and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            subprocess.run(command, check=True, env=environment, capture_output=True)
        found = shutil.which("chromium")
    assert found, "Chromium is missing: sudo apt-get install chromium"
    return found


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=await asyncio.to_thread(chromium), args=FLAGS)
        yield running
        await running.close()


class Hotline(FrontDesk):
    """Told stories happen now; what is over lands in the log."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self.settings = Settings(data_dir=place)
        self.centre = load_centre()
        self.engine = open_log(self.settings.database)
        self.log = Log(self.engine)
        self.board = Board(centre=self.centre)
        self.renderings = 0
        self._today = Today({})
        self.shelf = Shelf(self.settings.shelf, None)
        self.audit = Audit(self.engine, self.settings.audit_anchors)
        self.speed = Speed()
        self.tapes = Tapes(
            self.engine, self.log, self, Finishing(self.engine, place, place, self, self.shelf), self.shelf
        )
        self._changed = asyncio.Event()
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    # --- what the pages ask -----------------------------------------------------------------------------------

    def picture(self) -> Picture:
        return self.board.picture(now_ms())

    def figures(self) -> tuple[QueueFigures, dict[str, QueueFigures]]:
        self.renderings += 1
        return self._today.figures()

    async def wait_changed(self, version: int) -> None:
        if self.board.version == version:
            await self._changed.wait()

    # --- what happens -----------------------------------------------------------------------------------------

    def tell(self, *events: e.AnyEvent) -> None:
        for event in events:
            for command in self.board.step(event):
                if isinstance(command, c.Keep):
                    self.keep(command.record)
        self._changed.set()
        self._changed = asyncio.Event()

    def story(self, table: str) -> None:
        """A story whose last row happens now."""
        events = events_of(table)
        shift = now_ms() - max(event.at for event in events)
        self.tell(*(msgspec.structs.replace(event, at=event.at + shift) for event in events))

    def keep(self, record: CallRecord, transcript: Transcript | None = None) -> None:
        self._today.turn(now_ms())
        self._today.add([record])
        with self.engine.begin() as connection:
            keep_calls(connection, [record])
            if transcript is not None:
                keep_transcript(connection, record.call_id, transcript, START)

    def keep_audio(self, call_id: str, seconds: float, hertz: float = 440) -> None:
        """A recording on the shelf: one tone in both voices."""
        with tempfile.TemporaryDirectory() as place:
            wav, ogg = Path(place, "a.wav"), Path(place, "a.ogg")
            soundfile.write(wav, np.stack([tone(hertz, seconds)] * 2, 1), RATE)
            opus.encode(wav, ogg)
            kept = self.shelf.put(f"play/{call_id}.ogg", ogg.read_bytes())
        with self.engine.begin() as connection:
            keep_recording(connection, call_id, round(seconds * 1000), (), START)
            keep_put_away(connection, call_id, kept, None)

    # --- as the recogniser and the worker of finished calls ----------------------------------------------------

    name = "nobody"

    def transcribe(self, path: Path) -> Transcript:
        raise SpeechFailed("nobody listens here")

    def close(self) -> None:
        return

    def again(self, call_id: str) -> bool:
        self.asked.append(("again", call_id))
        return self.log.call(call_id) is not None

    # --- serving ----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self) -> None:
        self._app = create_app(self, self.log, self.settings)
        self.trend = self._app.state.trend
        config = uvicorn.Config(
            self._app, port=self.port, log_level="error", timeout_graceful_shutdown=2, lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server._serve())
        while not self._server.started:
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self._server is not None and self._serving is not None:
            self._app.state.hub.stop()
            self._server.should_exit = True
            await self._serving
            self._server = self._serving = None


@asynccontextmanager
async def hotline(place: Path) -> AsyncIterator[Hotline]:
    made = Hotline(place)
    made.tell(e.LinkUp(now_ms(), "boot"), e.SnapshotTaken(now_ms(), (), (), ()))
    await made.serve()
    try:
        yield made
    finally:
        await made.stop()
        made.engine.dispose()
