"""The command line: `smartpbx …`. Joins everything and decides nothing; nobody imports it."""

import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ivr.load import load_menu
from ivr.problem import Problem
from pbx import replay as replaying
from pbx.ami.link import Link
from pbx.ami.probe import Unreachable, probe
from pbx.asterisk import control
from pbx.asterisk.config import write_config
from pbx.asterisk.provision import installed, provision
from pbx.centre import load_centre
from pbx.cli_keeping import audit, custodians, holds, person, retention
from pbx.cli_menus import hours, menus, prompts
from pbx.cli_speech import speech
from pbx.settings import Settings, read_settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Smart PBX – tổng đài của Trung tâm Phục vụ hành chính công."
)
asterisk = typer.Typer(no_args_is_help=True, help="Asterisk riêng của Smart PBX / the private Asterisk.")
app.add_typer(asterisk, name="asterisk")
app.add_typer(menus, name="menu")
app.add_typer(prompts, name="prompts")
app.add_typer(hours, name="hours")
for typed, name in (
    (audit, "audit"),
    (retention, "retention"),
    (holds, "hold"),
    (person, "person"),
    (custodians, "custodian"),
    (speech, "speech"),
):
    app.add_typer(typed, name=name)

AsJson = Annotated[bool, typer.Option("--json", help="In ra JSON / print JSON.")]


def main() -> None:
    """Run, and turn what a person can put right into two sentences and a status."""
    try:
        app(standalone_mode=False)
    except Problem as problem:
        print(f"✗ {problem.vi}\n  {problem.en}", file=sys.stderr)
        sys.exit(problem.exit_code)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        show = getattr(error, "show", None)  # click's own complaints about options
        if show is not None:
            show()
        sys.exit(error.exit_code)


def _say(line: str) -> None:
    print(line, flush=True)


# --- the service --------------------------------------------------------------------------------------------------


@app.command()
def run(verbose: bool = False) -> None:
    """Chạy dịch vụ bên cạnh một Asterisk đang chạy / run the service beside a running Asterisk."""
    from pbx.run import House, with_secrets  # half a second of libraries that the other commands do without

    _log(verbose)
    settings = read_settings()
    try:
        _check_accounts(with_secrets(settings))
    except Unreachable as nobody:
        _say(f"… {nobody.vi}\n  Dịch vụ vẫn chạy và tự kết nối khi Asterisk trả lời.")
    house = House(settings)

    async def live() -> None:
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(sign, house.stop)
        where = f"http://{house.settings.web_host}:{house.settings.web_port}/board"
        await house.run(lambda: _say(f"● Smart PBX đang chạy: {where}   (Ctrl-C để dừng)"))

    asyncio.run(live())


@app.command()
def demo(
    quiet: Annotated[bool, typer.Option("--quiet", help="Không có cuộc gọi mẫu / no sample traffic.")] = False,
    calls: Annotated[int, typer.Option(min=1, max=40, help="Số cuộc gọi cùng lúc / calls at once.")] = 4,
    seed: int = 1022,
) -> None:
    """Dựng Asterisk, chạy dịch vụ, và cho công dân gọi tới / Asterisk, the service, and citizens who call."""
    from pbx.demo.show import show

    _log(False)
    asyncio.run(show(read_settings(), quiet=quiet, calls_at_once=calls, seed=seed, report=_say))


def _log(verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # an address may hold a dossier's code


# --- replay, record, transcribe -----------------------------------------------------------------------------------


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Bản ghi AMI hoặc nhật ký / AMI captures or journal segments.")],
    as_json: AsJson = False,
) -> None:
    """Tính lại cuộc gọi và số liệu từ bản ghi / calls and figures from recorded streams."""
    settings = read_settings()
    centre = load_centre(settings.centre)
    menu = load_menu(settings.menu_file, {q.name for q in centre.queues})
    parts = [replaying.replay(replaying.read_events(file), menu, centre) for file in files]
    whole = replaying.Replay(tuple(c for part in parts for c in part.calls), sum(part.in_progress for part in parts))
    shown = replaying.as_json(whole, centre)
    print(json.dumps(shown, ensure_ascii=False, indent=2) if as_json else _table(shown))


def _table(shown: dict[str, Any]) -> str:
    lines = [f"{'ARRIVED (UTC)':<24} {'CALLER':<14} {'QUEUE':<12} {'OUTCOME':<13} {'WAIT s':>7} {'TALK s':>7}  AGENT"]
    lines += [
        f"{c['arrived_at']:<24} {c['caller']:<14} {c['queue']:<12} {c['outcome']:<13} {c['wait_ms'] / 1000:>7.1f} "
        f"{c['talk_ms'] / 1000:>7.1f}  {c['agent']}"
        for c in shown["calls"]
    ]
    for name, f in shown["queues"].items():
        outcomes = " ".join(
            f"{key} {f[key]}" for key in f if isinstance(f[key], int) and f[key] and not key.endswith("_ms")
        )
        lines.append(
            f"{name}: {outcomes} · service level {f['service_level']} % · longest {f['longest_wait_ms'] / 1000:.1f} s"
        )
    if shown["in_progress"]:
        lines.append(f"{shown['in_progress']} in progress at the end")
    return "\n".join(lines)


@app.command()
def record(
    file: Annotated[Path, typer.Argument(help="Tệp mới / a new file.")],
    seconds: Annotated[float, typer.Option(help="0: tới khi Ctrl-C / until Ctrl-C.")] = 0,
) -> None:
    """Ghi lại luồng AMI đang chạy, từng byte / capture a live AMI stream, byte for byte."""
    from pbx.run import with_secrets

    settings = with_secrets(read_settings())
    asyncio.run(_record(settings, file, seconds))


async def _record(settings: Settings, file: Path, seconds: float) -> None:
    account = (settings.ami_host, settings.ami_port, settings.ami_events_user, settings.ami_events_secret)
    await probe(*account)
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as e:
        raise Problem(
            f"Không tạo được {file}: {e.strerror}. Hãy chọn một tên tệp mới ở nơi ghi được.",
            f"Cannot create {file}: {e.strerror}. Choose a new name in a place that can be written.",
        ) from e
    link = Link(*account, want_events=True, on_message=lambda _: None, tee=lambda data: _write(fd, data))
    stop = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(seconds or None):
            await stop.wait()
    except TimeoutError:
        pass
    await link.stop()
    await running
    os.close(fd)
    _say(f"{file}: {file.stat().st_size} byte")


def _write(fd: int, data: bytes) -> None:
    os.write(fd, data)


@app.command()
def transcribe(file: Path, as_json: AsJson = False) -> None:
    """Chuyển một tệp WAV thành chữ / one WAV file to words."""
    from recordings.speech import transcribe_file

    result = transcribe_file(file, read_settings().speech_model)
    print(json.dumps(result, ensure_ascii=False, indent=2) if as_json else result["text"])


# --- asterisk -----------------------------------------------------------------------------------------------------


@asterisk.command("provision")
def asterisk_provision() -> None:
    """Tìm hoặc cài Asterisk, rồi tạo cấu hình riêng / find or install it, then write its private configuration."""
    settings = read_settings()
    installation = provision(settings, _say)
    write_config(settings, load_centre(settings.centre), installation)
    _say(f"Asterisk {installation.version}: {settings.asterisk_dir / 'etc'}")


@asterisk.command("start")
def asterisk_start() -> None:
    """Khởi động / start."""
    _say(control.start(read_settings()))


@asterisk.command("stop")
def asterisk_stop() -> None:
    """Dừng / stop."""
    _say("Đã dừng / stopped" if control.stop(read_settings()) else "Không chạy / was not running")


@asterisk.command("check")
def asterisk_check() -> None:
    """Kiểm tra: chương trình, cấu hình, đăng nhập AMI / program, configuration, AMI logins."""
    from pbx.run import with_secrets

    settings = with_secrets(read_settings())
    found = installed(settings)
    _say(f"Asterisk: {found.version or found.root if found else 'chưa có / none'}")
    _say(f"Đang chạy / running: {'có' if control.is_running(settings) else 'không'}")
    for line in _check_accounts(settings):
        _say(line)


def _check_accounts(settings: Settings) -> list[str]:
    """Log in with both accounts and leave again; a line about each."""
    lines = []
    for user, secret, needs in (
        (settings.ami_events_user, settings.ami_events_secret, ("CoreStatus", "CoreShowChannels")),
        (settings.ami_commands_user, settings.ami_commands_secret, ("AGI", "Redirect", "Setvar", "Hangup")),
    ):
        version = asyncio.run(probe(settings.ami_host, settings.ami_port, user, secret, needs=needs))
        lines.append(f"AMI {user}: {version}")
    return lines
