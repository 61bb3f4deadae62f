"""Each kind of node by itself: what it says, asks, notes, and where it leads."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import flow as f
from ivr import menu as m

QUEUE = {"kind": "queue", "queue": "chung", "otherwise": "thôi"}
END = {"kind": "hangup", "prompts": ["goodbye"]}


class Facts:
    """A world that the test sets up."""

    def __init__(self, *, open_: bool = True, full: bool = False) -> None:
        self.is_open, self.full = open_, full

    def open(self, queue: str) -> bool:
        return self.is_open

    def spoken(self, name: str, session: f.Session) -> tuple[str, ...]:
        return (f"said/{name}",)

    def overflows(self, node: m.Enqueue, queue: str) -> bool:
        return self.full


def menu_of(**nodes: Any) -> m.Menu:
    """The first node is the start; `người` (a queue) and `thôi` (the end) are always there."""
    names = {name.replace("_", " "): node for name, node in nodes.items()}
    whole = {
        "start": next(iter(names)), "person": "người", "languages": ["vi", "en"],
        "nodes": {**names, "người": QUEUE, "thôi": END},
    }  # fmt: skip
    return msgspec.convert(whole, m.Menu)


def step_of(output: f.Output) -> int:
    assert isinstance(output, f.Say | f.Record | f.Ask)
    return output.step


# --- speech that may be cut -----------------------------------------------------------------------------------------


def test_a_speech_that_may_be_cut_takes_a_key_and_zero_leads_to_a_person() -> None:
    menu = menu_of(đọc={"kind": "play", "prompts": ["office-hours"], "barge": True, "next": "thôi"})
    session, (said,) = f.begin(menu)
    assert isinstance(said, f.Say) and said.max_keys == 1 and said.timeout_ms < 100
    assert f.advance(menu, session, f.Keyed(said.step, "0"))[1] == (f.Enqueue("chung"),)
    assert f.advance(menu, session, f.Keyed(said.step, "7"))[0].node == "thôi"
    assert f.advance(menu, session, f.Keyed(said.step, ""))[0].node == "thôi"


def test_a_question_that_may_not_be_cut_listens_only_after_the_last_word() -> None:
    menu = menu_of(hỏi={"kind": "menu", "prompts": ["main-menu"], "barge": False, "keys": {"1": "thôi"}, "wait_s": 4})
    session, (said,) = f.begin(menu)
    assert isinstance(said, f.Say) and said.max_keys == 0
    session, (listens,) = f.advance(menu, session, f.Spoken(said.step))
    assert listens == f.Say(said.step + 1, (), 1, 4000)
    session, outputs = f.advance(menu, session, f.Keyed(step_of(listens), "5"))
    assert outputs[0].sounds == ("smartpbx/wrong-key", "smartpbx/main-menu")  # type: ignore[union-attr]
    session, (listens,) = f.advance(menu, session, f.Spoken(step_of(outputs[0])))
    assert listens.timeout_ms == 10_000  # type: ignore[union-attr]
    assert f.advance(menu, session, f.Keyed(step_of(listens), "1"))[0].node == "thôi"


# --- digits ---------------------------------------------------------------------------------------------------------

CODE = {"kind": "digits", "prompts": ["dossier-ask-code"], "into": "code", "shortest": 4, "longest": 6, "next": "thôi"}


@pytest.mark.parametrize(
    ("keys", "node", "values"),
    [
        ("1234", "thôi", {"code": "1234"}), ("123456", "thôi", {"code": "123456"}), ("0", "người", {}),
        ("0123", "thôi", {"code": "0123"}), ("123", "mã", {}), ("12*4", "mã", {}), ("#", "mã", {}), ("", "mã", {}),
        ("12A4", "mã", {}), ("00", "mã", {}),
    ],
)  # fmt: skip
def test_digits_of_the_right_length_become_a_variable(keys: str, node: str, values: dict[str, str]) -> None:
    menu = menu_of(mã=CODE)
    session, (said,) = f.begin(menu)
    session, _ = f.advance(menu, session, f.Keyed(step_of(said), keys))
    assert session.node == node and {k: v for k, v in session.values.items() if k == "code"} == values


def test_what_is_keyed_in_confidence_is_in_no_path() -> None:
    menu = menu_of(mã={**CODE, "secret": True})
    session, (said,) = f.begin(menu)
    session, _ = f.advance(menu, session, f.Keyed(step_of(said), "4321"))
    assert (
        session.path == (f"mã:{f.HIDDEN}", "thôi") and session.values["code"] == "4321" and session.secrets == {"code"}
    )
    session, (said,) = f.begin(menu)
    session, _ = f.advance(menu, session, f.Keyed(step_of(said), "43"))
    assert "43" not in "".join(session.path)


# --- variables, branches, hours -------------------------------------------------------------------------------------


def test_a_variable_decides_where_a_branch_leads() -> None:
    menu = menu_of(
        ghi={"kind": "set", "values": {"lối": "hai"}, "next": "rẽ"},
        rẽ={"kind": "branch", "variable": "lối", "cases": {"hai": "thôi"}, "otherwise": "người"},
    )
    assert f.begin(menu)[0].path == ("ghi", "rẽ", "thôi")
    other = menu_of(rẽ={"kind": "branch", "variable": "lối", "cases": {"hai": "thôi"}, "otherwise": "người"})
    assert f.begin(other)[1] == (f.Enqueue("chung"),)


@pytest.mark.parametrize(("open_", "node", "closed"), [(True, "mở", ""), (False, "đóng", "yes")])
def test_hours_lead_to_open_or_closed(open_: bool, node: str, closed: str) -> None:
    menu = menu_of(
        giờ={"kind": "hours", "open": "mở", "closed": "đóng"},
        mở={"kind": "play", "prompts": ["welcome"], "next": "thôi"},
        đóng={"kind": "play", "prompts": ["$closed"], "next": "thôi"},
    )
    session, (said,) = f.begin(menu, Facts(open_=open_))
    assert (session.node, session.values["closed"]) == (node, closed)
    assert open_ or said.sounds == ("said/closed",)  # type: ignore[union-attr]


# --- queues ---------------------------------------------------------------------------------------------------------

BUSY = {
    "kind": "queue", "queue": "$queue", "returns": {"KEY1": "hẹn", "CLOSED": "đóng", "OVERFLOW": "đầy", "CONTINUE": "đóng"},
    "otherwise": "thôi",
}  # fmt: skip


def waiting_menu() -> m.Menu:
    said = {"kind": "play", "prompts": ["sorry"], "next": "thôi"}
    return menu_of(
        ghi={"kind": "set", "values": {"queue": "dat-dai"}, "next": "chờ"}, chờ=BUSY, hẹn=said, đóng=said, đầy=said
    )


def test_a_queue_may_be_named_by_a_variable_and_tells_whether_it_comes_back() -> None:
    assert f.begin(waiting_menu(), Facts())[1] == (f.Enqueue("dat-dai", comes_back=True),)


@pytest.mark.parametrize(
    ("facts", "node"),
    [(Facts(open_=False), "đóng"), (Facts(full=True), "đầy"), (Facts(open_=False, full=True), "đóng")],
)
def test_nobody_enters_a_queue_that_is_closed_or_too_full(facts: Facts, node: str) -> None:
    assert f.begin(waiting_menu(), facts)[0].node == node


@pytest.mark.parametrize(
    ("status", "node"), [("KEY1", "hẹn"), ("TIMEOUT", "thôi"), ("CONTINUE", "đóng"), ("WITHDRAW", "thôi")]
)
def test_what_a_queue_returns_with_decides(status: str, node: str) -> None:
    session, _ = f.begin(waiting_menu(), Facts())
    session, _ = f.advance(waiting_menu(), session, f.Returned(status), Facts())
    assert session.node == node


def test_a_key_that_means_nothing_leads_back_into_the_queue() -> None:
    session, _ = f.begin(waiting_menu(), Facts())
    session, outputs = f.advance(waiting_menu(), session, f.Returned("KEY9"), Facts())
    assert outputs == (f.Enqueue("dat-dai", comes_back=True),) and session.path[-1] == "chờ:9"


def test_an_agent_who_hung_up_ends_the_call_when_nothing_follows() -> None:
    menu = menu_of(chờ=QUEUE)
    session, _ = f.begin(menu)
    assert f.advance(menu, session, f.Returned("CONTINUE"))[1] == (f.Finish(),)


# --- registers ------------------------------------------------------------------------------------------------------


def lookup_menu(**changes: Any) -> m.Menu:
    return menu_of(
        tra={"kind": "lookup", "prompts": ["dossier-looking"], "still": ["dossier-still"], "results": {"found": "có"},
             "otherwise": "thôi", **changes},
        có={"kind": "menu", "prompts": ["$answer"], "keys": {"1": "thôi"}},
    )  # fmt: skip


def test_an_answer_that_comes_while_something_is_said_waits_for_its_end() -> None:
    menu = lookup_menu()
    session, (said, asked) = f.begin(menu)
    assert isinstance(asked, f.Ask) and asked.about == "dossier"
    session, outputs = f.advance(menu, session, f.Told(asked.step, "found", ("a/b",), {"x": "1"}))
    assert outputs == () and session.node == "tra"
    session, (told,) = f.advance(menu, session, f.Spoken(step_of(said)))
    assert session.node == "có" and told.sounds == ("a/b",) and session.values["x"] == "1"  # type: ignore[union-attr]


def test_who_waits_for_an_answer_hears_that_it_takes_long() -> None:
    menu = lookup_menu()
    session, (said, asked) = f.begin(menu)
    session, (still,) = f.advance(menu, session, f.Spoken(step_of(said)))
    assert still.sounds == ("smartpbx/dossier-still",)  # type: ignore[union-attr]
    session, outputs = f.advance(menu, session, f.Told(step_of(asked), "nonsense"))
    assert outputs == ()
    session, _ = f.advance(menu, session, f.Spoken(step_of(still)))
    assert session.node == "thôi"


def test_an_answer_that_comes_in_silence_is_told_at_once_and_only_once() -> None:
    menu = lookup_menu(prompts=[], still=[])
    session, (asked,) = f.begin(menu)
    session, (told,) = f.advance(menu, session, f.Told(step_of(asked), "found", ("a/b",)))
    assert session.node == "có"
    assert f.advance(menu, session, f.Told(step_of(asked), "found", ("a/b",))) == (session, ())
    assert step_of(told) > step_of(asked)


def test_an_answer_to_an_earlier_question_is_stale() -> None:
    menu = lookup_menu()
    session, (_, asked) = f.begin(menu)
    session, (_, again) = f.resume(menu, session)
    assert f.advance(menu, session, f.Told(step_of(asked), "found")) == (session, ())
    assert f.advance(menu, session, f.Told(step_of(again), "found"))[0].reply == "found"


def test_a_callback_is_asked_for_without_a_word() -> None:
    menu = menu_of(
        ghi={"kind": "set", "values": {"queue": "dat-dai", "số": "0912345678"}, "next": "hẹn"},
        hẹn={
            "kind": "callback",
            "number": "số",
            "queue": "$queue",
            "results": {"booked": "thôi"},
            "otherwise": "người",
        },
    )
    session, (asked,) = f.begin(menu)
    assert asked == f.Ask(step_of(asked), "callback", {"number": "0912345678", "queue": "dat-dai"})
    assert f.advance(menu, session, f.Told(step_of(asked), "booked"))[0].node == "thôi"
    assert f.advance(menu, session, f.Told(step_of(asked), "refused"))[1] == (f.Enqueue("chung"),)


# --- messages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["voicemail", "petition"])
@pytest.mark.parametrize(("ms", "node"), [(4000, "thôi"), (0, "người")])
def test_a_message_is_kept_or_was_none(kind: str, ms: int, node: str) -> None:
    node_of = {
        "kind": kind,
        "prompts": ["voicemail-intro"],
        "longest_s": 90,
        "silence_s": 5,
        "saved": "thôi",
        "empty": "người",
    }
    menu = menu_of(nói=node_of)
    session, (recording,) = f.begin(menu)
    assert recording == f.Record(step_of(recording), ("smartpbx/voicemail-intro",), kind, 90, 5)
    assert f.advance(menu, session, f.Recorded(step_of(recording), ms))[0].node == node


# --- survey ---------------------------------------------------------------------------------------------------------

SURVEY = {
    "kind": "survey", "prompts": ["survey-lead"], "next": "thôi", "silences": 0, "wrongs": 1,
    "questions": [{"factor": "officer", "prompts": ["q1"]}, {"factor": "result", "prompts": ["q2"]}],
}  # fmt: skip


def test_each_question_is_scored_from_one_to_five() -> None:
    menu = menu_of(hỏi=SURVEY)
    session, (first,) = f.begin(menu)
    assert first.sounds == ("smartpbx/survey-lead", "smartpbx/q1")  # type: ignore[union-attr]
    session, (again,) = f.advance(menu, session, f.Keyed(step_of(first), "7"))
    assert session.scores == () and again.sounds == ("smartpbx/wrong-key", "smartpbx/q1")  # type: ignore[union-attr]
    session, (second,) = f.advance(menu, session, f.Keyed(step_of(again), "5"))
    assert second.sounds == ("smartpbx/q2",)  # type: ignore[union-attr]
    session, _ = f.advance(menu, session, f.Keyed(step_of(second), "1"))
    assert session.node == "thôi" and session.scores == (("officer", 5), ("result", 1))


def test_who_does_not_answer_a_survey_is_let_go_with_what_was_answered() -> None:
    menu = menu_of(hỏi=SURVEY)
    session, (first,) = f.begin(menu)
    session, (second,) = f.advance(menu, session, f.Keyed(step_of(first), "4"))
    session, _ = f.advance(menu, session, f.Keyed(step_of(second), ""))
    assert session.node == "thôi" and session.scores == (("officer", 4),)


# --- back, repeat, transfer, a called-back citizen ------------------------------------------------------------------


def test_back_leads_to_the_question_before_and_repeat_to_the_same_one() -> None:
    ask = {"kind": "menu", "prompts": ["main-menu"]}
    menu = menu_of(
        một={**ask, "keys": {"1": "hai"}}, hai={**ask, "keys": {"1": "ba", "8": "lùi", "9": "lại"}},
        ba={**ask, "keys": {"8": "lùi"}}, lùi={"kind": "back"}, lại={"kind": "repeat"},
    )  # fmt: skip
    session, (said,) = f.begin(menu)
    for keys, node in (("1", "hai"), ("9", "hai"), ("1", "ba"), ("8", "hai"), ("8", "một"), ("1", "hai"), ("8", "một")):
        session, (said,) = f.advance(menu, session, f.Keyed(step_of(said), keys))
        assert session.node == node
    assert len(session.trail) == 1


def test_a_transfer_rings_one_extension() -> None:
    assert f.begin(menu_of(nối={"kind": "transfer", "to": "101"}))[1] == (f.Transfer("101"),)


def test_a_call_of_ours_begins_elsewhere_with_what_is_known() -> None:
    menu = menu_of(hỏi=SURVEY, gọi={"kind": "play", "prompts": ["callback-hello"], "next": "chờ"}, chờ=BUSY, **{
        name: {"kind": "play", "prompts": ["sorry"], "next": "thôi"} for name in ("hẹn", "đóng", "đầy")})  # fmt: skip
    session, (said,) = f.begin(menu, Facts(), "gọi", {"queue": "dat-dai"}, "en")
    assert session.language == "en"
    assert f.advance(menu, session, f.Spoken(step_of(said)), Facts())[1] == (f.Enqueue("dat-dai", comes_back=True),)


def test_a_circle_without_a_word_ends_with_a_person() -> None:
    turn = {"kind": "set", "values": {"a": "b"}}
    menu = menu_of(một={**turn, "next": "hai"}, hai={**turn, "next": "một"})
    assert f.begin(menu)[1] == (f.Enqueue("chung"),)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*"0123456789*#", "", "12345", "*#9", "A"]), max_size=30), st.booleans())
def test_no_keys_lead_a_caller_astray(keys: list[str], open_: bool) -> None:
    """Whatever is pressed at whatever is asked, there is always one thing that the menu awaits, or the call is in other hands."""
    ask = {
        "kind": "menu",
        "prompts": ["main-menu"],
        "keys": {"1": "mã", "2": "tra", "3": "nói", "4": "hỏi", "8": "lùi", "9": "lại"},
    }
    menu = menu_of(
        đầu=ask, mã=CODE, hỏi={**SURVEY, "next": "đầu"}, lùi={"kind": "back"}, lại={"kind": "repeat"},
        tra={"kind": "lookup", "results": {"found": "đầu"}, "otherwise": "đầu"},
        nói={"kind": "voicemail", "saved": "đầu", "empty": "thôi"},
    )  # fmt: skip
    facts = Facts(open_=open_)
    session, outputs = f.begin(menu, facts)
    for keys_now in keys:
        last = outputs[-1]
        match last:
            case f.Say():
                event: f.Input = f.Keyed(last.step, keys_now) if last.max_keys else f.Spoken(last.step)
            case f.Record():
                event = f.Recorded(last.step, len(keys_now))
            case f.Ask():
                event = f.Told(last.step, "found")
            case _:
                return
        session, outputs = f.advance(menu, session, event, facts)
        assert outputs and session.step >= 1
