"""Recorded streams of a real Asterisk, with its own queue_log as the oracle; then every suffix of each of them."""

import json
from pathlib import Path

import pytest

from ivr.problem import Problem
from pbx.record import CallRecord, Outcome
from pbx.replay import as_json, events_of_capture, read_events, replay
from pbx.witnesses import parse_queue_log

STREAMS = Path(__file__).with_name("streams")
CAPTURES = sorted(STREAMS.glob("*.ami"))


def calls_of(name: str) -> tuple[CallRecord, ...]:
    result = replay(read_events(STREAMS / f"{name}.ami"))
    assert result.in_progress == 0
    return result.calls


def test_the_streams_are_there() -> None:
    assert len(CAPTURES) == 15


@pytest.mark.parametrize(
    ("name", "outcome", "queue", "agent", "keys", "transfers", "wait_ms", "talk_ms"),
    [
        ("normal", Outcome.ANSWERED, "sales", "Agent 1", "15#", (), 1510, 6718),
        ("abandoned", Outcome.ABANDONED, "sales", "", "15#", (), 5248, 0),
        ("queue-timeout", Outcome.TIMEOUT, "sales", "", "19#", (), 6003, 0),
        ("rna-then-other", Outcome.ANSWERED, "rna", "Agent 2", "25#", (), 6014, 3003),
        ("busy-reject", Outcome.ABANDONED, "sales", "", "15#", (), 3729, 0),
        ("hold", Outcome.ANSWERED, "sales", "Agent 1", "15#", (), 809, 5014),
        ("blind-dtmf", Outcome.ANSWERED, "sales", "Agent 1", "15#", ("1002",), 807, 3614),
        ("ami-redirect", Outcome.ANSWERED, "sales", "Agent 1", "15#", ("1002",), 808, 3802),
        ("local-member", Outcome.ANSWERED, "sales", "Agent L1", "", (), 811, 3004),
        ("webrtc", Outcome.ANSWERED, "sales", "Web 1", "", (), 962, 6008),
        ("ivr-hangup", Outcome.LEFT_IN_MENU, "", "", "", (), 0, 0),
        ("ivr-notinput", Outcome.LEFT_IN_MENU, "", "", "", (), 0, 0),
        ("hostile-name", Outcome.LEFT_IN_MENU, "", "", "", (), 0, 0),
    ],
)
def test_the_facts_of_each_stream(
    name: str,
    outcome: Outcome,
    queue: str,
    agent: str,
    keys: str,
    transfers: tuple[str, ...],
    wait_ms: int,
    talk_ms: int,
) -> None:
    (call,) = calls_of(name)
    assert (call.outcome, call.queue, call.agent, call.transfers) == (outcome, queue, agent, transfers)
    assert (call.wait_ms, call.talk_ms, "".join(call.menu_path)) == (wait_ms, talk_ms, keys)


@pytest.mark.parametrize("name", ["login-logout", "hostile-number"])
def test_streams_without_a_caller_that_could_be_believed(name: str) -> None:
    assert calls_of(name) == ()


def test_the_agent_who_did_not_answer_is_named() -> None:
    (call,) = calls_of("rna-then-other")
    assert call.visits[0].missed == ("Agent 1",) and call.ring_ms == 1008


def test_time_on_hold() -> None:
    (call,) = calls_of("hold")
    assert call.hold_ms == 2004


@pytest.mark.parametrize("path", sorted(STREAMS.glob("*.queue_log")), ids=lambda path: path.stem)
def test_asterisk_own_queue_log_agrees(path: Path) -> None:
    """Whole seconds within one second; ring times, which it writes in milliseconds, within three."""
    calls = {call.call_id: call for call in calls_of(path.stem)}
    for line in parse_queue_log(path.read_text()):
        call = calls.get(line.call_id)
        if call is None:
            assert line.verb in ("ADDMEMBER", "REMOVEMEMBER", "PAUSE", "PENALTY", "RINGINUSE", "RINGNOANSWER"), line
            continue
        told = [int(text) if text.isdecimal() else 0 for text in line.data]
        match line.verb:
            case "ENTERQUEUE":
                assert abs(call.visits[0].joined_at / 1000 - line.second) <= 1
            case "CONNECT":
                assert call.answered_at is not None and abs(call.wait_ms / 1000 - told[0]) <= 1
            case "COMPLETEAGENT" | "COMPLETECALLER":
                assert abs(call.wait_ms / 1000 - told[0]) <= 1 and abs(call.talk_ms / 1000 - told[1]) <= 1
            case "BLINDTRANSFER":
                assert call.transfers == (line.data[0],) and abs(call.talk_ms / 1000 - told[3]) <= 1
            case "ABANDON" | "EXITWITHTIMEOUT":
                expected = Outcome.ABANDONED if line.verb == "ABANDON" else Outcome.TIMEOUT
                assert call.outcome is expected and abs(call.wait_ms / 1000 - told[2]) <= 1
            case "RINGCANCELED":
                assert abs(call.ring_ms - told[0]) <= 3
            case "RINGNOANSWER":
                assert line.agent in call.visits[0].missed
            case _:
                raise AssertionError(f"unexpected {line}")


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_every_suffix_of_every_stream(path: Path) -> None:
    """Joined in the middle: no exception, no call that was not there, none that stays for ever."""
    events = list(read_events(path))
    whole = {call.call_id: call for call in replay(events).calls}
    for start in range(len(events) + 1):
        part = replay(events[start:])
        assert part.in_progress == 0
        assert {call.call_id for call in part.calls} <= set(whole)
        for call in part.calls:
            assert call.ended_at == whole[call.call_id].ended_at and len(call.visits) <= 1


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_cut_off_anywhere(path: Path) -> None:
    data = path.read_bytes()
    for end in range(200, len(data), 997):
        replay(events_of_capture(data[:end]))


def test_the_published_json() -> None:
    shown = json.loads(json.dumps(as_json(replay(read_events(STREAMS / "normal.ami")))))
    (call,) = shown["calls"]
    assert {"call_id", "linkedid", "caller", "arrived_at", "queue", "outcome", "wait_ms", "ring_ms", "talk_ms", "hold_ms",
            "agent", "menu_path", "transfers"} <= set(call)  # fmt: skip
    assert call["arrived_at"] == "2026-11-23T04:09:52.409Z" and call["outcome"] == "answered"
    assert shown["queues"]["sales"] == {
        "offered": 1, "answered": 1, "abandoned": 0, "timeout": 0, "key_exit": 0, "full": 0, "join_empty": 0,
        "leave_empty": 0, "withdrawn": 0, "closed": 0, "voicemail": 0, "callback": 0, "failed": 0, "service_level": 100.0,
        "asa_ms": 1510, "longest_wait_ms": 1510,
    }  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"{}", b"hello\r\n\r\n", bytes(range(256)) * 10])
def test_a_file_that_is_no_capture_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "holiday.png"
    path.write_bytes(data)
    with pytest.raises(Problem, match=r"holiday\.png"):
        list(read_events(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="nowhere"):
        list(read_events(tmp_path / "nowhere.ami"))
