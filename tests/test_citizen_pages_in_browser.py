"""The pages about waiting citizens in a real Chromium: their forms without JavaScript, for everybody, at every width, hostile words."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from dashboards.live import now_ms
from dashboards.spans import typed
from pbx.record import CallRecord
from tests.browser import Hotline, browser, hotline
from tests.screens import record
from tests.screens_citizens import PAGES, citizens
from tests.test_citizen_pages import lost
from tests.test_pages_in_browser import AXE, HOSTILE

pytestmark = pytest.mark.asyncio(loop_scope="module")
PLACES = (
    "/lost",
    "/lost?done=refused",
    "/callbacks",
    "/messages",
    "/survey",
    "/reception",
    "/calls/pbx-rich",
    "/calls?same=lost-1",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def centre(tmp_path: Path) -> AsyncIterator[Hotline]:
    async with hotline(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hotline]:
    """A morning with everything in it, only to be looked at."""
    async with hotline(tmp_path_factory.mktemp("busy")) as made:
        citizens(made, answered())
        made.set_hours(False, now_ms() + 3_600_000, "Mất điện toà nhà", "trực ban")
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def page(chrome: Browser, centre: Hotline) -> AsyncIterator[Page]:
    """A tab without JavaScript: all of it must work so."""
    context = await chrome.new_context(viewport={"width": 1366, "height": 768}, java_script_enabled=False)
    yield await context.new_page()
    await context.close()


def answered() -> CallRecord:
    return record(57, now_ms() - 180_000)


async def test_one_click_calls_back(page: Page, centre: Hotline) -> None:
    centre.keep(lost())
    await page.goto(f"{centre.url}/lost")
    await page.get_by_role("button", name="Gọi lại 0912•••678").click()
    await expect(page.get_by_role("status")).to_contain_text("Đã hẹn gọi lại 0912•••678")
    await expect(page.locator("tbody button")).to_have_count(0)
    await page.get_by_role("link", name="Xem hẹn gọi lại").click()
    await page.get_by_role("button", name="Bỏ hẹn gọi lại 0912•••678").click()
    await expect(page.get_by_role("status")).to_contain_text("Đã bỏ hẹn")
    await page.goto(f"{centre.url}/lost")
    await expect(page.locator("tbody tr")).to_contain_text("Chưa gọi lại")
    assert [what[0] for what in centre.asked] == ["callback", "cancel"]


async def test_the_line_is_closed_corrected_and_opened(page: Page, centre: Hotline) -> None:
    await page.goto(f"{centre.url}/reception")
    await page.get_by_role("radio", name="Đóng").check()
    await page.get_by_label("Lý do").first.fill("Mất điện")
    await page.get_by_label("Đến lúc").first.fill("24/11/2020 17:00")
    await page.get_by_role("button", name="Áp dụng").click()
    await expect(page.get_by_role("alert")).to_contain_text("Lúc kết thúc đã qua")
    await expect(page.get_by_label("Đến lúc").first).to_have_value("24/11/2020 17:00")
    await expect(page.get_by_role("radio", name="Đóng")).to_be_checked()
    await expect(page.get_by_label("Lý do").first).to_have_value("Mất điện")
    await page.get_by_label("Đến lúc").first.fill(_soon())
    await page.get_by_role("button", name="Áp dụng").click()
    await expect(page.locator(".notice-warn")).to_contain_text("đang đóng, Mất điện")
    await page.get_by_role("button", name="Theo lịch trở lại").click()
    await expect(page.locator(".door-closed")).to_have_count(0)


def _soon() -> str:
    return typed(now_ms() + 7_200_000)


async def test_a_caller_is_blocked_from_the_call_and_let_in_again(page: Page, centre: Hotline) -> None:
    centre.keep(lost())
    await page.goto(f"{centre.url}/calls/pbx-1.A")
    await page.get_by_role("link", name="Chặn số này").click()
    await page.get_by_label("Lý do").nth(1).fill(HOSTILE[0])
    await page.get_by_role("button", name="Chặn số").click()
    await expect(page.locator("table.blocks")).to_contain_text(HOSTILE[0])
    await page.get_by_role("button", name="Bỏ chặn 0912•••678").click()
    await expect(page.get_by_role("status")).to_contain_text("Đã bỏ chặn")
    assert [what[:2] for what in centre.asked] == [("block", "0912345678"), ("unblock", "0912345678")]


async def test_a_page_elsewhere_cannot_close_the_line(chrome: Browser, centre: Hotline) -> None:
    """A real browser tells where a form comes from; localhost is another place than 127.0.0.1."""
    context = await chrome.new_context()
    tab = await context.new_page()
    fields = "<input name=state value=closed><input name=reason value=x>" + f'<input name=until value="{_soon()}">'
    form = f'<form method=post action="{centre.url}/reception/hours">{fields}<button>go</button></form>'
    await tab.route("http://elsewhere.test/", lambda route: route.fulfill(body=form, content_type="text/html"))
    await tab.goto("http://elsewhere.test/")
    async with tab.expect_response(f"{centre.url}/reception/hours") as answered_with:
        await tab.get_by_role("button").click()
    assert (await answered_with.value).status == 403
    assert centre.asked == []
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nobody_is_shut_out(chrome: Browser, busy: Hotline, scheme: str) -> None:
    context = await chrome.new_context(color_scheme=scheme, viewport={"width": 1366, "height": 768}, bypass_csp=True)  # type: ignore[arg-type]
    tab = await context.new_page()
    for where in (*PLACES, "/lost?span=own&first=x&last=y", "/reception?lang=en"):
        await tab.goto(busy.url + where)
        await tab.add_script_tag(path=AXE)
        found = await tab.evaluate(
            "axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target).join(' | ')))"
        )
        assert found == [], (where, found)
    await context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1366])
async def test_nothing_runs_over_the_edge(chrome: Browser, busy: Hotline, width: int) -> None:
    context = await chrome.new_context(viewport={"width": width, "height": 844})
    tab = await context.new_page()
    for where in ("/board", "/calls", *PAGES):
        await tab.goto(busy.url + where)
        over = await tab.evaluate(
            "[document.documentElement.scrollWidth, [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right >"
            " innerWidth + 1 && !e.closest('.vh, thead')).slice(0, 3).map(e => e.outerHTML.slice(0, 80))]"
        )
        assert over[0] <= width, (where, over)
    await context.close()


async def test_fingers_hit_what_they_aim_at(chrome: Browser, busy: Hotline) -> None:
    """WCAG 2.2: 24 by 24 at least; what stands in running text is excepted."""
    context = await chrome.new_context(viewport={"width": 390, "height": 844})
    tab = await context.new_page()
    for where in PAGES:
        await tab.goto(busy.url + where)
        small = await tab.evaluate(
            "[...document.querySelectorAll('nav a, button, input:not([type=hidden]), select')].map(e => [e.textContent || e.name,"
            " e.getBoundingClientRect()]).filter(([, r]) => r.width && (r.width < 20 || r.height < 20)).map(([t]) => t)"
        )
        assert small == [], where
    await context.close()


async def test_hostile_words_are_only_words(chrome: Browser, centre: Hotline) -> None:
    for n, text in enumerate(HOSTILE):
        kept: dict[str, Any] = {
            "caller": text,
            "menu_path": (text,),
            "queue": text,
            "petition": text,
            "dossier": text,
            "favoured": text,
            "favoured_s": 9,
        }
        centre.keep(lost(f"h{n}", 5, **kept, message=text, blocked=text, callback_id=text))
    centre.block("0912345678", now_ms() + 9_000_000, HOSTILE[1], HOSTILE[0])
    centre.set_hours(False, now_ms() + 9_000_000, HOSTILE[0], HOSTILE[1])
    context = await chrome.new_context(viewport={"width": 390, "height": 844})
    tab = await context.new_page()
    alarms: list[str] = []
    tab.on("console", lambda message: alarms.append(message.text) if message.type == "error" else None)
    tab.on("dialog", lambda dialog: alarms.append("dialog"))
    calls = [f"/calls/h{n}" for n in range(len(HOSTILE))]
    for where in ("/lost", "/callbacks", "/messages", "/survey", "/reception", "/calls", "/calls?same=h0", *calls):
        answer = await tab.goto(centre.url + where)
        assert answer is not None and answer.status == 200, where
        assert await tab.evaluate("window.hit") is None, where
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 390, where
    assert alarms == []
    await context.close()
