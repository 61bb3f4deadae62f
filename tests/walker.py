"""Citizens who do anything: random keys, bursts, silences and hang-ups, at random moments, through the shipped menu on a real Asterisk.

`python -m tests.walker 2000` walks so many and prints what became of them; the tests walk fewer.
"""

import asyncio
import random
import re
import sys
import time
from collections import Counter

import msgspec
import yaml

from pbx.centre import SHIPPED
from pbx.demo.call import Call, CallEndedError
from pbx.demo.phone import Phone
from tests import sipp_runner as sipp
from tests.world import World, until, world

AT_ONCE = 80
BURSTS = (
    "12",
    "0",
    "1",
    "2",
    "3",
    "*",
    "#",
    "*#",
    "2611230001#",
    "0000#",
    "0912345678#",
    "99999999999999999999",
    "A",
    "*#ABCD",
    "1234#",
)
"""What people, and machines, key in one go."""


class Walked(msgspec.Struct, frozen=True):
    """What was found. `outcomes` are those of the log; `strange` are lines of logs that nobody should ever see."""

    calls: int
    rows: int
    outcomes: dict[str, int]
    unfinished: int
    channels: int
    strange: tuple[str, ...]
    seconds: float
    nodes: int
    """Different nodes of the menu that somebody came to."""


def plan(seed: int) -> sipp.Citizen:
    """One citizen. Many are patient enough to go deep, some hang up at once."""
    dice = random.Random(seed)
    number = f"09{seed:08d}" if dice.random() < 0.9 else "anonymous"
    if dice.random() < 0.1:
        return sipp.leaves_menu(number, dice.uniform(0.05, 4))
    keys = []
    for _ in range(dice.randint(0, 9)):
        wait = round(dice.choice((150, 700, 1500, 3000, 6500)) * dice.uniform(0.7, 1.3))
        keys.append((wait, dice.choice(BURSTS) if dice.random() < 0.3 else dice.choice("1234567890123001")))
    return sipp.Citizen(number, tuple(keys), dice.choice((0.3, 2, 10, 25, 40)))


async def walk(hotline: World, calls: int, seed: int = 1022) -> Walked:
    """Let so many call; the agents of the shipped centre answer some of them."""
    began = time.monotonic()
    desks = [
        asyncio.create_task(_answer(await hotline.agent(extension), n))
        for n, extension in enumerate(("101", "102", "103", "104"))
    ]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> None:
        async with gate:
            place = hotline.place / f"walk-{n}"
            await sipp.run(hotline.settings, plan(seed * 100_000 + n), place)
            for file in place.iterdir():
                file.unlink()

    await asyncio.gather(*(one(n) for n in range(calls)))
    await until(lambda: hotline.channels() == 0, 30, f"{hotline.channels()} channels are stuck")
    await until(lambda: len(hotline.cel("CHAN_END")) == len(hotline.cel("CHAN_START")), 10, "CEL is not complete")
    await asyncio.sleep(1)
    for desk in desks:
        desk.cancel()
    return _found(hotline, calls, time.monotonic() - began)


async def _answer(phone: Phone, seed: int) -> None:
    dice = random.Random(seed)
    while True:
        call = await phone.next_call()
        try:
            await _talk(call, dice)
        except CallEndedError:
            continue


async def _talk(call: Call, dice: random.Random) -> None:
    call.ring()
    await call.stay(dice.uniform(0.1, 2))
    if dice.random() < 0.1:
        call.reject()
        return
    call.answer()
    await call.stay(dice.uniform(0.5, 6))
    await call.hangup()


def _found(hotline: World, calls: int, seconds: float) -> Walked:
    records = [row.record for row in hotline.log.calls(limit=calls * 2 + 100)]
    strange = []
    for file in (hotline.place / "service.log", hotline.settings.asterisk_dir / "log" / "messages"):
        lines = file.read_text("utf-8", "replace").splitlines()
        strange += [
            line
            for line in lines
            if re.search(r"Traceback|ERROR|_failed|Exception|does not exist|WARNING.*(app_|file|pbx)\.c", line)
        ]
    inbound = [record for record in records if record.kind == "inbound"]
    return Walked(
        calls=calls, rows=len(inbound), outcomes=dict(Counter(record.outcome.value for record in inbound)),
        unfinished=sum(visit.outcome is None for record in records for visit in record.visits), channels=hotline.channels(),
        strange=tuple(strange[:10]), seconds=round(seconds, 1),
        nodes=len({step.partition(":")[0] for record in records for step in record.menu_path}),
    )  # fmt: skip


async def main(calls: int) -> None:
    centre = yaml.safe_load(SHIPPED.read_text("utf-8"))
    centre["limit"] = {"calls": 0, "seconds": 0}
    async with world(centre=centre) as hotline:
        await hotline.start_service()
        print(msgspec.json.format(msgspec.json.encode(await walk(hotline, calls))).decode())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
