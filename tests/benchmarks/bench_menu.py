"""Key to next prompt, measured on the wire: our menu beside a native dialplan menu of the same Asterisk, in one run.

At 1, 50 and 200 callers at once, each listening, pressing a key when the prompt is over, and sending audio all the time.
Beside the latency: the CPU that the whole service took (menu, journal, board, log, pages) beside Asterisk's, in per cent of one core.

    python -m tests.benchmarks.bench_menu
"""

import asyncio
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from pbx.asterisk import control
from tests.test_end_to_end import CENTRE
from tests.world import World, world

CALLERS = (1, 50, 200)
ROUNDS = 2
MENU = {
    "start": "hỏi", "person": "chung", "languages": ["vi"],
    "nodes": {
        "hỏi": {"kind": "menu", "prompts": ["digits/5"], "silence_prompts": ["digits/5"], "wrong_prompts": ["digits/5"],
                "wait_s": 20, "keys": {"1": "hỏi"}},
        "chung": {"kind": "queue", "queue": "chung", "otherwise": "thôi"},
        "thôi": {"kind": "hangup", "prompts": ["goodbye"]},
    },
}  # fmt: skip
NATIVE = """
[smartpbx-hotline]
exten => 3000,1,Answer()
 same => n,Set(CHANNEL(language)=vi)
 same => n,Goto(bench,s,1)
[bench]
exten => s,1,Background(digits/5)
 same => n,WaitExten(20)
exten => 1,1,Goto(s,1)
exten => t,1,Hangup()
"""


async def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        caller = Path(place, "caller")
        source = Path(__file__).with_name("caller.c")
        subprocess.run(["gcc", "-O2", "-o", str(caller), str(source)], check=True)
        async with world(centre=CENTRE, menu=MENU) as hotline:
            with (hotline.settings.asterisk_dir / "etc" / "extensions.conf").open("a") as file:
                file.write(NATIVE)
            control.cli(hotline.settings, "dialplan reload")
            await hotline.start_service()
            for callers in CALLERS:
                await _compare(hotline, caller, callers)


async def _compare(hotline: World, caller: Path, callers: int) -> None:
    for round_ in range(ROUNDS):
        for name, exten in (("native", "3000"), ("ours", "1022")):
            before = _cpu(hotline)
            begun = time.monotonic()
            seen = await _run(hotline, caller, exten, callers)
            spent = [
                100 * (after - was) / (time.monotonic() - begun)
                for after, was in zip(_cpu(hotline), before, strict=True)
            ]
            print(
                f"{callers:>4} callers  {name:<7} round {round_ + 1}  keys {seen['digits']:>5}"
                f"  lost {seen['lost']}  failed {seen['failed']}"
                f"  p50 {seen['key_to_prompt_ms']['p50']:>6.1f} ms  p99 {seen['key_to_prompt_ms']['p99']:>6.1f} ms"
                f"  max {seen['key_to_prompt_ms']['max']:>6.1f} ms  Asterisk {spent[0]:>5.1f} %  service {spent[1]:>4.1f} %",
                flush=True,
            )
            await asyncio.sleep(2)


async def _run(hotline: World, caller: Path, exten: str, callers: int) -> dict[str, Any]:
    seconds = 12 + callers / 25
    command = [
        str(caller),
        "-n",
        str(callers),
        "-r",
        "25",
        "-s",
        f"{seconds:.0f}",
        "-k",
        "1",
        "-t",
        str(hotline.settings.sip_port),
        exten,
    ]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    result: dict[str, Any] = json.loads(output)
    return result


def _cpu(hotline: World) -> tuple[float, float]:
    """Seconds of processor time of Asterisk and of the service with its children."""
    asterisk = int((hotline.settings.asterisk_dir / "asterisk.pid").read_text())
    return _seconds(asterisk), _seconds(hotline.service_pid)


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    asyncio.run(main())
