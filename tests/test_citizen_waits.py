"""Citizens who wait, on a real Asterisk: what they are told meanwhile, calls back, closing time, dossiers, another menu in the middle."""

import asyncio
import contextlib
import datetime
import time
from collections.abc import AsyncIterator

import httpx2
import numpy as np
import pytest
import pytest_asyncio
import yaml

from ivr import publish
from ivr.hours import ZONE
from ivr.load import PROMPTS
from pbx.callbacks import Callback, CallbackState
from pbx.demo.call import Call, CallEndedError
from pbx.demo.phone import Phone
from pbx.demo.portal import Register, shown
from pbx.record import CallRecord, Outcome
from recordings.citizens import Citizens, open_callbacks
from tests.world import World, until, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

CENTRE = {
    "title": "Tổng đài thử", "office": "Văn phòng", "hotline": "1022", "general_queue": "tong-hop",
    "limit": {"calls": 0, "seconds": 0}, "callbacks": {"retry_after_s": [3], "ring_s": 8, "max_attempts": 2},
    "queues": [
        {"name": "tong-hop", "title": "Chung", "title_en": "General", "announce_s": 6, "announce_gap_s": 3, "ring_s": 60},
    ],
    "agents": [{"extension": "101", "name": "Đỗ Thị Ngọc Ánh", "queues": ["tong-hop"]}],
}  # fmt: skip
MENU = {
    "start": "hỏi", "person": "chờ", "callback": "gọi lại", "languages": ["vi", "en"], "presses": 9,
    "nodes": {
        "hỏi": {"kind": "menu", "prompts": ["no-key"], "keys": {"1": "chờ", "2": "tra mã", "4": "giờ làm việc"}},
        "chờ": {
            "kind": "queue", "prompts": ["$wait"], "queue": "tong-hop",
            "returns": {"KEY1": "hẹn", "WITHDRAW": "sắp đóng cửa", "CLOSED": "hết giờ"}, "otherwise": "thôi",
        },
        "hẹn": {"kind": "callback", "queue": "tong-hop", "results": {"booked": "đã hẹn", "later": "hẹn hôm sau"}, "otherwise": "thôi"},
        "đã hẹn": {"kind": "hangup", "prompts": ["survey-thanks"]},
        "hẹn hôm sau": {"kind": "hangup"},
        "gọi lại": {"kind": "menu", "prompts": ["no-key"], "keys": {"1": "chờ lại"}},
        "chờ lại": {"kind": "queue", "queue": "$queue", "otherwise": "thôi"},
        "tra mã": {"kind": "digits", "prompts": ["no-key"], "into": "code", "shortest": 10, "longest": 10, "next": "xác thực"},
        "xác thực": {
            "kind": "digits", "prompts": ["no-key"], "into": "factor", "secret": True, "shortest": 4, "longest": 4,
            "next": "tra cứu",
        },
        "tra cứu": {
            "kind": "lookup", "prompts": ["dossier-looking"], "still": ["dossier-still"], "results": {"found": "kết quả"},
            "otherwise": "chưa tra được",
        },
        "kết quả": {"kind": "play", "prompts": ["$answer"], "next": "thôi"},
        "chưa tra được": {"kind": "play", "prompts": ["$answer"], "next": "thôi"},
        "hết giờ": {"kind": "menu", "prompts": ["$closed"], "keys": {"1": "thôi"}, "way_out": "thôi"},
        "sắp đóng cửa": {"kind": "menu", "prompts": ["closing-now"], "keys": {"1": "thôi", "2": "hẹn"}},
        "giờ làm việc": {"kind": "play", "prompts": ["wrong-key"], "next": "thôi"},
        "thôi": {"kind": "hangup"},
    },
}  # fmt: skip
PERSON = ("1",)
"""The key that leads to the queue."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def register() -> AsyncIterator[Register]:
    made = Register(shown(datetime.datetime.now(ZONE).date()))
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline(register: Register) -> AsyncIterator[World]:
    async with world(centre=CENTRE, menu=MENU, portal_url=await register.open()) as made:
        await made.start_service()
        yield made
        await until(lambda: made.channels() == 0, 15, "channels are left")
        log = (made.place / "service.log").read_text("utf-8").replace("portal_failed reason=no answer in time", "")
        assert "_failed" not in log and "Traceback" not in log, log
        asterisk = (made.settings.asterisk_dir / "log" / "messages").read_text("utf-8")
        assert not [line for line in asterisk.splitlines() if "WARNING" in line or "ERROR" in line], asterisk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(hotline: World) -> Phone:
    return await hotline.agent("101")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mobile(hotline: World) -> Phone:
    """Where every call to a citizen arrives."""
    return await hotline.citizen("mobile", called_back=True)


async def dial(hotline: World, number: str, *keys: str) -> Call:
    """Calls, and presses each key after the prompt before it."""
    phone = await hotline.citizen(number)
    call = await phone.call("1022")
    await call.answered(10)
    for key in keys:
        await call.hear_out(0.9, 30)
        await call.send_digits(key)
    return call


async def logged(hotline: World, number: str, count: int = 1) -> list[CallRecord]:
    await until(lambda: len(hotline.calls(number)) >= count, 15, f"the calls of {number} are not in the log")
    return [row.record for row in hotline.calls(number)]


def callback(hotline: World, call_id: str) -> CallbackState:
    found = Citizens(hotline._engine).callback(call_id)
    assert found is not None
    return found.state


def promised(hotline: World, number: str) -> Callback | None:
    """The only callback that this number was ever promised."""
    known = [*open_callbacks(hotline._engine), *Citizens(hotline._engine).callbacks(0, 10**14)]
    mine = {callback.callback_id: callback for callback in known if callback.number == number}
    assert len(mine) <= 1
    return next(iter(mine.values()), None)


async def settled(hotline: World, number: str, state: CallbackState) -> Callback:
    """Once the promise to this number has come to this state."""
    await until(lambda: getattr(promised(hotline, number), "state", None) is state, 10, f"it is not {state}")
    found = promised(hotline, number)
    assert found is not None
    return found


async def finish(call: Call, seconds: float = 1.0) -> None:
    call.answer()
    await call.stay(seconds)
    await call.hangup()


# --- told while waiting ---------------------------------------------------------------------------------------------------


async def test_what_is_told_while_waiting_keeps_no_agent_from_the_caller(hotline: World, desk: Phone) -> None:
    call = await dial(hotline, "0912000001", *PERSON)
    ringing = await desk.next_call()
    ringing.ring()
    await until(lambda: "ChanSpy" in _channels(hotline), 25, "nothing is said to the waiting caller")
    await asyncio.sleep(1)  # in the middle of the sentence
    began = time.monotonic()
    ringing.answer()
    await until(lambda: "ChanSpy" not in _channels(hotline), 1, "the announcement goes on over the talk")
    assert time.monotonic() - began < 0.5
    await call.stay(0.5)
    await ringing.hangup()
    await call.ended
    (record,) = await logged(hotline, "0912000001")
    assert record.outcome is Outcome.ANSWERED
    (told,) = record.told
    assert told.at - record.visits[0].joined_at >= 6000, "told of a wait although an agent was free"
    assert (told.why, told.serving, told.ahead) == ("thin", 1, 0)


def _channels(hotline: World) -> str:
    from pbx.asterisk import control

    return control.cli(hotline.settings, "core show channels concise")


async def test_the_announcement_is_heard_over_the_music(hotline: World, desk: Phone) -> None:
    call = await dial(hotline, "0912000002", *PERSON)
    ringing = await desk.next_call()
    ringing.ring()
    await until(lambda: "!Queue!" in _channels(hotline), 25, "the caller does not wait")
    await call.stay(1.5)
    _, before = call.heard
    music = _loudness(before[-8000:])
    await until(lambda: "ChanSpy" in _channels(hotline), 20, "nothing is said")
    await call.stay(2.5)
    _, after = call.heard
    assert _loudness(after[-8000:]) > 2.5 * music, "the voice is not clearly above the music"
    await call.hangup()
    await ringing.ended
    await logged(hotline, "0912000002")


def _loudness(samples: np.ndarray) -> float:  # type: ignore[type-arg]
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


# --- a call back ------------------------------------------------------------------------------------------------------------


async def test_a_citizen_is_called_back_and_keeps_the_place(hotline: World, desk: Phone, mobile: Phone) -> None:
    talking = await dial(hotline, "0912000003", *PERSON)
    agent = await desk.next_call()
    agent.answer()
    asks = await dial(hotline, "0912000004", *PERSON)
    await until(lambda: _channels(hotline).count("!Queue!") == 2, 25, "the caller does not wait")
    await asks.stay(1)
    await asks.send_digits("1")
    await asks.ended
    (asked,) = await logged(hotline, "0912000004")
    assert asked.told[0].at <= asked.visits[0].joined_at, "nobody was free, and nothing was told before the queue"
    assert asked.outcome is Outcome.CALLBACK and [v.outcome for v in asked.visits] == [Outcome.CALLBACK]
    assert callback(hotline, asked.callback_id) is CallbackState.WAITING
    await asyncio.sleep(2.5)
    assert not mobile.calls, "called although no agent is free"
    await agent.hangup()
    await talking.ended
    rings = await asyncio.wait_for(mobile.next_call(), 10)
    assert (rings.number, rings.dialled) == ("1022", "0912000004")
    rings.answer()
    await rings.hear_out(0.9, 20)
    await rings.send_digits("1")
    agent = await asyncio.wait_for(desk.next_call(), 30)
    assert agent.number == "0912000004"
    await finish(agent)
    await rings.ended
    records = await logged(hotline, "0912000004", 2)
    assert (records[1].kind, records[1].outcome, records[1].callback_id) == (
        "callback",
        Outcome.ANSWERED,
        asked.call_id,
    )
    assert callback(hotline, asked.callback_id) is CallbackState.DONE
    await logged(hotline, "0912000003")


async def test_who_does_not_pick_up_is_tried_so_often_and_no_more(hotline: World, desk: Phone, mobile: Phone) -> None:
    answer = await _ask(hotline, "0912000005")
    assert answer == 303
    for _ in range(2):
        rings = await asyncio.wait_for(mobile.next_call(), 20)
        rings.reject()
        await rings.ended
    ended = await settled(hotline, "0912000005", CallbackState.UNREACHED)
    assert [a.result for a in ended.attempts] == ["busy", "busy"] and ended.asked_by == "trực ban"
    await asyncio.sleep(4)
    assert not mobile.calls


async def _ask(hotline: World, number: str) -> int:
    """As a person at the page of lost callers: somebody who gave up is called back with one click."""
    call = await dial(hotline, number)
    await call.hangup()
    (record,) = await logged(hotline, number)
    async with httpx2.AsyncClient() as client:
        reply = await client.post(
            f"{hotline.url}/lost/call", data={"call": record.call_id, "span": "today"}, headers={"Origin": hotline.url}
        )
        return reply.status_code


async def test_who_calls_again_is_not_called(hotline: World, desk: Phone, mobile: Phone) -> None:
    busy = await dial(hotline, "0912000006", *PERSON)
    agent = await desk.next_call()
    agent.answer()
    assert await _ask(hotline, "0912000007") == 303
    again = await dial(hotline, "0912000007")
    await again.hangup()
    await logged(hotline, "0912000007", 2)
    await settled(hotline, "0912000007", CallbackState.CANCELLED)
    await agent.hangup()
    await busy.ended
    await asyncio.sleep(3)
    assert not mobile.calls


async def test_a_killed_service_calls_nobody_twice(hotline: World, desk: Phone, mobile: Phone) -> None:
    assert await _ask(hotline, "0912000008") == 303
    rings = await asyncio.wait_for(mobile.next_call(), 10)
    rings.ring()
    await hotline.kill_service()
    await hotline.start_service()
    await asyncio.sleep(2)
    assert len(mobile.calls) == 1, "dialled again while it rings"
    rings.answer()
    await rings.hear_out(0.9, 20)
    await rings.send_digits("1")
    await finish(await asyncio.wait_for(desk.next_call(), 40))
    await rings.ended
    records = await logged(hotline, "0912000008", 2)
    assert records[1].outcome is Outcome.ANSWERED
    assert callback(hotline, records[1].callback_id) is CallbackState.DONE


# --- dossiers ---------------------------------------------------------------------------------------------------------------


async def test_a_dossier_is_told_to_who_can_prove_it(hotline: World, register: Register) -> None:
    dossier = shown(datetime.datetime.now(ZONE).date())[0]
    digits = "".join(dossier.code.split("-")[1:])
    call = await dial(hotline, "0912000009", "2", digits, dossier.id_number[-4:])
    await asyncio.wait_for(call.ended, 40)
    (record,) = await logged(hotline, "0912000009")
    assert (
        record.dossier == digits
        and record.menu_path[-3:] == ("tra cứu", "kết quả", "thôi")
        and "xác thực:••••" in record.menu_path
    )


async def test_a_slow_register_is_told_of_and_the_caller_goes_on(hotline: World, register: Register) -> None:
    register.fault = "slow"
    dossier = shown(datetime.datetime.now(ZONE).date())[1]
    call = await dial(hotline, "0912000010", "2", "".join(dossier.code.split("-")[1:]), dossier.id_number[-4:])
    try:
        await until(lambda: "dossier-unavailable" in _channels(hotline), 25, "the caller is not told")
    finally:
        register.fault = ""
    await call.hangup()
    (record,) = await logged(hotline, "0912000010")
    assert record.menu_path[-1] == "chưa tra được"


# --- another menu, another hour --------------------------------------------------------------------------------------------


async def test_who_is_in_the_menu_finishes_in_the_version_that_was_met(hotline: World) -> None:
    phone = await hotline.citizen("0912000011")
    before = await phone.call("1022")
    await before.answered(10)
    file = hotline.place / "new.yaml"
    spoken = {"hỏi": {**MENU["nodes"]["hỏi"], "prompts": ["survey-invite"], "keys": {"1": "chờ", "2": "tra mã"}}}  # type: ignore[index]
    menu = {**MENU, "nodes": {**{k: v for k, v in MENU["nodes"].items() if k != "giờ làm việc"}, **spoken}}  # type: ignore[attr-defined]
    menu["nodes"]["gọi lại"] = {**menu["nodes"]["gọi lại"], "prompts": ["callback-hello"]}
    menu["nodes"]["hết giờ"] = {
        **menu["nodes"]["hết giờ"],
        "prompts": ["$closed", "petition-repeat"],
        "keys": {"1": "thôi", "2": "thôi"},
    }
    file.write_text(yaml.safe_dump(menu, allow_unicode=True), "utf-8")
    publish.publish(file, hotline.settings.menus_dir, {"tong-hop"}, PROMPTS)
    await until(
        lambda: "menu_published version=0001" in (hotline.place / "service.log").read_text("utf-8"), 10, "not noticed"
    )
    await before.send_digits("4")
    await asyncio.wait_for(before.ended, 30)
    after = await dial(hotline, "0912000012")
    await after.hear_out(0.9, 30)
    await after.send_digits("4")
    await after.stay(1)
    await after.hangup()
    assert (await logged(hotline, "0912000011"))[0].menu_path == ("hỏi:4", "giờ làm việc", "thôi")
    assert (await logged(hotline, "0912000012"))[0].menu_path == ("hỏi:4",), "a key that the new version does not know"


async def test_at_closing_time_who_still_waits_is_asked_and_who_calls_hears_when_it_opens(
    hotline: World, desk: Phone
) -> None:
    waits = await dial(hotline, "0912000013", *PERSON)
    ringing = await desk.next_call()
    ringing.ring()
    await until(lambda: "!Queue!" in _channels(hotline), 25, "the caller does not wait")
    await hotline.kill_service()  # a restart in the middle of it all
    await hotline.start_service()
    leaving = asyncio.create_task(_leave_a_callback(hotline, waits))
    until_text = (datetime.datetime.now(ZONE) + datetime.timedelta(minutes=30)).strftime("%d/%m/%Y %H:%M")
    async with httpx2.AsyncClient() as client:
        page = await client.post(
            f"{hotline.url}/reception/hours",
            data={"state": "closed", "until": until_text, "reason": "Mất điện"},
            headers={"Origin": hotline.url},
        )
    assert page.status_code == 303, page.text
    late = await dial(hotline, "0912000014", "1")
    await late.hear_out(0.9, 40)
    await late.hangup()
    assert "closing-now" not in _channels(hotline), "asked although an agent's phone still rings for the caller"
    ringing.reject()
    await asyncio.wait_for(leaving, 60)
    (closed,) = await logged(hotline, "0912000014")
    assert closed.outcome is Outcome.CLOSED and "hết giờ" in closed.menu_path
    (asked,) = await logged(hotline, "0912000013")
    assert asked.outcome is Outcome.CALLBACK and "sắp đóng cửa:2" in asked.menu_path
    assert asked.menu_path[-1] == "hẹn hôm sau"


async def _leave_a_callback(hotline: World, call: Call) -> None:
    """Asked at closing time: a call back, please; in the middle of the sentence."""
    await until(lambda: "closing-now" in _channels(hotline), 50, "who waits is not asked")
    await call.stay(1)
    with contextlib.suppress(CallEndedError):  # goodbye comes at once
        await call.send_digits("2")
    await call.ended
