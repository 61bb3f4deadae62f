"""The call log on SQLite and on a real PostgreSQL: the same tests, because it is the same promise."""

import msgspec
import pytest
import sqlalchemy as sa

from pbx.record import CallRecord, Outcome
from recordings import tables
from recordings.queries import CallRow, Log
from recordings.store import fail_transcript, keep_recording, keep_transcript
from recordings.tables import writing
from recordings.words import Transcript, Word, fold
from tests.call_logs import keep
from tests.calls import DAY, call, visit

HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}}",
    "'; DROP TABLE calls; --",
    '=cmd|"/c"!A1',
    "‮0921‬",
    "%_\\",
    "\r\nEvent: Hangup",
    "Nguyễn Văn Ả 👵🏽",
    "x" * 3_000,
]


def say(engine: sa.Engine, call_id: str, text: str) -> None:
    words = tuple(Word(word, n * 0.3, n * 0.3 + 0.2, 0.9, "caller") for n, word in enumerate(text.split()))
    with writing(engine) as connection:
        keep_transcript(connection, call_id, Transcript(words, "model@1", 12.5), DAY)


def ids(rows: list[CallRow]) -> list[str]:
    return [row.record.call_id for row in rows]


# --- writing ------------------------------------------------------------------------------------------------------


def test_a_call_comes_back_as_it_was_told(engine: sa.Engine) -> None:
    told = call(
        answered_at=DAY + 3,
        transfers=("ho-tich", "PJSIP/102"),
        visits=(
            visit("ho-tich", left_at=None, outcome=None, missed=("Nguyễn Văn A", "B")),
            visit(outcome=Outcome.TIMEOUT),
        ),
        complete_by="reconciled",
        cause=0,
        recorded=True,
    )
    keep(engine, told)
    found = Log(engine).call(told.call_id)
    assert found is not None
    assert found.record == told


def test_every_field_of_a_record_is_kept() -> None:
    kept = {column.name for column in tables.calls.c} | set(tables.PARTS)
    assert kept - {"folded"} == {field.name for field in msgspec.structs.fields(CallRecord)}


def test_telling_a_day_twice_changes_nothing(engine: sa.Engine) -> None:
    day = [call(n, visits=(visit("ho-tich"), visit())) for n in range(150)]
    for _ in range(2):
        keep(engine, *day)
    assert Log(engine).records_between(DAY, DAY + 10**9) == day
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.visits)).scalar() == 300


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ({"complete_by": "live"}, {"complete_by": "reconciled", "ended_at": DAY + 10**6}, 0),
        ({"complete_by": "live"}, {"complete_by": "unknown", "ended_at": DAY + 10**6}, 0),
        ({"complete_by": "unknown"}, {"complete_by": "reconciled", "ended_at": DAY}, 1),
        ({"complete_by": "reconciled"}, {"complete_by": "live", "ended_at": DAY}, 1),
        ({"ended_at": DAY + 5}, {"ended_at": DAY + 6, "visits": ()}, 1),
        ({"ended_at": DAY + 6}, {"ended_at": DAY + 5, "visits": ()}, 0),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_fuller_account_wins(engine: sa.Engine, first: dict, second: dict, wins: int, at_once: bool) -> None:  # type: ignore[type-arg]
    told = [call(1, wait_ms=1, **first), call(1, wait_ms=2, **second)]
    for batch in [told] if at_once else [told[:1], told[1:]]:
        keep(engine, *batch)
    assert Log(engine).records_between(0, 2 * DAY) == [told[wins]]


def test_a_transcript_is_kept_once_and_never_replaced_by_a_failure(engine: sa.Engine) -> None:
    keep(engine, call(1, recorded=True))
    log, call_id = Log(engine), call(1).call_id
    assert log.calls()[0].transcript_state == "pending"
    with writing(engine) as connection:
        fail_transcript(connection, call_id, "model@1", "no audio", DAY)
    failed = log.call(call_id)
    assert failed is not None
    assert (failed.transcript_state, failed.reason, failed.words) == ("failed", "no audio", ())
    for _ in range(2):
        say(engine, call_id, "tôi muốn hỏi đất đai")
    with writing(engine) as connection:
        fail_transcript(connection, call_id, "model@1", "too late", DAY)
        keep_recording(connection, call_id, 12_600, ["agent: cut off"], DAY)
    found = log.call(call_id)
    assert found is not None
    assert (found.transcript_state, found.reason, found.model) == ("done", "", "model@1")
    assert [turn.text for turn in found.turns] == ["tôi muốn hỏi đất đai"]
    assert (found.duration_ms, found.flaws) == (12_600, ("agent: cut off",))
    assert log.settled(call_id)


def test_what_is_to_be_transcribed(engine: sa.Engine) -> None:
    keep(engine, call(1, recorded=True), call(2, recorded=True), call(3), call(4, recorded=True))
    say(engine, call(2).call_id, "chào")
    assert Log(engine).without_transcript() == [call(4).call_id, call(1).call_id]
    assert [row.transcript_state for row in Log(engine).calls()] == ["pending", "none", "done", "pending"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_come_back_verbatim(engine: sa.Engine, text: str) -> None:
    told = call(
        1, caller=text, caller_name=text, dialled=text, agent=text, menu_path=(text,), visits=(visit(missed=(text,)),)
    )
    keep(engine, told, call(2))
    assert Log(engine).records_between(0, 2 * DAY) == [told, call(2)]


def test_what_no_database_takes_is_marked_and_the_call_kept(engine: sa.Engine) -> None:
    keep(engine, call(1, caller="09\x0012", menu_path=("a\ud800b",)))
    [kept] = Log(engine).records_between(0, 2 * DAY)
    assert (kept.caller, kept.menu_path) == ("09\ufffd12", ("a?b",))


# --- reading ------------------------------------------------------------------------------------------------------


def test_pages_follow_each_other_without_gap_or_repetition(engine: sa.Engine) -> None:
    keep(engine, *(call(n, arrived_at=DAY + n // 7) for n in range(40)))
    log, seen, before = Log(engine), [], None
    while page := log.calls(limit=9, before=before):
        seen += ids(page)
        before = (page[-1].record.arrived_at, page[-1].record.call_id)
    assert seen == [row.record.call_id for row in log.calls(limit=100)]
    assert len(set(seen)) == 40


def test_filters(engine: sa.Engine) -> None:
    keep(
        engine,
        call(1),
        call(2, outcome=Outcome.ABANDONED),
        call(3, queue="ho-tich", visits=(visit(), visit("ho-tich"))),
    )
    log = Log(engine)
    assert ids(log.calls(outcome="abandoned")) == [call(2).call_id]
    assert ids(log.calls(queue="ho-tich")) == [call(3).call_id]
    assert len(log.calls(queue="dat-dai")) == 3
    assert log.calls(queue="dat-dai", outcome="failed") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("đất đai", {1}),
        ("dat dai", {1}),
        ("ĐẤT ĐAI", {1}),
        ("  dat   dai ", {1}),
        ("dang thi hue", {1, 2, 3}),
        ("Đặng Thị Huệ", {1, 2, 3}),
        ("đặng", {1, 2, 3}),
        ("thủ tục hộ tịch", {2}),
        ("thu tuc ho tich", {2}),
        ("090000 0003", {3}),
        ("ho-tich", {2}),
        ("100%", {3}),
        ("%", {3}),
        ("_", {3}),
        ("'", set()),
        ("\\", set()),
        ("/", set()),
        ("\0", {1, 2, 3}),
        ("pbx-17954.2", {2}),
        ("\ud800", {1, 2, 3}),
    ],
)
def test_search(engine: sa.Engine, text: str, found: set[int]) -> None:
    keep(engine, call(1), call(2, queue="ho-tich", visits=(visit("ho-tich"),)), call(3, visits=()))
    say(engine, call(1).call_id, "tôi hỏi về sử dụng đất đai ạ")
    say(engine, call(3).call_id, "được 100% _ chứ")
    log = Log(engine, {"ho-tich": "Thủ tục hộ tịch", "dat-dai": "Đ.Đ"})
    assert set(ids(log.calls(text=text))) == {call(n).call_id for n in found}


def test_the_snippet_shows_what_was_looked_for(engine: sa.Engine) -> None:
    keep(engine, call(1))
    say(engine, call(1).call_id, "một " * 100 + "cấp đổi sổ đỏ " + "hai " * 100)
    [row] = Log(engine).calls(text="doi so do")
    assert "cấp đổi sổ đỏ" in row.snippet
    assert row.snippet.startswith("…")
    assert row.snippet.endswith("…")
    assert len(row.snippet) < 130


def test_days(engine: sa.Engine) -> None:
    keep(engine, *(call(n) for n in (3, 1, 2)))
    log = Log(engine)
    assert log.records_between(call(1).arrived_at, call(3).arrived_at) == [call(1), call(2)]
    assert log.count_between(call(1).arrived_at, call(3).arrived_at) == 2
    assert log.count() == 3
    assert log.call("pbx-17954.99") is None
    assert log.call("\0") is None


def test_folding() -> None:
    assert fold("Đặng Thị HUỆ, ƯỜNG") == "dang thi hue, uong"
    assert fold("Tiê\u0301ng Viê\u0323t") == "tieng viet"
