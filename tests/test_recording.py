"""What a recording holds on the real Asterisk: two separate voices, silence where it was paused, no notice forgotten."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from pbx.demo.call import Call, CallEndedError
from pbx.demo.phone import Phone
from pbx.record import CallRecord, Stretch
from recordings.audio import kept_path
from tests.test_end_to_end import CENTRE
from tests.world import World, until, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = 8000
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


def tone(hertz: float, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.round(8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)


def speaks(call: Call, hertz: float) -> "asyncio.Task[None]":
    """A voice that never pauses, so that every silence in the recording is one that was made."""

    async def on() -> None:
        with contextlib.suppress(CallEndedError):
            await call.say(tone(hertz, 60))

    return asyncio.create_task(on())


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


async def kept(hotline: World, number: str) -> tuple[CallRecord, np.ndarray]:  # type: ignore[type-arg]
    """The record of this call, and its audio: samples of the caller and of the agent, −1 … 1."""
    await until(lambda: hotline.calls(number), 15, "the call is not in the log")
    (row,) = hotline.calls(number)
    path = kept_path(hotline.settings.audio_dir, row.record.call_id)
    await until(path.exists, 20, "the recording is not kept")
    samples, rate = soundfile.read(path)
    assert rate == RATE
    return row.record, samples.T


def loudness(voice: np.ndarray, start_s: float, end_s: float) -> float:  # type: ignore[type-arg]
    part = voice[round(start_s * RATE) : round(end_s * RATE)]
    assert len(part) > RATE // 4, "too short to say anything"
    return float(np.sqrt(np.mean(part**2)))


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
        assert loudness(voice, start + 0.25, end - 0.25) == 0, "something is heard of the pause"
        assert loudness(voice, 0.5, start - 0.5) > 0.05
    assert loudness(caller, end + 0.5, len(caller) / RATE - 0.5) > 0.05
    assert abs((on.end - on.start) / 1000 - len(caller) / RATE) < 0.5, "times of the log and of the audio part"
    assert 3.5 < end - start < 7 and pause.end < mark.start < on.end
    assert plays_in(agent, hotline, "recording-paused") and plays_in(agent, hotline, "recording-resumed")
    assert separate(caller, 1000) and separate(clerk, 400), "one voice is heard in the other's channel"


def separate(voice: np.ndarray, other_hertz: float) -> bool:  # type: ignore[type-arg]
    """Whether the other's tone is 40 dB weaker than what is on this channel."""
    spectrum = np.abs(np.fft.rfft(voice[: 2 * RATE]))
    there = spectrum[round(other_hertz * 2) - 4 : round(other_hertz * 2) + 5].max()
    return bool(there < spectrum.max() / 100)


def plays_in(call: Call, hotline: World, prompt: str) -> bool:
    """Whether this prompt is in what a phone heard."""
    wanted, _ = soundfile.read(hotline.settings.prompts_dir / "vi" / "smartpbx" / f"{prompt}.wav", dtype="int16")
    _, heard = call.heard
    needle = wanted[:RATE].astype(float)
    hay = heard.astype(float)
    found = np.correlate(hay, needle, "valid")
    energy = np.sqrt(np.convolve(hay**2, np.ones(len(needle)), "valid") * np.sum(needle**2))
    return bool(np.max(found / np.maximum(energy, 1)) > 0.6)


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
    assert plays_in(agent, hotline, "recording-failed"), "the agent is not told that nothing is paused"
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
