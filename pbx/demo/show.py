"""The demo: a real Asterisk, the service beside it, and citizens who call, until Ctrl-C. Leaves nothing running.

Joins what the command line would start one by one; nobody else imports it.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from pbx.asterisk import control
from pbx.asterisk.layout import read_secrets
from pbx.asterisk.provision import provision
from pbx.demo import traffic
from pbx.demo.portal import Register, shown
from pbx.run import House
from pbx.settings import Settings
from pbx.today import ZONE

Report = Callable[[str], None]
ALWAYS = Path(__file__).with_name("hours.yaml")
"""The demo is open whenever somebody looks at it."""


async def show(settings: Settings, *, quiet: bool, calls_at_once: int, seed: int, report: Report) -> None:
    """Until Ctrl-C or SIGTERM.

    Raises:
        Problem: something needed is missing or taken; whatever was started has been stopped again.
    """
    begun = time.monotonic()
    register = Register(shown(datetime.now(ZONE).date()))
    portal = await register.open(settings.bind_address)
    settings = settings.model_copy(
        update={
            "dial_out": traffic.dial_out(settings),
            "hours": ALWAYS,
            "portal_url": portal,
            "portal_kind": "national",
        }
    )
    stop = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    report("1/3  Chuẩn bị Asterisk …")
    installation = await asyncio.to_thread(provision, settings, lambda line: report(f"     {line}"))
    if control.is_running(settings):
        report("     Asterisk của lần chạy trước còn sống, dừng lại …")
        await asyncio.to_thread(control.stop, settings)
    report(f"     {await asyncio.to_thread(control.start, settings)} ({installation.version})")
    try:
        report("2/3  Khởi động dịch vụ …")
        house = House(settings)
        await _live(
            settings, house, stop, quiet=quiet, calls_at_once=calls_at_once, seed=seed, report=report, begun=begun
        )
    finally:
        await register.close()
        await asyncio.to_thread(control.stop, settings)
        report("Đã dừng tất cả.")


async def _live(
    settings: Settings, house: House, stop: asyncio.Event, *, quiet: bool, calls_at_once: int, seed: int, report: Report,
    begun: float,
) -> None:  # fmt: skip
    ready = asyncio.Event()
    running = asyncio.create_task(house.run(ready.set))
    await _first(running, ready.wait())
    where = f"http://{settings.web_host}:{settings.web_port}/board"
    jobs = []
    if quiet:
        report("3/3  Không có cuộc gọi mẫu (--quiet).")
    else:
        report(f"3/3  Công dân bắt đầu gọi {house.centre.hotline} …")
        secrets = read_secrets(settings).agents
        calls = traffic.run(
            settings, house.centre, secrets, calls_at_once=calls_at_once, seed=seed, report=lambda line: report(f"     {line}"),
            stop=stop,
        )  # fmt: skip
        jobs.append(asyncio.create_task(calls))
    report(f"\n●  Bảng trực tiếp: {where}   (sau {time.monotonic() - begun:.0f} giây; Ctrl-C để dừng)")
    report(
        f"   Gọi thử từ bất kỳ máy SIP nào trên máy này: sip:{house.centre.hotline}@{settings.bind_address}:{settings.sip_port}\n"
    )
    report("   Tra cứu hồ sơ (phím 2): mười số cuối của mã và bốn số cuối căn cước")
    for dossier in shown(datetime.now(ZONE).date())[:6]:
        digits = "".join(dossier.code.split("-")[1:])
        report(f"     {digits}  {dossier.id_number[-4:]}  trạng thái {dossier.status}")
    await _first(running, *jobs, stop.wait())
    stop.set()
    await asyncio.gather(*jobs)
    house.stop()
    await running


async def _first(*works: Awaitable[object]) -> None:
    """Until one of these is over; what went wrong in it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    for task, work in zip(tasks, works, strict=True):
        if task in waiting and task is not work:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
