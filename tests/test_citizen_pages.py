"""The pages about waiting citizens over HTTP: what they show, what their forms do, and what they refuse."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import pytest_asyncio

from dashboards.live import now_ms
from dashboards.spans import DAY_MS, typed
from ivr.hours import Opening
from pbx.callbacks import Attempt, Callback, CallbackState
from pbx.record import CallRecord, Outcome, Score, ToldWait
from recordings.store import keep_callbacks
from recordings.tables import writing
from tests.browser import Hotline, hotline
from tests.front_desk import Truth
from tests.test_pages_in_browser import finished, said

HOUR = 3_600_000
NUMBER = "0912345678"
SHOWN = "0912•••678"
BY = "trực ban"


@pytest_asyncio.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Hotline]:
    async with hotline(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def client(centre: Hotline) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=centre.url, follow_redirects=True) as made:
        yield made


def lost(call_id: str = "pbx-1.A", minutes: int = 5, **changed: object) -> CallRecord:
    """A caller who gave up in a queue so many minutes ago."""
    fields: dict[str, Any] = {
        "call_id": call_id,
        "caller": NUMBER,
        "arrived_at": now_ms() - minutes * 60_000,
        "outcome": Outcome.ABANDONED,
        "talk_ms": 0,
        "agent": "",
        "recorded": False,
    }
    return msgspec.structs.replace(finished(), **fields | changed)


def rows(page: httpx2.Response) -> list[str]:
    """The text of each row of the page's tables."""
    bodies = "".join(re.findall(r"<tbody>(.*?)</tbody>", page.text, re.DOTALL))
    return [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in re.findall(r"<tr.*?</tr>", bodies, re.DOTALL)]


def notice(page: httpx2.Response) -> str:
    return " ".join(re.findall(r'<p class="notice[^>]*>(.*?)</p>', page.text, re.DOTALL))


# --- lost callers -------------------------------------------------------------------------------------------------


async def test_one_click_promises_a_callback_and_a_second_click_no_other(
    client: httpx2.AsyncClient, centre: Hotline
) -> None:
    centre.keep(lost(caller="+84912345678", language="en"))
    page = await client.get("/lost")
    [row] = rows(page)
    assert "+849•••678" in row or SHOWN in row
    assert "Chưa gọi lại" in row and "Gọi lại" in row
    assert NUMBER not in page.text and "84912345678" not in page.text, "a whole number stands in the page"
    for word in ("Đã hẹn gọi lại", "đã có hẹn gọi lại"):
        page = await client.post("/lost/call", data={"call": "pbx-1.A", "span": "week"})
        assert page.status_code == 200 and word in notice(page), notice(page)
        assert page.url.params["span"] == "week"
    assert centre.asked == [("callback", NUMBER, "dat-dai", "en", BY)]
    [row] = rows(page)
    assert "Đã hẹn gọi lại" in row and "<button" not in re.findall(r"<tbody>.*</tbody>", page.text, re.DOTALL)[0]


@pytest.mark.parametrize(
    ("caller", "way_out", "word"),
    [("", True, "Không gọi lại được"), ("+15551234567", True, "Không gọi lại được"), ("1022", True, "Không gọi lại được"),
     ("<script>alert(1)</script>", True, "Không gọi lại được"), (NUMBER, False, "chưa có đường gọi ra")],
)  # fmt: skip
async def test_who_cannot_be_called_back_is_said(
    client: httpx2.AsyncClient, centre: Hotline, caller: str, way_out: bool, word: str
) -> None:
    centre.way_out = way_out
    centre.keep(lost(caller=caller))
    page = await client.post("/lost/call", data={"call": "pbx-1.A"})
    assert word in notice(page) and centre.asked == []
    assert "<script>" not in page.text


@pytest.mark.parametrize("call", ["", "nobody", "../../etc/passwd", "' OR 1=1 --", "a" * 9000, "\0"])
async def test_calls_that_are_not_there(client: httpx2.AsyncClient, centre: Hotline, call: str) -> None:
    page = await client.post("/lost/call", data={"call": call})
    assert page.status_code == 200 and "Không còn thấy" in notice(page) and centre.asked == []


async def test_lost_callers_say_where_how_often_and_why_nobody_came(
    client: httpx2.AsyncClient, centre: Hotline
) -> None:
    centre.keep(lost("a", 30, wait_ms=200_000))
    centre.keep(lost("b", 20, outcome=Outcome.CLOSED, queue=""))
    centre.keep(
        lost("c", 10, outcome=Outcome.LEFT_IN_MENU, queue="", menu_path=("chao", "linh-vuc:2"), complete_by="unknown")
    )
    centre.keep(lost("d", 9, caller=""))
    centre.keep(lost("e", 8, caller="0987654321"))
    centre.keep(finished(call_id="f", caller="0987654321", arrived_at=now_ms() - 60_000))
    page = await client.get("/lost")
    first, second = rows(page)
    assert "3" in first and "bước linh-vuc" in first and "1 lần ngoài giờ" in first and "1 lần khi hệ thống" in first
    assert "Đã gặp" in second and "Gọi lại" not in second.replace("Chưa gọi lại", "")
    counts = re.findall(r"<b>(\d+)</b> (chưa|người|cuộc)", page.text)
    assert counts == [("1", "chưa"), ("2", "người"), ("1", "cuộc")]
    behind = await client.get(re.findall(r'href="(/calls\?same=[^"]+)"', page.text)[0])
    assert len(rows(behind)) == 3 and "Chỉ những cuộc" in behind.text


@pytest.mark.parametrize(
    ("query", "word"),
    [("span=own&first=&last=24/11/2026", "Thiếu ngày"), ("span=own&first=31/11/2026&last=1/12/2026", "không có thật"),
     ("span=own&first=2/11/2026&last=1/11/2026", "đứng trước"), ("span=own&first=1/1/2020&last=1/11/2026", "tối đa 366"),
     ("span=own&first=<b>&last=<b>", "không có thật"), ("span=nonsense", "")],
)  # fmt: skip
async def test_days_that_make_no_sense(client: httpx2.AsyncClient, centre: Hotline, query: str, word: str) -> None:
    centre.keep(lost())
    for where in ("/lost", "/callbacks", "/survey"):
        page = await client.get(f"{where}?{query}")
        assert page.status_code == 200 and word in notice(page) and "<b>&last" not in page.text
    if "31/11/2026" in query:
        assert 'value="31/11/2026"' in page.text, "what was typed is kept"


async def test_a_crowd_is_cut_and_the_page_says_so(client: httpx2.AsyncClient, centre: Hotline) -> None:
    for n in range(305):
        centre.keep(lost(f"n{n}", caller=f"09{n:08}"))
    page = await client.get("/lost")
    assert len(rows(page)) == 300 and "Còn 5 người nữa" in page.text


# --- callbacks ----------------------------------------------------------------------------------------------------


def promised(number: int, **changed: object) -> Callback:
    now = now_ms()
    known = Callback(
        f"c{number}", "pbx-1.A", f"09{number:08}", "dat-dai", "vi", now - 9 * 60_000 + number, now, now, now + DAY_MS
    )
    return msgspec.structs.replace(known, **changed)


async def test_callbacks_stand_with_place_tries_and_end(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.story("0 A calls\n 1 A joins dat-dai\n 900 A rings 101")  # has waited longer than any of them
    busy = Attempt(1, now_ms(), now_ms(), "busy")
    odd = Attempt(2, now_ms(), now_ms(), "<b>odd</b>")
    for c in (promised(2, attempts=(busy, odd), not_before=now_ms() + HOUR), promised(1), promised(3, queue="ho-tich")):
        centre.promised[c.callback_id] = c
    with writing(centre.engine) as connection:
        keep_callbacks(connection, [promised(4, state=CallbackState.UNREACHED, ended_at=now_ms(), attempts=(busy,))])
    page = await client.get("/callbacks")
    first, second, third, ended = rows(page)
    assert "thứ 2" in first and "chưa gọi lần nào" in first and "ngay khi có cán bộ rảnh" in first
    assert "thứ 3" in second and "máy bận" in second and "&lt;b&gt;odd" in second and "từ " in second
    assert "thứ 1" in third and "Hộ tịch" in third
    assert "Không liên lạc được" in ended and "máy bận" in ended


async def test_a_callback_is_cancelled_once(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.promised["c1"] = promised(1)
    for word in ("Đã bỏ hẹn", "đã kết thúc hoặc đã bỏ"):
        page = await client.post("/callbacks/cancel", data={"callback": "c1"})
        assert word in notice(page) and "Không có hẹn gọi lại nào" in page.text
    assert centre.asked == [("cancel", "c1", BY)] * 2


# --- messages -----------------------------------------------------------------------------------------------------


async def test_messages_with_words_numbers_and_a_way_to_hear_them(client: httpx2.AsyncClient, centre: Hotline) -> None:
    message = {"outcome": Outcome.VOICEMAIL, "message_ms": 72_000}
    centre.keep(finished(call_id="m1", message="voicemail", **message), said("đường", "ngập"))
    centre.keep(finished(call_id="m2", message="petition", petition="261123-007", **message))
    centre.keep(finished(call_id="m3"))
    page = await client.get("/messages")
    assert len(rows(page)) == 2 and "đường ngập" in page.text and "1:12" in page.text and "đang chép lời" in page.text
    [petition] = rows(await client.get("/messages?kind=petition"))
    assert "261123-007" in petition
    assert 'href="/calls/m2"' in page.text and (await client.get("/calls/m2")).status_code == 200
    assert len(rows(await client.get("/calls?q=261123-007"))) == 1
    assert len(rows(await client.get("/messages?kind=<b>&before=x"))) == 2


async def test_messages_page_by_page(client: httpx2.AsyncClient, centre: Hotline) -> None:
    for n in range(60):
        centre.keep(finished(call_id=f"m{n:02}", message="voicemail", arrived_at=1_795_400_000_000 + n))
    page = await client.get("/messages?kind=voicemail")
    older = re.findall(r'href="(\?kind=voicemail&amp;before=[^"]+)"', page.text)
    rest = await client.get("/messages" + older[0].replace("&amp;", "&"))
    assert (len(rows(page)), len(rows(rest))) == (50, 10)


# --- survey -------------------------------------------------------------------------------------------------------


async def test_every_figure_of_the_survey_opens_its_calls(client: httpx2.AsyncClient, centre: Hotline) -> None:
    now = now_ms()
    for n, value in enumerate((5, 5, 4, 1)):
        also = (Score("result", 4),) if n == 0 else ()
        centre.keep(finished(call_id=f"s{n}", arrived_at=now, survey=(Score("officer", value), *also)))
    centre.keep(
        finished(call_id="t", arrived_at=now, queue="ho-tich", survey=(Score("officer", 2), Score("result", 3)))
    )
    centre.keep(finished(call_id="u", arrived_at=now))
    page = await client.get("/survey")
    assert "83,3 %" in page.text and "5 trên 6" in page.text and "3,40" in page.text
    links = [
        (link.replace("&amp;", "&"), int(n))
        for link, n in re.findall(r'href="(/calls\?[^"]+score=\d)"[^>]*>(\d+)<', page.text)
    ]
    assert len(links) == 6
    for link, n in links:
        assert len(rows(await client.get(link))) == n, link
    narrowed = await client.get("/survey?queue=ho-tich")
    assert "2,00" in narrowed.text and "3,40" not in narrowed.text
    [behind] = set(re.findall(r'href="(/calls\?[^"]*field=ho-tich[^"]*score=2)"', narrowed.text))
    assert len(rows(await client.get(behind.replace("&amp;", "&")))) == 1


async def test_no_answers_are_said(client: httpx2.AsyncClient) -> None:
    assert "Chưa có ai trả lời" in (await client.get("/survey?queue=nowhere")).text


# --- reception ----------------------------------------------------------------------------------------------------


def later(ms: int = HOUR) -> str:
    return typed(now_ms() + ms)


async def test_the_line_is_closed_by_hand_and_opened_by_the_calendar(
    client: httpx2.AsyncClient, centre: Hotline
) -> None:
    until, reason = later(), "Mất điện <b>cả</b> toà nhà"
    sent = {"state": "closed", "until": until, "reason": reason}
    for _ in range(2):
        page = await client.post("/reception/hours", data=sent)
        assert "Đã áp dụng" in notice(page) and "Đang đóng" in page.text and "&lt;b&gt;cả" in page.text
    assert (
        centre.asked[0] == centre.asked[1]
        and centre.asked[0][1] is False
        and typed(int(str(centre.asked[0][2]))) == until
    )
    page = await client.post("/reception/release")
    assert "theo lịch" in notice(page) and "Đang mở" in page.text and centre.forced is None


@pytest.mark.parametrize(
    ("changed", "word"),
    [({"state": ""}, "chọn đóng hay mở"), ({"state": "sideways"}, "chọn đóng hay mở"), ({"until": ""}, "Thiếu lúc kết thúc"),
     ({"until": "31/02/2027 10:00"}, "không có thật"), ({"until": "24/11/2020 10:00"}, "đã qua"),
     ({"until": "24/11/2099 10:00"}, "tối đa 31 ngày"),
     ({"state": "calendar"}, "chọn đóng hay mở"), ({"queue": "khong-co"}, "Không có lĩnh vực này"),
     ({"reason": ""}, "Thiếu lý do"), ({"reason": " \u200b "}, "Thiếu lý do"), ({"until": "<script>"}, "không có thật")],
)  # fmt: skip
async def test_a_wrong_order_changes_nothing_and_loses_nothing(
    client: httpx2.AsyncClient, centre: Hotline, changed: dict[str, str], word: str
) -> None:
    sent = {"state": "closed", "until": later(), "reason": 'Họp "đột xuất" & nghỉ'} | changed
    page = await client.post("/reception/hours", data=sent)
    assert page.status_code == 422 and word in page.text and 'aria-invalid="true"' in page.text and centre.asked == []
    if "reason" not in changed:
        assert "Họp &#34;đột xuất&#34; &amp; nghỉ" in page.text
    assert "<script>" not in page.text


async def test_one_field_is_closed_and_the_others_are_not(client: httpx2.AsyncClient, centre: Hotline) -> None:
    page = await client.post(
        "/reception/hours", data={"state": "closed", "queue": "ho-tich", "until": later(), "reason": "Tập huấn"}
    )
    assert "Người trực quyết định: Hộ tịch, chứng thực đang đóng, Tập huấn" in page.text
    assert [("Đang đóng" in row, "Hộ tịch" in row) for row in rows(page) if "Đang" in row].count((True, True)) == 1
    assert "Toàn tổng đài" in page.text and sum("Đang đóng" in row for row in rows(page)) == 1
    assert centre.asked[0][5:] == (("ho-tich",), "")


async def test_an_urgent_notice_is_told_while_the_calendar_goes_on(client: httpx2.AsyncClient, centre: Hotline) -> None:
    sent = {"state": "calendar", "announce": "1", "until": later(), "reason": "Bão số 9"}
    page = await client.post("/reception/hours", data=sent)
    assert "đang nghe thông báo khẩn" in page.text and "Đang đóng" not in page.text
    assert centre.asked[0][1] is None and centre.asked[0][6] == "emergency"


async def test_a_number_is_blocked_once_and_let_in_again(client: httpx2.AsyncClient, centre: Hotline) -> None:
    sent = {"number": "+84 912 345 678", "until": later(DAY_MS), "reason": "quấy rối <img src=x>"}
    for _ in range(2):
        page = await client.post("/reception/block", data=sent)
        assert "Đã chặn" in notice(page) and SHOWN in page.text and "&lt;img" in page.text
    assert [what[:2] for what in centre.asked] == [("block", NUMBER)]
    assert NUMBER not in page.text
    [key] = re.findall(r'name="block" value="([^"]+)"', page.text)
    for word in ("Đã bỏ chặn", "không còn bị chặn"):
        page = await client.post("/reception/lift", data={"block": key})
        assert word in notice(page) and "Không có số nào bị chặn" in page.text
    assert centre.asked[1:] == [("unblock", NUMBER, BY)]


@pytest.mark.parametrize(
    "number",
    ["", "113", "1022", "+1 555 123 4567", "0912", "09123456789", "abc", "０９１２３４５６７８", "0912;rm", "9" * 400],
)
async def test_numbers_that_cannot_be(client: httpx2.AsyncClient, centre: Hotline, number: str) -> None:
    page = await client.post("/reception/block", data={"number": number, "until": later(), "reason": "thử"})
    assert page.status_code == 422 and "Số này không gọi được" in page.text and centre.asked == []
    assert 'value="thử"' in page.text


async def test_the_number_of_a_call_is_blocked_without_being_shown(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.keep(lost(caller="+15551234567"))  # foreign: nobody could type it
    centre.keep(lost("withheld", caller=""))
    page = await client.get("/reception?call=pbx-1.A")
    assert "+155•••567" in page.text and "15551234567" not in page.text
    wrong = await client.post("/reception/block", data={"call": "pbx-1.A", "until": "", "reason": "x"})
    assert wrong.status_code == 422 and 'value="pbx-1.A"' in wrong.text
    await client.post("/reception/block", data={"call": "pbx-1.A", "until": later(), "reason": "x"})
    assert centre.asked[0][:2] == ("block", "+15551234567")
    refused = await client.post("/reception/block", data={"call": "withheld", "until": later(), "reason": "x"})
    assert refused.status_code == 422 and len(centre.asked) == 1


async def test_what_was_told_is_measured_in_plain_words(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.truths = {
        "dat-dai": Truth(50, 40, 0.55, True),
        "ho-tich": Truth(9, 8, 0.875, False),
        "tong-hop": Truth(3, 0, None, False),
    }
    page = await client.get("/reception")
    told = [row for row in rows(page) if "báo" in row or "số liệu" in row]
    assert "chưa đủ số liệu" in told[0]
    assert "87,5 %" in told[1] and "Đang báo" in told[1]
    assert "55,0 %" in told[2] and "Đang tự tắt tiếng" in told[2] and "trên 40 người" in told[2]


@pytest.mark.parametrize(
    ("opening", "words"),
    [(Opening(open=False, why="holiday", title="Tết Nguyên đán", opens_at=1_802_000_000_000),
     ("Đang đóng", "nghỉ lễ, Tết Nguyên đán", "mở lúc")),
     (Opening(open=False, why="holiday", title="x"), ("chưa biết lúc mở lại",)), (Opening(open=True), ("Đang mở", "không đổi")),
     (Opening(open=False, why="unheard-of", title="<b>"), ("unheard-of, &lt;b&gt;",))],
)  # fmt: skip
async def test_opening_in_words(
    client: httpx2.AsyncClient, centre: Hotline, opening: Opening, words: tuple[str, ...]
) -> None:
    centre.calendar = opening
    page = await client.get("/reception")
    assert all(word in page.text for word in words)


# --- forms in general ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403), ({"Origin": "http://evil.example"}, 403),
     ({"Origin": "null"}, 403),
     ({"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}, 200), ({"Sec-Fetch-Site": "same-origin"}, 200), ({}, 200)],
)  # fmt: skip
async def test_pages_elsewhere_cannot_send_our_forms(
    client: httpx2.AsyncClient, centre: Hotline, headers: dict[str, str], status: int
) -> None:
    centre.keep(lost())
    for where in ("/lost/call", "/callbacks/cancel", "/reception/release", "/reception/hours", "/nowhere"):
        answer = await client.post(where, data={"call": "pbx-1.A", "callback": "x"}, headers=headers)
        assert (answer.status_code == 403) == (status == 403), where
    assert bool(centre.asked) == (status == 200)
    assert (await client.get("/lost", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"a" * 100_000, b"&".join(b"x=1" for _ in range(500)), b'{"call": 1}', b"call=%ff%00"]
)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "multipart/form-data", ""])
async def test_bodies_that_are_no_forms(client: httpx2.AsyncClient, centre: Hotline, body: bytes, kind: str) -> None:
    for where in ("/lost/call", "/callbacks/cancel", "/reception/block", "/reception/hours", "/reception/lift"):
        answer = await client.post(where, content=body, headers={"Content-Type": kind})
        assert answer.status_code in (200, 422), where
    assert {what[0] for what in centre.asked} <= {"cancel"}


async def test_nothing_changes_by_looking(client: httpx2.AsyncClient, centre: Hotline) -> None:
    for where in (
        "/lost/call",
        "/callbacks/cancel",
        "/reception/block",
        "/reception/hours",
        "/reception/release",
        "/reception/lift",
    ):
        assert (await client.get(where)).status_code == 405
    assert centre.asked == []


# --- one call -----------------------------------------------------------------------------------------------------


async def test_a_call_tells_all_that_happened_to_the_citizen(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.keep(
        finished(
            caller=NUMBER, survey=(Score("officer", 5),), message="petition", message_ms=30_000, petition="261123-001", callback_id="c9",
            favoured_s=180, favoured="cut_off", dossier="2611230012", kind="callback",
            told=(ToldWait(1, "dat-dai", 4, 2, 120, 300), ToldWait(2, "dat-dai", 2, 1, None, None, "thin"),
            ToldWait(3, "dat-dai", 1, 1, 0, 60)),
        )
    )  # fmt: skip
    page = await client.get("/calls/pbx-1.A")
    for words in ("Cán bộ phục vụ: <b>5</b>", "261123-001", "0:30", "180 giây, cuộc trước bị ngắt", "2611230012", "Ta gọi lại theo hẹn",
                  "báo 2–5 phút", "chưa ước được (còn ít số liệu)", "báo dưới 1 phút", "/calls?callback=c9",
                  "/reception?call=pbx-1.A#blocks"):  # fmt: skip
        assert words in page.text, words
    assert len(rows(await client.get("/calls?callback=c9"))) == 1


async def test_new_outcomes_have_words(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.keep(finished(call_id="b", outcome=Outcome.BLOCKED, blocked="rate"))
    centre.keep(finished(call_id="t", outcome=Outcome.TRANSFERRED))
    page = await client.get("/calls")
    assert "Không được nhận" in page.text and "Chuyển máy thẳng" in page.text
    assert "gọi quá nhiều lần" in (await client.get("/calls/b")).text


async def test_a_narrowed_list_stays_narrowed(client: httpx2.AsyncClient, centre: Hotline) -> None:
    for n in range(60):
        centre.keep(lost(f"x{n:02}", minutes=n))
    centre.keep(lost("other", caller="0987654321"))
    page = await client.get("/calls?same=x05")
    assert len(rows(page)) == 50 and '<input type="hidden" name="same" value="x05">' in page.text
    [older] = re.findall(r'href="(\?same=x05&amp;before=[^"]+)"', page.text)
    assert len(rows(await client.get("/calls" + older.replace("&amp;", "&")))) == 10
    assert "lang=en&amp;same=x05" in page.text


@pytest.mark.parametrize(
    "query",
    ["since=x", "since=99999999999999999", "score=９", "factor='", "until=-1", "same=%00", "field=<b>", "message=%ff"],
)
async def test_odd_narrowings_get_a_page(client: httpx2.AsyncClient, query: str) -> None:
    page = await client.get(f"/calls?{query}")
    assert page.status_code == 200 and "<b><b>" not in page.text
