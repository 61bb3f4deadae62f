"""The demo's people on a real Asterisk with the real service: each behaviour is what the log says of it, and nobody stays behind."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from random import Random

import numpy as np
import pytest
import pytest_asyncio

from pbx.asterisk import control
from pbx.asterisk.layout import read_secrets
from pbx.centre import load_centre
from pbx.demo import agents, citizens, rtp, traffic
from pbx.demo.call import read_wav
from pbx.demo.citizens import Behaviour
from pbx.demo.conversations import conversation_of
from pbx.demo.phone import Phone
from pbx.record import CallRecord, Outcome
from tests.world import World, until, world

CENTRE = {
    "title": "Tổng đài thử", "office": "Văn phòng", "hotline": "1022", "general_queue": "tong-hop",
    "queues": [
        {"name": name, "title": name, "title_en": name} for name in ("tong-hop", "ho-tich", "kinh-doanh", "lao-dong")
    ] + [{"name": "dat-dai", "title": "Chuông reo mãi", "title_en": "Rings for ever", "ring_s": 60}],
    "agents": [
        {"extension": "101", "name": "Đỗ Thị Ngọc Ánh", "queues": ["ho-tich"]},
        {"extension": "102", "name": "Vi Văn Thắng", "queues": ["tong-hop"]},
        {"extension": "103", "name": "Giáp Minh Tuấn", "queues": ["kinh-doanh"]},
        {"extension": "104", "name": "Nguyễn Thu Hương", "queues": ["lao-dong"]},
        {"extension": "105", "name": "Không nghe máy", "queues": ["dat-dai"]},
    ],
}  # fmt: skip
MENU = {
    "start": "tiếng", "person": "tong-hop", "languages": ["vi", "en"],
    "nodes": {
        "tiếng": {
            "kind": "language", "prompts": ["wrong-key"], "keys": {"1": "vi", "2": "en"}, "wait_s": 4, "next": "hỏi",
            "way_out": "hỏi",
        },
        "hỏi": {
            "kind": "menu", "prompts": ["no-key"], "again": ["no-key"], "wait_s": 4,
            "keys": {"1": "lĩnh vực"},
        },
        "lĩnh vực": {
            "kind": "menu", "prompts": ["no-key"], "wait_s": 4,
            "keys": {key: f"về {queue}" for queue, key in citizens.KEYS.items()},
        },
        **{
            f"về {name}": {"kind": "menu", "prompts": ["no-key"], "wait_s": 4, "keys": {"2": f"đánh giá {name}"}}
            for name in citizens.KEYS
        },
        **{
            f"đánh giá {name}": {"kind": "menu", "prompts": ["no-key"], "wait_s": 4, "keys": {"1": name, "2": name}}
            for name in citizens.KEYS
        },
        **{
            name: {"kind": "queue", "prompts": ["goodbye"], "queue": name, "otherwise": "thôi"}
            for name in ("tong-hop", "ho-tich", "dat-dai", "kinh-doanh", "lao-dong")
        },
        "thôi": {"kind": "hangup", "prompts": ["goodbye"]},
    },
}  # fmt: skip


def way(language: str) -> tuple[str, ...]:
    return f"tiếng:{language}", "hỏi:1"


def field(key: str, queue: str) -> tuple[str, ...]:
    """From the menu of fields to a queue, by its officer and without rating."""
    return f"lĩnh vực:{key}", f"về {queue}:2", f"đánh giá {queue}:2", queue


QUICK = agents.Manner(rings_s=(0.3, 0.8), misses=0.0, holds=0.0, hangs_up_first=0.0)
HOLDS = agents.Manner(rings_s=(0.3, 0.8), misses=0.0, holds=1.0, hold_s=(2.0, 2.0), hangs_up_first=1.0)

PEOPLE: dict[str, tuple[Behaviour, str, agents.Manner]] = {
    "patient": (citizens.patient, "0900000000", HOLDS),
    "wrong key": (citizens.wrong_key, "0900000002", QUICK),
    "english": (citizens.english, "0900000003", QUICK),
    "in a hurry": (citizens.in_a_hurry, "0900000008", QUICK),
    "leaves queue": (citizens.leaves_queue, "0900000001", agents.Manner(misses=1.0)),
    "leaves menu": (citizens.leaves_menu, "0900000012", QUICK),
}
"""Behaviour, number and so conversation and queue, and the manner of the only agent of that queue."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline() -> AsyncIterator[World]:
    async with world(centre=CENTRE, menu=MENU) as made:
        await made.start_service()
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(hotline: World) -> dict[str, CallRecord]:
    """Everybody calls at once; what the log says of each."""
    async with contextlib.AsyncExitStack() as desks:
        desk_of = {a.queues[0]: a.extension for a in load_centre(hotline.settings.centre).agents}
        working, calling = [], []
        for n, (behaviour, number, manner) in enumerate(PEOPLE.values()):
            conversation, dice = conversation_of(number), Random(n)
            if behaviour is not citizens.leaves_menu:
                extension = desk_of[conversation.queue]
                secret = read_secrets(hotline.settings).agents[extension]
                phone = await desks.enter_async_context(Phone(hotline.server, extension, secret=secret))
                working.append(asyncio.create_task(agents.work(phone, Random(n), manner)))
            calling.append(citizens.phone_up(hotline.server, "1022", number, conversation, behaviour, dice))
        await asyncio.gather(*calling)
        for task in working:
            task.cancel()
        await asyncio.wait(working)
    await until(lambda: len(hotline.calls()) >= len(PEOPLE), 10, "not every call reached the log")
    await until(lambda: not any(row.transcript_state == "pending" for row in hotline.calls()), 60, "no transcript")
    rows = {row.record.caller: row.record for row in hotline.calls()}
    return {name: rows[number] for name, (_, number, _) in PEOPLE.items()}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("name", "outcome", "path"),
    [
        ("patient", Outcome.ANSWERED, (*way("1"), *field("1", "ho-tich"))),
        ("wrong key", Outcome.ANSWERED, ("tiếng:1", "hỏi:[7*]", "hỏi:1", *field("4", "kinh-doanh"))),
        ("english", Outcome.ANSWERED, (*way("2"), *field("6", "lao-dong"))),
        ("in a hurry", Outcome.ANSWERED, ("tiếng:1", "hỏi:0", "tong-hop")),
        ("leaves queue", Outcome.ABANDONED, (*way("1"), *field("3", "dat-dai"))),
        ("leaves menu", Outcome.LEFT_IN_MENU, ()),
    ],
)
async def test_each_does_what_its_name_says(
    told: dict[str, CallRecord], name: str, outcome: Outcome, path: tuple[str, ...]
) -> None:
    call = told[name]
    seen = tuple(step.replace("hỏi:7", "hỏi:[7*]").replace("hỏi:*", "hỏi:[7*]") for step in call.menu_path)
    assert call.outcome == outcome
    assert seen == path or not path
    assert call.language == ("en" if name == "english" else "vi")


@pytest.mark.parametrize("name", ["patient", "wrong key", "english", "in a hurry"])
async def test_they_speak_to_the_end_and_take_turns(hotline: World, told: dict[str, CallRecord], name: str) -> None:
    call, turns = told[name], conversation_of(PEOPLE[name][1]).turns
    spoken_s = sum(len(read_wav(turn.audio)) for turn in turns) / rtp.RATE
    assert spoken_s < (call.talk_ms - call.hold_ms) / 1000 < spoken_s + 2.5 * len(turns) + 4
    voices = 32768 * await hotline.recording(call.call_id)
    frames = np.abs(voices[: len(voices) // 800 * 800].reshape(-1, 800, 2).astype(int)).max(axis=1) > rtp.LOUD
    both = int(np.sum(frames[:, 0] & frames[:, 1]))
    assert both < 0.02 * len(frames), f"{both} of {len(frames)} tenths of a second with both voices"
    for channel, is_agent in ((0, False), (1, True)):
        said_s = sum(len(read_wav(turn.audio)) for turn in turns if turn.is_agent == is_agent) / rtp.RATE
        assert 0.7 * said_s < np.sum(frames[:, channel]) / 10 < 1.1 * said_s


async def test_a_caller_on_hold_waits(told: dict[str, CallRecord]) -> None:
    assert 1500 < told["patient"].hold_ms < 3500


async def test_the_traffic_stops_at_once_and_leaves_nothing(hotline: World, told: dict[str, CallRecord]) -> None:
    stop, lines = asyncio.Event(), list[str]()
    secrets = read_secrets(hotline.settings).agents
    centre = load_centre(hotline.settings.centre)
    before = asyncio.all_tasks()
    running = asyncio.create_task(
        traffic.run(hotline.settings, centre, secrets, calls_at_once=3, seed=1, report=lines.append, stop=stop)
    )
    with contextlib.suppress(AssertionError):
        await until(running.done, 0.1, "")
    await until(lambda: hotline.channels() >= 3, 30, "three callers at once were not seen")
    contacts = control.cli(hotline.settings, "pjsip show contacts")
    assert [f"{a.extension}/sip" in contacts for a in centre.agents] == [True] * 4 + [False]
    began = time.monotonic()
    stop.set()
    await running
    assert time.monotonic() - began < traffic.STOPPING_S
    await until(lambda: hotline.channels() == 0, 2, "a channel stayed behind")
    assert "No objects found" in control.cli(hotline.settings, "pjsip show contacts")
    assert asyncio.all_tasks() <= before
    assert len(lines) >= 5
    assert not any("0900" in line for line in lines)
