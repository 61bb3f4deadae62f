"""What a citizen can do besides waiting for an agent, on a real Asterisk: messages, petitions, surveys, an extension, closed lines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from pbx.demo.call import Call, CallEndedError, read_wav
from pbx.demo.conversations import conversations
from pbx.demo.phone import Phone
from pbx.demo.rtp import RATE
from pbx.record import CallRecord, Outcome
from recordings.queries import CallRow
from tests.world import World, until, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

CENTRE = {
    "title": "Tổng đài thử", "office": "Văn phòng", "hotline": "1022", "general_queue": "chung",
    "limit": {"calls": 2, "seconds": 600},
    "queues": [
        {"name": "chung", "title": "Chung", "title_en": "General"},
        {"name": "dat", "title": "Đất đai", "title_en": "Land"},
    ],
    "agents": [
        {"extension": "101", "name": "Đỗ Thị Ngọc Ánh", "queues": ["chung"]},
        {"extension": "102", "name": "Vi Văn Thắng", "queues": ["dat"]},
    ],
}  # fmt: skip
BYE = {"kind": "hangup"}
MENU = {
    "start": "hỏi", "person": "chung", "blocked": "chặn", "languages": ["vi", "en"], "presses": 9,
    "nodes": {
        "hỏi": {
            "kind": "menu", "prompts": ["wrong-key"],
            "keys": {"1": "chờ", "2": "nhắn", "3": "phiếu", "4": "nối", "5": "đầy", "6": "ngôn ngữ", "7": "mã"},
        },
        "chờ": {"kind": "queue", "queue": "chung", "returns": {"KEY2": "nhắn", "CONTINUE": "khảo sát"}, "otherwise": "thôi"},
        "chung": {"kind": "queue", "queue": "chung", "otherwise": "thôi"},
        "nhắn": {
            "kind": "voicemail", "prompts": ["wrong-key"], "longest_s": 20, "silence_s": 2, "saved": "thôi", "empty": "thôi",
        },
        "phiếu": {
            "kind": "petition", "prompts": ["wrong-key"], "longest_s": 20, "silence_s": 2, "saved": "số", "empty": "thôi",
        },
        "số": {"kind": "lookup", "about": "petition", "results": {"registered": "đọc số"}, "otherwise": "thôi"},
        "đọc số": {"kind": "play", "prompts": ["$answer"], "next": "thôi"},
        "nối": {"kind": "transfer", "to": "102"},
        "đầy": {"kind": "queue", "queue": "dat", "overflow": {"waiting": 1}, "returns": {"OVERFLOW": "nhắn"}, "otherwise": "thôi"},
        "ngôn ngữ": {"kind": "language", "prompts": ["language"], "keys": {"1": "vi", "2": "en"}, "next": "nhắn"},
        "mã": {
            "kind": "digits", "prompts": ["wrong-key"], "into": "mật", "shortest": 4, "longest": 4, "secret": True,
            "next": "đọc mã",
        },
        "đọc mã": {"kind": "play", "prompts": ["goodbye"], "barge": True, "next": "thôi"},
        "khảo sát": {
            "kind": "survey", "next": "thôi",
            "questions": [{"factor": "officer", "prompts": ["no-key"]}, {"factor": "result", "prompts": ["no-key"]}],
        },
        "chặn": {**BYE, "blocked": True},
        "thôi": BYE,
    },
}  # fmt: skip
SPEECH = read_wav(conversations()[0].turns[0].audio)[: 3 * RATE]
HEARD_S = 1.2
"""After so long a prompt is in the middle, and a key cuts it."""


@dataclass
class Stage:
    """The hotline, and the phones of those who answer."""

    world: World
    desks: dict[str, Phone]

    async def tell(self, number: str, story: Callable[[Call], Awaitable[None]], first: str = "") -> CallRecord:
        """One citizen's call; what the log says of it."""
        phone = await self.world.citizen(number)
        call = await phone.call("1022")
        await call.answered(10)
        try:
            if first:
                await asyncio.sleep(HEARD_S)
                await call.send_digits(first)
            await story(call)
        except CallEndedError:
            pass
        return await self.logged(number)

    async def row(self, number: str) -> CallRow:
        await until(lambda: self.world.calls(number), 10, f"the call of {number} is not in the log")
        (row,) = self.world.calls(number)
        return row

    async def logged(self, number: str) -> CallRecord:
        return (await self.row(number)).record


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with world(centre=CENTRE, menu=MENU) as hotline:
        await hotline.start_service()
        yield Stage(hotline, {extension: await hotline.agent(extension) for extension in ("101", "102")})
        await until(lambda: hotline.channels() == 0, 10, "channels are left")
        log = (hotline.place / "service.log").read_text("utf-8")
        assert "_failed" not in log and "Traceback" not in log, log


async def listen(call: Call) -> None:
    """To the end, whoever ends it."""
    async with asyncio.timeout(40):
        await call.ended


async def speak(call: Call) -> None:
    """Waits for the beep, says something, and waits."""
    await call.hear_out(0.9, 15)
    await call.say(SPEECH)
    await listen(call)


# --- messages -------------------------------------------------------------------------------------------------------


async def test_a_message_is_kept_and_transcribed(stage: Stage) -> None:
    record = await stage.tell("0912000001", speak, "2")
    assert record.outcome is Outcome.VOICEMAIL and record.message == "voicemail" and 2000 <= record.message_ms <= 6000
    assert record.menu_path == ("hỏi:2", "nhắn", "thôi") and record.recorded

    async def transcribed() -> bool:
        return (await stage.row("0912000001")).transcript_state == "done"

    await until(transcribed, 30, "the message has no transcript")
    detail = stage.world.log.call(record.call_id)
    assert detail is not None and detail.flaws == () and len(detail.turns) >= 1


async def test_who_hangs_up_while_speaking_has_left_a_message(stage: Stage) -> None:
    async def speak_and_go(call: Call) -> None:
        await call.hear_out(0.9, 15)
        await call.say(SPEECH)
        await call.hangup()

    record = await stage.tell("0912000002", speak_and_go, "2")
    assert record.outcome is Outcome.VOICEMAIL and record.message_ms >= 2000


async def test_silence_is_no_message(stage: Stage) -> None:
    record = await stage.tell("0912000003", listen, "2")
    assert (record.outcome, record.message, record.recorded) == (Outcome.LEFT_IN_MENU, "", False)


async def test_a_petition_gets_a_number_and_says_it(stage: Stage) -> None:
    async def petition(call: Call) -> None:
        await call.hear_out(0.9, 15)
        await call.say(SPEECH)
        await call.send_digits("#")
        await listen(call)

    first = await stage.tell("0912000004", petition, "3")
    second = await stage.tell("0912000005", petition, "3")
    assert first.message == second.message == "petition" and first.outcome is Outcome.VOICEMAIL
    assert [first.petition[6:], second.petition[6:]] == ["-001", "-002"] and first.menu_path[-2:] == ("đọc số", "thôi")


async def test_a_message_instead_of_waiting_on(stage: Stage) -> None:
    async def wait_then_speak(call: Call) -> None:
        ringing = await stage.desks["101"].next_call()
        ringing.ring()
        await call.stay(2)
        await call.send_digits("2")
        await speak(call)

    record = await stage.tell("0912000006", wait_then_speak, "1")
    assert record.outcome is Outcome.VOICEMAIL and [v.outcome for v in record.visits] == [Outcome.VOICEMAIL]
    assert record.menu_path == ("hỏi:1", "chờ:2", "nhắn", "thôi") and record.wait_ms >= 1500


# --- after the agent, straight to an extension ----------------------------------------------------------------------


async def served(desk: Phone, seconds: float) -> None:
    call = await desk.next_call()
    call.answer()
    await call.stay(seconds)
    await call.hangup()


async def test_the_survey_begins_when_the_agent_hangs_up(stage: Stage) -> None:
    async def rate(call: Call) -> None:
        await served(stage.desks["101"], 2)
        for key in "54":
            await asyncio.sleep(HEARD_S)
            await call.send_digits(key)
        await listen(call)

    record = await stage.tell("0912000007", rate, "1")
    assert record.outcome is Outcome.ANSWERED and [(s.factor, s.value) for s in record.survey] == [
        ("officer", 5),
        ("result", 4),
    ]
    assert record.agent == "Đỗ Thị Ngọc Ánh" and 1800 <= record.talk_ms <= 2600, "the survey is no talk"


async def test_a_caller_who_hangs_up_in_the_survey_keeps_what_was_answered(stage: Stage) -> None:
    async def rate_once(call: Call) -> None:
        await served(stage.desks["101"], 1)
        await asyncio.sleep(HEARD_S)
        await call.send_digits("2")
        await call.stay(0.5)
        await call.hangup()

    record = await stage.tell("0912000008", rate_once, "1")
    assert record.outcome is Outcome.ANSWERED and [s.value for s in record.survey] == [2]


async def test_an_extension_is_rung_straight_from_the_menu(stage: Stage) -> None:
    async def be_served(call: Call) -> None:
        await served(stage.desks["102"], 1.5)
        await listen(call)

    record = await stage.tell("0912000009", be_served, "4")
    assert (record.outcome, record.transfers, record.visits) == (Outcome.TRANSFERRED, ("102",), ())


# --- digits, languages ------------------------------------------------------------------------------------------------


async def test_what_is_keyed_in_confidence_stands_nowhere(stage: Stage) -> None:
    async def key(call: Call) -> None:
        await asyncio.sleep(HEARD_S)
        await call.send_digits("7391")
        await listen(call)

    record = await stage.tell("0912000010", key, "7")
    assert record.menu_path[1:] == ("mã:••••", "đọc mã", "thôi")
    assert "7391" not in (stage.world.place / "service.log").read_text("utf-8")


async def test_the_chosen_language_is_kept(stage: Stage) -> None:
    async def english(call: Call) -> None:
        await asyncio.sleep(HEARD_S)
        await call.send_digits("2")
        await speak(call)

    record = await stage.tell("0912000011", english, "6")
    assert record.language == "en" and record.outcome is Outcome.VOICEMAIL


# --- too many, too often --------------------------------------------------------------------------------------------


async def test_who_would_wait_too_long_is_offered_something_else(stage: Stage) -> None:
    async def wait_and_give_up(call: Call) -> None:
        await call.stay(9)
        await call.hangup()

    waiting = asyncio.create_task(stage.tell("0912000012", wait_and_give_up, "5"))
    ringing = await stage.desks["102"].next_call()
    ringing.ring()
    record = await stage.tell("0912000013", speak, "5")
    assert (
        record.outcome is Outcome.VOICEMAIL and record.visits == () and record.menu_path[1:] == ("đầy", "nhắn", "thôi")
    )
    await waiting


async def test_who_calls_too_often_is_told_so_and_counted(stage: Stage) -> None:
    for _ in range(3):
        phone = await stage.world.citizen("0912000014")
        call = await phone.call("1022")
        await call.answered(10)
        with contextlib.suppress(CallEndedError):
            await call.stay(1)
            await call.hangup()
    await until(lambda: len(stage.world.calls("0912000014")) == 3, 10, "not all calls are in the log")
    records = [row.record for row in stage.world.calls("0912000014")]
    assert [r.outcome for r in records] == [Outcome.LEFT_IN_MENU, Outcome.LEFT_IN_MENU, Outcome.BLOCKED]
    assert [r.blocked for r in records] == ["", "", "rate"]
