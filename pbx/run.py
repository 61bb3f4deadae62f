"""Joins the rooms to one running service: link, board, log, jobs, pages. Only the command line imports this."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from dashboards.app import create_app
from ivr.hours_file import load_hours
from ivr.problem import Problem
from pbx import commands as c
from pbx import events as e
from pbx.ami.pair import Pair
from pbx.asterisk.layout import read_secrets
from pbx.centre import Centre, load_centre
from pbx.desk import Desk
from pbx.journal import Journal
from pbx.ledger import Ledger
from pbx.metrics import QueueFigures
from pbx.picture import Picture
from pbx.published import Published
from pbx.reception import Reception
from pbx.registers import Registers, dossier_desk
from pbx.service import KEEPS, Service, now_ms
from pbx.settings import Settings
from pbx.switchboard import Board
from pbx.today import Today, day_bounds
from recordings.audit import Audit
from recordings.finishing import Finishing
from recordings.forgetting import Forgetting
from recordings.jobs import Jobs
from recordings.keyring import Keyring
from recordings.queries import Log
from recordings.retention import load_rules
from recordings.shelf import Shelf
from recordings.speech import Recogniser
from recordings.store import register_petition
from recordings.tables import open_log, writing
from recordings.tapes import Tapes
from recordings.writer import Writer

log = logging.getLogger(__name__)


HOUR_S = 3600
LOOK_BACK_MS = 24 * 3600 * 1000
"""So far back earlier calls matter to a caller who calls again."""


class House(Desk):
    """Everything that runs, made in order and unmade in the reverse order. Also what the pages look at.

    Raises:
        Problem: whatever is missing or wrong, before anything was started.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.centre: Centre = load_centre(settings.centre)
        queues = {q.name for q in self.centre.queues}
        self._published = Published(settings, queues)
        calendar = load_hours(settings.hours, queues)
        self._web = web_socket(settings)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._engine = open_log(settings.database)
        self.log = Log(self._engine, {q.name: f"{q.title} {q.title_en}" for q in self.centre.queues})
        self._today = Today({q.name: q.service_level_s * 1000 for q in self.centre.queues})
        self._today.turn(now_ms())
        self._today.add(self.log.records_between(*day_bounds(now_ms())))
        shelf = open_shelf(settings)
        finishing = Finishing(
            self._engine, settings.spool_dir, settings.audio_dir, Recogniser(settings.speech_model), shelf
        )
        self._jobs = Jobs(
            self._engine, f"sqlite:///{settings.data_dir.absolute() / 'jobs.sqlite'}", finishing, self._transcribed
        )
        self.audit = Audit(self._engine, settings.audit_anchors)
        self._forgetting = Forgetting(self._engine, shelf, load_rules(settings.keeping))
        self.tapes = Tapes(self._engine, self.log, self._jobs, finishing, shelf)
        self._registers = Registers(dossier_desk(settings), self._register_petition, self._answered)
        self._writer = Writer(self._engine, self._jobs.call_stored)
        self._journal = Journal(settings.journal_dir)
        self._pair = Pair(with_secrets(settings), ledger_of(settings, self.centre))
        past = self.log.records_between(now_ms() - LOOK_BACK_MS, now_ms())
        self.reception = Reception(self.centre, calendar, bool(settings.outgoing), past)
        super().__init__(self.centre, self.reception, lambda event: self._service.put(event))
        board = Board(None, self.centre, self.reception, self._published.menus, self._published.version)
        self._service = Service(
            board, self._journal, self._pair.tell, self._keep, self._registers.ask, settings.outgoing
        )
        self._stopping = asyncio.Event()

    # --- what the pages ask -----------------------------------------------------------------------------------

    def picture(self) -> Picture:
        return self._service.board.picture(now_ms())

    def figures(self) -> tuple[QueueFigures, dict[str, QueueFigures]]:
        self._today.turn(now_ms())
        return self._today.figures()

    async def wait_changed(self, version: int) -> None:
        await self._service.wait_changed(version)

    # --- living -----------------------------------------------------------------------------------------------

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Until `stop`; then everything is written and closed."""
        self.loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._jobs.start)
        log.info("recovered events=%d calls=%d", self._service.recover(), len(self._service.board))
        app = create_app(self, self.log, self.settings)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, lifespan="on")
        web = _Web(config)
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._service.run()),
            asyncio.create_task(self._pair.run(self._service)),
            asyncio.create_task(web.serve(sockets=[self._web])),
            asyncio.create_task(self._published.watch(self._service.put)),
            asyncio.create_task(self._forget_daily()),
        ]
        ready()
        stopping = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        app.state.hub.stop()
        web.should_exit = True
        await asyncio.wait(tasks[2:3], timeout=5)
        for task in (*tasks[:2], *tasks[3:]):
            task.cancel()
        await asyncio.wait(tasks)
        await asyncio.to_thread(self.close)
        for task in done - {stopping}:
            task.result()

    async def _forget_daily(self) -> None:
        """What is due goes, an hour after the start and then once a day; a run that fails is tried again the next day."""
        while True:
            await asyncio.sleep(HOUR_S)
            try:
                gone = await asyncio.to_thread(self._forgetting.run, now_ms(), "smartpbx")
                log.info("forgotten items=%d", len(gone))
                await asyncio.to_thread(self.audit.verify)
            except Exception:
                log.exception("forgetting_failed")
            await asyncio.sleep(23 * HOUR_S)

    def stop(self) -> None:
        self._stopping.set()

    def close(self) -> None:
        self._writer.close()
        self._jobs.stop()
        self._journal.close()
        self._engine.dispose()
        self._web.close()

    def _keep(self, command: KEEPS) -> None:
        match command:
            case c.Keep(record):
                self._today.turn(now_ms())
                self._today.add([record])
                self._writer.put(record)
            case c.KeepCallbacks(callbacks):
                for callback in callbacks:
                    self._writer.put(callback)
            case c.KeepBlock(block):
                self._writer.put(block)

    def _register_petition(self, call_id: str, day: str, at: int) -> str:
        with writing(self._engine) as connection:
            return register_petition(connection, call_id, day, at)

    def _answered(self, finished: e.LookupFinished) -> None:
        self._service.put(finished)

    def _transcribed(self, call_id: str) -> None:
        """From a worker thread: the list of finished calls looks different now."""
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._service.announce)


def open_shelf(settings: Settings) -> Shelf:
    """Where recordings lie.

    Raises:
        Problem: the place or the key cannot be used.
    """
    sealed = settings.seal_recordings
    there = settings.shelf if "://" not in settings.shelf else ""
    before = bool(there) and any(Path(there).glob("play/*.ogg"))
    keyring = Keyring.open(settings.keys, settings.data_dir, sealed_before=before) if sealed else None
    return Shelf(settings.shelf, keyring, settings.recordings_quota_gb << 30)


class _Web(uvicorn.Server):
    """Leaves the signals to us: Ctrl-C must stop the telephone in order, not only the pages."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def web_socket(settings: Settings) -> socket.socket:
    """The bound socket of the pages, so that a taken port is known before anything starts.

    Raises:
        Problem: the port cannot be bound.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    where = f"{settings.web_host}:{settings.web_port}"
    try:
        bound.bind((settings.web_host, settings.web_port))
    except OSError as e:
        bound.close()
        raise Problem(
            f"Cổng {where} không dùng được: {e.strerror}. Hãy dừng chương trình đang giữ cổng hoặc đặt SMARTPBX_WEB_PORT.",
            f"Port {where} cannot be used: {e.strerror}. Stop the program that holds it or set SMARTPBX_WEB_PORT.",
        ) from e
    return bound


def with_secrets(settings: Settings) -> Settings:
    """The settings with what only the provisioned Asterisk knows, unless somebody set it."""
    if settings.ami_events_secret and settings.ami_commands_secret:
        return settings
    secrets = read_secrets(settings)
    return settings.model_copy(
        update={
            "ami_events_secret": settings.ami_events_secret or secrets.events,
            "ami_commands_secret": settings.ami_commands_secret or secrets.commands,
            "system_name": settings.system_name or secrets.system_name,
        }
    )


def ledger_of(settings: Settings, centre: Centre) -> Ledger:
    logs = settings.asterisk_dir / "log"
    return Ledger(logs / "master.db", logs / "queue_log", {agent.name: agent.interface for agent in centre.agents})
