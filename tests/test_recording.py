"""What a recording holds on the real Asterisk: two separate voices, silence where it was paused, no notice forgotten."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pbx.demo.call import Call
from pbx.demo.phone import Phone
from pbx.record import CallRecord, Stretch
from recordings.voices import heard_of, troubles
from tests.hearing import RATE, Voices, found_at, loudness, speaks, weaker_db
from tests.test_end_to_end import CENTRE
from tests.world import World, until, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

SILENT_QUEUE = {"name": "rieng", "title": "Riêng", "title_en": "Private", "record": False}
MENU = {
    "start": "báo", "person": "chung", "languages": ["vi", "en"], "notice": ["recording-notice"],
    "nodes": {
        "báo": {"kind": "play", "prompts": ["recording-notice"], "next": "hỏi"},
        "hỏi": {"kind": "menu", "prompts": ["wrong-key"], "wait_s": 4, "keys": {"1": "chung", "2": "riêng"}},
        "chung": {"kind": "queue", "queue": "chung", "returns": {"CONTINUE": "hỏi lại"}, "otherwise": "thôi"},
        "riêng": {"kind": "queue", "queue": "rieng", "otherwise": "thôi"},
        "hỏi lại": {"kind": "menu", "prompts": ["wrong-key"], "wait_s": 4, "keys": {"1": "chung"}, "way_out": "thôi"},
        "thôi": {"kind": "hangup"},
    },
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline() -> AsyncIterator[World]:
    agents = [{**agent, "queues": ["chung", "rieng"]} for agent in CENTRE["agents"][:2]]
    centre = {**CENTRE, "queues": [CENTRE["queues"][0], SILENT_QUEUE], "agents": agents}
    async with world(centre=centre, menu=MENU) as made:
        await made.start_service()
        yield made
        log = (made.place / "service.log").read_text("utf-8")
        assert "_failed" not in log and "Traceback" not in log, log


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(hotline: World) -> Phone:
    return await hotline.agent("101")


async def connected(hotline: World, desk: Phone, number: str, key: str = "1") -> tuple[Call, Call]:
    phone = await hotline.citizen(number)
    citizen = await phone.call("1022")
    await citizen.answered(10)
    await citizen.hear_out(0.5, 15)  # the notice
    await citizen.send_digits(key)
    agent = await asyncio.wait_for(desk.next_call(), 15)
    agent.answer()
    await agent.stay(0.3)
    return citizen, agent


async def kept(hotline: World, number: str) -> tuple[CallRecord, Voices]:
    """The record of this call, and its audio from the shelf: caller, agent."""
    await until(lambda: hotline.calls(number), 15, "the call is not in the log")
    (row,) = hotline.calls(number)
    return row.record, (await hotline.recording(row.record.call_id)).T


def seconds(record: CallRecord, stretch: Stretch) -> tuple[float, float]:
    """Where a stretch lies in the audio."""
    begin = next(s.start for s in record.stretches if s.kind == "on")
    return (stretch.start - begin) / 1000, (stretch.end - begin) / 1000


def of(record: CallRecord, kind: str) -> list[Stretch]:
    return [stretch for stretch in record.stretches if stretch.kind == kind]


async def test_a_pause_is_silent_for_both_and_nothing_else_is(hotline: World, desk: Phone) -> None:
    citizen, agent = await connected(hotline, desk, "0931000001")
    voices = [speaks(citizen, 400), speaks(agent, 1000)]
    await agent.stay(2)
    await agent.send_digits("*7")
    await agent.stay(4)
    await agent.send_digits("*7")
    await agent.stay(3)
    await agent.send_digits("*8")
    await agent.stay(3)
    await agent.hangup()
    await citizen.hangup()
    await asyncio.gather(*voices)
    record, (caller, clerk) = await kept(hotline, "0931000001")
    (on,), (pause,), (mark,) = of(record, "on"), of(record, "paused"), of(record, "mark")
    start, end = seconds(record, pause)
    for voice in (caller, clerk):
        assert loudness(voice, start + 0.25, end - 0.25) < 1e-3, "something is heard of the pause"
        assert loudness(voice, 0.5, start - 0.5) > 0.05
    assert loudness(caller, end + 0.5, len(caller) / RATE - 0.5) > 0.05
    assert abs((on.end - on.start) / 1000 - len(caller) / RATE) < 0.5, "times of the log and of the audio part"
    assert 3.5 < end - start < 7 and pause.end < mark.start < on.end
    assert hears(agent, hotline, "recording-paused") and hears(agent, hotline, "recording-resumed")
    first = round((start - 0.5) * RATE)
    assert weaker_db(caller[:first], 400, 1000) > 40 and weaker_db(clerk[:first], 1000, 400) > 40, (
        "one is heard in the other's channel"
    )


def hears(call: Call, hotline: World, prompt: str) -> bool:
    """Whether this prompt is in what a phone heard."""
    return found_at(call.heard[1], hotline.settings.prompts_dir / "vi" / "smartpbx" / f"{prompt}.wav") is not None


async def test_what_the_menu_asks_afterwards_is_not_recorded_and_a_second_talk_is(hotline: World, desk: Phone) -> None:
    citizen, agent = await connected(hotline, desk, "0931000002")
    voices = [speaks(citizen, 400), speaks(agent, 1000)]
    await agent.stay(2)
    await agent.hangup()
    await citizen.stay(3)
    await citizen.send_digits("1")
    again = await asyncio.wait_for(desk.next_call(), 15)
    again.answer()
    voices.append(speaks(again, 1600))
    await again.stay(2)
    await again.hangup()
    await citizen.hangup()
    await asyncio.gather(*voices)
    record, (caller, clerk) = await kept(hotline, "0931000002")
    first, second = of(record, "on")
    lasted = (first.end - first.start + second.end - second.start) / 1000
    assert abs(lasted - len(caller) / RATE) < 0.6 and second.start - first.end > 2500
    assert loudness(clerk, 0.5, 1.5) > 0.05


async def test_hold_is_told_and_a_key_without_a_recording_is_refused(hotline: World, desk: Phone) -> None:
    citizen, agent = await connected(hotline, desk, "0931000003", "2")
    await agent.send_digits("*7")
    await agent.stay(4)
    await agent.hangup()
    await citizen.hangup()
    await until(lambda: hotline.calls("0931000003"), 15, "the call is not in the log")
    (row,) = hotline.calls("0931000003")
    assert not row.record.recorded and row.record.stretches == ()
    assert hears(agent, hotline, "recording-failed"), "the agent is not told that nothing is paused"
    assert not list(hotline.settings.spool_dir.glob(f"{row.record.call_id}*"))


async def test_hold_stands_beside_the_audio(hotline: World, desk: Phone) -> None:
    citizen, agent = await connected(hotline, desk, "0931000004")
    voices = [speaks(citizen, 400), speaks(agent, 1000)]
    await agent.stay(1)
    await agent.hold()
    await agent.stay(2)
    await agent.unhold()
    await agent.stay(1)
    await agent.hangup()
    await citizen.hangup()
    await asyncio.gather(*voices)
    record, _ = await kept(hotline, "0931000004")
    (hold,) = of(record, "hold")
    assert abs((hold.end - hold.start) - 2000) < 400 and abs(record.hold_ms - (hold.end - hold.start)) < 50


async def test_a_phone_that_is_not_heard_is_found_by_itself(hotline: World, desk: Phone) -> None:
    """The agent's microphone is dead: the phone sends nothing but silence."""
    citizen, agent = await connected(hotline, desk, "0931000005")
    voice = speaks(citizen, 400, 15)
    await agent.stay(15)
    await agent.hangup()
    await citizen.hangup()
    await voice
    record, _ = await kept(hotline, "0931000005")
    await until(lambda: heard_of(hotline._engine, record.call_id), 10, "nobody listened")
    told = heard_of(hotline._engine, record.call_id)
    assert told is not None and ("one_way", "agent") in {(f.kind, f.side) for f in told.findings}
    assert told.talk_ratio > 0.9
    assert ("PJSIP/101", "one_way") in {(t.phone, t.kind) for t in troubles(hotline._engine, 0, 2**52)}
