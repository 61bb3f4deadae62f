"""The pages over HTTP: what is served, what is refused, and with which headers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from dashboards.live import QUEUED, Hub
from dashboards.words import WORDS
from pbx import events as e
from pbx.record import Stretch
from pbx.service import now_ms
from recordings.labels import keep_topic
from recordings.sentinel import Finding, Listening, Side
from recordings.store import fail_transcript
from recordings.topics import classify, load_topics
from recordings.voices import keep_listening
from recordings.words import Transcript, Word
from tests.browser import Hotline, hotline
from tests.test_pages_in_browser import finished, said


@pytest_asyncio.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Hotline]:
    async with hotline(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def client(centre: Hotline) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=centre.url) as made:
        yield made


async def test_every_answer_carries_its_guards(client: httpx2.AsyncClient) -> None:
    pages = (
        "/board",
        "/calls",
        "/lost",
        "/callbacks",
        "/messages",
        "/survey",
        "/reception",
        "/recordings",
        "/search",
        "/search?q=x",
    )
    for where in (*pages, "/api/v1/calls", "/healthz"):
        answer = await client.get(where)
        assert answer.status_code == 200, where
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
    for where in ("/docs", "/redoc", "/static/../app.py", "/static/..%2fapp.py"):
        assert (await client.get(where)).status_code == 404


async def test_another_host_is_refused(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/board", headers={"Host": "evil.example"})).status_code == 400


async def test_readiness_follows_the_link(client: httpx2.AsyncClient, centre: Hotline) -> None:
    assert (await client.get("/readyz")).json() == {"log": "ok", "asterisk": "ok", "stale_since": None}
    centre.tell(e.LinkLost(1_795_400_000_000, "silent"))
    lost = await client.get("/readyz")
    assert lost.status_code == 503 and lost.json()["stale_since"] == "2026-11-23T02:13:20.000Z"


@pytest.mark.parametrize(
    "call_id", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "nobody", "a" * 300, "%00", "pbx-1.A%0d%0a"]
)
async def test_ids_that_are_no_calls(client: httpx2.AsyncClient, call_id: str) -> None:
    for where in (f"/calls/{call_id}", f"/calls/{call_id}/audio", f"/api/v1/calls/{call_id}"):
        assert (await client.get(where)).status_code == 404, where


async def test_what_was_said_is_found_and_played_from_there(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.keep(finished(), said("sang", "tên", "sổ", "đỏ", "<script>"))
    page = await client.get("/search", params={"q": "so do"})
    assert "<mark>sổ</mark>" in page.text and "/calls/pbx-1.A#t=" in page.text and "khớp khi bỏ dấu" in page.text
    page = await client.get("/search", params={"q": "script"})
    assert "<mark>&lt;script&gt;</mark>" in page.text
    for question, word in (("không ai nói", "Không có cuộc gọi nào nói"), ("-đỏ", "Chỉ có từ cần tránh"), ('"', "Chưa có từ nào"),
                           ("<b>x", "&lt;b&gt;x")):  # fmt: skip
        assert word in (await client.get("/search", params={"q": question})).text, question
    for narrowed, there in (
        ({"queue": "ho-tich"}, False),
        ({"minutes": "999"}, False),
        ({"span": "today", "minutes": "x"}, False),
        ({}, True),
    ):
        page = await client.get("/search", params={"q": "đỏ", **narrowed})
        assert ("<mark>" in page.text) is there, narrowed


async def test_recordings_that_failed_are_tried_again_by_a_person(client: httpx2.AsyncClient, centre: Hotline) -> None:
    assert "Không có ghi âm nào hỏng" in (await client.get("/recordings")).text
    centre.keep(finished())
    with centre.engine.begin() as connection:
        fail_transcript(connection, "pbx-1.A", "m", "the recogniser failed: it ended: SIGSEGV <b>", 1)
    page = await client.get("/recordings")
    assert "Bộ nhận dạng hỏng giữa chừng: it ended: SIGSEGV &lt;b&gt;" in page.text and "Đã dùng 0 MB" in page.text
    for call, word in (("pbx-1.A", "Đang thử lại"), ("nobody", "Không tìm thấy ghi âm"), ("", "Không tìm thấy ghi âm")):
        told = await client.post(
            "/recordings/again", data={"call": call}, headers={"Origin": centre.url}, follow_redirects=True
        )
        assert word in told.text, call
    assert centre.asked == [("again", "pbx-1.A"), ("again", "nobody"), ("again", "")]
    assert (
        await client.post("/recordings/again", data={"call": "pbx-1.A"}, headers={"Origin": "http://evil"})
    ).status_code == 403


async def test_who_looks_is_written_down_or_sees_nothing(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.keep(finished(), said("bí", "mật"))
    centre.keep_audio("pbx-1.A", 5)
    await client.get("/calls/pbx-1.A")
    for asked in ("bytes=0-", "bytes=100-", "bytes=0-"):
        await client.get("/calls/pbx-1.A/audio", headers={"Range": asked})
    await client.get("/search", params={"q": "bí", "number": "0912345678"})
    with centre.engine.connect() as connection:
        noted = connection.exec_driver_sql("SELECT who, what, about FROM audit ORDER BY seq").all()
    assert [(row[0], row[1]) for row in noted] == [
        ("trực ban", what) for what in ("read", "listen", "listen", "search")
    ]
    assert noted[0][2] == "pbx-1.A" and "0912345678" not in noted[3][2] and centre.audit.verify() is None
    with centre.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE audit")
    for where in ("/calls/pbx-1.A", "/calls/pbx-1.A/audio", "/search?q=b%C3%AD&number=0912345678"):
        closed = await client.get(where)
        assert (
            closed.status_code == 503
            and "Không ghi được nhật ký" in closed.text
            and "mật" not in closed.text.replace("bí mật", "")
        ), where


async def test_what_a_call_is_about_is_shown_with_why_and_corrected(
    client: httpx2.AsyncClient, centre: Hotline
) -> None:
    assert "Chưa có cuộc gọi nào trong bảy ngày" in (await client.get("/search")).text
    record = finished(arrived_at=now_ms() - 60_000)
    talk = said("muốn", "tách", "thửa")
    centre.keep(record, talk)
    with centre.engine.begin() as connection:
        keep_topic(connection, "pbx-1.A", classify(record, talk.words, load_topics()), 1)
    page = (await client.get("/calls/pbx-1.A")).text
    assert "<b>Tách thửa, hợp thửa</b>" in page and "Đã nói «tách thửa» 1 lần" in page and "máy đoán" in page
    assert '/calls?topic=dat-dai%2Ftach-thua">Tách thửa' in (await client.get("/search")).text
    assert (
        "pbx-1.A" in (await client.get("/calls?topic=dat-dai")).text
        and "pbx-1.A" not in (await client.get("/calls?topic=ho-tich")).text
    )
    for wrong in ("nowhere/", "dat-dai/khai-sinh", "", "<b>/x"):
        await client.post("/calls/pbx-1.A/topic", data={"topic": wrong}, headers={"Origin": centre.url})
    assert "máy đoán" in (await client.get("/calls/pbx-1.A")).text
    await client.post("/calls/pbx-1.A/topic", data={"topic": "dat-dai/sang-ten"}, headers={"Origin": centre.url})
    page = (await client.get("/calls/pbx-1.A")).text
    assert "<b>Chuyển nhượng quyền sử dụng đất</b>" in page and "trực ban đã sửa" in page
    missing = await client.post("/calls/nobody/topic", data={"topic": "dat-dai/"}, headers={"Origin": centre.url})
    assert missing.status_code == 303 and missing.headers["location"] == "/calls"


async def test_a_turn_is_corrected_on_the_page(client: httpx2.AsyncClient, centre: Hotline) -> None:
    talk = Transcript(
        tuple(Word(w, 0.4 * n, 0.4 * n + 0.3, 0.9, "caller") for n, w in enumerate(["tôi", "hỏi", "đất", "đại"])),
        "m",
        2.0,
    )
    centre.keep(finished(), talk)
    assert "Chưa ai sửa lời nào" in (await client.get("/recordings")).text

    async def correct(turn: str, shown: str, text: str) -> httpx2.Response:
        sent = {"shown": shown, "said": text}
        return await client.post(f"/calls/pbx-1.A/turns/{turn}", data=sent, headers={"Origin": centre.url})

    kept = await correct("0", "tôi hỏi đất đại", "đ" * 1_900)
    kept = await correct("0", "đ" * 1_900, "tôi hỏi đất đai <i>")
    assert kept.status_code == 303 and kept.headers["location"] == "/calls/pbx-1.A#turn-0"
    page = (await client.get("/calls/pbx-1.A")).text
    assert "tôi hỏi đất đai &lt;i&gt;</p>" in page and "Máy nghe:" in page and ">đại</span>" in page
    for turn, shown, text, word in (
        ("0", "tôi hỏi đất đại", "khác", "vừa sửa"),
        ("7", "x", "x", "tải lại"),
        ("0", "x", "", "từ 1 đến 2000"),
    ):
        refused = await correct(turn, shown, text)
        assert refused.status_code == 409 and word in refused.text
    assert (await correct("x", "", "")).status_code == 422
    page = (await client.get("/recordings")).text
    assert "chưa đủ dữ liệu" in page and "Người gọi" in page
    with centre.engine.connect() as connection:
        noted = [
            tuple(row)
            for row in connection.exec_driver_sql("SELECT what, about FROM audit WHERE what = 'correct'").all()
        ]
    assert noted == [("correct", "pbx-1.A")] * 2 and centre.audit.verify() is None


async def test_a_bad_line_is_named_with_its_phone_and_calls(client: httpx2.AsyncClient, centre: Hotline) -> None:
    assert "Chưa có ghi âm nào" in (await client.get("/recordings")).text
    side = Side(20.0, -30.0, -64.0, 0.0)
    finding = Finding("one_way", "agent", 3.0, 20.0)
    for number in range(3):
        centre.keep(finished(call_id=f"pbx-{number}", arrived_at=now_ms() - 60_000, agent_interface="PJSIP/101"))
        heard = Listening(30.0, side, side, 0.75, 1.0, 4.0, (finding,) if number else ())
        with centre.engine.begin() as connection:
            keep_listening(connection, f"pbx-{number}", heard, 1)
    page = (await client.get("/recordings")).text
    assert "(101)</b>: không có tiếng một bên, 2 trong 3 cuộc (67 %)" in page and 'href="/calls/pbx-2"' in page
    page = (await client.get("/calls/pbx-1")).text
    assert "Cán bộ: không có tiếng một bên (từ 0:03)" in page and "người gọi 75 %, cán bộ 25 %" in page


async def test_what_the_recording_leaves_out_stands_between_the_turns(
    client: httpx2.AsyncClient, centre: Hotline
) -> None:
    stretches = (
        Stretch("on", 1000, 61_000),
        Stretch("paused", 11_000, 15_000),
        Stretch("mark", 20_000, 20_000),
        Stretch("hold", 30_000, 95_000),
    )
    centre.keep(finished(stretches=stretches), said("xin", "chào"))
    page = (await client.get("/calls/pbx-1.A")).text
    assert "Tạm dừng ghi âm 0:04" in page and "Cán bộ đánh dấu chỗ này" in page and "Giữ máy" in page


async def test_audio_in_ranges_even_absurd_ones(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.keep(finished(), said("xin", "chào"))
    assert (await client.get("/calls/pbx-1.A/audio")).status_code == 404
    centre.keep_audio("pbx-1.A", 5)
    whole = await client.get("/calls/pbx-1.A/audio")
    assert whole.status_code == 200 and whole.headers["content-type"] == "audio/ogg" and whole.content[:4] == b"OggS"
    length = len(whole.content)
    for asked, wanted in (("0-99", whole.content[:100]), ("100-", whole.content[100:]), ("-50", whole.content[-50:]),
                          (f"10-{length + 999}", whole.content[10:])):  # fmt: skip
        part = await client.get("/calls/pbx-1.A/audio", headers={"Range": f"bytes={asked}"})
        assert part.status_code == 206 and part.content == wanted, asked
        assert part.headers["content-range"].endswith(f"/{length}")
    for beyond in (f"{length}-", "-0", f"{length + 5}-{length + 9}"):
        assert (await client.get("/calls/pbx-1.A/audio", headers={"Range": f"bytes={beyond}"})).status_code == 416
    for nonsense in ("bytes=9-3", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=0-0,5-9"):
        assert (await client.get("/calls/pbx-1.A/audio", headers={"Range": nonsense})).status_code == 200
    begun = time.monotonic()
    absurd = await client.get(
        "/calls/pbx-1.A/audio", headers={"Range": "bytes=" + ",".join("0-1" for _ in range(10_000))}
    )
    assert absurd.status_code in (200, 206, 400, 416, 431) and time.monotonic() - begun < 0.5


async def test_pages_go_on_where_the_last_one_ended(client: httpx2.AsyncClient, centre: Hotline) -> None:
    for number in range(120):
        centre.keep(finished(call_id=f"pbx-1.{number:03}", arrived_at=1_795_400_000_000 + number // 2))
    seen: list[str] = []
    before = ""
    while True:
        rows = (await client.get("/api/v1/calls", params={"limit": 50, "before": before})).json()["calls"]
        if not rows:
            break
        seen += [row["call_id"] for row in rows]
        before = f"{1_795_400_000_000 + int(seen[-1][-3:]) // 2}~{seen[-1]}"
    assert len(seen) == len(set(seen)) == 120 and seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    "query",
    ["before=x", "before=1~", "before=~~", "outcome=nonsense", "q=%25", "q=_", "q='%20OR%201=1--", "q=%F0%9F%98%80"],
)
async def test_odd_questions_get_a_page(client: httpx2.AsyncClient, query: str) -> None:
    assert (await client.get(f"/calls?{query}")).status_code == 200


def test_both_languages_say_the_same_things() -> None:
    assert WORDS["vi"].keys() == WORDS["en"].keys()
    pages = "".join(p.read_text() for p in Path("dashboards").rglob("*.html")) + "".join(
        p.read_text() for p in Path("dashboards").glob("*.py") if not p.name.startswith("words")
    )
    built = ("state_", "phase_", "out_", "t_", "s_", "missing_", "by_", "lang_", "speaker_")
    built += (
        "lost_",
        "gap_",
        "search_",
        "ear_",
        "topic_",
        "cb_",
        "att_",
        "msg_",
        "factor_",
        "why_",
        "done_",
        "bad_",
        "tw_",
        "fav_",
        "block_",
        "span_",
        "n_closed",
        "n_down",
    )
    for key in WORDS["vi"]:
        assert key.startswith(built) or f'"{key}"' in pages or f"'{key}'" in pages, f"nobody says {key}"


async def updates(client: httpx2.AsyncClient, want: int) -> list[dict[str, object]]:
    """The first `want` updates of the live stream."""
    found: list[dict[str, object]] = []
    async with client.stream("GET", "/live?lang=vi") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line[6:]))
            if len(found) == want:
                break
    return found


async def test_time_alone_changes_nothing_that_is_sent(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.story("0 A calls\n 1 A joins dat-dai\n 60 A rings 101")
    first, second, third = await updates(client, 3)
    assert len(first["sections"]) == 7 and second["sections"] == third["sections"] == {}  # type: ignore[arg-type]


async def test_a_newcomer_never_sees_what_the_last_viewer_saw(client: httpx2.AsyncClient, centre: Hotline) -> None:
    await updates(client, 1)
    centre.tell(e.LinkLost(1_795_400_000_000, "silent"))
    [whole] = await updates(client, 1)
    assert 'data-stale="1795400000000"' in whole["sections"]["s-link"]  # type: ignore[index]


async def test_a_log_that_is_away_for_a_moment_stops_nothing(
    client: httpx2.AsyncClient, centre: Hotline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client.stream("GET", "/live") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        with monkeypatch.context() as broken:
            broken.setattr(centre.log, "_engine", None)
            answer = await client.get("/readyz")
            assert answer.status_code == 503 and answer.json()["log"] == "lost"
            centre.story("0 A calls")
            await asyncio.sleep(0.6)
        centre.story("0 B calls\n 1 B joins dat-dai")
        async for line in lines:
            if "0900•••066" in line:
                break
        assert (await client.get("/readyz")).status_code == 200


async def test_a_slow_viewer_gets_a_whole_picture_again() -> None:
    shown = {"s-a": "0"}

    async def render(_language: str) -> dict[str, str]:
        return dict(shown)

    async def changed(_version: int) -> None:
        await asyncio.sleep(0)

    hub = Hub(render, changed, lambda: 0)
    watching = hub.watch("vi")
    await anext(watching)
    for number in range(QUEUED + 5):
        shown["s-a"] = str(number)
        await hub._publish("vi")
    assert json.loads(await anext(watching))["sections"] == {"s-a": str(QUEUED + 4)}
    hub.stop()
    with pytest.raises(StopAsyncIteration):
        await anext(watching)


async def test_the_board_as_json(client: httpx2.AsyncClient, centre: Hotline) -> None:
    centre.keep(finished())
    centre.story("0 B calls\n 1 B joins dat-dai\n 5 B rings 101")
    board = (await client.get("/api/v1/board")).json()
    assert [call["phase"] for call in board["calls"]] == ["ringing"] and board["calls"][0]["joined_at"].endswith("Z")
    assert not board["stale"] and board["stale_since"] is None
    assert [q["waiting"] for q in board["queues"] if q["name"] == "dat-dai"] == [["pbx-1.B"]]
    assert set(board["figures"]) == {"total", "queues"}


async def test_people_get_a_page_for_what_is_not_there_and_programs_get_json(client: httpx2.AsyncClient) -> None:
    person = await client.get("/nowhere", headers={"Accept": "text/html,*/*"})
    assert person.status_code == 404 and "Không có cuộc gọi này" not in person.text and "<h1>" in person.text
    program = await client.get("/api/v1/nowhere")
    assert program.status_code == 404 and program.json()


async def test_the_language_link_keeps_what_was_searched(client: httpx2.AsyncClient) -> None:
    page = await client.get("/calls", params={"q": 'đất & "đai"', "outcome": "answered", "lang": "fr"})
    assert page.status_code == 200
    assert 'href="?lang=en&amp;q=%C4%91%E1%BA%A5t+%26+%22%C4%91ai%22&amp;outcome=answered"' in page.text
    english = await client.get("/calls?lang=en")
    assert "lang=en" in english.headers["set-cookie"] and ">Calls<" in english.text
