"""The shipped menu on a real Asterisk, told by SIPp: every kind of node and every way out, in both languages, as citizens go through it.

All stories of one world happen at the same time, as they do on a hotline. SIPp presses keys by the clock and counts for itself; the log
must say of each call what its story says.
"""

import asyncio
import datetime
from collections.abc import AsyncIterator, Sequence

import httpx2
import msgspec
import pytest
import pytest_asyncio
import yaml

from dashboards.spans import typed
from ivr.hours import ZONE
from pbx.centre import SHIPPED
from pbx.demo.call import Call
from pbx.demo.conversations import conversations
from pbx.demo.phone import Phone
from pbx.demo.portal import Register, shown
from pbx.record import CallRecord, Outcome
from pbx.service import now_ms
from tests import sipp_runner as sipp
from tests.world import World, until, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

WELCOME_MS = 11_000
"""The welcome is heard out; everything after it may be cut."""
NEXT_MS = 1500
SPEAKS = "♪"
SPEECH = conversations()[0].turns[1].audio
TODAY = datetime.datetime.now(ZONE).date()
CODES = ["".join(dossier.code.split("-")[1:]) for dossier in shown(TODAY)]
FACTORS = [dossier.id_number[-4:] for dossier in shown(TODAY)]


class Story(msgspec.Struct, frozen=True):
    """`keys`: each one and a half seconds after the one before, or so long after as stands before it («5:1» is five seconds, «5:» only a
    pause); ♪ stands for speech, of seven seconds. `path`: nodes that are passed, in this order."""

    what: str
    keys: str
    outcome: Outcome
    path: str
    stay_s: float = 2.0


def in_both_languages(*stories: Story) -> dict[str, tuple[Story, str]]:
    """Number of the caller -> story and language."""
    told = {}
    for n, story in enumerate(stories):
        for language, key in (("vi", "1"), ("en", "2")):
            told[f"0{9 if language == 'vi' else 8}88000{n:03d}"] = (
                msgspec.structs.replace(story, keys=f"{key} {story.keys}"),
                language,
            )
    return told


LEFT, CLOSED, CALLBACK, VOICEMAIL = Outcome.LEFT_IN_MENU, Outcome.CLOSED, Outcome.CALLBACK, Outcome.VOICEMAIL
FIELDS = ("hộ tịch", "căn cước", "đất đai", "kinh doanh", "xây dựng", "bảo hiểm", "giao thông")
OPEN = in_both_languages(
    Story("asks for a person at once", "0 2:♪ 7:", Outcome.ANSWERED, "đầu, cán bộ", 18),
    *(
        Story(f"is guided on {field}, goes back twice", f"1 {n} 1 2:8 8 8", LEFT, f"{field}, chỉ dẫn {field}, lĩnh vực, đầu")
        for n, field in enumerate(FIELDS, 1)
    ),
    Story("rates the officer", "1 3 2 1 12:5 2:4 2:3", Outcome.ANSWERED, "muốn đánh giá, chờ, sau cuộc gọi, khảo sát, cảm ơn", 4),
    Story("is to rate, keys nonsense, is let go", "1 3 2 1 12:9 2:9 2:9 2:9", Outcome.ANSWERED, "chờ, khảo sát", 25),
    Story("finds nobody, is promised a call", "1 4 2 2 3:1 3:1", CALLBACK, "chờ, vắng, hẹn, số này, hẹn số này, đã hẹn", 12),
    Story("wants the call on another number", "1 4 2 2 3:1 3:2 2:{other}# 4:1", CALLBACK, "số khác, đọc lại số, hẹn số khác, đã hẹn", 12),
    Story("keys an impossible number", "1 4 2 2 3:1 3:2 2:0123456789# 4:1", Outcome.JOIN_EMPTY, "số khác, hẹn số khác, số sai", 8),
    Story("finds nobody, leaves a message", "1 4 2 2 3:2 10.5:♪ 8:#", VOICEMAIL, "chờ, vắng, lời nhắn, đã nhắn", 6),
    Story("waits in vain, leaves a message", "1 1 2 2 45:3 10.5:♪ 8:#", VOICEMAIL, "chờ, chờ tiếp, lời nhắn, đã nhắn", 6),
    Story("gives up while waiting", "1 1 2 2", Outcome.ABANDONED, "chờ", 20),
    Story("presses 1 while waiting", "1 1 2 2 24:1 3:1", CALLBACK, "chờ, hẹn, số này, hẹn số này, đã hẹn", 12),
    Story("presses 2 while waiting", "1 1 2 2 24:2 10.5:♪ 4:", VOICEMAIL, "chờ, lời nhắn", 4),
    Story("complains and is given a number", "3 13:♪ 8:# 5:1 3:2", VOICEMAIL, "phản ánh, cấp số, số phản ánh, số phản ánh, tạm biệt", 8),
    Story("asks how a dossier stands", f"2 2:{CODES[0]} 4:{FACTORS[0]} 6:1 2:2", LEFT, "tra mã, xác thực, tra cứu, kết quả, tra mã"),
    Story("does not know the second factor", f"2 2:{CODES[1]} 4:9999 5:", LEFT, "tra mã, xác thực, tra cứu, không có hồ sơ"),
    Story("keys a day that never was", "2 2:2613450001 4:1234 5:", LEFT, "tra mã, xác thực, tra cứu, mã sai"),
    Story("has a dossier at one of two agencies", f"2 2:{CODES[5]} 4:{FACTORS[5]} 6:1 5:", LEFT, "tra cứu, cơ quan, tra cứu, kết quả"),
    Story("asks for the hours, and everything again", "4 2:9 2:9", LEFT, "đầu, giờ làm việc, đầu, đầu"),
    Story("keys what means nothing, in bursts", "7 5:*#ABCD 6:77777", Outcome.ANSWERED, "đầu, cán bộ", 25),
    Story("asks about a field that is closed", "1 6 2 2 4:", CLOSED, "bảo hiểm, chờ, hết giờ", 3),
)  # fmt: skip
SHUT = in_both_languages(
    Story("keys nonsense until it says goodbye", "7 3:7 3:7 3:7", CLOSED, "giờ, hết giờ, tạm biệt", 12),
    Story("leaves a message at night", "1 10.5:♪ 8:#", VOICEMAIL, "hết giờ, lời nhắn, đã nhắn", 6),
    Story("is called in the morning", "2 3:1", CALLBACK, "hết giờ, hẹn, số này, hẹn số này, hẹn hôm sau", 12),
    Story("asks for a dossier at night", f"3 2:{CODES[3]} 4:{FACTORS[3]} 6:", CLOSED, "hết giờ, tra mã, xác thực, tra cứu, kết quả", 3),
    Story("asks for a person at night", "0", CLOSED, "hết giờ, cán bộ, hết giờ", 6),
)  # fmt: skip


def citizen(number: str, story: Story) -> sipp.Citizen:
    before, _, after = story.keys.format(other=f"03{number[1]}{number[-7:]}").partition(SPEAKS)
    keys, wait = _timed(before, WELCOME_MS)
    if not after:
        return sipp.Citizen(number, keys, story.stay_s + wait / 1000)
    return sipp.Citizen(number, keys, story.stay_s, SPEECH, wait, _timed(after, NEXT_MS)[0])


def _timed(words: str, wait: int) -> tuple[tuple[tuple[int, str], ...], int]:
    """Keys with their pauses, ms, and the pause after them."""
    keys = []
    for word in words.split():
        seconds, _, key = word.rpartition(":")
        wait = round(float(seconds) * 1000) if seconds else wait
        if key:
            keys.append((wait, key))
            wait = NEXT_MS
    return tuple(keys), wait


async def tell(hotline: World, stories: dict[str, tuple[Story, str]]) -> dict[str, CallRecord]:
    """Everybody calls, three a second; what the log says of each in the end."""

    async def one(n: int, number: str, story: Story) -> sipp.Counted:
        await asyncio.sleep(n / 3)
        return await sipp.run(hotline.settings, citizen(number, story), hotline.place / f"story-{number}")

    counted = await asyncio.gather(*(one(n, number, story) for n, (number, (story, _)) in enumerate(stories.items())))
    assert all((found.successful, found.failed) == (1, 0) for found in counted)
    await until(lambda: len(hotline.calls()) >= len(stories), 20, "a call is not in the log")
    await until(lambda: hotline.channels() == 0, 20, "channels are left")
    records = [row.record for row in hotline.calls() if row.record.kind == "inbound"]
    assert len(records) == len(stories), "a call is in the log twice"
    return {record.caller: record for record in records}


async def close(hotline: World, queue: str) -> None:
    until_text = typed(now_ms() + 1_800_000)
    form = {"state": "closed", "queue": queue, "until": until_text, "reason": "Mất điện"}
    async with httpx2.AsyncClient() as client:
        reply = await client.post(f"{hotline.url}/reception/hours", data=form, headers={"Origin": hotline.url})
    assert reply.status_code == 303


async def _serve(phone: Phone) -> None:
    """Answers everybody, shortly."""
    async with asyncio.TaskGroup() as talks:
        while True:
            talks.create_task(_talk(await phone.next_call()))


async def _talk(call: Call) -> None:
    call.answer()
    await asyncio.sleep(2)
    await call.hangup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def register() -> AsyncIterator[str]:
    stands = Register(shown(TODAY))
    yield await stands.open()
    await stands.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(register: str) -> AsyncIterator[dict[str, CallRecord]]:
    """Both worlds at once. Open: 102 answers for land and everybody, 101 lets it ring for civil status, nobody is there for business."""
    centre = yaml.safe_load(SHIPPED.read_text("utf-8"))
    centre["limit"] = {"calls": 0, "seconds": 0}
    for queue in centre["queues"]:
        queue |= {"max_wait_s": 30, "ring_s": 60} if queue["name"] == "ho-tich" else {}
    centre["agents"] = [
        {"extension": "101", "name": "Đỗ Thị Ngọc Ánh", "queues": ["ho-tich"]},
        {"extension": "102", "name": "Vi Văn Thắng", "queues": ["tong-hop", "dat-dai"]},
        {"extension": "103", "name": "Giáp Minh Tuấn", "queues": ["tong-hop", "dat-dai"]},
    ]
    async with world(centre=centre, portal_url=register) as day, world(centre=centre, portal_url=register) as night:
        for hotline in (day, night):
            await hotline.start_service()
        await close(day, "lao-dong")
        await close(night, "")
        await day.agent("101")
        desks = [asyncio.create_task(_serve(await day.agent(extension))) for extension in ("102", "103")]
        first, second = await asyncio.gather(tell(day, OPEN), tell(night, SHUT))
        for desk in desks:
            desk.cancel()
        for hotline in (day, night):
            log = (hotline.place / "service.log").read_text("utf-8")
            assert "_failed" not in log and "Traceback" not in log, log
        yield {f"day {number}": record for number, record in first.items()} | {
            f"night {number}": record for number, record in second.items()
        }


def _all(when: str, stories: dict[str, tuple[Story, str]]) -> Sequence[object]:
    return [
        pytest.param(f"{when} {number}", story, language, id=f"{when}, {language}: {story.what}")
        for number, (story, language) in stories.items()
    ]


@pytest.mark.parametrize(("number", "story", "language"), [*_all("day", OPEN), *_all("night", SHUT)])
async def test_the_log_says_what_the_citizen_did(
    told: dict[str, CallRecord], number: str, story: Story, language: str
) -> None:
    record = told[number]
    passed = iter(step.partition(":")[0] for step in record.menu_path)
    missing = [node for node in story.path.split(", ") if node not in passed]
    assert not missing, f"not passed, or not in this order: {missing}; but {record.menu_path}"
    assert (record.outcome, record.language) == (story.outcome, language), record.menu_path
