"""One message at a time: what it tells, and what a hostile one cannot."""

import pytest

from pbx import commands as c
from pbx import events as e
from pbx.ami.actions import actions
from pbx.ami.translate import agi_succeeded, name, number, translate

CHANNEL = {
    "Privilege": "call,all", "Timestamp": "1795406992.409239", "Channel": "PJSIP/citizens-1", "CallerIDNum": "0901234567",
    "CallerIDName": "Bà Nga", "Context": "smartpbx-hotline", "Exten": "1022", "Uniqueid": "pbx-1.1", "Linkedid": "pbx-1.1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "succeeded"),
    [
        ("200 result=0", True),
        ("100 result=0 Trying...\n200 result=0 Gosub complete\n", True),
        ("200 result=1 (timeout)", True),
        ("200 result=", True),
        ("200 result=-1", False),
        ("200 result=-1 endpos=0", False),
        ("511 Command Not Permitted on a dead channel", False),
        ("520-Invalid", False),
        ("", False),
    ],
)
def test_agi_results(line: str, succeeded: bool) -> None:
    assert agi_succeeded(line) is succeeded


@pytest.mark.parametrize(("raw", "keys"), [("8", "8"), ("#", "#"), ("", ""), ("12*", "12*"), ("8\r\nx", ""), ("x", "")])
def test_what_our_dialplan_says_was_pressed(raw: str, keys: str) -> None:
    said = {"Event": "UserEvent", **CHANNEL, "UserEvent": "SmartPbxSaid", "CommandID": "pbx-1.1/3", "Keys": raw}
    event = translate(said, 0)
    assert isinstance(event, e.CommandFinished) and (event.command_id, event.keys, event.failed) == (
        "pbx-1.1/3",
        keys,
        False,
    )


@pytest.mark.parametrize(
    ("raw", "clean"),
    [("0901234567", "0901234567"), ("+84901234567", "+84901234567"), ("<unknown>", ""), ("anonymous", ""), ("", ""),
     ("0\r\nEvent: x", "invalid"), ("1" * 21, "invalid"), ("' OR 1=1--", "invalid"), ("<script>", "invalid"),
     ("٠٩٠", "invalid"), ("0901234567\n", "invalid")],
)  # fmt: skip
def test_a_number_is_digits_or_nothing(raw: str, clean: str) -> None:
    assert number(raw) == clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Bà Nga", "Bà Nga"),
        ("Nguyê\u0303n", "Nguyễn"),
        ("\u202eevil", "evil"),
        ("a\x00b\r\nc", "abc"),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_name_is_composed_and_has_no_control_marks(raw: str, clean: str) -> None:
    assert name(raw) == clean


def test_where_a_caller_comes_back_from_is_told_by_the_context() -> None:
    new = translate({"Event": "AsyncAGIStart", **CHANNEL}, 0)
    back = translate({"Event": "AsyncAGIStart", **CHANNEL, "Context": "smartpbx-return", "Exten": "TIMEOUT"}, 0)
    taken = translate({"Event": "AsyncAGIStart", **CHANNEL, "Context": "smartpbx-resume", "Exten": "s"}, 0)
    assert isinstance(new, e.ControlStarted) and (new.resumed, new.reason, new.at) == (False, "", 1795406992409)
    assert isinstance(back, e.ControlStarted) and back.reason == "TIMEOUT"
    assert isinstance(taken, e.ControlStarted) and taken.resumed


@pytest.mark.parametrize("missing", ["Uniqueid", "Linkedid", "Channel", "Context"])
def test_half_a_message_is_no_event(missing: str) -> None:
    message = {"Event": "Newchannel", **CHANNEL}
    del message[missing]
    assert translate(message, 0) is None


def test_what_nobody_asked_for_is_no_event() -> None:
    assert translate({"Event": "RTCPSent"}, 0) is None
    assert translate({"Event": "VarSet", **CHANNEL, "Variable": "X", "Value": "TIMEOUT"}, 0) is None
    assert translate({"Event": "Newchannel", **CHANNEL, "Timestamp": "soon"}, 0) is None


def test_an_unstamped_message_gets_the_moment_it_was_received() -> None:
    message = {"Event": "Newchannel", **CHANNEL}
    del message["Timestamp"]
    event = translate(message, 77)
    assert event is not None and event.at == 77


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (c.Play("1.1", "ch", "1.1/3", ("smartpbx/a", "digits/4a"), 1, 4500),
         {"Action": "AGI", "Channel": "ch", "CommandID": "1.1/3",
          "Command": "GOSUB smartpbx-say keys 1 1.1/3,smartpbx/a&digits/4a,1,4.5"}),
        (c.Play("1.1", "ch", "1.1/4", ("smartpbx/bye",), 0, 0),
         {"Action": "AGI", "Channel": "ch", "CommandID": "1.1/4", "Command": "GOSUB smartpbx-say speech 1 1.1/4,smartpbx/bye"}),
        (c.SetLanguage("1.1", "ch", "1.1/5", "en"),
         {"Action": "AGI", "Channel": "ch", "Command": "SET VARIABLE CHANNEL(language) en", "CommandID": "1.1/5"}),
        (c.Adopt("1.1", "ch"),
         {"Action": "Redirect", "Channel": "ch", "Context": "smartpbx-resume", "Exten": "s", "Priority": "1"}),
        (c.HangUp("1.1", "ch"), {"Action": "Hangup", "Channel": "ch", "Cause": "16"}),
    ],
)  # fmt: skip
def test_commands_become_actions(
    command: c.Play | c.SetLanguage | c.EnterQueue | c.Adopt | c.HangUp, expected: dict[str, str]
) -> None:
    assert actions(command) == [expected]


def test_a_caller_leaves_the_menu_for_the_dialplan() -> None:
    assert [a["Command"] for a in actions(c.EnterQueue("1.1", "ch", "dat-dai"))] == [
        "EXEC Goto smartpbx-queue,dat-dai,1",
        "ASYNCAGI BREAK",
    ]
