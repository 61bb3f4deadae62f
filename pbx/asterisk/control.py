"""Starts, stops and asks the private Asterisk. Knows how to run it, not what it is for."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from ivr.problem import Problem
from pbx.asterisk.config import give_to, write_config
from pbx.asterisk.layout import Installation
from pbx.asterisk.provision import installed
from pbx.centre import load_centre
from pbx.settings import Settings

BOOT_S = 20.0
STOP_S = 10.0
NOBODY = 65534

_children: dict[int, "subprocess.Popen[bytes]"] = {}
"""Those that this very process has started: they must be waited for when they end."""


def start(settings: Settings) -> str:
    """Publish the configuration and start; returns one line about what runs. Nothing is left running when it fails.

    Raises:
        Problem: not provisioned, already running, a port is taken, or Asterisk did not come up.
    """
    installation = _installation(settings)
    if is_running(settings):
        raise Problem(
            f"Asterisk ở {settings.asterisk_dir} đang chạy. Muốn chạy lại: smartpbx asterisk stop",
            f"The Asterisk in {settings.asterisk_dir} is running. To start it anew: smartpbx asterisk stop",
        )
    _check_ports(settings)
    write_config(settings, load_centre(settings.centre), installation)
    prefix = _unprivileged(settings, installation)
    process = _launch(settings, installation, prefix)
    return f"Asterisk {installation.version or ''} pid {process} sip {settings.bind_address}:{settings.sip_port}"


def stop(settings: Settings) -> bool:
    """Stop it and wait until it is gone; False when it was not running."""
    pid = _pid(settings)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while _alive(pid):
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    _children.pop(pid, None)
    _pid_file(settings).unlink(missing_ok=True)
    return True


def is_running(settings: Settings) -> bool:
    return _pid(settings) is not None


def cli(settings: Settings, command: str) -> str:
    """What Asterisk's own command line answers."""
    installation = _installation(settings)
    asked = [*installation.command("usr/sbin/asterisk"), "-C", str(_conf(settings)), "-rx", command]
    return subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False).stdout


# --- inside -------------------------------------------------------------------------------------------------------


def _installation(settings: Settings) -> Installation:
    found = installed(settings)
    if found is None:
        raise Problem(
            "Máy này chưa có Asterisk cho Smart PBX. Hãy chạy: smartpbx asterisk provision",
            "This machine has no Asterisk for the Smart PBX. Run: smartpbx asterisk provision",
        )
    return found


def _conf(settings: Settings) -> Path:
    return settings.asterisk_dir / "etc" / "asterisk.conf"


def _pid_file(settings: Settings) -> Path:
    return settings.asterisk_dir / "asterisk.pid"


def _pid(settings: Settings) -> int | None:
    try:
        pid = int(_pid_file(settings).read_text())
    except (OSError, ValueError):
        return None
    return pid if _alive(pid) and str(_conf(settings)) in _command_line(pid) else None


def _alive(pid: int) -> bool:
    if (child := _children.get(pid)) is not None:
        return child.poll() is None
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _check_ports(settings: Settings) -> None:
    for kind, port, what in (
        (socket.SOCK_DGRAM, settings.sip_port, "SMARTPBX_SIP_PORT"),
        (socket.SOCK_STREAM, settings.sip_port, "SMARTPBX_SIP_PORT"),
        (socket.SOCK_STREAM, settings.ami_port, "SMARTPBX_AMI_PORT"),
    ):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
            try:
                probe.bind((settings.bind_address, port))
            except OSError as e:
                raise Problem(
                    f"Cổng {settings.bind_address}:{port} không dùng được: {e.strerror}. "
                    f"Hãy dừng chương trình đang giữ cổng hoặc đặt {what} khác.",
                    f"Port {settings.bind_address}:{port} cannot be used: {e.strerror}. "
                    f"Stop the program that holds it or set another {what}.",
                ) from e


def _unprivileged(settings: Settings, installation: Installation) -> list[str]:
    """What comes before the command so that it does not run as root; nothing where we are not root or it cannot be."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return []
    prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    program = installation.command("usr/sbin/asterisk")[0]
    reached = subprocess.run([*prefix, "test", "-x", program, "-a", "-x", str(settings.asterisk_dir)], check=False)
    prompts = subprocess.run([*prefix, "test", "-r", str(settings.prompts_dir)], check=False)
    if reached.returncode or prompts.returncode:
        return []  # the project lies in a home that only root may enter
    give_to(settings.asterisk_dir, NOBODY, NOBODY)
    return prefix


def _launch(settings: Settings, installation: Installation, prefix: list[str]) -> int:
    home = settings.asterisk_dir
    command = [*prefix, *installation.command("usr/sbin/asterisk"), "-C", str(_conf(settings)), "-f"]
    with (home / "log" / "console").open("wb") as console:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, cwd=home, start_new_session=True
        )
    _children[process.pid] = process
    _pid_file(settings).write_text(str(process.pid))
    deadline = time.monotonic() + BOOT_S
    while "fully booted" not in cli(settings, "core waitfullybooted"):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(settings)
            raise _did_not_start(home)
        time.sleep(0.05)
    return process.pid


def _did_not_start(home: Path) -> Problem:
    lines: list[str] = []
    for log in (home / "log" / "console", home / "log" / "messages"):
        with contextlib.suppress(OSError):
            lines += [
                line for line in log.read_text("utf-8", "replace").splitlines() if "ERROR" in line or "WARN" in line
            ]
    last = lines[-1].strip() if lines else "no message"
    return Problem(
        f"Asterisk không khởi động được: {last}. Nhật ký ở {home / 'log'}.",
        f"Asterisk did not start: {last}. Its logs are in {home / 'log'}.",
    )
