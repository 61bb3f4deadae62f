"""Is everybody told before being recorded, and is a pause silent? So many real calls through the shipped menu on a real Asterisk:
`python -m tests.benchmarks.bench_recordings [200]`. Every second one is paused and taken up again by the agent.

The notice is looked for in what the caller's phone heard, the rest in the recording that Asterisk wrote.
"""

import asyncio
import itertools
import sys
import time
from dataclasses import dataclass
from statistics import median

import soundfile

from pbx.centre import load_centre
from pbx.demo.call import Call
from pbx.demo.phone import Phone
from pbx.record import CallRecord
from tests.hearing import RATE, Voices, found_at, loudness, speaks, stands_out_db, weaker_db
from tests.test_recording import kept
from tests.world import World, until, world

AT_ONCE = 6
CALLER_HZ, AGENT_HZ = 400.0, 1000.0
LEAD_S = 0.25


@dataclass
class Heard:
    """What was found of one call. Seconds."""

    told_before: bool
    """The notice was heard to its end before the agent."""
    weaker_db: float
    """By how much each voice is weaker on the other's channel, the worse of both."""
    paused: bool = False
    silent: bool = False
    off_s: float = 0.0
    """How far the silence of the audio is from the pause in the log."""


class Run:
    """One run of the benchmark."""

    def __init__(self, hotline: World, agents: list[Phone]) -> None:
        self._hotline = hotline
        self._agents = agents
        self._free: asyncio.Queue[Phone] = asyncio.Queue()
        self._welcome = hotline.settings.prompts_dir / "vi" / "smartpbx" / "welcome.wav"
        self._notice_s = soundfile.info(self._welcome).duration

    async def all(self, count: int) -> list[Heard]:
        numbers = iter(range(count))
        desks = [asyncio.create_task(self._desk(phone)) for phone in self._agents]
        found: list[Heard] = []

        async def callers() -> None:
            for number in numbers:
                found.append(await self._one(number))
                print(f"\r  {len(found)}/{count}", end="", file=sys.stderr, flush=True)

        await asyncio.gather(*(callers() for _ in range(AT_ONCE)))
        for desk in desks:
            desk.cancel()
        return found

    async def _desk(self, phone: Phone) -> None:
        """Answers, speaks, pauses every second caller, and waits for the caller to go."""
        while True:
            call = await phone.next_call()
            call.answer()
            voice = speaks(call, AGENT_HZ, 20)
            if int(call.number[-1]) % 2:
                await call.stay(1.5)
                await call.send_digits("*7")
                await call.stay(3.5)
                await call.send_digits("*7")
            await call.ended
            await voice

    async def _one(self, number: int) -> Heard:
        caller = f"09{41_000_000 + number:08d}"
        call = await (await self._hotline.citizen(caller)).call("1022")
        await call.answered(10)
        await call.stay(self._notice_s + 1)
        await call.send_digits("0")  # to a person, out of the choice of language
        await self._agent_is_heard(call)
        voice = speaks(call, CALLER_HZ, 20)
        await call.stay(9.0 if number % 2 else 4.0)
        await call.hangup()
        await voice
        return await self._judged(caller, call, number % 2 == 1)

    async def _agent_is_heard(self, call: Call) -> None:
        await until(lambda: stands_out_db(call.heard[1][-RATE // 5 :], AGENT_HZ) > 20, 40, "the agent is not heard")

    async def _judged(self, caller: str, call: Call, paused: bool) -> Heard:
        await until(lambda: self._hotline.calls(caller), 20, "the call is not in the log")
        record = self._hotline.calls(caller)[0].record
        told = found_at(call.heard[1], self._welcome)
        _, voices = await kept(self._hotline, caller)
        samples = voices.T
        begins = len(call.heard[1]) / RATE - len(samples) / RATE
        first = voices[:, RATE // 3 : RATE // 3 + RATE]
        weaker = min(weaker_db(first[0], CALLER_HZ, AGENT_HZ), weaker_db(first[1], AGENT_HZ, CALLER_HZ))
        heard = Heard(told is not None and told + self._notice_s <= begins + 0.1, weaker, paused)
        if not heard.told_before:
            print(
                f"\n  {caller}: notice at {told} s, {self._notice_s:.1f} s long; recording from {begins:.1f} s on",
                file=sys.stderr,
            )
        return self._pause(heard, record, voices) if paused else heard

    def _pause(self, heard: Heard, record: CallRecord, voices: Voices) -> Heard:
        on = next(s for s in record.stretches if s.kind == "on")
        (pause,) = (s for s in record.stretches if s.kind == "paused")
        start, end = (pause.start - on.start) / 1000, (pause.end - on.start) / 1000
        heard.silent = all(loudness(voice, start + LEAD_S, end - LEAD_S) < 1e-3 for voice in voices)
        quiet = [sum(1 for _ in run) for zero, run in itertools.groupby(abs(voices[0]) < 1e-3) if zero]
        heard.off_s = abs(max(quiet) / RATE - (end - start))
        return heard


async def main(count: int) -> None:
    centre = load_centre()
    began = time.monotonic()
    async with world() as hotline:
        await hotline.start_service()
        agents = [await hotline.agent(agent.extension) for agent in centre.agents]
        found = await Run(hotline, agents).all(count)
    paused = [h for h in found if h.paused]
    print(f"\n{len(found)} calls in {time.monotonic() - began:.0f} s")
    print(f"told before the recording began: {sum(h.told_before for h in found)} of {len(found)}")
    print(f"the other's voice on one's channel is weaker by: median {median(h.weaker_db for h in found):.0f} dB, "
          f"worst {min(h.weaker_db for h in found):.0f} dB")  # fmt: skip
    if paused:
        print(f"pauses that are silent: {sum(h.silent for h in paused)} of {len(paused)}")
        print(f"silence in the audio against the pause in the log: at most {max(h.off_s for h in paused):.2f} s off")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
