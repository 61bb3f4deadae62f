"""What a call is about is told by rules that can be read, corrected by people, and counted by the week."""

import random
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.problem import Problem
from pbx.demo.conversations import conversations
from recordings.labels import WEEK_MS, correct_topic, counts, keep_topic, label_of
from recordings.spoken import tokens
from recordings.tables import writing
from recordings.topics import SHIPPED, Topic, classify, load_topics
from recordings.words import Word, fold
from tests.call_logs import engine, keep, url  # noqa: F401 - fixtures
from tests.calls import call

RULES = load_topics()
NOW = 1_795_400_000_000
AROUND = [
    "dạ cho em hỏi {} ạ",
    "tôi muốn làm {} thì cần giấy tờ gì",
    "bác hỏi về {} bao giờ xong",
    "{} mất bao nhiêu tiền hả cô",
    "vâng {} nộp ở đâu",
]


def words(text: str) -> list[Word]:
    return [Word(word, 0.4 * at, 0.4 * at + 0.3, 0.9, "caller") for at, word in enumerate(tokens(text))]


def about(text: str, **known: object) -> Topic:
    return classify(call(1, **{"menu_path": (), "queue": "", **known}), words(text), RULES)


@pytest.mark.parametrize(
    ("said", "field", "procedure"),
    [
        ("tôi muốn sang tên sổ đỏ cho con", "dat-dai", "sang-ten"), ("cháu bị mất căn cước", "can-cuoc", "mat-can-cuoc"),
        ("toi muon hoi dang ky ket hon", "ho-tich", "ket-hon"), ("đạt được thì tốt", "khac", ""),
        ("hưởng trợ cấp thất nghiệp ở đâu", "lao-dong", "that-nghiep"), ("xin giấy phép xây dựng nhà ở", "xay-dung", "giay-phep-xay"),
        ("tôi khiếu nại thái độ cán bộ", "phan-anh", "to-cao-kien-nghi"), ("", "khac", ""),
    ],
)  # fmt: skip
def test_what_is_said_tells(said: str, field: str, procedure: str) -> None:
    found = about(said)
    assert (found.field, found.procedure) == (field, procedure), found


def test_the_menu_and_the_queue_speak_too_and_everything_says_why() -> None:
    assert about("tôi hỏi chút", menu_path=("lĩnh vực:3", "đất đai", "về đất đai:2")).field == "dat-dai"
    assert about("", queue="lao-dong").field == "lao-dong" and about("", queue="tong-hop").field == "khac"
    found = about("cho hỏi bản sao chứng thực bản sao", queue="ho-tich")
    assert found.procedure == "chung-thuc" and {(b.kind, b.what, b.times) for b in found.because} == {
        ("said", "chứng thực", 1), ("said", "bản sao", 2), ("sent", "ho-tich", 1),
    }  # fmt: skip
    assert next(b.at_s for b in found.because if b.what == "bản sao") == pytest.approx(0.8)
    assert about("tôi hỏi tách thửa", queue="ho-tich").field == "dat-dai", (
        "what is said outweighs where the call was sent"
    )


def test_most_of_what_people_say_is_understood() -> None:
    at_random, right, tried = random.Random(1022), 0, 0
    for name, procedure in RULES.procedures.items():
        for saying in procedure.says:
            for _ in range(3):
                text = at_random.choice(AROUND).format(saying)
                found = about(text if at_random.random() < 0.8 else fold(text))
                tried += 1
                right += found.procedure == name
    assert tried > 350 and right / tried > 0.85, (right, tried)


def test_the_conversations_of_the_demo_are_about_what_they_are_about() -> None:
    wrong = []
    for talk in conversations():
        found = about(" ".join(turn.text for turn in talk.turns), queue=talk.queue)
        fields = {name for name, field in RULES.fields.items() if talk.queue in field.queues}
        if fields and found.field not in fields and not found.procedure:
            wrong.append((talk.topic, found))
    assert not wrong, wrong


def test_rules_that_cannot_be_used(tmp_path: Path) -> None:
    text = SHIPPED.read_text("utf-8")
    for old, new, word in (
        ("field: ho-tich", "field: nowhere", "nowhere"),
        ("khac:", "other:", "khac"),
        ("fields:", "field:", "wrong"),
    ):
        (tmp_path / "topics.yaml").write_text(text.replace(old, new, 1), "utf-8")
        with pytest.raises(Problem, match=word):
            load_topics(tmp_path / "topics.yaml")
    assert len(RULES.procedures) >= 40


def test_a_correction_stays_and_is_written_down(engine: sa.Engine) -> None:  # noqa: F811
    record = call(1, recorded=True)
    keep(engine, record)
    with writing(engine) as connection:
        keep_topic(connection, record.call_id, about("tách thửa"), 1)
    assert correct_topic(engine, record.call_id, "dat-dai", "sang-ten", "trưởng ca", 2)
    with writing(engine) as connection:
        keep_topic(connection, record.call_id, about("kết hôn"), 3)  # transcribed again
    found = label_of(engine, record.call_id)
    assert found is not None and (found.field, found.procedure, found.by) == ("dat-dai", "sang-ten", "trưởng ca")
    assert found.by_rules.procedure == "ket-hon"
    assert not correct_topic(engine, "nobody", "dat-dai", "", "x", 1) and label_of(engine, "nobody") is None
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT who, what, why FROM audit").all() == [
            ("trưởng ca", "topic", "dat-dai/sang-ten")
        ]


def test_counts_of_a_week_beside_the_four_before(engine: sa.Engine) -> None:  # noqa: F811
    for n, weeks in enumerate([0, 0, 0, 1, 2, 2, 5]):
        record = call(n, recorded=True, arrived_at=NOW - weeks * WEEK_MS - 1000)
        keep(engine, record)
        with writing(engine) as connection:
            keep_topic(connection, record.call_id, about("tách thửa" if n != 2 else "kết hôn"), 1)
    assert [(c.procedure, c.calls, c.before) for c in counts(engine, NOW)] == [
        ("tach-thua", 2, 0.75),
        ("ket-hon", 1, 0.0),
    ]
