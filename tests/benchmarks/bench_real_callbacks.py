"""So many people ask to be called back, on a real Asterisk, while the service is killed again and again:
`python -m tests.benchmarks.bench_real_callbacks [200]`.

What the citizens' phones saw (INVITEs), what Asterisk wrote (CEL) and what we promised (the log) must be the same attempts, each once.
"""

import asyncio
import contextlib
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from statistics import median

from pbx.callbacks import Callback, CallbackState, channel_id
from pbx.demo.call import Call, CallEndedError
from pbx.demo.phone import Phone
from recordings.citizens import Citizens, open_callbacks
from tests.world import World, until, world

AGENTS = 6
AT_ONCE = 10
KILLS = 3
CENTRE = {
    "title": "Tổng đài thử", "office": "Văn phòng", "hotline": "1022", "general_queue": "tong-hop",
    "limit": {"calls": 0, "seconds": 0}, "callbacks": {"retry_after_s": [2], "ring_s": 4, "max_attempts": 2},
    "queues": [{"name": "tong-hop", "title": "Chung", "title_en": "General", "join_empty": True}],
    "agents": [{"extension": str(101 + n), "name": f"Cán bộ {n}", "queues": ["tong-hop"]} for n in range(AGENTS)],
}  # fmt: skip
MENU = {
    "start": "hẹn", "person": "chờ", "callback": "gọi lại", "languages": ["vi", "en"], "presses": 9,
    "nodes": {
        "hẹn": {"kind": "callback", "queue": "tong-hop", "results": {"booked": "thôi"}, "otherwise": "chờ"},
        "gọi lại": {"kind": "play", "prompts": ["wait-next"], "next": "chờ lại"},
        "chờ lại": {"kind": "queue", "queue": "$queue", "otherwise": "thôi"},
        "chờ": {"kind": "queue", "queue": "tong-hop", "otherwise": "thôi"},
        "thôi": {"kind": "hangup"},
    },
}  # fmt: skip

Story = Callable[[Call], Awaitable[None]]
"""What a person does with a call."""


class Day:
    """One run."""

    def __init__(self, hotline: World, count: int) -> None:
        self.hotline = hotline
        self.numbers = [f"09{12_000_000 + n:08d}" for n in range(count)]
        self.rung: Counter[str] = Counter()
        """Number -> how often its phone was asked to ring."""

    async def run(self) -> None:
        hotline = self.hotline
        desks = [await hotline.agent(str(101 + n)) for n in range(AGENTS)]
        mobile = await hotline.citizen("mobile", called_back=True)
        people = [asyncio.create_task(self._answering(phone, self._serve)) for phone in desks]
        people.append(asyncio.create_task(self._answering(mobile, self._pick_up)))
        kills = asyncio.create_task(self._kill())
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._ask(number, gate) for number in self.numbers))
        await until(lambda: len(self.ended()) == len(self.numbers), 900, "callbacks are left")
        await kills
        await until(lambda: hotline.channels() == 0, 30, "channels are left")
        for person in people:
            person.cancel()

    async def _kill(self) -> None:
        for share in range(1, KILLS + 1):
            enough = len(self.numbers) * share // (KILLS + 1)
            await until(lambda enough=enough: len(self.ended()) >= enough, 900, "it stands still")  # type: ignore[misc]
            await self.hotline.kill_service()
            await asyncio.sleep(random.Random(share).uniform(0, 2))
            await self.hotline.start_service()

    async def _ask(self, number: str, gate: asyncio.Semaphore) -> None:
        """Calls until the promise is made: a service that is away makes none."""
        async with gate:
            phone = await self.hotline.citizen(number)
            while number not in {callback.number for callback in self.promised()}:
                call = await phone.call("1022")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(call.ended), 10)
                await call.hangup()
                await asyncio.sleep(0.3)
            await phone.close()

    async def _answering(self, phone: Phone, what: Story) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(_gently(what, await phone.next_call()))

    async def _serve(self, call: Call) -> None:
        call.answer()
        await call.stay(0.5)
        await call.hangup()

    async def _pick_up(self, call: Call) -> None:
        """Of ten phones six are answered, two are busy, two ring out."""
        self.rung[call.dialled] += 1
        dice = random.Random(f"{call.dialled} {self.rung[call.dialled]}").random()
        if dice < 0.2:
            call.reject()
            return
        call.ring()
        if dice < 0.4:
            await call.ended
            return
        await asyncio.sleep(0.3)
        call.answer()
        await call.ended

    def promised(self) -> list[Callback]:
        return [*open_callbacks(self.hotline._engine), *self.ended()]

    def ended(self) -> list[Callback]:
        return Citizens(self.hotline._engine).callbacks(0, 10**14)


async def _gently(what: Story, call: Call) -> None:
    with contextlib.suppress(CallEndedError):
        await what(call)


def channels_made(hotline: World) -> Counter[str]:
    """Channels to citizens in Asterisk's own log, and how often each began."""
    with contextlib.closing(sqlite3.connect(hotline.settings.asterisk_dir / "log" / "master.db")) as db:
        rows = db.execute("SELECT uniqueid FROM cel WHERE eventtype = 'CHAN_START' AND uniqueid LIKE 'cb-%'")
        return Counter(channel for (channel,) in rows)


async def main(count: int) -> None:
    async with world(centre=CENTRE, menu=MENU) as hotline:
        await hotline.start_service()
        day, began = Day(hotline, count), time.monotonic()
        await day.run()
        ended = day.ended()
        attempts = [channel_id(callback.callback_id, a.number) for callback in ended for a in callback.attempts]
        made = channels_made(hotline)
        print(
            f"{len(ended)} callbacks asked for and ended in {time.monotonic() - began:.0f} s, the service killed {KILLS} times"
        )
        print("  ends:", dict(Counter(callback.state.value for callback in ended)))
        print("  attempts:", dict(Counter(a.result for callback in ended for a in callback.attempts)))
        print(f"  written down {len(attempts)}, channels in CEL {sum(made.values())}, phones rung {day.rung.total()}")
        waits = [(a.dialled_at - c.asked_at) / 1000 for c in ended for a in c.attempts if a.number == 1]
        print(f"  asked to first attempt: median {median(waits):.1f} s, longest {max(waits):.1f} s")
        twice = [channel for channel, times in made.items() if times > 1]
        over = [c.number for c in ended if day.rung[c.number] > len(c.attempts)]
        print(f"  dialled twice: {len(twice)}; phones rung more often than attempts: {len(over)}")
        assert not twice and not over and set(made) <= set(attempts) and len(attempts) == len(set(attempts))
        assert len({c.number for c in ended}) == len(ended) == count
        assert all(c.state in (CallbackState.DONE, CallbackState.UNREACHED) for c in ended)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
