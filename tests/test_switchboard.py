"""Stories of calls and what the log says of them; then random stories, which must keep the books straight."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx import commands as c
from pbx import events as e
from pbx.metrics import figures
from pbx.picture import AgentState, Phase
from pbx.record import CallRecord, Outcome
from pbx.switchboard import Board
from tests.tables import START, events_of


def tell(table: str) -> list[CallRecord]:
    board = Board()
    kept = [cmd.record for event in events_of(table) for cmd in board.step(event) if isinstance(cmd, c.Keep)]
    assert len(board) == 0, "a call was left on the board"
    return kept


@pytest.mark.parametrize(
    ("table", "outcome", "wait_ms", "ring_ms", "talk_ms", "hold_ms", "agent"),
    [
        ("""0 A calls
            1 A joins tong-hop
            2 A rings 101
            5 A leaves
            5 A gets 101 tong-hop
            9 A hold
            11 A unhold
            20 A asks-out
            20 A loses 101 caller
            20 A hangs-up""", Outcome.ANSWERED, 4000, 3000, 15000, 2000, "101"),
        ("""0 A calls
            1 A joins tong-hop
            2 A rings 101
            6 A misses 101 4
            7 A rings 102
            9 A leaves
            9 A gets 102 tong-hop
            10 A sent 103
            10.1 A loses 102 transfer
            30 A hangs-up""", Outcome.ANSWERED, 8000, 2000, 1000, 0, "102"),
        ("""0 A calls
            1 A joins tong-hop
            3.5 A asks-out
            3.5 A abandons
            3.5 A leaves
            3.6 A hangs-up""", Outcome.ABANDONED, 2500, 0, 0, 0, ""),
        ("""0 A calls
            1 A joins tong-hop
            6 A abandons
            6 A leaves
            6 A returned tong-hop TIMEOUT
            8 A hangs-up""", Outcome.TIMEOUT, 5000, 0, 0, 0, ""),
        ("""0 A calls
            1 A joins tong-hop
            6 A abandons
            6 A leaves
            6.1 A silent 9
            8 A hangs-up""", Outcome.TIMEOUT, 5000, 0, 0, 0, ""),
        ("0 A calls\n 2 A menu\n 3 A hangs-up", Outcome.LEFT_IN_MENU, 0, 0, 0, 0, ""),
        ("0 A calls\n 2 A returned ho-tich JOINEMPTY\n 3 A hangs-up", Outcome.JOIN_EMPTY, 0, 0, 0, 0, ""),
        ("0 A calls\n 2 A returned ho-tich FULL\n 3 A hangs-up", Outcome.FULL, 0, 0, 0, 0, ""),
        ("0 A calls\n 1 A joins q\n 5 A returned q LEAVEEMPTY\n 7 A hangs-up", Outcome.LEAVE_EMPTY, 4000, 0, 0, 0, ""),
        ("0 A calls\n 1 A joins q\n 5 A returned q WITHDRAW\n 7 A hangs-up", Outcome.WITHDRAWN, 4000, 0, 0, 0, ""),
        ("0 A calls\n 1 A joins q\n 5 A leaves\n 7 A hangs-up", Outcome.KEY_EXIT, 4000, 0, 0, 0, ""),
    ],
)  # fmt: skip
def test_a_story_ends_as_it_should(
    table: str, outcome: Outcome, wait_ms: int, ring_ms: int, talk_ms: int, hold_ms: int, agent: str
) -> None:
    (call,) = tell(table)
    assert (call.outcome, call.wait_ms, call.ring_ms, call.talk_ms, call.hold_ms, call.agent) == (
        outcome, wait_ms, ring_ms, talk_ms, hold_ms, agent,
    )  # fmt: skip
    assert call.caller == "0900000065" and call.arrived_at == START


def test_a_caller_who_tries_two_queues_is_offered_to_both() -> None:
    (call,) = tell("""0 A calls
        1 A joins dat-dai
        11 A abandons
        11 A leaves
        11 A returned dat-dai TIMEOUT
        12 A joins tong-hop
        15 A leaves
        15 A gets 101 tong-hop
        20 A loses 101 agent
        21 A hangs-up""")
    assert call.outcome is Outcome.ANSWERED and call.queue == "tong-hop" and call.wait_ms == 13_000
    by_queue = figures([call]).queues()
    assert (by_queue["dat-dai"].timeout, by_queue["tong-hop"].answered) == (1, 1)
    assert by_queue["tong-hop"].service_level == 100.0 and by_queue["dat-dai"].service_level == 0.0


def test_the_picture_follows_the_call_and_the_agent() -> None:
    board = Board()
    seen = []
    for event in events_of("""0 A calls
            1 A menu
            2 A joins tong-hop
            3 A rings 101
            4 A leaves
            4 A gets 101 tong-hop
            5 A hold
            6 A unhold
            7 A loses 101 agent"""):
        board.step(event)
        picture = board.picture(event.at)
        seen.append((picture.calls[0].phase, picture.agents[0].state if picture.agents else None))
    assert seen == [
        (Phase.ARRIVED, None), (Phase.MENU, None), (Phase.WAITING, None), (Phase.RINGING, AgentState.RINGING),
        (Phase.RINGING, AgentState.AWAY), (Phase.TALKING, AgentState.TALKING), (Phase.HOLD, AgentState.HOLD),
        (Phase.TALKING, AgentState.TALKING), (Phase.LEAVING, AgentState.AWAY),
    ]  # fmt: skip


def test_an_agent_is_what_the_phone_and_the_call_say() -> None:
    board = Board()

    def member(at: int, status: int, *, paused: bool = False, reason: str = "") -> AgentState:
        board.step(e.MemberChanged(START + at, "q", "PJSIP/101", "Hoa", status, paused, reason))
        return next(iter(board.agents)).state

    assert member(0, 5) is AgentState.AWAY
    assert member(10, 1) is AgentState.READY
    assert member(20, 1) is AgentState.READY
    assert next(iter(board.agents)).since == START + 10, "nothing changed at 20"
    assert member(30, 1, paused=True, reason="Ăn trưa") is AgentState.PAUSED
    assert board.picture(START).agents[0].reason == "Ăn trưa"
    assert member(40, 2) is AgentState.BUSY


def test_calls_missing_from_the_snapshot_are_over_and_those_found_are_taken_in() -> None:
    board = Board()
    for event in events_of("0 A calls\n 1 A joins q\n 2 B calls\n 3 B joins q\n 4 B gets 101 q"):
        board.step(event)
    board.step(e.LinkLost(START + 10_000, "silent"))
    assert board.picture(START + 20_000).stale_since == START + 10_000
    board.step(e.LinkUp(START + 60_000, "boot-1"))
    live = e.LiveChannel("pbx-1.C", "pbx-1.C", "PJSIP/citizens-C", "0900000067", "", "smartpbx-queue", "q", "Queue",
                         START + 30_000)  # fmt: skip
    waiting = e.Waiting("pbx-1.C", "PJSIP/citizens-C", "0900000067", "", "q", 1, 25)
    commands = board.step(e.SnapshotTaken(START + 60_000, (live,), (waiting,)))
    ended = {cmd.record.call_id: cmd.record for cmd in commands if isinstance(cmd, c.Keep)}
    assert (ended["pbx-1.A"].outcome, ended["pbx-1.A"].complete_by) == (Outcome.FAILED, "unknown")
    assert (ended["pbx-1.B"].outcome, ended["pbx-1.B"].complete_by) == (Outcome.ANSWERED, "unknown")
    picture = board.picture(START + 61_000)
    assert picture.stale_since is None
    assert [(call.call_id, call.phase, call.joined_at) for call in picture.calls] == [
        ("pbx-1.C", Phase.WAITING, START + 35_000)
    ]


# --- random stories -----------------------------------------------------------------------------------------------

_ROWS = ["calls", "menu", "joins q", "joins r", "rings 101", "misses 101 2", "leaves", "gets 101 q", "gets 102 r",
         "loses 101 caller", "loses 102 transfer", "hold", "unhold", "sent 104", "abandons", "returned q TIMEOUT",
         "returned r FULL", "returned q CONTINUE", "asks-out", "hangs-up", "pressed 1 5", "failed 2"]  # fmt: skip

_STORY = st.lists(st.tuples(st.integers(0, 3000), st.sampled_from("ABC"), st.sampled_from(_ROWS)), max_size=40)


@settings(max_examples=400, deadline=None)
@given(_STORY)
def test_whatever_is_heard_the_books_balance(story: list[tuple[int, str, str]]) -> None:
    at, rows = 0, []
    for pause, caller, row in story:
        at += pause
        rows.append(f"{at / 1000} {caller} {row}")
    rows += [f"{(at + 5000) / 1000} {caller} hangs-up" for caller in "ABC"]
    kept = tell("\n".join(rows))
    visits = [visit for call in kept for visit in call.visits]
    total = figures(kept).total()
    assert total.offered == len(visits) and all(visit.outcome is not None for visit in visits)
    for call in kept:
        assert min(call.wait_ms, call.ring_ms, call.talk_ms, call.hold_ms) >= 0
        assert call.hold_ms <= call.talk_ms and call.wait_ms + call.talk_ms <= call.ended_at - call.arrived_at
        assert (call.outcome is Outcome.ANSWERED) == (call.answered_at is not None)


@settings(max_examples=200, deadline=None)
@given(_STORY, st.integers(0, 40))
def test_hearing_a_row_twice_changes_nothing(story: list[tuple[int, str, str]], which: int) -> None:
    at, rows = 0, []
    for pause, caller, row in story:
        at += pause + 1
        rows.append(f"{at / 1000} {caller} {row}")
    rows += [f"{(at + 5000) / 1000} {caller} hangs-up" for caller in "ABC"]
    once = tell("\n".join(rows))
    heard_twice = [row for row in rows if "sent" not in row]  # a transfer may really happen twice
    twice = rows[: rows.index(heard_twice[which % len(heard_twice)]) + 1]
    again = tell("\n".join([*twice, twice[-1], *rows[len(twice) :]]))
    if "misses" not in twice[-1]:  # two misses of one phone are two misses
        assert [(r.call_id, r.outcome, r.wait_ms, r.talk_ms) for r in again] == [
            (r.call_id, r.outcome, r.wait_ms, r.talk_ms) for r in once
        ]
