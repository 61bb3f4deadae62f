"""A real call, captured while it happens, replays to what the log says of it: the way from production to a test."""

import asyncio
import json
import os
import sys

from pbx.settings import HOUSE
from tests.world import environment, until, world


async def test_a_captured_call_replays_to_the_same_record() -> None:
    async with world() as hotline:
        await hotline.start_service()
        capture = hotline.place / "today.ami"
        recording = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pbx", "record", str(capture), "--seconds", "8", cwd=HOUSE,
            env={**os.environ, **environment(hotline.settings)}, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await until(capture.exists, 10, "nothing is being captured")
        await asyncio.sleep(0.5)
        call = await (await hotline.citizen("0900000055")).call("1022")
        await call.answered(10)
        await call.stay(2)
        await call.hangup()
        assert await recording.wait() == 0
        await until(lambda: hotline.calls(), 5, "the call is not in the log")
        (logged,) = hotline.calls()
        segment = max(hotline.settings.journal_dir.glob("*.jsonl"))
        for file in (capture, segment):
            replaying = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "pbx", "replay", str(file), "--json", cwd=HOUSE, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await replaying.communicate()
            (replayed,) = json.loads(output)["calls"]
            record = logged.record
            assert (replayed["call_id"], replayed["caller"], replayed["outcome"], tuple(replayed["menu_path"])) == (
                record.call_id, record.caller, record.outcome.value, record.menu_path,
            )  # fmt: skip
        assert capture.stat().st_mode & 0o777 == 0o600
