"""Callers who write commands where a number or a name belongs, on the real Asterisk: one call each in the log, and nobody else notices."""

import asyncio
from urllib.parse import quote

import httpx2

from pbx.demo.phone import Phone
from pbx.record import Outcome
from tests.world import World, until, world

NUMBERS = [
    "0\r\nEvent: x", "0\r\n\r\nEvent: Shutdown", "0\r\n\r\nResponse: Success", "0901;ext=1", "' OR 1=1--", "<script>", "../../etc/passwd",
    "${SHELL(id)}", "$[1+1]", "-rf", "%s%n", "0\x00", "9" * 70,
]  # fmt: skip
NAMES = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "O'Brien\\\\",
    "\u202eOlleH",
    "{{7*7}}",
    "x" * 400,
    "Nguyê\u0303n Thị Ngọc Ánh",
    "|ENTERQUEUE|",
]


async def _calls(hotline: World, number: str, name: str = "") -> None:
    phone = Phone(hotline.server, quote(number, safe="~!$&*()_-."), name=name)
    await phone.open()
    call = await phone.call("1022")
    await call.answered(10)
    await asyncio.sleep(0.8)
    await call.hangup()
    await phone.close()


async def test_hostile_callers_are_just_callers() -> None:
    async with world() as hotline:
        await hotline.start_service()
        quiet = await hotline.citizen("0900000099")
        neighbour = await quiet.call("1022")
        await neighbour.answered(10)
        for number in NUMBERS:
            await _calls(hotline, number)
        for number, name in enumerate(NAMES):
            await _calls(hotline, f"09000001{number:02}", name)
        assert not neighbour.ended.done()
        await neighbour.hangup()
        expected = len(NUMBERS) + len(NAMES) + 1
        await until(
            lambda: len(hotline.calls()) >= expected, 10, f"{len(hotline.calls())} of {expected} calls in the log"
        )
        rows = [row.record for row in hotline.calls()]
        assert len(rows) == expected == len({row.call_id for row in rows})
        assert {row.outcome for row in rows} == {Outcome.LEFT_IN_MENU}
        for row in rows:
            assert row.caller in ("", "invalid") or set(row.caller) <= set("0123456789+*#"), row.caller
            assert row.caller_name.isprintable() and len(row.caller_name) <= 80 and "\u202e" not in row.caller_name
        names = {row.caller_name for row in rows}
        assert {"Nguyễn Thị Ngọc Ánh", "{{7*7}}", "OlleH"} <= names, names
        log = (hotline.place / "service.log").read_text()
        assert log.count("ami_up") == 2 and "ami_lost" not in log, "a caller broke the link"
        async with httpx2.AsyncClient(base_url=hotline.url) as client:
            for where in ("/board", "/calls", *(f"/calls/{row.call_id}" for row in rows)):
                page = (await client.get(where)).text
                assert "<script>alert" not in page and "\u202e" not in page and ">49<" not in page, where
            assert (await client.get("/readyz")).status_code == 200
