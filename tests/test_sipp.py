"""Our phone and SIPp agree: what one does the other hears and counts."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from pbx.demo import rtp
from pbx.demo.call import Call, read_wav
from pbx.demo.conversations import conversations
from pbx.demo.phone import Phone
from pbx.settings import Settings
from tests import sipp_runner
from tests.sipp_runner import Citizen, Counted


@pytest.fixture
async def called() -> AsyncIterator[Phone]:
    async with Phone(("127.0.0.1", 9), "101") as phone:
        yield phone


async def ring(called: Phone, citizen: Citizen, place: Path) -> tuple[Call, "asyncio.Task[Counted]"]:
    settings = Settings(sip_port=called.address[1])
    counting = asyncio.create_task(sipp_runner.run(settings, citizen, place))
    ringing = asyncio.create_task(called.next_call())
    await asyncio.wait({counting, ringing}, return_when=asyncio.FIRST_COMPLETED)
    if counting.done():
        ringing.cancel()
        raise AssertionError(f"SIPp ended before it called: {counting.result()}")
    return ringing.result(), counting


@pytest.mark.parametrize("user", [0, 1000], ids=["root", "anybody"])
async def test_keys_in_any_order_and_speech_arrive(
    called: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "geteuid", lambda: user)
    said = read_wav(conversations()[0].turns[1].audio)
    citizen = sipp_runner.answered("0900000111", (300, "3"), (400, "1"), (400, "#"), stay_s=20)
    call, counting = await ring(called, citizen, tmp_path)
    assert call.number == "0900000111"
    call.answer()
    await call.say(said[:1600])
    await call.hear_out(quiet=0.7, timeout=15)
    assert call.keys_heard == "31#"
    loud = np.flatnonzero(np.abs(call.heard[1]) > rtp.LOUD)
    assert np.ptp(loud) / 8000 == pytest.approx(len(said) / 8000 - 0.2, abs=0.15)
    await call.hangup()
    counts = await counting
    assert (counts.created, counts.successful, counts.failed) == (1, 1, 0)
    assert (counts.they_hung_up, counts.we_hung_up, counts.retransmissions) == (1, 0, 0)


async def test_who_gives_up_is_counted(called: Phone, tmp_path: Path) -> None:
    call, counting = await ring(called, sipp_runner.leaves_menu("0900000112", after_s=0.5), tmp_path)
    call.answer()
    assert (await call.ended).by == "them"
    counts = await counting
    assert (counts.successful, counts.they_hung_up, counts.we_hung_up) == (1, 0, 1)
    assert 400 < counts.length_ms < 900


async def test_a_refused_call_is_a_failed_one(called: Phone, tmp_path: Path) -> None:
    call, counting = await ring(called, sipp_runner.silent("0900000113"), tmp_path)
    call.reject(486)
    counts = await counting
    assert (counts.successful, counts.failed) == (0, 1)
