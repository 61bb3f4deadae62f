"""Real calls through the real thing: SIPp dials, keys and speaks; our log, queue_log, CEL and SIPp's own counts must agree."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import pytest
import pytest_asyncio

from pbx.demo.call import Call, CallEndedError
from pbx.demo.conversations import conversations
from pbx.demo.phone import Phone
from pbx.record import CallRecord, Outcome
from recordings.words import fold
from tests import sipp_runner as sipp
from tests.world import World, until, world

CENTRE = {
    "title": "Tổng đài thử", "office": "Văn phòng", "hotline": "1022", "general_queue": "chung",
    "queues": [
        {"name": "chung", "title": "Chung", "title_en": "General"},
        {"name": "im", "title": "Không ai nghe", "title_en": "Nobody answers", "ring_s": 30},
        {"name": "ngan", "title": "Chờ ngắn", "title_en": "Short wait", "max_wait_s": 5, "ring_s": 30},
        {"name": "hai", "title": "Hai máy", "title_en": "Two phones", "ring_s": 3, "retry_s": 1, "strategy": "linear"},
        {"name": "vang", "title": "Vắng", "title_en": "Nobody there"},
    ],
    "agents": [
        {"extension": "101", "name": "Đỗ Thị Ngọc Ánh", "queues": ["chung"]},
        {"extension": "102", "name": "Vi Văn Thắng", "queues": ["hai"]},
        {"extension": "103", "name": "Giáp Minh Tuấn", "queues": ["hai"]},
        {"extension": "104", "name": "Lục Thị Yến", "queues": ["vang"]},
        {"extension": "105", "name": "Hoàng Văn Quyết", "queues": ["im"]},
        {"extension": "106", "name": "Nguyễn Thu Hương", "queues": ["ngan"]},
    ],
}  # fmt: skip
MENU = {
    "start": "hỏi", "person": "chung", "languages": ["vi", "en"],
    "nodes": {
        "hỏi": {
            "kind": "menu", "prompts": ["wrong-key"], "wait_s": 4, "slow_wait_s": 4, "silences": 1,
            "keys": {"1": "chung", "2": "im", "3": "ngắn", "4": "hai", "5": "vắng"},
        },
        "chung": {"kind": "queue", "queue": "chung", "otherwise": "thôi"},
        "im": {"kind": "queue", "queue": "im", "otherwise": "thôi"},
        "ngắn": {"kind": "queue", "queue": "ngan", "returns": {"TIMEOUT": "thôi"}, "otherwise": "thôi"},
        "hai": {"kind": "queue", "queue": "hai", "otherwise": "thôi"},
        "vắng": {"kind": "queue", "queue": "vang", "otherwise": "thôi"},
        "thôi": {"kind": "hangup", "prompts": ["goodbye"]},
    },
}  # fmt: skip
KEY = 1500
"""Milliseconds after the answer at which a key is pressed, in the middle of the prompt: barge-in."""


@dataclass
class Story:
    """One kind of call and what is to be seen of it afterwards."""

    citizen: sipp.Citizen
    outcome: Outcome
    queue: str
    path: tuple[str, ...]
    agent: str = ""


STORIES = {
    "answered": Story(sipp.answered("0900000001", (KEY, "1"), stay_s=14), Outcome.ANSWERED, "chung", ("hỏi:1", "chung"), "Đỗ Thị Ngọc Ánh"),
    "abandoned": Story(sipp.abandons("0900000002", (KEY, "2"), after_s=6), Outcome.ABANDONED, "im", ("hỏi:2", "im")),
    "left in menu": Story(sipp.leaves_menu("0900000003", 3), Outcome.LEFT_IN_MENU, "", ("hỏi",)),
    "wrong key, then right": Story(
        sipp.abandons("0900000004", (KEY, "8"), (2500, "2"), after_s=4), Outcome.ABANDONED, "im", ("hỏi:8", "hỏi:2", "im")
    ),
    "silence": Story(sipp.silent("0900000005", 30), Outcome.ANSWERED, "chung", ("hỏi", "chung"), "Đỗ Thị Ngọc Ánh"),
    "one does not answer, another does": Story(
        sipp.answered("0900000006", (KEY, "4"), stay_s=16), Outcome.ANSWERED, "hai", ("hỏi:4", "hai"), "Giáp Minh Tuấn"
    ),
    "queue timeout": Story(sipp.abandons("0900000007", (KEY, "3"), after_s=25), Outcome.TIMEOUT, "ngan", ("hỏi:3", "ngắn", "thôi")),
    "nobody there": Story(sipp.abandons("0900000008", (KEY, "5"), after_s=25), Outcome.JOIN_EMPTY, "vang", ("hỏi:5", "vắng", "thôi")),
}  # fmt: skip


async def _answers(phone: Phone, seconds: float) -> None:
    """Picks up at once, speaks, and hangs up after a while."""

    async def talk(call: Call) -> None:
        call.ring()
        call.answer()
        await call.say(conversations()[0].turns[0].audio)
        await call.stay(seconds)
        await call.hangup()

    async with asyncio.TaskGroup() as group:
        while True:
            group.create_task(_until_over(talk, await phone.next_call()))


async def _rings(phone: Phone) -> None:
    while True:
        call = await phone.next_call()
        call.ring()
        await call.ended


async def _until_over(talk: Callable[[Call], Awaitable[None]], call: Call) -> None:
    try:
        await talk(call)
    except CallEndedError:
        return


@dataclass
class Day:
    """All stories told at once, and what the witnesses say."""

    counts: dict[str, sipp.Counted]
    calls: dict[str, CallRecord]
    rows: int
    world: World


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def day() -> AsyncIterator[Day]:
    async with world(centre=CENTRE, menu=MENU) as hotline:
        await hotline.start_service()
        desks = [await hotline.agent(extension) for extension in ("101", "103", "102", "105", "106")]
        working = [asyncio.create_task(_answers(phone, 5)) for phone in desks[:2]]
        working += [asyncio.create_task(_rings(phone)) for phone in desks[2:]]
        told = {}
        async with asyncio.TaskGroup() as group:
            for name, story in STORIES.items():
                place = hotline.place / f"sipp-{story.citizen.number}"
                told[name] = group.create_task(sipp.run(hotline.settings, story.citizen, place))
        await until(lambda: len(hotline.calls()) >= len(STORIES), 10, "not every call reached the log")
        await until(
            lambda: not any(row.transcript_state == "pending" for row in hotline.calls()), 30, "a transcript is missing"
        )
        rows = hotline.calls()
        by_number = {row.record.caller: row.record for row in rows}
        yield Day(
            {name: task.result() for name, task in told.items()},
            {name: by_number[story.citizen.number] for name, story in STORIES.items()}, len(rows), hotline,
        )  # fmt: skip
        for task in working:
            task.cancel()
        await asyncio.wait(working)


pytestmark = pytest.mark.asyncio(loop_scope="module")
each_story = pytest.mark.parametrize("name", list(STORIES))


@each_story
async def test_our_log_tells_the_story(day: Day, name: str) -> None:
    story, call = STORIES[name], day.calls[name]
    assert (call.outcome, call.queue, call.menu_path, call.agent) == (
        story.outcome,
        story.queue,
        story.path,
        story.agent,
    )
    assert call.complete_by == "live" and call.dialled == "1022"


async def test_sipp_counted_the_same_calls(day: Day) -> None:
    assert day.rows == sum(count.created for count in day.counts.values()) == len(STORIES)
    assert all(count.failed == 0 and count.successful == 1 for count in day.counts.values()), day.counts


@each_story
async def test_cel_agrees_to_the_second(day: Day, name: str) -> None:
    call = day.calls[name]
    assert abs(day.world.cel("CHAN_START")[call.call_id] - call.arrived_at / 1000) < 1
    assert abs(day.world.cel("CHAN_END")[call.call_id] - call.ended_at / 1000) < 1


@each_story
async def test_queue_log_agrees_to_the_second(day: Day, name: str) -> None:
    call = day.calls[name]
    lines = {line.verb: line for line in day.world.queue_log() if line.call_id == call.call_id}
    told = {verb: [int(t) if t.isdecimal() else 0 for t in line.data] for verb, line in lines.items()}
    match call.outcome:
        case Outcome.ANSWERED:
            assert abs(told["CONNECT"][0] - call.wait_ms / 1000) <= 1 and lines["CONNECT"].agent == call.agent
            done = told.get("COMPLETECALLER") or told["COMPLETEAGENT"]
            assert abs(done[1] - call.talk_ms / 1000) <= 1
        case Outcome.ABANDONED:
            assert abs(told["ABANDON"][2] - call.wait_ms / 1000) <= 1
        case Outcome.TIMEOUT:
            assert abs(told["EXITWITHTIMEOUT"][2] - call.wait_ms / 1000) <= 1
        case _:
            assert not lines, "queue_log knows nothing of menus and of queues that let nobody in"


async def test_who_did_not_answer_is_known(day: Day) -> None:
    call = day.calls["one does not answer, another does"]
    assert call.visits[0].missed == ("Vi Văn Thắng",) and call.wait_ms >= 3000


async def test_two_voices_are_kept_apart_and_understood(day: Day) -> None:
    call = day.calls["answered"]
    detail = day.world.log.call(call.call_id)
    assert detail is not None and detail.transcript_state == "done"
    voices = await day.world.recording(call.call_id)
    assert abs(len(voices) / 8000 - call.talk_ms / 1000) < 1.5
    assert abs(float(np.corrcoef(voices[:, 0], voices[:, 1])[0, 1])) < 0.05
    for channel, turn in (("agent", conversations()[0].turns[0]), ("caller", conversations()[0].turns[1])):
        heard = {fold(word.word) for word in detail.words if word.channel == channel}
        said = set(fold(turn.text).replace(",", "").replace(".", "").replace("?", "").split())
        assert len(heard & said) >= 0.7 * len(said), (channel, heard, said)


async def test_only_answered_calls_are_recorded(day: Day) -> None:
    assert {name for name, call in day.calls.items() if call.recorded} == {
        "answered", "silence", "one does not answer, another does"
    }  # fmt: skip


async def test_nothing_is_left_behind(day: Day) -> None:
    assert day.world.channels() == 0
    log = (day.world.place / "service.log").read_text()
    assert "ERROR" not in log and "Traceback" not in log, log
    assert not list(day.world.settings.spool_dir.iterdir())
