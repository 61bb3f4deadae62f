"""One message at a time: what it tells, and what a hostile one cannot."""

import pytest

from pbx import commands as c
from pbx import events as e
from pbx.ami.actions import actions
from pbx.ami.translate import agi_result, name, number, translate

CHANNEL = {
    "Privilege": "call,all", "Timestamp": "1795406992.409239", "Channel": "PJSIP/citizens-1", "CallerIDNum": "0901234567",
    "CallerIDName": "Bà Nga", "Context": "smartpbx-hotline", "Exten": "1022", "Uniqueid": "pbx-1.1", "Linkedid": "pbx-1.1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "keys", "failed"),
    [
        ("200 result=12 (timeout)", "12", False),
        ("200 result=1", "1", False),
        ("200 result= (timeout)", "", False),
        ("200 result=", "#", False),
        ("200 result=*", "*", False),
        ("200 result=0 endpos=6400", "0", False),
        ("200 result=1 (8)", "8", False),
        ("200 result=1 ()", "", False),
        ("200 result=-1", "", True),
        ("200 result=-1 endpos=0", "", True),
        ("511 Command Not Permitted on a dead channel or intercept routine", "", True),
        ("520-Invalid command syntax", "", True),
        ("", "", True),
    ],
)
def test_agi_results(line: str, keys: str, failed: bool) -> None:
    assert agi_result(line) == (keys, failed)


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
        (c.Play("1.1", "ch", "1.1/3", ("smartpbx/a",), 1, 4000),
         {"Action": "AGI", "Channel": "ch", "Command": "GET DATA smartpbx/a 4000 1", "CommandID": "1.1/3"}),
        (c.Play("1.1", "ch", "1.1/4", ("smartpbx/bye",), 0, 0),
         {"Action": "AGI", "Channel": "ch", "Command": "EXEC Playback smartpbx/bye", "CommandID": "1.1/4"}),
        (c.SetLanguage("1.1", "ch", "1.1/5", "en"),
         {"Action": "AGI", "Channel": "ch", "Command": "SET VARIABLE CHANNEL(language) en", "CommandID": "1.1/5"}),
        (c.EnterQueue("1.1", "ch", "dat-dai"),
         {"Action": "Redirect", "Channel": "ch", "Context": "smartpbx-queue", "Exten": "dat-dai", "Priority": "1"}),
        (c.Adopt("1.1", "ch"),
         {"Action": "Redirect", "Channel": "ch", "Context": "smartpbx-resume", "Exten": "s", "Priority": "1"}),
        (c.HangUp("1.1", "ch"), {"Action": "Hangup", "Channel": "ch", "Cause": "16"}),
    ],
)  # fmt: skip
def test_commands_become_actions(
    command: c.Play | c.SetLanguage | c.EnterQueue | c.Adopt | c.HangUp, expected: dict[str, str]
) -> None:
    assert actions(command) == [expected]


def test_several_sounds_and_a_key_need_two_actions() -> None:
    assert actions(c.Play("1.1", "ch", "1.1/3", ("smartpbx/wrong-key", "smartpbx/main-menu"), 1, 4500)) == [
        {"Action": "AGI", "Channel": "ch", "CommandID": "1.1/3~",
         "Command": "EXEC Read SMARTPBX_KEYS,smartpbx/wrong-key&smartpbx/main-menu,1,,1,4.5"},
        {"Action": "AGI", "Channel": "ch", "CommandID": "1.1/3", "Command": "GET VARIABLE SMARTPBX_KEYS"},
    ]  # fmt: skip
