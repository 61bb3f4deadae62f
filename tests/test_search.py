"""Calls are found by what was said in them: the same answers in the same order on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pbx.record import Outcome
from recordings.search import Narrowing, Search
from recordings.search_query import parse
from recordings.store import keep_transcript
from recordings.tables import writing
from recordings.words import Transcript, Word
from tests.call_logs import engine, keep, url  # noqa: F401 - fixtures
from tests.calls import call

TALKS = {
    1: "tôi muốn hỏi thủ tục đất đai / vâng sổ đỏ hay chuyển nhượng ạ / sang tên sổ đỏ",
    2: "dạ cho hỏi đặt đại lý bán hàng / hồ sơ đăng ký kinh doanh ạ",
    3: "làm lại căn cước công dân bị mất / vâng căn cước / số ▮▮▮▮ ạ",
    4: "đăng ký khai sinh cho con ở xã tân dĩnh / mang giấy chứng sinh",
    5: "sáu tháng rồi chưa có bằng lái xe / xe ô tô hay xe máy ạ",
    6: "xin giấy phép xây dựng nhà ở / đất ở đô thị hay nông thôn",
    7: "thủ tục trợ cấp thất nghiệp / bảo hiểm thất nghiệp nộp ở đâu",
    8: "ghép hồ sơ xấu quá / em chụp lại hồ sơ",
}
FINDS = [
    ("đất đai", [1, 2]), ("dat dai", [2, 1]), ("đất", [6, 1, 2]), ("dat", [6, 2, 1]), ('"sổ đỏ"', [1]), ('"đỏ sổ"', []), ('"so do"', [1]),
    ("căn cước", [3]), ("can cuoc", [3]), ("CĂN CƯỚC", [3]), ("căn cước mất", [3]), ("cước kinh", []),
    ("đăng ký", [4, 2]), ("dang ky", [4, 2]),
    ("đăng ký -kinh", [4]), ("đăng* khai", [4]), ("thất ngh*", [7]), ("that ngh*", [7]), ("hồ sơ", [8, 2]), ('"hồ sơ" -xấu', [2]),
    ("sấu", [5, 8]), ("giáy phép", [6]), ("khai xinh", [4]), ("tan dinh", [4]), ("chứng sinh", [4]), ("ngoài hành tinh", []),
    ("xe máy", [5]), ('"ạ sang"', []), ("▮▮▮▮", []), ("sổ-đỏ", [1]), ("bằng lái", [5]),
]  # fmt: skip


def transcript(talk: str) -> Transcript:
    words, at = [], 0.0
    for place, turn in enumerate(talk.split("/")):
        for word in turn.split():
            words.append(Word(word, at, at + 0.3, 0.9, ("caller", "agent")[place % 2]))
            at += 0.4
    return Transcript(tuple(words), "model", at)


@pytest.fixture
def search(engine: sa.Engine) -> Iterator[Search]:  # noqa: F811
    for number, talk in TALKS.items():
        record = call(number, recorded=True, arrived_at=1_795_400_000_000 + number * 60_000)
        keep(engine, record)
        with writing(engine) as connection:
            keep_transcript(connection, record.call_id, transcript(talk), 0)
    yield Search(engine)


def ids(search: Search, text: str, only: Narrowing | None = None) -> list[int]:
    known = {call(number).call_id: number for number in TALKS}
    return [known[hit.record.call_id] for hit in search.find(text, only or Narrowing()).hits]


def test_what_is_found_and_in_which_order(search: Search) -> None:
    assert {text: ids(search, text) for text, _ in FINDS} == dict(FINDS)


def test_as_written_comes_first_then_without_diacritics_then_as_it_sounds(search: Search) -> None:
    found = search.find("đất đại").hits
    assert [(hit.record.call_id, hit.rank) for hit in found] == [(call(2).call_id, 1), (call(1).call_id, 1)]
    assert [hit.rank for hit in search.find("đất đai").hits][:1] == [0]
    assert [hit.rank for hit in search.find("xáu").hits] == [1, 2]


def test_sentences_are_shown_with_the_words_marked_and_where_to_play(search: Search) -> None:
    (hit,) = search.find("so do").hits
    assert [[word for word, marked in s.words if marked] for s in hit.snippets] == [["sổ", "đỏ"], ["sổ", "đỏ"]]
    assert [s.channel for s in hit.snippets] == ["agent", "caller"] and hit.snippets[0].start_s == pytest.approx(2.8)


def test_a_new_transcript_takes_the_place_of_the_old_one(search: Search, engine: sa.Engine) -> None:  # noqa: F811
    with writing(engine) as connection:
        keep_transcript(connection, call(1).call_id, transcript("chuyện khác hẳn"), 0)
    assert ids(search, "đất đai") == [2] and ids(search, "khác hẳn") == [1]
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM calls WHERE call_id = '" + call(2).call_id + "'")
    assert ids(search, "kinh doanh") == []


def test_calls_of_one_moment_are_all_found(engine: sa.Engine) -> None:  # noqa: F811
    records = [call(n, recorded=True, arrived_at=1_795_400_000_000) for n in range(5)]
    keep(engine, *records)
    with writing(engine) as connection:
        for record in records:
            keep_transcript(connection, record.call_id, transcript("cùng một lúc"), 0)
    assert len(Search(engine).find("một lúc").hits) == 5


def test_more_than_is_shown_is_said(engine: sa.Engine) -> None:  # noqa: F811
    for n in range(12):
        keep(engine, record := call(n, recorded=True, arrived_at=1_795_400_000_000 + n))
        with writing(engine) as connection:
            keep_transcript(connection, record.call_id, transcript("hồ sơ"), 0)
    found = Search(engine).find("ho so", limit=10)
    assert found.more and [hit.record.arrived_at % 100 for hit in found.hits] == list(range(11, 1, -1))
    assert not Search(engine).find("ho so", limit=12).more


def test_narrowing(search: Search, engine: sa.Engine) -> None:  # noqa: F811
    special = call(
        20, recorded=True, arrived_at=1_795_500_000_000, caller="0987654321", agent="Lục Thị Yến", queue="lao-dong", visits=(),
        talk_ms=600_000,
        outcome=Outcome.ANSWERED, dossier="2611230012",
    )  # fmt: skip
    keep(engine, special)
    with writing(engine) as connection:
        keep_transcript(connection, special.call_id, transcript("đất đai"), 0)

    def found(**only: object) -> list[str]:
        return [hit.record.call_id for hit in search.find("dat", Narrowing(**only)).hits]  # type: ignore[arg-type]

    mine = special.call_id
    for only in ({"queue": "lao-dong"}, {"agent": "luc thi"}, {"number": "0987654321"}, {"number": "+84987654321"}, {"code": "2611230012"},
                 {"talk_min": 500_000}, {"since": special.arrived_at}):  # fmt: skip
        assert found(**only) == [mine], only
    assert (
        mine not in found(talk_max=599_999)
        and mine not in found(until=special.arrived_at)
        and found(queue="nowhere") == []
    )
    assert mine in found(outcome="answered") and found(score=3) == []


HOSTILE = [
    "", " ", '"', '""', "-", "*", "-*", "a*b", "AND", "OR", "NOT", "NEAR(a b)", "exact : x", "{exact} : x", "^x", "a + b", "(", ")", "';--",
    "' OR 1=1 --", "\\", "\\'", "a\x00b", "\ud800", "x" * 10_000, '"' * 999, "- -- ---", "đ" * 500, ":*", "a:*", "e:đất", "ǁ", "%", "_",
    "\u202e", "🙂", "a & b | !c", "<->", "'a' <-> 'b'", "1 2 3", "-đất", '-"sổ đỏ"', "ñ", "\n\t",
]  # fmt: skip


def test_hostile_questions_are_text_or_nothing(search: Search) -> None:
    for text in HOSTILE:
        found = search.find(text)
        assert found.problem in ("", "nothing", "only_without"), text
    assert search.find("-đất").problem == "only_without" and search.find("  ").problem == "nothing"
    assert ids(search, 'đất" OR "căn') == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_nothing_that_is_typed_breaks_it(search: Search, text: str) -> None:
    search.find(text)


def test_what_is_typed_is_understood() -> None:
    assert [(t.words, t.prefix, t.without) for t in parse('đất "sổ đỏ" -mất kinh* A-B').terms] == [
        (("đất",), False, False),
        (("sổ", "đỏ"), False, False), (("mất",), False, True), (("kinh",), True, False), (("a", "b"), False, False),
    ]  # fmt: skip
    assert len(parse("a " * 500).terms) == 12
