"""A whole hotline for one test: its own Asterisk, its own service in a process of its own, on free ports of this machine.

The directory is one that an unprivileged Asterisk may enter, which pytest's own are not. The program tree is shared and made once.
"""

import asyncio
import contextlib
import io
import os
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import numpy as np
import soundfile
import yaml

from pbx.asterisk import control
from pbx.asterisk.layout import read_secrets
from pbx.asterisk.provision import provision
from pbx.demo.phone import Phone
from pbx.settings import HOUSE, Settings
from pbx.witnesses import QueueLine, parse_queue_log
from recordings.keyring import Keyring
from recordings.queries import CallRow, Log
from recordings.shelf import Shelf
from recordings.tables import open_log

ALWAYS = {"always": True}
"""Opening hours of a line that never closes."""


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now, free for UDP and TCP alike."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                found.append(port)
    return found


class World:
    """Started by `world(...)`; everything in it is real."""

    def __init__(
        self,
        place: Path,
        centre: dict | None,
        menu: dict | None,
        hours: dict | None,
        **settings: object,  # type: ignore[type-arg]
    ) -> None:
        sip, ami, web, self.citizens_port = free_ports(4)
        # Below the kernel's ephemeral ports, so that nobody else is given one of these.
        rtp = 10_000 + os.getpid() % 40 * 500
        changed = dict(settings)
        for name, content in (("centre", centre), ("menu", menu), ("hours", hours or ALWAYS)):
            if content is not None:
                changed[name] = place / f"{name}.yaml"
                changed[name].write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
        self.settings = Settings(
            data_dir=place,
            asterisk_tree=tree(),
            sip_port=sip,
            ami_port=ami,
            web_port=web,
            rtp_start=rtp,
            rtp_end=rtp + 499,
            key_file=place.with_name(f"{place.name}.key"),
            dial_out=f"PJSIP/citizens/sip:{{number}}@127.0.0.1:{self.citizens_port}",
            **changed,
        )
        self.place = place
        self._service: asyncio.subprocess.Process | None = None
        self._phones: list[Phone] = []
        self._engine = open_log(self.settings.database)
        self.log = Log(self._engine)

    # --- the service ------------------------------------------------------------------------------------------

    async def start_service(self, *, wait: bool = True) -> None:
        variables = {**os.environ, **environment(self.settings)}
        with (self.place / "service.log").open("ab") as output:
            self._service = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "pbx",
                "run",
                "--verbose",
                cwd=HOUSE,
                env=variables,
                stdout=output,
                stderr=output,
            )
        if wait:
            await until(self.is_ready, 20, "the service did not become ready")

    async def kill_service(self, sign: int = signal.SIGKILL) -> None:
        assert self._service is not None
        self._service.send_signal(sign)
        await self._service.wait()
        self._service = None

    async def is_ready(self) -> bool:
        assert self._service is not None and self._service.returncode is None, (self.place / "service.log").read_text()
        with contextlib.suppress(httpx2.HTTPError):
            async with httpx2.AsyncClient() as client:
                return (await client.get(f"{self.url}/readyz")).status_code == 200
        return False

    @property
    def url(self) -> str:
        return f"http://{self.settings.web_host}:{self.settings.web_port}"

    @property
    def service_pid(self) -> int:
        assert self._service is not None
        return self._service.pid

    # --- phones -----------------------------------------------------------------------------------------------

    @property
    def server(self) -> tuple[str, int]:
        return self.settings.bind_address, self.settings.sip_port

    async def agent(self, extension: str) -> Phone:
        """A registered phone of an agent."""
        phone = Phone(self.server, extension, secret=read_secrets(self.settings).agents[extension])
        await phone.open()
        self._phones.append(phone)
        await phone.register()
        return phone

    async def citizen(self, number: str, *, called_back: bool = False) -> Phone:
        """A phone; the one that is `called_back` is where all calls to citizens arrive."""
        phone = Phone(self.server, number, local_port=self.citizens_port if called_back else 0, lines=20)
        await phone.open()
        self._phones.append(phone)
        return phone

    # --- what came of it --------------------------------------------------------------------------------------

    def calls(self, caller: str = "") -> list[CallRow]:
        rows = self.log.calls(limit=5000)
        return [row for row in reversed(rows) if not caller or row.record.caller == caller]

    async def recording(self, call_id: str) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
        """What may be heard of a call, as soon as it is put away: samples of the caller and of the agent, −1 … 1, at 8 kHz."""

        def put_away() -> bool:
            found = self.log.call(call_id)
            return found is not None and found.place == "shelf"

        await until(put_away, 30, "the recording is not put away")
        found = self.log.call(call_id)
        assert found is not None and found.play is not None and found.left == ""
        shelf = Shelf(self.settings.shelf, Keyring.open(self.settings.keys, self.settings.data_dir))
        samples, rate = soundfile.read(io.BytesIO(shelf.get(found.play.name, found.play)))
        assert rate == 8000
        return samples

    def queue_log(self) -> list[QueueLine]:
        return parse_queue_log((self.settings.asterisk_dir / "log" / "queue_log").read_text("utf-8"))

    def cel(self, kind: str) -> dict[str, float]:
        """Channel -> second of its row of this kind."""
        with contextlib.closing(sqlite3.connect(self.settings.asterisk_dir / "log" / "master.db")) as db:
            rows = db.execute(
                "SELECT uniqueid, eventtime FROM cel WHERE eventtype = ? AND uniqueid = linkedid", (kind,)
            )
            return {channel: float(at) for channel, at in rows}

    def channels(self) -> int:
        """How many channels Asterisk holds now."""
        return int(control.cli(self.settings, "core show channels count").split()[0])

    async def close(self) -> None:
        for phone in self._phones:
            await phone.close()
        if self._service is not None and self._service.returncode is None:
            self._service.send_signal(signal.SIGTERM)
            await asyncio.wait_for(self._service.wait(), 20)
        self._engine.dispose()


def environment(settings: Settings) -> dict[str, str]:
    """The same settings for another process."""
    return {
        f"SMARTPBX_{name.upper()}": str(value) for name, value in settings.model_dump().items() if value is not None
    }


def tree() -> Path:
    """The shared program tree; made on first use."""
    place = Path(os.environ.get("SMARTPBX_ASTERISK_TREE", HOUSE / "var" / "asterisk-tree"))
    provision(Settings(asterisk_tree=place), lambda _: None)
    return place


@asynccontextmanager
async def world(
    *,
    centre: dict | None = None,
    menu: dict | None = None,
    hours: dict | None = None,
    **settings: object,  # type: ignore[type-arg]
) -> AsyncIterator[World]:
    """A running Asterisk; the service is started by the test. Everything is stopped and removed at the end."""
    place = Path(tempfile.mkdtemp(prefix="smartpbx-"))
    place.chmod(0o755)
    made = World(place, centre, menu, hours, **settings)
    try:
        await asyncio.to_thread(control.start, made.settings)
        yield made
    finally:
        await made.close()
        await asyncio.to_thread(control.stop, made.settings)
        shutil.rmtree(place, ignore_errors=True)
        made.settings.keys.unlink(missing_ok=True)


async def until(true: Callable[[], object], timeout_s: float, what: str) -> None:
    """Wait for something that can only be looked at."""
    deadline = time.monotonic() + timeout_s
    while True:
        seen = true()
        if await seen if asyncio.iscoroutine(seen) else seen:
            return
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)
