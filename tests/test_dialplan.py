"""The dialplan: read as a linter reads it, then alone on a real Asterisk, without the service that it normally has."""

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from pbx.asterisk.config import RETURNS, write_config
from pbx.asterisk.provision import provision
from pbx.centre import load_centre
from pbx.demo.call import Call, Ended, read_wav
from pbx.demo.phone import Phone
from pbx.settings import Settings
from tests.test_end_to_end import CENTRE
from tests.world import World, tree, until, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

HARMLESS = {
    "AGI", "Answer", "CELGenUserEvent", "ChanSpy", "Dial", "Gosub", "Goto", "GotoIf", "Hangup", "Playback", "Queue", "Read",
    "Record", "Return", "Set", "StackPop", "StopMixMonitor", "UserEvent", "Wait",
}  # fmt: skip
FUNCTIONS = {"CALLERID", "CHANNEL", "FILTER", "IF", "TIMEOUT"}


# --- as a linter reads it -------------------------------------------------------------------------------------------


@dataclass
class Extension:
    labels: set[str] = field(default_factory=set)
    steps: list[tuple[str, str]] = field(default_factory=list)


Samples = np.ndarray[tuple[int], np.dtype[np.float64]]
Dialplan = dict[str, dict[str, Extension]]


def read(text: str) -> Dialplan:
    """Context -> extension -> its steps: application and arguments."""
    plan: Dialplan = {}
    here, now = "", Extension()
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("["):
            here = line.strip("[]")
            plan[here] = {}
        elif found := re.fullmatch(r"exten => ([^,]+),1,(\w+)\((.*)\)", line):
            now = plan[here].setdefault(found[1], Extension())
            now.steps.append((found[2], found[3]))
        elif found := re.fullmatch(r"same => n(?:\((\w+)\))?,(\w+)\((.*)\)", line):
            now.labels.add(found[1])
            now.steps.append((found[2], found[3]))
        else:
            assert not line or line[0] == ";" or here == "general", f"not understood: {line}"
    del plan["general"]
    return plan


def targets(application: str, arguments: str) -> list[str]:
    if application in ("Goto", "Gosub"):
        return [arguments.partition("(")[0]]
    if application == "GotoIf":
        return [target for target in arguments.rpartition("?")[2].split(":") if target]
    return []


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Dialplan:
    settings = Settings(data_dir=tmp_path_factory.mktemp("plan"), asterisk_tree=tree())
    write_config(settings, load_centre(), provision(settings, lambda _: None))
    return read((settings.asterisk_dir / "etc" / "extensions.conf").read_text("utf-8"))


def steps(plan: Dialplan) -> list[tuple[str, str, str, str]]:
    return [
        (context, name, application, arguments)
        for context, extensions in plan.items()
        for name, extension in extensions.items()
        for application, arguments in extension.steps
    ]


async def test_only_harmless_applications_and_functions(plan: Dialplan) -> None:
    for _, _, application, arguments in steps(plan):
        assert application in HARMLESS, application
        assert set(re.findall(r"\b([A-Z]+)\(", arguments)) <= FUNCTIONS, arguments
        assert application != "AGI" or arguments == "agi:async"


async def test_a_caller_reaches_what_is_written_and_nothing_else(plan: Dialplan) -> None:
    centre = load_centre()
    assert not [name for extensions in plan.values() for name in extensions if name.startswith("_")]
    assert set(plan["smartpbx-hotline"]) == {centre.hotline, "T"}
    agents = {agent.interface for agent in centre.agents}
    assert {arguments.split(",")[0] for _, _, application, arguments in steps(plan) if application == "Dial"} == agents


async def test_what_a_caller_writes_goes_through_a_filter_or_nowhere(plan: Dialplan) -> None:
    filtered = re.compile(r"CALLERID\((num|name)\)=\$\{FILTER\([^,$]+,\$\{(?:CALLERID\(\1\)|SMARTPBX_NUMBER)\}\)\}")
    for _, _, _, arguments in steps(plan):
        assert "CALLERID" not in arguments or filtered.fullmatch(arguments), arguments
        assert not re.search(r"\$\{(EXTEN|DNID|CALLERIDNAME)", arguments), arguments


async def test_only_variables_that_somebody_sets(plan: Dialplan) -> None:
    text = " ".join(arguments for *_, arguments in steps(plan))
    ours = {"ALIVE", "TARGET", "SOUNDS", "LANGUAGE", "POSITION", "AFTER", "CALLBACK", "NUMBER"}  # from the service
    here = set(re.findall(r"\bSMARTPBX_(\w+)=", text)) | {"KEYS"}  # Read sets the last one
    assert set(re.findall(r"\$\{SMARTPBX_(\w+)\}", text)) <= ours | here


async def test_every_way_leads_somewhere(plan: Dialplan) -> None:
    values = {"${QUEUESTATUS}": RETURNS, "${SMARTPBX_QUEUE}": tuple(plan["smartpbx-queue"].keys() - {"T"})}
    for context, name, application, arguments in steps(plan):
        for target in targets(application, arguments):
            parts = target.split(",")
            if len(parts) == 1:
                assert target in plan[context][name].labels, (context, name, target)
                continue
            for extension in values.get(parts[1], (parts[1],)):
                assert extension in plan[parts[0]] and parts[2] == "1", (context, name, target)
    set_to = {arguments.partition("=")[2] for *_, arguments in steps(plan) if arguments.startswith("SMARTPBX_QUEUE=")}
    assert set_to == set(values["${SMARTPBX_QUEUE}"])


async def test_nobody_is_left_with_a_service_that_fell_silent(plan: Dialplan) -> None:
    for context, extensions in plan.items():
        if any(step[0] == "AGI" for extension in extensions.values() for step in extension.steps):
            assert "T" in extensions, f"{context} has no way out when the lease ends"
    for context, name, application, _ in steps(plan):
        if application == "AGI":
            before = [step for step in plan[context][name].steps if step[0] in ("Set", "AGI")]
            lease = before.index(("AGI", "agi:async")) - 1
            assert before[lease] == ("Set", "TIMEOUT(absolute)=30"), (context, name)


# --- alone on a real Asterisk ---------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone() -> AsyncIterator[World]:
    async with world(centre=CENTRE) as made:
        yield made


def plays(call: Call, prompt: Path) -> bool:
    """Whether half of the prompt's half seconds are in what was heard: a busy machine may send one of them unevenly."""
    spoken = read_wav(prompt).astype(float)
    parts = [
        part
        for part in np.split(spoken, range(4000, len(spoken), 4000))
        if len(part) == 4000 and np.abs(part).mean() > 300
    ]
    return sum(found_in(call.heard[1].astype(float), part) for part in parts) >= len(parts) / 2


def found_in(heard: Samples, part: Samples) -> bool:
    """By the highest normalised correlation."""
    size = len(heard) + len(part)
    match = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(part, size)), size)[
        : len(heard) - len(part) + 1
    ]
    total = np.concatenate(([0.0], np.cumsum(heard**2)))
    energy = total[len(part) :] - total[: -len(part)]
    return bool(np.max(match / np.sqrt((energy + 1) * (part**2).sum())) > 0.9)


def prompt(hotline: World, name: str) -> Path:
    return hotline.settings.prompts_dir / "vi" / "smartpbx" / f"{name}.wav"


async def citizen_calls(hotline: World, number: str) -> Call:
    call = await (await hotline.citizen(number)).call("1022")
    await call.answered(5)
    return call


async def taken_by(phone: Phone, timeout_s: float = 20) -> Call:
    call = await asyncio.wait_for(phone.next_call(), timeout_s)
    call.ring()
    call.answer()
    await call.answered(2)
    return call


def cel(hotline: World) -> list[tuple[str, str, str, str]]:
    with contextlib.closing(sqlite3.connect(hotline.settings.asterisk_dir / "log" / "master.db")) as db:
        return db.execute("SELECT eventtype, userdeftype, cid_num, extra FROM cel").fetchall()


async def test_without_agents_and_without_a_service_the_caller_hears_why(alone: World) -> None:
    call = await citizen_calls(alone, "0900000041")
    ended = await asyncio.wait_for(asyncio.shield(call.ended), 30)
    assert ended.by == "them" and plays(call, prompt(alone, "welcome")) and plays(call, prompt(alone, "sorry"))
    told = [row for row in cel(alone) if row[2] == "0900000041"]
    assert "chung:JOINEMPTY" in next(extra for _, kind, _, extra in told if kind == "SMARTPBX_QUEUE_RETURNED")
    assert next(kind for kind, *_ in told) == "CHAN_START" and "SMARTPBX_ARRIVED" in {kind for _, kind, *_ in told}


async def test_without_a_service_the_caller_is_greeted_and_reaches_a_person(alone: World) -> None:
    desk = await alone.agent("101")
    call = await citizen_calls(alone, "0900000042")
    talk = await taken_by(desk)
    assert plays(call, prompt(alone, "welcome")) and talk.number == "0900000042"
    await talk.stay(1)
    await talk.hangup()
    assert (await asyncio.wait_for(asyncio.shield(call.ended), 10)).by == "them"
    assert plays(call, prompt(alone, "goodbye")), "an agent hung up, and nobody took leave of the caller"
    await desk.close()


async def test_who_is_transferred_to_an_empty_desk_waits_again_and_is_recorded_on(alone: World) -> None:
    desk = await alone.agent("101")
    call = await citizen_calls(alone, "0900000043")
    first = await taken_by(desk)
    await first.stay(1)
    await first.send_digits("*1")
    await asyncio.sleep(1.2)  # «transfer»
    with contextlib.suppress(Exception):  # the last digit is the end of this call
        await first.send_digits("103")
    assert (await asyncio.wait_for(asyncio.shield(first.ended), 5)).by == "them"
    again = await taken_by(desk, 5)
    await again.stay(2)
    assert not call.ended.done()
    await call.hangup()
    await until(lambda: alone.channels() == 0, 5, "somebody is still on the line")
    (spoken,) = (p for p in alone.settings.spool_dir.glob("*-caller.wav") if soundfile.info(p).duration > 4)
    other = spoken.with_name(spoken.name.replace("-caller", "-agent"))
    lengths = [soundfile.info(part).duration for part in (spoken, other)]
    assert abs(lengths[0] - lengths[1]) < 0.1, "the voices drifted apart"
    await desk.close()


async def test_reading_the_ledger_for_long_costs_no_row(alone: World) -> None:
    database = alone.settings.asterisk_dir / "log" / "master.db"
    before = len(cel(alone))
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM cel").fetchone()  # holds its view until the end
        calls = await asyncio.gather(*(citizen_calls(alone, f"09000001{n:02}") for n in range(20)))
        await asyncio.gather(*(call.hangup() for call in calls))
        await until(lambda: alone.channels() == 0, 5, "somebody is still on the line")
        assert reader.execute("SELECT count(*) FROM cel").fetchone() == (before,)
    numbers = {f"09000001{n:02}" for n in range(20)}

    def rows(kind: str) -> list[str]:
        return sorted(number for type_, _, number, _ in cel(alone) if type_ == kind and number in numbers)

    # Asterisk writes them from a queue of its own, a moment after the call.
    await until(lambda: len(rows("LINKEDID_END")) == 20, 5, "rows of CEL are missing")
    for kind in ("CHAN_START", "ANSWER", "HANGUP", "CHAN_END", "LINKEDID_END"):
        assert rows(kind) == sorted(numbers), kind


async def test_nobody_is_believed_to_be_an_agent(alone: World) -> None:
    impostor = Phone(alone.server, "101")
    await impostor.open()
    call = await impostor.call("102")
    assert await asyncio.wait_for(asyncio.shield(call.ended), 5) == Ended("refused", 401)
    await impostor.close()


async def test_agents_reach_each_other_and_nobody_else(alone: World) -> None:
    one, two = await alone.agent("101"), await alone.agent("102")
    call = await one.call("102")
    taken = await taken_by(two)
    await call.answered(5)
    await taken.hangup()
    await asyncio.wait_for(asyncio.shield(call.ended), 5)
    for number in ("0912345678", "1022", "s", "chung", "00441234567890", "199"):
        refused = await one.call(number)
        assert (await asyncio.wait_for(asyncio.shield(refused.ended), 5)).code == 404, number
    for phone in (one, two):
        await phone.close()
