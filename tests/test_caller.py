"""The benchmark's caller, measured by a phone that knows when it spoke."""

import asyncio
import contextlib
import time
from pathlib import Path

import numpy as np
import pytest

from pbx.demo.call import Call, CallEndedError
from pbx.demo.phone import Phone
from tests.benchmarks.callers import call_many, compile_caller

BUZZ = (6000 * np.sin(np.arange(3200) * 0.4)).astype(np.int16)
LATE_S = 0.15


async def menu(call: Call, spoken: list[str]) -> None:
    """A prompt, then a prompt `LATE_S` after each key. Between prompts the line is dead, as Asterisk's is."""
    call.answer()
    media = call._media
    send, media._send = media._send, lambda *_, **__: None  # type: ignore[method-assign]
    with contextlib.suppress(CallEndedError):
        while True:
            media._send = send  # type: ignore[method-assign]
            await call.say(BUZZ)
            media._send = lambda *_, **__: None  # type: ignore[method-assign]
            before = len(call.keys_heard)
            while len(call.keys_heard) == before:
                await call.stay(0.002)
            await call.stay(LATE_S)
    spoken.append(call.keys_heard)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_caller(tmp_path_factory.mktemp("caller"))


async def test_it_measures_what_it_waited(program: Path) -> None:
    spoken: list[str] = []
    async with Phone(("127.0.0.1", 9), "1022", lines=3) as phone, asyncio.TaskGroup() as group:

        async def pick_up() -> None:
            for _ in range(3):
                group.create_task(menu(await phone.next_call(), spoken))

        group.create_task(pick_up())
        measured = await call_many(program, phone.address[1], "1022", at_once=3, seconds=4, keys="12")
    assert (measured.calls, measured.answered, measured.failed, measured.finished) == (3, 3, 0, 3)
    assert measured.most_at_once == 3
    assert measured.lost == 0
    assert measured.digits == sum(len(keys) for keys in spoken) >= 6
    assert all(keys == "1" + "2" * (len(keys) - 1) for keys in spoken)
    assert measured.key_to_prompt_ms.n == measured.digits
    assert LATE_S * 1000 <= measured.key_to_prompt_ms.p50 < LATE_S * 1000 + 40


async def test_nobody_there_is_a_failure_and_it_ends_in_time(program: Path) -> None:
    began = time.monotonic()
    measured = await call_many(program, 9, "1022", at_once=2, seconds=1)
    assert (measured.calls, measured.answered, measured.failed) == (2, 0, 2)
    assert time.monotonic() - began < 3


async def test_a_wrong_order_is_refused(program: Path) -> None:
    with pytest.raises(RuntimeError, match="usage"):
        await call_many(program, 9, "1022", at_once=0, seconds=1)
