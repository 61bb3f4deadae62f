"""The menu: walked by table, walked at random, and what may not be published."""

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import draw
from ivr import flow as f
from ivr import menu as m
from ivr.check import check
from ivr.load import PROMPTS, SHIPPED, audio_below, load_menu, parse
from ivr.problem import Problem
from ivr.ways import targets
from pbx.centre import load_centre

QUEUES = {queue.name for queue in load_centre().queues}
MENU = load_menu(SHIPPED, QUEUES)


def walk(menu: m.Menu, keys: list[str | None]) -> tuple[f.Session, list[f.Output]]:
    """Press these one after the other; None is silence. What is only spoken is heard out by itself."""
    session, outputs = f.begin(menu)
    said = list(outputs)
    pressed = iter(keys)
    while isinstance(outputs[-1] if outputs else None, f.Say):
        last = outputs[-1]
        assert isinstance(last, f.Say)
        if last.max_keys:
            key = next(pressed, "stop")
            if key == "stop":
                break
            session, outputs = f.advance(menu, session, f.Keyed(last.step, key or ""))
        else:
            session, outputs = f.advance(menu, session, f.Spoken(last.step))
        said += outputs
    return session, said


TOP = ("chào", "ngôn ngữ:1", "giờ")
LAND = (*TOP, "đầu:1", "lĩnh vực:3", "đất đai", "về đất đai:2")


@pytest.mark.parametrize(
    ("keys", "queue", "language", "path"),
    [
        (["1", "1", "3", "2", "2"], "dat-dai", "vi", (*LAND, "mời đánh giá:2", "chờ")),
        (["1", "1", "3", "2", None], "dat-dai", "vi", (*LAND, "mời đánh giá", "chờ")),
        (["1", "1", "3", "2", "1"], "dat-dai", "vi", (*LAND, "mời đánh giá:1", "muốn đánh giá", "chờ")),
        (["1", "1", "3", "2", "0"], "tong-hop", "vi", (*LAND, "mời đánh giá:0", "cán bộ")),
        (["2", "1", "6", "2", "2"], "lao-dong", "en",
         ("chào", "ngôn ngữ:2", "giờ", "đầu:1", "lĩnh vực:6", "bảo hiểm", "về bảo hiểm:2", "mời đánh giá:2", "chờ")),
        ([None, "0"], "tong-hop", "vi", ("chào", "ngôn ngữ", "giờ", "đầu:0", "cán bộ")),
        (["1", "8", "0"], "tong-hop", "vi", (*TOP, "đầu:8", "đầu:0", "cán bộ")),
        (["1", "9", "0"], "tong-hop", "vi", (*TOP, "đầu:9", "đầu:0", "cán bộ")),
        (["1", "1", "8", "0"], "tong-hop", "vi", (*TOP, "đầu:1", "lĩnh vực:8", "đầu:0", "cán bộ")),
        (["1", None, None, None], "tong-hop", "vi", (*TOP, "đầu", "cán bộ")),
        (["1", "7", "#", "*"], "tong-hop", "vi", (*TOP, "đầu:7", "đầu:#", "đầu:*", "cán bộ")),
        (["1", "4", "", "0"], "tong-hop", "vi", (*TOP, "đầu:4", "giờ làm việc", "đầu:0", "cán bộ")),
    ],
)  # fmt: skip
def test_ways_through_the_shipped_menu(
    keys: list[str | None], queue: str, language: str, path: tuple[str, ...]
) -> None:
    session, said = walk(MENU, keys)
    assert said[-1] == f.Enqueue(queue, comes_back=True) and (session.language, session.path) == (language, path)


def test_silence_and_a_wrong_key_are_answered_differently_and_slower() -> None:
    _, silent = walk(MENU, ["1", None])
    _, wrong = walk(MENU, ["1", "8"])
    first = next(s for s in silent if isinstance(s, f.Say) and s.sounds == ("smartpbx/main-menu",))
    assert silent[-1].sounds == ("smartpbx/no-key", "smartpbx/main-menu-short")  # type: ignore[union-attr]
    assert wrong[-1].sounds == ("smartpbx/wrong-key", "smartpbx/main-menu-short")  # type: ignore[union-attr]
    assert silent[-1].timeout_ms > first.timeout_ms  # type: ignore[union-attr]


def test_what_is_stale_changes_nothing() -> None:
    session, said = walk(MENU, ["1"])
    step = session.step
    for stale in (f.Keyed(step - 1, "1"), f.Spoken(step - 1), f.Keyed(step + 5, "1"), f.Spoken(step)):
        assert f.advance(MENU, session, stale) == (session, ())
    assert said


def test_a_queue_that_gives_the_caller_back() -> None:
    session, _ = walk(MENU, ["1", "1", "3", "2", "2"])
    waiting, outputs = f.advance(MENU, session, f.Returned("TIMEOUT"))
    assert waiting.node == "chờ tiếp" and isinstance(outputs[0], f.Say)
    again, outputs = f.advance(MENU, waiting, f.Keyed(waiting.step, "1"))
    again, outputs = f.advance(MENU, again, f.Spoken(again.step))
    assert outputs == (f.Enqueue("dat-dai", comes_back=True),)
    nobody, outputs = f.advance(MENU, session, f.Returned("JOINEMPTY"))
    assert nobody.node == "vắng" and isinstance(outputs[0], f.Say)


def test_whoever_is_taken_back_hears_the_same_node_again() -> None:
    session, _ = walk(MENU, ["1", "8"])
    resumed, (spoken,) = f.resume(MENU, session)
    assert resumed.node == session.node and resumed.step == session.step + 1 and isinstance(spoken, f.Say)
    assert (resumed.silences, resumed.wrongs) == (session.silences, session.wrongs)


# --- nobody is ever stuck -----------------------------------------------------------------------------------------

KEYS = st.sampled_from([None, *"0123456789*#", "12", ""])


def random_menu(dice: random.Random) -> m.Menu:
    """Some menu that `check` has nothing against."""
    while True:
        names = [f"n{n}" for n in range(dice.randint(3, 8))]
        nodes: dict[str, m.Node] = {"người": m.Enqueue(queue="q", otherwise="hết"), "hết": m.HangUp(prompts=("p",))}
        for name in names:
            there = [*names, "người", "hết"]
            kind = dice.randrange(4)
            if kind == 0:
                nodes[name] = m.Play(prompts=("p",) * dice.randint(0, 2), next=dice.choice(there))
            elif kind == 1:
                nodes[name] = m.Language(
                    prompts=("p",), keys={"1": "vi"}, next=dice.choice(there), silences=dice.randint(0, 2)
                )
            elif kind == 2:
                keys = {key: dice.choice(there) for key in dice.sample("123456789", dice.randint(1, 5))}
                nodes[name] = m.Choice(
                    prompts=("p",), keys=keys, silences=dice.randint(0, 3), wrongs=dice.randint(0, 3)
                )
            else:
                nodes[name] = m.Enqueue(
                    queue="q", returns={"TIMEOUT": dice.choice(there)}, otherwise=dice.choice(there)
                )
        seen, ahead = set[str](), ["n0", "người"]
        made = m.Menu(start="n0", person="người", languages=("vi",), nodes=nodes)
        while ahead:
            if (name := ahead.pop()) not in seen:
                seen.add(name)
                ahead += targets(made, name)
        made = msgspec.structs.replace(made, nodes={name: node for name, node in nodes.items() if name in seen})
        if not check(made, {"q"}, {"vi": dict.fromkeys(("smartpbx/p", "smartpbx/no-key", "smartpbx/wrong-key"), 1.0)}):
            return made


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.lists(KEYS, max_size=30))
def test_from_any_point_silence_reaches_a_person_or_the_end(seed: int, keys: list[str | None]) -> None:
    menu = MENU if seed % 3 == 0 else random_menu(random.Random(seed))
    _, said = walk(menu, [*keys, *[None] * 200])
    assert isinstance(said[-1], f.Enqueue | f.Finish | f.Record | f.Ask)


# --- what may not be published --------------------------------------------------------------------------------------


def findings(change: tuple[str, str]) -> list[str]:
    text = SHIPPED.read_text("utf-8")
    assert change[0] in text
    return [finding.en for finding in check(parse(text.replace(*change)), QUEUES, audio_below(PROMPTS, ("vi", "en")))]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("next: ngôn ngữ", "next: x"), "leads to «x»"),
        (("queue: dat-dai", "queue: x"), "queue «x»"),
        (("queue: tong-hop}\n  chờ tiếp", "queue: x}\n  chờ tiếp"), "sends to queue «x»"),
        (("prompts: [wait-on]", "prompts: [x]"), "needs the prompt «x» in vi"),
        (("prompts: [wait-on]", "prompts: []"), "asks in silence"),
        (('"9": nghe lại', '"x": nghe lại'), "«x» is not a key"),
        (('"2": en', '"2": fr'), "language «fr»"),
        (("start: chào", "start: x"), "no node «x»"),
        (("person: cán bộ", "person: tạm biệt"), "must be of kind queue"),
        (("next: ngôn ngữ", "next: chào"), "go round for ever"),
        (('"4": giờ làm việc, ', ""), "nobody can come to node «giờ làm việc»"),
        (("$closed, closed-offer", "$shut, closed-offer"), "no prompt $ «shut»"),
        (('"$number:number"', '"$number:phone"'), "no variable «phone»"),
        (("variable: survey", "variable: opinion"), "no variable «opinion»"),
        (("into: factor", "into: secret-word"), "no variable «factor»"),
        (("      TIMEOUT: chờ tiếp", "      TIMED: chờ tiếp"), "no QUEUESTATUS «TIMED»"),
        (("later: hẹn hôm sau", "tomorrow: hẹn hôm sau"), "no result «tomorrow»"),
        (("registered: số phản ánh", "noted: số phản ánh"), "no result «noted»"),
        (("shortest: 10, longest: 10", "shortest: 12, longest: 10"), "shortest 12, longest 10"),
    ],
)
def test_each_finding_names_its_place(change: tuple[str, str], expected: str) -> None:
    assert any(expected in finding for finding in findings(change)), findings(change)


def test_a_finding_is_told_in_both_languages_with_the_file(tmp_path: Path) -> None:
    broken = tmp_path / "menu.yaml"
    text = SHIPPED.read_text("utf-8").replace("queue: tong-hop}\n  chờ", "queue: x}\n  chờ")
    broken.write_text(text, "utf-8")
    with pytest.raises(Problem) as problem:
        load_menu(broken, QUEUES)
    line = next(n for n, words in enumerate(text.splitlines(), 1) if words.startswith("  cán bộ:"))
    assert (
        f"menu.yaml, dòng {line}:" in problem.value.vi
        and f"line {line}:" in problem.value.en
        and "«x»" in problem.value.vi
        and "hãy chọn một trong" in problem.value.vi
    )


def test_the_picture_shows_every_node() -> None:
    picture = draw.mermaid(MENU)
    assert all(name in picture for name in MENU.nodes) and picture.count("-->") >= 20
