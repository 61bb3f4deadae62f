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
from pbx.asterisk.layout import Installation, alone
from pbx.asterisk.provision import installed
from pbx.centre import load_centre
from pbx.settings import Settings

BOOT_S = 20.0
STOP_S = 10.0
CLI_S = 10.0
NOBODY = 65534

_children: dict[int, "subprocess.Popen[bytes]"] = {}
"""Those that this very process has started: they must be waited for when they end."""


def start(settings: Settings) -> str:
    """Publish the configuration and start; returns one line about what runs. Nothing is left running when it fails.

    Raises:
        Problem: not provisioned, already running, a port is taken, or Asterisk did not come up.
    """
    installation = _installation(settings)
    _check_not_running(settings)
    _check_ports(settings)
    write_config(settings, load_centre(settings.centre), installation)
    with alone(settings.asterisk_dir / "start.lock"):
        _check_not_running(settings)
        prefix = _unprivileged(settings, installation)
        pid = _launch(settings, installation, prefix)
    rights = "" if prefix or os.geteuid() else " (root)"
    return f"Asterisk {installation.version} pid {pid}{rights} sip {settings.bind_address}:{settings.sip_port}"


def stop(settings: Settings) -> bool:
    """Stop it and wait until it is gone; False when it was not running.

    Raises:
        Problem: it belongs to somebody else.
    """
    pid = _pid(settings)
    if pid is None:
        return False
    try:
        _end(pid)
    except PermissionError as e:
        raise Problem(
            f"Asterisk (pid {pid}) do người dùng khác chạy. Hãy dừng bằng chính người dùng đó hoặc root.",
            f"The Asterisk with pid {pid} belongs to another user. Stop it as that user or as root.",
        ) from e
    _pid_file(settings).unlink(missing_ok=True)
    return True


def _end(pid: int) -> None:
    """Ask it to end, wait, and insist after a while."""
    deadline = time.monotonic() + STOP_S
    _tell(pid, signal.SIGTERM)
    while _alive(pid):
        if time.monotonic() > deadline:
            _tell(pid, signal.SIGKILL)
        time.sleep(0.05)
    _children.pop(pid, None)


def _tell(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)


def is_running(settings: Settings) -> bool:
    return _pid(settings) is not None


def cli(settings: Settings, command: str) -> str:
    """What Asterisk's own command line answers; nothing when it does not answer in time."""
    installation = _installation(settings)
    home = settings.asterisk_dir  # which the name of the control socket may be relative to
    asked = [*installation.command("usr/sbin/asterisk"), "-C", str(_conf(settings)), "-rx", command]
    try:
        return subprocess.run(asked, cwd=home, capture_output=True, text=True, timeout=CLI_S, check=False).stdout
    except (subprocess.TimeoutExpired, FileNotFoundError):
        return ""


# --- inside -------------------------------------------------------------------------------------------------------


def _installation(settings: Settings) -> Installation:
    found = installed(settings)
    if found is None:
        raise Problem(
            "Máy này chưa có Asterisk cho Smart PBX. Hãy chạy: smartpbx asterisk provision",
            "This machine has no Asterisk for the Smart PBX. Run: smartpbx asterisk provision",
        )
    return found


def _check_not_running(settings: Settings) -> None:
    if is_running(settings):
        raise Problem(
            f"Asterisk ở {settings.asterisk_dir} đang chạy. Muốn chạy lại: smartpbx asterisk stop",
            f"The Asterisk in {settings.asterisk_dir} is running. To start it anew: smartpbx asterisk stop",
        )


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
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state not in (b"Z", b"X")  # it has ended, and whoever started it has not looked yet


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
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    # The project may lie in a home that only root may enter: then it may also read, but still not write, what is not its own.
    enter = [*drop, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    for prefix in (drop, enter):
        if _reaches(prefix, settings, installation):
            give_to(settings.asterisk_dir, NOBODY, NOBODY)
            return prefix
    return []  # a container that lets nobody but root in


def _reaches(prefix: list[str], settings: Settings, installation: Installation) -> bool:
    """Whether who starts like this can read what it needs. By reading: access(2) forgets capabilities."""
    files = [
        *installation.command("usr/sbin/asterisk")[-1:],
        *map(str, sorted(settings.prompts_dir.rglob("*.wav"))[:1]),
    ]
    questions = (["head", "-qc1", *files], ["ls", "-d", f"{settings.asterisk_dir}/."])
    asked = (subprocess.run([*prefix, *question], capture_output=True, check=False) for question in questions)
    return all(answer.returncode == 0 for answer in asked)


def _launch(settings: Settings, installation: Installation, prefix: list[str]) -> int:
    home = settings.asterisk_dir
    command = [*prefix, *installation.command("usr/sbin/asterisk"), "-C", str(_conf(settings)), "-f"]
    with (home / "log" / "console").open("wb") as console:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, cwd=home, start_new_session=True
        )
    _children[process.pid] = process
    _pid_file(settings).write_text(str(process.pid))
    try:
        _wait_until_booted(settings, process)
    except BaseException:  # Ctrl-C, too: it must not go on alone
        _end(process.pid)
        _pid_file(settings).unlink(missing_ok=True)
        raise
    return process.pid


def _wait_until_booted(settings: Settings, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + BOOT_S
    while "fully booted" not in cli(settings, "core waitfullybooted"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise _did_not_start(settings.asterisk_dir)
        time.sleep(0.05)


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
