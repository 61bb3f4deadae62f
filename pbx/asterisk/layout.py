"""Where an Asterisk is, how it is started, and the secrets it shares with the service."""

import contextlib
import fcntl
import json
import os
import secrets as random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ivr.problem import Problem
from pbx.centre import Centre
from pbx.settings import Settings


class Installation(msgspec.Struct, frozen=True):
    """A program that can be run: `loader` comes before every program of a private tree, and is empty for the system's own."""

    root: str
    version: str
    library: str
    """Directory below `root` with the shared libraries, such as `usr/lib/x86_64-linux-gnu`."""
    private: bool

    def command(self, program: str) -> list[str]:
        """How to start `usr/sbin/asterisk`, `usr/bin/sipp`, … of this installation, without chroot."""
        if not self.private:
            return [f"/{program}"]
        libraries = Path(self.root, self.library)
        paths = [libraries, libraries / "pulseaudio"]
        loader = next(libraries.glob("ld-linux-*.so.*"))
        return [str(loader), "--library-path", ":".join(map(str, paths)), str(Path(self.root, program))]

    def espeak(self) -> list[str]:
        """The voice program, told where its voices lie."""
        return [*self.command("usr/bin/espeak-ng"), f"--path={Path(self.root, self.library)}"]

    @property
    def modules(self) -> Path:
        return Path(self.root, self.library, "asterisk", "modules")

    @property
    def shared(self) -> Path:
        return Path(self.root, "usr/share/asterisk")


class Secrets(msgspec.Struct, frozen=True):
    """Made once, kept in a file that only its owner reads; never printed, never in a log."""

    system_name: str
    events: str
    commands: str
    agents: dict[str, str]

    def __repr__(self) -> str:
        return "Secrets(…)"


def secrets_file(settings: Settings) -> Path:
    return settings.asterisk_dir / "secrets.json"


def read_secrets(settings: Settings) -> Secrets:
    """The secrets of a provisioned Asterisk.

    Raises:
        Problem: there are none, or they cannot be read.
    """
    path = secrets_file(settings)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    except (OSError, msgspec.DecodeError) as e:
        raise Problem(
            f"Chưa có mật khẩu tổng đài ở {path}. Hãy chạy: smartpbx asterisk provision",
            f"There are no Asterisk secrets at {path}. Run: smartpbx asterisk provision",
        ) from e


def make_secrets(settings: Settings, centre: Centre) -> Secrets:
    """The kept secrets, and new ones for whoever has none yet."""
    path = secrets_file(settings)
    kept = read_secrets(settings) if path.exists() else None
    agents = dict(kept.agents) if kept else {}
    for agent in centre.agents:
        agents.setdefault(agent.extension, random.token_urlsafe(18))
    made = Secrets(
        # Stands in every event, so it marks genuine ones: nobody who calls can know it.
        system_name=kept.system_name if kept else f"pbx-{random.token_hex(4)}",
        events=kept.events if kept else random.token_urlsafe(24),
        commands=kept.commands if kept else random.token_urlsafe(24),
        agents=agents,
    )
    write_private(path, json.dumps(msgspec.to_builtins(made)))
    return made


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """While nobody else on this machine holds the same lock; it ends with its holder, however that ends."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    fresh = path.with_name(f".{path.name}.new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
