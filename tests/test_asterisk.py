"""The private Asterisk itself: starts clean and small, listens nowhere else, and its accounts may do nothing but their work."""

import asyncio
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from ivr.problem import Problem
from pbx.ami.link import AmiLost, AmiRefused, Link
from pbx.ami.probe import probe
from pbx.asterisk import control
from pbx.asterisk.config import TEMPLATES, write_config
from pbx.asterisk.layout import read_secrets
from pbx.asterisk.provision import provision
from pbx.centre import load_centre
from pbx.settings import HOUSE, Settings
from tests.world import World, environment, free_ports, tree, until, world

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[World]:
    async with world() as made:
        yield made


@pytest.fixture
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="smartpbx-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def settings_in(place: Path, **changes: object) -> Settings:
    sip, ami, web = free_ports(3)
    return Settings(
        **{"data_dir": place, "asterisk_tree": tree(), "sip_port": sip, "ami_port": ami, "web_port": web, **changes}
    )


# --- how it runs --------------------------------------------------------------------------------------------------


async def test_it_starts_without_a_word_of_warning(running: World) -> None:
    log = (running.settings.asterisk_dir / "log" / "messages").read_text()
    assert not [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line], log


async def test_it_does_not_run_as_root(running: World) -> None:
    pid = int((running.settings.asterisk_dir / "asterisk.pid").read_text())
    owner = Path(f"/proc/{pid}").stat().st_uid
    assert owner == (control.NOBODY if os.geteuid() == 0 else os.geteuid())


async def test_it_listens_on_this_machine_only(running: World) -> None:
    pid = (running.settings.asterisk_dir / "asterisk.pid").read_text()
    links = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:")}
    here, everywhere = set(), []
    for kind in ("tcp", "udp", "tcp6", "udp6"):
        for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and (kind.startswith("udp") or fields[3] == "0A"):
                address, port = fields[1].split(":")
                if address == "0100007F":
                    here.add((kind, int(port, 16)))
                else:
                    everywhere.append(kind)
    sip, ami = running.settings.sip_port, running.settings.ami_port
    assert here == {("udp", sip), ("tcp", sip), ("tcp", ami)}
    # PJSIP's own DNS client (pj_dns_resolver_create in res_pjsip) opens one for each family, and no setting forbids it. It asks;
    # nobody is answered there.
    assert sorted(everywhere) == ["udp", "udp6"]


async def test_it_starts_and_stops_quickly(place: Path) -> None:
    settings = settings_in(place)
    begun = time.monotonic()
    await asyncio.to_thread(control.start, settings)
    assert time.monotonic() - begun < 5 and control.is_running(settings)
    with pytest.raises(Problem, match="is running"):
        control.start(settings)
    await asyncio.to_thread(control.stop, settings)
    assert not control.is_running(settings) and not control.stop(settings)


async def test_secrets_are_kept_and_readable_by_nobody_else(running: World) -> None:
    path = running.settings.asterisk_dir / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = read_secrets(running.settings)
    again = write_config(running.settings, load_centre(), provision(running.settings, lambda _: None))
    assert again == before and re.fullmatch(r"pbx-[0-9a-f]{8}", before.system_name) and repr(before) == "Secrets(…)"
    for conf in ("manager.conf", "pjsip.conf"):
        assert stat.S_IMODE((running.settings.asterisk_dir / "etc" / conf).stat().st_mode) == 0o600


async def test_cel_can_be_read_while_it_is_written(running: World) -> None:
    with sqlite3.connect(running.settings.asterisk_dir / "log" / "master.db") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


# --- what cannot work is said ---------------------------------------------------------------------------------------


async def test_a_taken_port_is_named(place: Path, running: World) -> None:
    settings = settings_in(place, sip_port=running.settings.sip_port)
    with pytest.raises(Problem, match=f"{running.settings.sip_port}.*SMARTPBX_SIP_PORT"):
        control.start(settings)
    assert not (place / "asterisk").exists(), "nothing half-done"


async def test_a_missing_asterisk_is_named(place: Path) -> None:
    with pytest.raises(Problem, match="smartpbx asterisk provision"):
        control.start(settings_in(place, asterisk_tree=place / "none"))


async def test_a_directory_that_cannot_be_written_is_named(place: Path) -> None:
    (place / "asterisk").write_text("a file is in the way")
    with pytest.raises(Problem, match="Cannot write the Asterisk configuration"):
        control.start(settings_in(place))


async def test_an_asterisk_that_does_not_come_up_is_stopped_and_explained(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = place / "templates"
    shutil.copytree(TEMPLATES, broken)
    (broken / "modules.conf").write_text("[modules]\nautoload=no\nrequire=no_such_module.so\n")
    monkeypatch.setattr("pbx.asterisk.config.TEMPLATES", broken)
    settings = settings_in(place)
    with pytest.raises(Problem, match="Asterisk did not start"):
        await asyncio.to_thread(control.start, settings)
    assert not control.is_running(settings)


# --- what its accounts may do ---------------------------------------------------------------------------------------

FORBIDDEN = [
    {"Action": "Command", "Command": "core show version"}, {"Action": "GetConfig", "Filename": "manager.conf"},
    {"Action": "GetConfigJSON", "Filename": "manager.conf"}, {"Action": "ListCategories", "Filename": "manager.conf"},
    {"Action": "CreateConfig", "Filename": "x.conf"}, {"Action": "UpdateConfig", "SrcFilename": "manager.conf", "DstFilename": "x"},
    {"Action": "ModuleLoad", "Module": "app_system.so", "LoadType": "load"}, {"Action": "Reload"},
    {"Action": "ModuleCheck", "Module": "app_queue"}, {"Action": "DBPut", "Family": "a", "Key": "b", "Val": "c"},
    {"Action": "DBGet", "Family": "a", "Key": "b"}, {"Action": "DBDel", "Family": "a", "Key": "b"},
    {"Action": "DBDelTree", "Family": "a"}, {"Action": "MixMonitor", "Channel": "x", "File": "/tmp/x"},
    {"Action": "DialplanExtensionAdd", "Context": "a", "Extension": "1", "Priority": "1", "Application": "NoOp"},
    {"Action": "DialplanExtensionRemove", "Context": "a", "Extension": "1"},
    {"Action": "PJSIPShowEndpoints"}, {"Action": "PJSIPShowAors"}, {"Action": "PJSIPShowAuths"}, {"Action": "PJSIPUnregister",
     "Registration": "x"}, {"Action": "JabberSend", "Jabber": "a", "JID": "b", "Message": "c"}, {"Action": "AOCMessage"},
    {"Action": "Originate", "Channel": "Local/1022@smartpbx-hotline", "Application": "System", "Data": "id", "Async": "true"},
]  # fmt: skip
ONLY_HEARS = [
    {"Action": "Redirect", "Channel": "x", "Context": "smartpbx-queue", "Exten": "tong-hop", "Priority": "1"},
    {"Action": "Hangup", "Channel": "x"}, {"Action": "Setvar", "Variable": "SMARTPBX_ALIVE", "Value": "1"},
    {"Action": "AGI", "Channel": "x", "Command": "NOOP"}, {"Action": "Originate", "Channel": "x", "Context": "a", "Exten": "1"},
    {"Action": "Bridge", "Channel1": "a", "Channel2": "b"}, {"Action": "PlayDTMF", "Channel": "a", "Digit": "1"},
    {"Action": "QueuePause", "Interface": "PJSIP/101", "Paused": "true"}, {"Action": "QueueAdd", "Queue": "q", "Interface": "a"},
]  # fmt: skip


async def _session(running: World, user: str, secret: str) -> tuple[Link, "asyncio.Task[None]"]:
    where = (running.settings.ami_host, running.settings.ami_port)
    link = Link(*where, user, secret, want_events=False, on_message=lambda _: None)
    task = asyncio.create_task(link.run())
    await until(lambda: link.state == "up", 10, "no login")
    return link, task


async def test_a_wrong_secret_is_named(running: World) -> None:
    with pytest.raises(Problem, match="smartpbx-events"):
        await probe(running.settings.ami_host, running.settings.ami_port, "smartpbx-events", "wrong")


async def test_a_service_with_a_wrong_secret_does_not_start(running: World) -> None:
    changed = running.settings.model_copy(update={"ami_events_secret": "wrong", "ami_commands_secret": "wrong"})
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pbx", "run", cwd=HOUSE, env={**os.environ, **environment(changed)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await asyncio.wait_for(started.communicate(), 20)
    assert started.returncode == 1 and "manager.conf" in said.decode() and "Traceback" not in said.decode()


async def _refused(link: Link, action: dict[str, str]) -> bool:
    try:
        await link.ask(action)
    except (AmiRefused, AmiLost):
        return True
    return False


async def test_neither_account_may_do_more_than_its_work(running: World) -> None:
    secrets = read_secrets(running.settings)
    asked = 0
    for user, secret, forbidden in (
        (running.settings.ami_events_user, secrets.events, FORBIDDEN + ONLY_HEARS),
        (running.settings.ami_commands_user, secrets.commands, FORBIDDEN),
    ):
        link, task = await _session(running, user, secret)
        allowed = [action for action in forbidden if not await _refused(link, action)]
        assert not allowed, (user, allowed)
        asked += len(forbidden)
        await link.stop()
        await task
    assert asked >= 40


async def test_no_application_or_function_reaches_the_shell(running: World) -> None:
    for dangerous in ("System", "TrySystem", "ExternalIVR", "Originate", "Exec", "MinivmNotify"):
        assert "not registered" in control.cli(running.settings, f"core show application {dangerous}"), dangerous
    for dangerous in ("SHELL", "CURL", "FILE", "ENV", "STAT", "DB", "ODBC"):
        assert "registered" in control.cli(running.settings, f"core show function {dangerous}"), dangerous


async def test_programs_of_the_tree_run() -> None:
    installation = provision(Settings(asterisk_tree=tree()), lambda _: None)
    spoken = subprocess.run([*installation.espeak(), "--version"], capture_output=True, text=True, check=True).stdout
    assert "eSpeak NG" in spoken
