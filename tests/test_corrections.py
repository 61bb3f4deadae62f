"""What people say was said is kept beside what the machine heard, found by search, and measures the machine."""

import pytest
import sqlalchemy as sa

from ivr.problem import Problem
from recordings.corrections import ENOUGH, correct, corrected, quality
from recordings.queries import Log
from recordings.search import Search
from recordings.store import keep_transcript
from recordings.tables import writing
from recordings.words import Transcript, Word
from tests.call_logs import engine, keep, url  # noqa: F401 - fixtures
from tests.calls import call
from tests.test_search import transcript

NOW = 1_795_400_000_000


@pytest.fixture
def one(engine: sa.Engine) -> str:  # noqa: F811
    record = call(1, recorded=True, arrived_at=NOW, dialled="1022")
    keep(engine, record)
    with writing(engine) as connection:
        keep_transcript(connection, record.call_id, transcript("tôi hỏi đất đại / vâng bác cho em xin mã hồ sơ"), 1)
    return record.call_id


def test_a_turn_is_corrected_beside_what_was_heard(engine: sa.Engine, one: str) -> None:  # noqa: F811
    correct(engine, one, 0, "tôi hỏi đất đại", "Tôi hỏi  đất đai", "trực ban", 5)
    assert corrected(engine, one, "model") == {0: "Tôi hỏi đất đai"}
    found = Log(engine).call(one)
    assert found is not None and found.turns[0].text == "tôi hỏi đất đại", "what was heard stays"
    assert [hit.rank for hit in Search(engine).find('"đất đai"').hits] == [0] and not Search(engine).find(
        '"đất đại" -đai'
    ).hits
    correct(engine, one, 0, "Tôi hỏi đất đai", "tôi hỏi đất đai ạ", "trưởng ca", 6)
    assert corrected(engine, one, "model") == {0: "tôi hỏi đất đai ạ"} and corrected(engine, one, "another model") == {}
    with engine.connect() as connection:
        noted = connection.exec_driver_sql("SELECT who, what FROM audit ORDER BY seq").all()
    assert [tuple(row) for row in noted] == [("trực ban", "correct"), ("trưởng ca", "correct")]


def test_who_comes_second_is_told(engine: sa.Engine, one: str) -> None:  # noqa: F811
    correct(engine, one, 0, "tôi hỏi đất đại", "một", "a", 5)
    with pytest.raises(Problem, match="meanwhile"):
        correct(engine, one, 0, "tôi hỏi đất đại", "hai", "b", 6)
    assert corrected(engine, one, "model") == {0: "một"}


def test_bad_corrections_say_what_was_wrong(engine: sa.Engine, one: str) -> None:  # noqa: F811
    shown = "tôi hỏi đất đại"
    for said in ("", "  \x00 ", "x" * 1_000_000):
        with pytest.raises(Problem, match="1 to 2000"):
            correct(engine, one, 0, shown, said, "a", 5)
    for turn, who in ((9, one), (-1, one), (0, "nobody")):
        with pytest.raises(Problem, match="no such turn"):
            correct(engine, who, turn, shown, "x", "a", 5)
    correct(engine, one, 0, shown, "<b>căn cước 024085001234</b> \u0065\u0302\u0323", "a", 5)
    assert corrected(engine, one, "model")[0] == "<b>căn cước ▮▮▮▮ ệ", "typed numbers are masked, and letters composed"


def test_the_error_rate_is_what_people_found(engine: sa.Engine) -> None:  # noqa: F811
    said = [f"w{n}" for n in range(100)]
    for number in range(3):
        record = call(number, recorded=True, arrived_at=NOW + number, dialled="1022")
        keep(engine, record)
        words = tuple(Word(w, 0.4 * n, 0.4 * n + 0.3, 0.9, "caller") for n, w in enumerate(said))
        with writing(engine) as connection:
            keep_transcript(connection, record.call_id, Transcript(words, "m", 40.0), 1)
        right = [f"x{n}" if n < 10 and number else w for n, w in enumerate(said)]
        correct(engine, record.call_id, 0, " ".join(said), " ".join(right), "a", NOW)
        (found,) = quality(engine, 0, 2 * NOW)
        assert found.words == 100 * (number + 1) and (found.wer is None) == (found.words < ENOUGH)
    assert (found.month, found.line, found.channel, found.turns, found.errors) == ("2026-11", "1022", "caller", 3, 20)
    assert found.wer == pytest.approx(20 / 300) and quality(engine, 0, 5) == []
