"""Photographs of every page, to be looked at: `python -m tests.screens DIRECTORY`. A busy morning, made up; not a test."""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from dashboards.trend import STEP_MS, Sample
from pbx import events as e
from pbx.record import CallRecord, Outcome, Visit
from pbx.service import now_ms
from recordings.words import Transcript, Word
from tests.browser import Hotline, browser, hotline
from tests.screens_citizens import PAGES, citizens

SIZES = {"1920": (1920, 1080), "1366": (1366, 768), "390": (390, 844)}
TALK = [
    ("agent", "dạ trung tâm phục vụ hành chính công xin nghe em giúp gì được cho cô ạ"),
    ("caller", "cô hỏi cái hồ sơ sang tên sổ đỏ cô nộp từ đầu tháng mười giấy hẹn ghi thứ sáu vừa rồi mà lên một cửa người ta bảo chưa có"),
    ("agent", "dạ vâng cô cho em xin mã hồ sơ để em kiểm tra ạ"),
    ("caller", "mã của cô là không không không mười hai"),
    ("agent", "dạ em cảm ơn cô hồ sơ của cô đang ở bước xác định nghĩa vụ tài chính ạ"),
    ("caller", "thế bao giờ mới xong hả cháu"),
]  # fmt: skip
AGENTS = ("Đỗ Thị Ngọc Ánh", "Vi Văn Thắng", "Giáp Minh Tuấn", "Nguyễn Thu Hương", "Hoàng Văn Quyết")
QUEUES = ("dat-dai", "ho-tich", "tong-hop", "kinh-doanh", "lao-dong")
ENDS = (
    Outcome.ANSWERED,
    Outcome.ANSWERED,
    Outcome.ABANDONED,
    Outcome.ANSWERED,
    Outcome.TIMEOUT,
    Outcome.ANSWERED,
    Outcome.LEFT_IN_MENU,
)

NOW = """
-400 A calls
-396 A menu
-380 A joins dat-dai
-196 B calls
-190 B joins dat-dai
-70 C calls
-60 C joins ho-tich
-30 D calls
-25 D joins lao-dong
-4 D rings 104
-80 E calls
-75 E joins kinh-doanh
-72 E rings 103
-68 E gets 103 kinh-doanh
-160 F calls
-150 F joins tong-hop
-140 F rings 101
-137 F gets 101 tong-hop
-9 F hold
-6 G calls
-5 G menu
"""


def spoken() -> Transcript:
    words, at = [], 0.6
    for who, line in TALK:
        for n, word in enumerate(line.split()):
            words.append(Word(word, at, at + 0.28, 0.55 if n % 9 == 7 else 0.96, who))
            at += 0.33
        at += 0.8
    return Transcript(tuple(words), "vosk-model-vi-8k-synthetic", at)


def record(number: int, ended_at: int) -> CallRecord:
    """One of the calls of the day; which it is follows from its number."""
    outcome, queue = ENDS[number % len(ENDS)], QUEUES[number % len(QUEUES)]
    answered, queued = outcome is Outcome.ANSWERED, outcome is not Outcome.LEFT_IN_MENU
    wait = (7_000 + number * 13_700 % 90_000) * queued
    talk, ring = 45_000 * answered, 3_800 * answered
    arrived = ended_at - wait - talk - 21_000
    agent = AGENTS[number % len(AGENTS)] if answered else ""
    visit = Visit(
        queue,
        arrived + 21_000,
        arrived + 21_000 + wait,
        outcome,
        wait,
        ring,
        agent,
        ("Lục Thị Yến",) if number % 3 else (),
    )
    return CallRecord(
        call_id=f"pbx-{number}", linkedid=f"pbx-{number}", caller=f"09{number * 7_654_321 % 100_000_000:08}", caller_name="",
        dialled="1022", language="vi", arrived_at=arrived, answered_at=arrived + 21_000 + wait if answered else None, ended_at=ended_at,
        queue=queue if queued else "", outcome=outcome, wait_ms=wait, ring_ms=ring, talk_ms=talk, hold_ms=6_000 * answered, agent=agent,
        agent_interface="", menu_path=("chào", "ngôn ngữ:1", "lĩnh vực:2"), transfers=(), visits=(visit,) if queued else (), cause=16,
        recorded=answered,
    )  # fmt: skip


def fill(centre: Hotline) -> None:
    for number in range(60):
        made = record(number, now_ms() - (60 - number) * 63_000)
        centre.keep(made, spoken() if made.recorded and number != 59 else None)
    centre.keep_audio("pbx-57", 42)
    states = zip(range(101, 106), (1, 1, 1, 1, 1), strict=True)
    for number, state in states:
        name, where = AGENTS[number - 101], f"PJSIP/{number}"
        centre.tell(e.MemberChanged(now_ms() - 300_000, "tong-hop", where, name, state, False, ""))
    centre.tell(e.MemberChanged(now_ms() - 200_000, "tong-hop", "PJSIP/105", AGENTS[4], 1, True, "Nghỉ giữa giờ"))
    for n in range(200):
        wave = abs(n % 80 - 40) * 5 // 8
        sample = Sample(now_ms() - (200 - n) * STEP_MS, wave // 6, wave * 9_000, 100 - n / 3 - wave / 2, n // 23 % 4)
        centre.trend.add(sample)
    centre.story(NOW + "0 G menu")


async def photograph(chrome: Browser, centre: Hotline, where: str, name: str, place: Path, full: bool = True) -> None:
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            context = await chrome.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
            tab = await context.new_page()
            await tab.goto(centre.url + where)
            await tab.wait_for_timeout(600)
            await tab.screenshot(path=place / f"{name}-{size}-{scheme}.png", full_page=full and size == "390")
            await context.close()


async def main(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        async with browser() as chrome, hotline(Path(scratch)) as centre:
            await photograph(chrome, centre, "/board", "empty", place)
            fill(centre)
            citizens(centre, record(57, now_ms() - 180_000))
            for where, name in PAGES.items():
                await photograph(chrome, centre, where, name, place)
            for where, name in (("/board", "board"), ("/calls", "calls"), ("/calls/pbx-57", "call"), ("/calls/pbx-59", "pending"),
                                ("/calls/pbx-58", "abandoned"), ("/calls/none", "missing"), ("/board?lang=en", "english")):  # fmt: skip
                await photograph(chrome, centre, where, name, place)
            for number in range(201, 209):
                centre.tell(
                    e.MemberChanged(now_ms(), "dat-dai", f"PJSIP/{number}", f"Phùng Thế Duyệt {number}", 1, False, "")
                )
            await photograph(chrome, centre, "/board", "crowd", place)
            centre.tell(e.LinkLost(now_ms() - 4_000, "silent"))
            await photograph(chrome, centre, "/board", "link-lost", place)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
