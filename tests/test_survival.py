"""The service is killed while people are on the line: nobody is cut off, and every call is in the log once, complete."""

import asyncio
import contextlib
import time

from pbx.asterisk import control
from pbx.demo.call import Call
from pbx.demo.phone import Phone
from pbx.record import CallRecord, Outcome
from tests.test_end_to_end import CENTRE, MENU
from tests.world import World, until, world


async def _call(hotline: World, number: str, keys: str = "") -> Call:
    """A citizen who has dialled, been answered, and pressed the keys."""
    phone = await hotline.citizen(number)
    call = await phone.call("1022")
    await call.answered(10)
    await asyncio.sleep(1.2)
    if keys:
        await call.send_digits(keys)
    return call


async def _picks_up(phone: Phone) -> None:
    while True:
        call = await phone.next_call()
        call.ring()
        call.answer()


async def _rings(phone: Phone) -> None:
    while True:
        (await phone.next_call()).ring()


def _phase(hotline: World, number: str) -> str:
    """Where Asterisk holds this caller now: the application of the channel."""
    for line in control.cli(hotline.settings, "core show channels concise").splitlines():
        fields = line.split("!")
        if len(fields) > 7 and fields[7] == number and fields[0].startswith("PJSIP/citizens"):
            return fields[5]
    return ""


def _by_number(hotline: World) -> dict[str, CallRecord]:
    rows = [row.record for row in hotline.calls()]
    found = {record.caller: record for record in rows}
    assert len(found) == len(rows), "a call is in the log twice"
    return found


async def test_killed_in_the_middle_and_nobody_notices() -> None:
    async with world(centre=CENTRE, menu=MENU) as hotline:
        await hotline.start_service()
        working = [asyncio.create_task(_picks_up(await hotline.agent("101")))]
        working.append(asyncio.create_task(_rings(await hotline.agent("105"))))
        talking = await _call(hotline, "0900000011", "1")
        talks_and_leaves = await _call(hotline, "0900000012", "2")
        waiting = await _call(hotline, "0900000013", "2")
        gives_up = await _call(hotline, "0900000014", "2")
        await until(
            lambda: all(_phase(hotline, f"09000000{n}") == "Queue" for n in (11, 12, 13, 14)),
            10,
            "not all are in their queues",
        )
        in_menu = await _call(hotline, "0900000015")
        leaves_menu = await _call(hotline, "0900000016")

        await hotline.kill_service()
        await talks_and_leaves.hangup()
        await gives_up.hangup()
        await leaves_menu.hangup()
        await asyncio.sleep(6.5)  # longer than a heartbeat lives: the dialplan knows now that it is alone
        alone = await _call(hotline, "0900000017")
        came_and_went = await _call(hotline, "0900000018")
        await came_and_went.hangup()
        assert not any(call.ended.done() for call in (talking, waiting, in_menu, alone)), "somebody was cut off"

        await hotline.start_service()
        back = time.monotonic()
        await in_menu.wait_for_sound(5)
        assert time.monotonic() - back < 5, "the caller in the menu was not taken back in time"
        await asyncio.sleep(0.5)
        await _presses_until_heard(hotline, in_menu, "0900000015", "2")
        await until(
            lambda: _phase(hotline, "0900000017") == "Queue", 15, "the caller of the dark time is not in the queue"
        )
        await asyncio.sleep(0.5)
        for call in (in_menu, waiting, alone, talking):
            await call.hangup()
        await until(lambda: len(hotline.calls()) >= 8, 15, f"not every call reached the log: {hotline.calls()}")
        for task in working:
            task.cancel()
        told = _by_number(hotline)
    outcomes = {number[-2:]: record.outcome for number, record in told.items()}
    assert outcomes == {
        "11": Outcome.ANSWERED, "12": Outcome.ABANDONED, "13": Outcome.ABANDONED, "14": Outcome.ABANDONED, "15": Outcome.ABANDONED,
        "16": Outcome.LEFT_IN_MENU, "17": Outcome.ABANDONED, "18": Outcome.LEFT_IN_MENU,
    }  # fmt: skip
    assert told["0900000011"].talk_ms > 10_000 and told["0900000011"].agent == "Đỗ Thị Ngọc Ánh"
    assert told["0900000013"].wait_ms > 10_000, "the wait runs through the dark time"
    assert told["0900000015"].menu_path == ("hỏi:2", "im"), "the caller goes on where the menu was"
    assert {told[f"09000000{n}"].complete_by for n in ("12", "14", "16", "18")} == {"reconciled"}


async def _presses_until_heard(hotline: World, call: Call, number: str, key: str) -> None:
    """As people do when nothing happens: what sounded may have been the end of the old question, whose answer nobody awaits any more."""
    for _ in range(3):
        await call.send_digits(key)
        with contextlib.suppress(AssertionError):
            return await until(lambda: _phase(hotline, number) == "Queue", 3, "")
    raise AssertionError("the caller's key was not heard")


async def test_a_menu_whose_service_never_returns_lets_its_callers_go_to_the_queue() -> None:
    async with world(centre=CENTRE, menu=MENU) as hotline:
        await hotline.start_service()
        working = asyncio.create_task(_picks_up(await hotline.agent("101")))
        left = await _call(hotline, "0900000021")
        begun = time.monotonic()
        await hotline.kill_service()
        await until(lambda: _phase(hotline, "0900000021") == "Queue", 36, "the lease did not end")
        assert time.monotonic() - begun < 34
        await asyncio.sleep(2)
        assert not left.ended.done()
        await left.hangup()
        working.cancel()
        await hotline.start_service()
        await until(lambda: len(hotline.calls()) == 1, 10, "the call is not in the log")
        (call,) = hotline.calls()
    assert call.record.outcome is Outcome.ANSWERED and call.record.queue == "chung"
