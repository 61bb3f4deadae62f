"""What the operator of the menu has: the check before publishing, versions that survive anything, a walk, a schema, a picture."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ivr import draw, publish
from ivr.check_keys import spoken_keys
from ivr.load import PROMPTS, SHIPPED, load_menu, parse
from ivr.problem import Problem
from ivr.schema import schema
from ivr.voice import listing, sentences
from ivr.walk import walk
from pbx.centre import load_centre

QUEUES = {queue.name for queue in load_centre().queues}
SHIPPED_TEXT = SHIPPED.read_text("utf-8")


def changed(tmp_path: Path, before: str, after: str) -> Path:
    assert before in SHIPPED_TEXT
    file = tmp_path / "menu.yaml"
    file.write_text(SHIPPED_TEXT.replace(before, after), "utf-8")
    return file


# --- the check before publishing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Về đất đai, bấm phím hai.", "2"), ("Gặp cán bộ, bấm phím không. Nghe lại, bấm phím chín.", "09"),
        ("rồi bấm phím thăng", "#"), ("phím sao", "*"), ("Bấm PHÍM Một", "1"), ("một người, hai phút", ""),
        ("To go back, press eight. For a person, press zero.", "80"), ("press the hash key", "#"), ("express two", ""),
    ],
)  # fmt: skip
def test_the_keys_that_a_text_names(text: str, keys: str) -> None:
    assert spoken_keys(text) == frozenset(keys)


def test_the_shipped_menu_may_be_published() -> None:
    assert load_menu(SHIPPED, QUEUES, whole=True).start == "chào"


@pytest.mark.parametrize(
    ("before", "after", "node", "expected"),
    [
        ('"4": giờ làm việc, "9"', '"5": giờ làm việc, "9"', "đầu", "key 4, which is not bound"),
        ('"4": giờ làm việc, "9"', '"4": giờ làm việc, "7": giờ làm việc, "9"', "đầu", "key 7 is bound"),
        ("      KEY2: lời nhắn", "      TIMEOUT: chờ tiếp\n      FULL: quá tải", "chờ", ""),
        ("presses: 5", "presses: 1", "chờ", "(1 allowed)"),
        ("prompts: [main-menu]", "prompts: [main-menu, fields-menu, guide-dat-dai]", "đầu", "before it listens"),
    ],
)
def test_what_may_not_be_published(tmp_path: Path, before: str, after: str, node: str, expected: str) -> None:
    file = changed(tmp_path, before, after)
    with pytest.raises(Problem) as problem:
        load_menu(file, QUEUES, whole=True)
    line = next(n for n, words in enumerate(file.read_text("utf-8").splitlines(), 1) if words.startswith(f"  {node}:"))
    assert expected in problem.value.en
    if expected:
        assert f"menu.yaml, line {line}: node «{node}»" in problem.value.en and f"dòng {line}:" in problem.value.vi


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "  tạm biệt: {kind: hangup, prompts: [goodbye]}",
            "  tạm biệt: {kind: hangup, prompts: [goodbye]}\n  tạm biệt: {kind: back}",
            "stands in line",
        ),
        ("kind: petition", "kind: complaint", "node «phản ánh»"),
        ("longest: 10, wait_s: 8", "longest: ten, wait_s: 8", "node «tra mã»"),
        ("  chào: {kind", "  chào: [kind", "not YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    with pytest.raises(Problem) as problem:
        load_menu(changed(tmp_path, before, after), QUEUES)
    assert expected in problem.value.en and "line" in problem.value.en and "dòng" in problem.value.vi


def test_a_menu_saved_half_way_is_refused(tmp_path: Path) -> None:
    """Wherever the file ends, it is either refused or a whole menu; never half of one."""
    dice, refused = random.Random(1022), 0
    for _ in range(60):
        cut = tmp_path / "cut.yaml"
        cut.write_text(SHIPPED_TEXT[: dice.randrange(len(SHIPPED_TEXT) - 400)], "utf-8")
        with pytest.raises(Problem):
            load_menu(cut, QUEUES)
        refused += 1
    assert refused == 60


# --- versions ---------------------------------------------------------------------------------------------------------------


def test_versions_are_kept_and_one_is_current(tmp_path: Path) -> None:
    store = tmp_path / "menus"
    assert publish.current(store) is None and publish.versions(store) == []
    first = publish.publish(SHIPPED, store, QUEUES, by="Ánh")
    second = publish.publish(changed(tmp_path, "wait_s: 4", "wait_s: 5"), store, QUEUES)
    assert [v.number for v in publish.versions(store)] == [1, 2] and publish.current(store) == second
    assert publish.file_of(store, first).read_bytes() == SHIPPED.read_bytes() and first.by == "Ánh"
    assert publish.undo(store) == first == publish.current(store)
    with pytest.raises(Problem, match="no version before"):
        publish.undo(store)
    assert publish.publish(SHIPPED, store, QUEUES).number == 3


def test_what_may_not_be_published_changes_nothing(tmp_path: Path) -> None:
    store = tmp_path / "menus"
    first = publish.publish(SHIPPED, store, QUEUES)
    with pytest.raises(Problem):
        publish.publish(changed(tmp_path, "queue: dat-dai", "queue: x"), store, QUEUES)
    assert publish.current(store) == first and len(publish.versions(store)) == 1


@pytest.mark.parametrize("damage", ["version", "half", "pointer", "no pointer", "details"])
def test_a_damaged_store_serves_the_last_good_version(tmp_path: Path, damage: str) -> None:
    store = tmp_path / "menus"
    first, second = (
        publish.publish(SHIPPED, store, QUEUES),
        publish.publish(changed(tmp_path, "wait_s: 4", "wait_s: 5"), store, QUEUES),
    )
    match damage:
        case "version":
            publish.file_of(store, second).write_text("start: x")
        case "half":
            os.truncate(publish.file_of(store, second), 100)
        case "pointer":
            (store / "current").write_bytes(b"\xff\xfe")
        case "no pointer":
            (store / "current").write_text("99")
        case "details":
            (store / "0002.json").write_text("{")
    assert publish.current(store) == (second if damage in ("pointer", "no pointer") else first)


def test_of_two_who_publish_at_once_one_is_told_to_wait(tmp_path: Path) -> None:
    store = tmp_path / "menus"
    publish.publish(SHIPPED, store, QUEUES)
    with publish._alone(store), pytest.raises(Problem, match="Somebody else"):
        publish.publish(SHIPPED, store, QUEUES)


def test_who_is_killed_while_publishing_leaves_a_menu_that_works(tmp_path: Path) -> None:
    store = tmp_path / "menus"
    publish.publish(SHIPPED, store, QUEUES)
    script = (
        "import sys; from pathlib import Path; from ivr import publish\n"
        "while True: publish.publish(Path(sys.argv[1]), Path(sys.argv[2]), set(sys.argv[3].split(',')))"
    )
    dice = random.Random(7)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", script, str(SHIPPED), str(store), ",".join(QUEUES)])
        time.sleep(dice.uniform(0.9, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        current = publish.current(store)
        assert current is not None and publish.is_good(store, current)
        assert load_menu(publish.file_of(store, current), QUEUES).start == "chào"
    assert publish.publish(SHIPPED, store, QUEUES).number > 6


# --- walking, drawing, the schema -----------------------------------------------------------------------------------------------


def walked(keys: list[str], *, is_open: bool = True) -> list[str]:
    heard: list[str] = []
    typed = iter(keys)
    walk(
        load_menu(SHIPPED, QUEUES),
        sentences(PROMPTS),
        lambda prompt: (heard.append(prompt), next(typed, "q"))[1],
        heard.append,
        is_open=is_open,
    )
    return heard


def test_a_walk_at_the_terminal() -> None:
    heard = walked(["2", "1", "3", "2", "2", "KEY1", "2", "0912345678", "1", "later"])
    text = "\n".join(heard)
    assert "[đầu] For procedures and specialist officers, press one." in text and "hàng đợi dat-dai" in text
    assert "[đọc lại số] We will call you back on zero nine one two three four five six seven eight" in text
    assert text.endswith("→ kết thúc") and "call you when we open again" in text


def test_a_walk_when_it_is_closed() -> None:
    text = "\n".join(walked(["", "1", "Tôi muốn hỏi"], is_open=False))
    assert "[hết giờ] ⟨closed⟩ Để lại lời nhắn, bấm phím một." in text and "Đã nhận được lời nhắn" in text


def test_the_picture_has_every_way() -> None:
    menu = load_menu(SHIPPED, QUEUES)
    picture = draw.mermaid(menu)
    assert all(f'"{name}' in picture for name in menu.nodes) and picture.count("-->") > 100


def test_the_schema_is_the_one_that_is_shipped_and_knows_every_node() -> None:
    shipped = json.loads(SHIPPED.with_name("menu.schema.json").read_text("utf-8"))
    assert shipped == json.loads(json.dumps(schema())), "smartpbx menu schema > ivr/menus/menu.schema.json"
    assert SHIPPED_TEXT.startswith("# yaml-language-server: $schema=menu.schema.json")
    kinds = {
        part["properties"]["kind"]["enum"][0] for part in shipped["$defs"].values() if "kind" in part["properties"]
    }
    assert {node["kind"] for node in _raw(SHIPPED_TEXT)["nodes"].values()} <= kinds and len(kinds) == 17


def _raw(text: str) -> dict:  # type: ignore[type-arg]
    import yaml

    parse(text)
    return yaml.safe_load(text)


def test_everything_that_can_be_said_is_listed() -> None:
    rows = listing(PROMPTS)
    assert (
        len(rows) > 400
        and {row.source for row in rows} == {"placeholder"}
        and {row.language for row in rows} == {"vi", "en"}
    )
