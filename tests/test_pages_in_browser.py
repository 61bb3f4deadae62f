"""The pages in a real Chromium: they live, they say when they no longer do, and nothing that a caller writes does anything."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from dashboards.trend import STEP_MS, Sample
from dashboards.views import clock
from pbx import events as e
from pbx.commands import Keep
from pbx.record import CallRecord
from pbx.service import now_ms
from pbx.switchboard import Board
from recordings.words import Transcript, Word
from tests.browser import Hotline, browser, hotline
from tests.tables import events_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
HOSTILE = [
    "<script>window.hit=1</script>", "<img src=x onerror=window.hit=1>", "{{7*7}}", "‮gnoul", "=cmd|'/c calc'!A1", "\"' onmouseover=hit",
    "x" * 300, "ba\x00\r\nEvent: x",
]  # fmt: skip


def finished(**changes: object) -> CallRecord:
    """One answered call, with whatever the test wants different."""
    board = Board()
    events = events_of(
        "0 A calls\n 1 A menu\n 9 A joins dat-dai\n 10 A rings 101\n 14 A gets 101 dat-dai\n 44 A hangs-up"
    )
    (record,) = (cmd.record for event in events for cmd in board.step(event) if isinstance(cmd, Keep))
    return msgspec.structs.replace(record, recorded=True, **changes)


def said(*words: str) -> Transcript:
    spoken = tuple(
        Word(w, n * 0.5, n * 0.5 + 0.4, 0.5 if n == 1 else 1.0, "agent" if n % 2 else "caller")
        for n, w in enumerate(words)
    )
    return Transcript(spoken, "test", 30.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def centre(tmp_path: Path) -> AsyncIterator[Hotline]:
    async with hotline(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def page(chrome: Browser, centre: Hotline) -> AsyncIterator[Page]:
    """A fresh tab; anything that the console complains of fails the test."""
    context = await chrome.new_context(viewport={"width": 1366, "height": 768})
    tab = await context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", lambda dialog: complaints.append("dialog"))
    yield tab
    await context.close()
    assert not [text for text in complaints if "ERR_" not in text and "404" not in text], complaints


async def test_a_call_lives_on_the_open_page(page: Page, centre: Hotline) -> None:
    await page.goto(f"{centre.url}/board")
    await expect(page.locator("#s-calls")).to_contain_text("Gọi 1022")
    told = ""
    for row, words in (
        ("0 A calls", "Vừa gọi tới"), ("1 A menu", "Nghe lời chào"), ("2 A joins dat-dai", "Đang chờ"), ("3 A rings 102", "Đổ chuông"),
        ("4 A gets 102 dat-dai", "Đang nói"), ("5 A hold", "Giữ máy"),
    ):  # fmt: skip
        begun = time.monotonic()
        for event in events_of(row):
            centre.tell(msgspec.structs.replace(event, at=now_ms()))
        await expect(page.locator("#s-calls .ph")).to_have_text(words, timeout=1500)
        told += f" {time.monotonic() - begun:.2f}"
    await expect(page.locator("#s-agents .card-talking h3")).to_have_text("Vi Văn Thắng")
    for event in events_of("6 A hangs-up"):
        centre.tell(msgspec.structs.replace(event, at=now_ms()))
    await expect(page.locator("#s-finished")).to_contain_text("Đã trả lời", timeout=1500)
    await expect(page.locator("#s-big")).to_contain_text("100,0")
    for n in range(3):
        centre.trend.add(Sample(now_ms() + n * STEP_MS, n, 0, None, 1))
    await expect(page.locator("#s-big .spark")).to_have_count(4, timeout=5000)


async def test_a_wait_runs_in_the_page(page: Page, centre: Hotline) -> None:
    centre.story("0 A calls\n 1 A joins dat-dai\n 60 A rings 101")
    await page.goto(f"{centre.url}/board")
    running = page.locator("#s-waiting time")
    await expect(running).to_have_text("0:59")
    await expect(running).to_have_class("run th th-warn", timeout=3000)
    await expect(running).to_have_text("1:02", timeout=5000)


async def test_a_lost_asterisk_turns_the_board_to_ash(page: Page, centre: Hotline) -> None:
    await page.goto(f"{centre.url}/board")
    centre.tell(e.LinkLost(now_ms() - 4000, "silent"))
    await expect(page.locator("body.is-lost")).to_be_visible(timeout=1500)
    await expect(page.locator("[data-stale]")).to_contain_text("không còn là hiện tại")
    centre.tell(e.LinkUp(now_ms(), "boot"), e.SnapshotTaken(now_ms(), (), (), ()))
    await expect(page.locator("body:not(.is-lost)")).to_be_visible(timeout=1500)


async def test_a_dead_server_is_noticed_within_six_seconds_and_forgiven(page: Page, centre: Hotline) -> None:
    await page.goto(f"{centre.url}/board")
    begun = time.monotonic()
    await centre.stop()
    assert time.monotonic() - begun < 1, "an open page must not hold the server up"
    await expect(page.locator("body.is-lost")).to_be_visible(timeout=6500)
    await expect(page.locator("#edge-lost")).to_contain_text("Số liệu dừng lúc")
    await centre.serve()
    await expect(page.locator("body:not(.is-lost)")).to_be_visible(timeout=12_000)


async def test_hostile_words_are_only_words(page: Page, centre: Hotline) -> None:
    for number, text in enumerate(HOSTILE):
        record = finished(call_id=f"pbx-1.{number}", caller_name=text, agent=text, menu_path=(text,), transfers=(text,))
        centre.keep(record, said(text, text, "xin"))
    centre.tell(e.MemberChanged(now_ms(), "dat-dai", "PJSIP/999", HOSTILE[0], 1, True, HOSTILE[1]))
    for where in ("/board", "/calls", *(f"/calls/pbx-1.{n}" for n in range(len(HOSTILE)))):
        await page.goto(centre.url + where)
        assert await page.evaluate("window.hit") is None, where
    await page.goto(f"{centre.url}/calls/pbx-1.0")
    await expect(page.locator(".w").first).to_have_text(HOSTILE[0][:39] if len(HOSTILE[0]) > 40 else HOSTILE[0])
    await expect(page.locator("dl")).to_contain_text(HOSTILE[0])
    await page.goto(f"{centre.url}/calls?q=" + "%3Cscript%3Ealert(1)%3C/script%3E")
    await expect(page.locator("input[name=q]")).to_have_value("<script>alert(1)</script>")


async def test_search_with_and_without_diacritics(page: Page, centre: Hotline) -> None:
    centre.keep(finished(), said("hồ", "sơ", "đất", "đai"))
    for words in ("đất đai", "dat dai", "0900000065"):
        await page.goto(f"{centre.url}/calls?q={words}")
        await expect(page.locator(".list tbody tr")).to_have_count(1)
    await page.goto(f"{centre.url}/calls?q=khai sinh")
    await expect(page.locator(".empty")).to_contain_text("Không có cuộc gọi nào khớp")
    await page.goto(f"{centre.url}/calls/nothing-like-this")
    await expect(page.locator("h1")).to_have_text("Không có cuộc gọi này")


async def test_english_is_one_click_away_and_stays(page: Page, centre: Hotline) -> None:
    await page.goto(f"{centre.url}/board")
    await page.click("a.lang")
    await expect(page.locator("#h-queues")).to_have_text("Queues")
    await page.goto(f"{centre.url}/calls")
    await expect(page.locator("h1")).to_have_text("Calls")


async def test_without_javascript_the_board_can_be_read(chrome: Browser, centre: Hotline) -> None:
    centre.story("0 A calls\n 1 A joins dat-dai\n 5 A rings 101")
    context = await chrome.new_context(java_script_enabled=False)
    tab = await context.new_page()
    await tab.goto(f"{centre.url}/board")
    await expect(tab.locator("#s-waiting")).to_contain_text("0900•••065")
    await context.close()


async def test_twenty_viewers_cost_one_rendering(centre: Hotline) -> None:
    import httpx2

    async def watch(client: httpx2.AsyncClient) -> None:
        async with client.stream("GET", f"{centre.url}/live?lang=vi") as stream:
            async for _ in stream.aiter_raw():
                pass

    async with httpx2.AsyncClient(timeout=None, limits=httpx2.Limits(max_connections=30)) as client:
        watching = [asyncio.create_task(watch(client)) for _ in range(20)]
        await asyncio.sleep(1.5)
        before = centre.renderings
        centre.story("0 B calls")
        await asyncio.sleep(1)
        assert centre.renderings - before <= 3
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nobody_is_shut_out(chrome: Browser, centre: Hotline, scheme: str) -> None:
    """axe-core finds nothing on any page."""
    centre.keep(finished(), said("hồ", "sơ", "đất", "đai"))
    centre.story("0 B calls\n 1 B joins dat-dai\n 200 B rings 101\n 201 C calls\n 202 C menu")
    context = await chrome.new_context(color_scheme=scheme, viewport={"width": 1366, "height": 768}, bypass_csp=True)
    tab = await context.new_page()
    for where in ("/board", "/calls", "/calls/pbx-1.A", "/board?lang=en", "/recordings", "/search", "/search?q=dat"):
        await tab.goto(centre.url + where)
        await tab.add_script_tag(path=AXE)
        found = await tab.evaluate(
            "axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target).join(' | ')))"
        )
        assert found == [], (where, found)
    await context.close()


async def test_words_are_chosen_by_keyboard_and_played(page: Page, centre: Hotline) -> None:
    centre.keep(finished(), said("hồ", "sơ", "đất", "đai"))
    centre.keep_audio("pbx-1.A", 5)
    await page.goto(f"{centre.url}/calls/pbx-1.A")
    await page.locator(".w").first.focus()
    for pressed, word in (("ArrowRight", "sơ"), ("End", "đai"), ("ArrowLeft", "đất")):
        await page.keyboard.press(pressed)
        await expect(page.locator(".w:focus")).to_have_text(word)
    await page.keyboard.press("Enter")
    await expect(page.locator(".w.now")).to_have_text("đất")
    await expect(page.locator(".w[tabindex='0']")).to_have_count(1)


async def test_a_transcript_appears_on_the_open_page(page: Page, centre: Hotline) -> None:
    centre.keep(finished())
    await page.goto(f"{centre.url}/calls/pbx-1.A")
    await expect(page.locator(".sheet .empty")).to_contain_text("Đang chép lời thoại")
    centre.keep(finished(), said("xin", "chào"))
    await expect(page.locator(".turns")).to_contain_text("xin", timeout=6000)


async def test_what_has_the_focus_keeps_it_when_the_board_changes(page: Page, centre: Hotline) -> None:
    centre.keep(finished())
    await page.goto(f"{centre.url}/board")
    await page.locator("#s-finished a").focus()
    centre.keep(finished(call_id="pbx-1.B", arrived_at=now_ms()))
    centre.story("0 C calls")
    await expect(page.locator("#s-finished a")).to_have_count(2)
    await expect(page.locator("#s-finished a:focus")).to_have_attribute("href", "/calls/pbx-1.A")


async def test_an_upgraded_service_renews_an_open_board(
    page: Page, centre: Hotline, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.goto(f"{centre.url}/board")
    await page.evaluate("window.old = true")
    await centre.stop()
    monkeypatch.setattr("dashboards.pages._build", lambda: "newer")
    await centre.serve()
    await expect(page.locator(".board[data-build=newer]")).to_be_visible()
    assert await page.evaluate("window.old") is None


async def test_the_data_are_as_old_as_they_are(page: Page, centre: Hotline) -> None:
    """While Asterisk is lost the page is true up to then, and the waits stand still."""
    centre.story("0 A calls\n 1 A joins dat-dai\n 31 A rings 101")
    await page.goto(f"{centre.url}/board")
    lost_at = now_ms()
    centre.tell(e.LinkLost(lost_at, "silent"))
    await expect(page.locator("body.is-lost")).to_be_visible(timeout=1500)
    await page.wait_for_timeout(2500)
    await expect(page.locator("#data-time")).to_have_text(clock(lost_at))
    await expect(page.locator("#s-waiting time")).to_have_text("0:30")
