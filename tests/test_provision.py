"""Getting an Asterisk onto the machine, and starting and stopping it, when something is in the way."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ivr.problem import Problem
from pbx.asterisk import control
from pbx.asterisk import provision as provisioning
from pbx.asterisk.provision import installed, provision
from pbx.centre import load_centre
from pbx.demo.call import Ended
from pbx.demo.phone import Phone, RegistrationError
from pbx.settings import HOUSE, Settings
from tests.test_end_to_end import CENTRE
from tests.world import free_ports, tree


@pytest.fixture
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="smartpbx-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def running() -> Iterator[list[Settings]]:
    """What a test has started is stopped, whatever became of the test."""
    started: list[Settings] = []
    yield started
    for settings in started:
        control.stop(settings)


def settings_in(place: Path, **changes: object) -> Settings:
    sip, ami = free_ports(2)
    fixed = {"asterisk_tree": tree(), "rtp_start": 30_000, "rtp_end": 30_099}
    return Settings(**{"data_dir": place, "sip_port": sip, "ami_port": ami, **fixed, **changes})  # type: ignore[arg-type]


# --- provision --------------------------------------------------------------------------------------------------------


def pretend(place: Path, monkeypatch: pytest.MonkeyPatch, **programs: str) -> None:
    """A machine whose PATH has these programs before all others."""
    for name, script in programs.items():
        program = place / "bin" / name.replace("_", "-")
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place / 'bin'}:{os.environ['PATH']}")


def test_a_mirror_out_of_reach_is_named_and_nothing_looks_like_an_asterisk(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(place, monkeypatch, apt_get="echo 'E: Failed to fetch http://mirror/x' >&2; exit 100")
    settings = Settings(data_dir=place)
    with pytest.raises(Problem, match=r"Failed to fetch http://mirror/x.*Install Asterisk 20 or newer by hand"):
        provision(settings, lambda _: None)
    assert installed(settings) is None
    assert not settings.tree_dir.exists() and not settings.tree_dir.with_name("asterisk-tree.new").exists()


def test_an_unpacking_that_fails_leaves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = 'mkdir -p "${APT_CONFIG%/*}/cache/archives"; echo broken > "${APT_CONFIG%/*}/cache/archives/x.deb"'
    pretend(place, monkeypatch, apt_get=fetched)
    settings = Settings(data_dir=place)
    with pytest.raises(Problem, match="make_tree"):
        provision(settings, lambda _: None)
    assert not settings.tree_dir.exists() and not settings.tree_dir.with_name("asterisk-tree.new").exists()


def test_the_proxy_of_this_machine_is_used(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = 'Acquire::http::Proxy "http://proxy.local:3128";'
    pretend(
        place, monkeypatch, apt_config=f"echo '{proxy}'; echo 'Acquire::cdrom::mount \"/media\";'", apt_get="exit 100"
    )
    with pytest.raises(Problem):
        provision(Settings(data_dir=place), lambda _: None)
    conf = (place / "asterisk-tree.apt" / "apt.conf").read_text()
    assert proxy in conf and "cdrom" not in conf


def test_a_broken_asterisk_on_the_path_is_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(place, monkeypatch, asterisk="exit 1")
    assert installed(Settings(data_dir=place)) is None


def test_an_old_asterisk_on_the_path_is_left_in_peace(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(place, monkeypatch, asterisk="echo Asterisk 18.26.4", apt_get=f"touch {place}/touched; exit 100")
    monkeypatch.setattr(provisioning, "SBIN", str(place / "bin"))
    with pytest.raises(Problem):
        provision(Settings(data_dir=place), lambda _: None)
    assert "install" not in (place / "touched").read_text()


def test_a_half_removed_tree_is_none(place: Path) -> None:
    (place / "asterisk-tree").mkdir()
    stamp = place / "asterisk-tree" / "smartpbx.json"
    for content in ((tree() / "smartpbx.json").read_text(), "{", ""):
        stamp.write_text(content)
        assert installed(Settings(data_dir=place)) is None


# --- start and stop ---------------------------------------------------------------------------------------------------


def smartpbx(settings: Settings, *words: str) -> "subprocess.CompletedProcess[str]":
    changed = {f"SMARTPBX_{k.upper()}": str(v) for k, v in settings.model_dump().items() if v is not None}
    command = [sys.executable, "-m", "pbx", *words]
    return subprocess.run(
        command, cwd=HOUSE, env={**os.environ, **changed}, capture_output=True, text=True, timeout=30, check=False
    )


def test_another_process_may_stop_it_while_we_do_not_look(place: Path, running: list[Settings]) -> None:
    settings = settings_in(place)
    running.append(settings)
    control.start(settings)
    assert "stopped" in smartpbx(settings, "asterisk", "stop").stdout
    assert not control.is_running(settings) and not control.stop(settings)


def test_of_two_starts_at_once_one_wins(place: Path, running: list[Settings]) -> None:
    settings = settings_in(place)
    running.append(settings)
    came: list[str] = []

    def start() -> None:
        try:
            came.append(control.start(settings))
        except Problem as problem:
            came.append(problem.en)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started = [line for line in came if line.startswith("Asterisk 2")]
    assert len(started) == 1 and control.is_running(settings), came


def test_ctrl_c_while_it_boots_leaves_nothing(
    place: Path, running: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(place)
    running.append(settings)
    pids = []

    def interrupted(*_: object) -> None:
        pids.append(int((settings.asterisk_dir / "asterisk.pid").read_text()))
        raise KeyboardInterrupt

    monkeypatch.setattr(control, "_wait_until_booted", interrupted)
    with pytest.raises(KeyboardInterrupt):
        control.start(settings)
    assert not Path(f"/proc/{pids[0]}").exists() and not (settings.asterisk_dir / "asterisk.pid").exists()


def test_it_is_not_root_even_in_a_home_that_only_root_enters(place: Path, running: list[Settings]) -> None:
    place.chmod(0o700)
    settings = settings_in(place)
    running.append(settings)
    said = control.start(settings)
    status = Path("/proc", (settings.asterisk_dir / "asterisk.pid").read_text(), "status").read_text()
    uid, rights = (
        next(line.split()[1] for line in status.splitlines() if line.startswith(k)) for k in ("Uid", "CapEff")
    )
    if os.geteuid() == 0:
        assert uid == str(control.NOBODY) and int(rights, 16) == 1 << 2, "it may enter and read, and nothing else"
    else:
        assert uid == str(os.geteuid()) and int(rights, 16) == 0
    assert "(root)" not in said
    assert "System uptime" in control.cli(settings, "core show uptime")


def test_a_long_path_and_a_name_with_spaces_will_do(place: Path, running: list[Settings]) -> None:
    settings = settings_in(place / "Tổng đài hành chính công" / ("x" * 100))
    running.append(settings)
    control.start(settings)
    assert "System uptime" in control.cli(settings, "core show uptime")
    log = (settings.asterisk_dir / "log" / "messages").read_text()
    assert not [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line], log


@pytest.mark.parametrize("name", ["a (1)", "a;b", "a,b", "a:b"])
def test_a_path_that_asterisk_cannot_take_is_named(place: Path, name: str) -> None:
    with pytest.raises(Problem, match="name that Asterisk cannot take"):
        control.start(settings_in(place / name))


# --- who may call -----------------------------------------------------------------------------------------------------


async def test_a_provider_is_known_by_its_address_and_by_nothing_it_says(place: Path, running: list[Settings]) -> None:
    settings = settings_in(place, bind_address="127.0.0.2", trunk_host="127.0.0.9")
    running.append(settings)
    await asyncio.to_thread(control.start, settings)
    for address, user, expected in (
        ("127.0.0.9", "0912345678", None), ("127.0.0.1", "0912345678", 401), ("127.0.0.1", "trunk", 401),
        ("127.0.0.1", "citizens", 401), ("127.0.0.1", "101", 401), ("127.0.0.1", "1022", 401),
    ):  # fmt: skip
        async with Phone(("127.0.0.2", settings.sip_port), user, local_ip=address) as phone:
            call = await phone.call("1022")
            if expected is None:
                await call.answered(5)
            else:
                assert await asyncio.wait_for(asyncio.shield(call.ended), 5) == Ended("refused", expected), (
                    address,
                    user,
                )


async def test_a_wrong_password_registers_nobody(place: Path, running: list[Settings]) -> None:
    settings = settings_in(place)
    running.append(settings)
    await asyncio.to_thread(control.start, settings)
    for user in ("101", "citizens", "trunk", "nobody"):
        async with Phone(("127.0.0.1", settings.sip_port), user, secret="wrong") as phone:
            with pytest.raises(RegistrationError):
                await phone.register()


# --- the centre file --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hotline": "_X."}, "_X."), ({"hotline": "1022,1"}, "1022,1"), ({"hotline": ""}, "«»"),
        ({"queue": "general"}, "general"), ({"queue": "base"}, "base"), ({"queue": "T"}, "«T»"), ({"queue": "a]b"}, "a]b"),
        ({"queue": "h-ai"}, "hai"), ({"strategy": "roundrobin"}, "roundrobin"), ({"strategy": "linear\nx = y"}, "linear"),
        ({"extension": "102"}, "102"), ({"extension": "_1XX"}, "_1XX"), ({"extension": "101)"}, "101)"),
    ],
)  # fmt: skip
def test_a_centre_that_would_become_something_else_in_asterisk(
    tmp_path: Path, change: dict[str, str], named: str
) -> None:
    centre = yaml.safe_load(yaml.safe_dump(CENTRE, allow_unicode=True))
    for key, value in change.items():
        match key:
            case "hotline":
                centre["hotline"] = value
            case "extension":
                centre["agents"][0]["extension"] = value
            case "queue":
                centre["queues"].append({**centre["queues"][0], "name": value})
            case _:
                centre["queues"][0][key] = value
    path = tmp_path / "centre.yaml"
    path.write_text(yaml.safe_dump(centre, allow_unicode=True), "utf-8")
    with pytest.raises(Problem) as problem:
        load_centre(path)
    assert named in problem.value.vi and named in problem.value.en
