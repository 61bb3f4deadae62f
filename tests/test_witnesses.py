"""A call that nobody heard, told from what Asterisk wrote down itself."""

import sqlite3
from pathlib import Path

from pbx import events as e
from pbx.commands import Keep
from pbx.ledger import Ledger
from pbx.record import CallRecord, Outcome
from pbx.switchboard import Board
from pbx.witnesses import CelRow, parse_queue_log, story

CALL, LEG, T = "pbx-1.10", "pbx-1.11", 1_795_400_000_000


def cel(at: float, kind: str, channel: str = CALL, *, user: str = "", app: str = "", extra: str = "") -> CelRow:
    name = "PJSIP/citizens-1" if channel == CALL else "PJSIP/101-2"
    return CelRow(
        T + round(at * 1000), kind, user, channel, CALL, name, "0900000001", "", "smartpbx-hotline", "1022", app, extra
    )


ANSWERED_CEL = [
    cel(0.1, "CHAN_START"), cel(0.2, "USER_DEFINED", user="SMARTPBX_ARRIVED"), cel(5.3, "APP_START", app="Queue"),
    cel(6.25, "CHAN_START", LEG), cel(9.75, "ANSWER", LEG), cel(20.5, "BRIDGE_EXIT"), cel(20.6, "CHAN_END", LEG),
    cel(20.7, "CHAN_END"),
]  # fmt: skip
ANSWERED_LOG = f"""1795400005|{CALL}|tong-hop|NONE|ENTERQUEUE||0900000001|1
1795400009|{CALL}|tong-hop|Hoa|CONNECT|4|{LEG}|3
1795400020|{CALL}|tong-hop|Hoa|COMPLETECALLER|4|11|1
"""


def end_of(events: list[e.AnyEvent], board: Board | None = None) -> list[CallRecord]:
    board = Board() if board is None else board
    return [cmd.record for event in events for cmd in board.step(event) if isinstance(cmd, Keep)]


def test_an_unheard_call_is_told_to_the_millisecond() -> None:
    (call,) = end_of(story(ANSWERED_CEL, parse_queue_log(ANSWERED_LOG), {"Hoa": "PJSIP/101"}))
    assert call.outcome is Outcome.ANSWERED and call.agent == "Hoa" and call.agent_interface == "PJSIP/101"
    assert (call.arrived_at - T, call.wait_ms, call.ring_ms, call.talk_ms) == (100, 4450, 3500, 10_750)
    assert call.recorded and call.caller == "0900000001"


def test_an_unheard_caller_who_gave_up() -> None:
    rows = [
        cel(0.1, "CHAN_START"),
        cel(1.5, "APP_START", app="Queue"),
        cel(8.25, "APP_END", app="Queue"),
        cel(8.3, "CHAN_END"),
    ]
    lines = parse_queue_log(f"1795400001|{CALL}|q|NONE|ENTERQUEUE||1|1\n1795400008|{CALL}|q|NONE|ABANDON|1|1|7\n")
    (call,) = end_of(story(rows, lines, {}))
    assert (call.outcome, call.wait_ms) == (Outcome.ABANDONED, 6750)


def test_a_refused_caller_is_told_by_the_dialplan_alone() -> None:
    rows = [cel(0, "CHAN_START"), cel(1, "USER_DEFINED", user="SMARTPBX_QUEUE_RETURNED", extra='{"extra":"q:JOINEMPTY"}'),
            cel(2, "CHAN_END")]  # fmt: skip
    (call,) = end_of(story(rows, [], {}))
    assert call.outcome is Outcome.JOIN_EMPTY and call.queue == "q"


def test_hearing_and_reading_the_same_call_is_one_call() -> None:
    events = story(ANSWERED_CEL, parse_queue_log(ANSWERED_LOG), {"Hoa": "PJSIP/101"})
    board = Board()
    heard = end_of(events, board)
    assert len(heard) == 1 and end_of(events, board) == [] and len(board) == 0


def test_the_end_of_a_call_that_was_heard_to_begin() -> None:
    events = story(ANSWERED_CEL, parse_queue_log(ANSWERED_LOG), {"Hoa": "PJSIP/101"})
    for cut in range(len(events)):
        board = Board()
        before = end_of(events[:cut], board)
        board.step(e.LinkUp(T, "boot"))
        (call,) = before + end_of(events, board)
        assert (call.outcome, call.wait_ms, call.talk_ms) == (Outcome.ANSWERED, 4450, 10_750), cut
        assert call.complete_by == ("live" if before else "reconciled")


def test_a_quick_answer_that_nobody_heard_is_not_taken_for_the_joining() -> None:
    rows = [
        cel(0.1, "CHAN_START"),
        cel(1.1, "APP_START", app="Queue"),
        cel(1.2, "CHAN_START", LEG),
        cel(1.9, "ANSWER", LEG),
    ]
    lines = parse_queue_log(f"1795400001|{CALL}|q|NONE|ENTERQUEUE||1|1\n1795400001|{CALL}|q|Hoa|CONNECT|0|{LEG}|0\n")
    board = Board()
    board.step(e.LinkUp(T, "boot"))
    assert end_of(story(rows, lines, {}), board) == [] and board.picture(T).calls[0].phase == "talking"


def test_a_smuggled_line_is_no_line() -> None:
    assert parse_queue_log("x|y\n1795400001|a|q|NONE|ENTERQUEUE||0|1\nforged\n17954|b|q|NONE|lower|") == [
        parse_queue_log("1795400001|a|q|NONE|ENTERQUEUE||0|1")[0]
    ]


def test_the_ledger_reads_on_from_where_it_stopped(tmp_path: Path) -> None:
    cel_file, queue_log = tmp_path / "cel.db", tmp_path / "queue_log"
    columns = "eventtime, eventtype, userdeftype, uniqueid, linkedid, channame, cid_num, cid_name, context, exten, appname, extra"
    db = sqlite3.connect(cel_file)
    db.execute(f"CREATE TABLE cel (AcctId INTEGER PRIMARY KEY, {columns})")

    def write(rows: list[CelRow]) -> None:
        for r in rows:
            row = (f"{r.at / 1000:.6f}", r.kind, r.user_kind, r.channel_id, r.linkedid, r.channel, r.caller, "", r.context,
                   r.exten, r.application, r.extra)  # fmt: skip
            db.execute(f"INSERT INTO cel ({columns}) VALUES ({','.join('?' * 12)})", row)
        db.commit()

    ledger = Ledger(cel_file, queue_log, {"Hoa": "PJSIP/101"})
    assert ledger.read(0, None)[0] == [], "no queue_log yet, and that is no error"
    write(ANSWERED_CEL[:3])
    queue_log.write_text(ANSWERED_LOG[:60])
    first, mark = ledger.read(0, None)
    write(ANSWERED_CEL[3:])
    queue_log.write_text(ANSWERED_LOG)
    second, last = ledger.read(first[-1].at, mark)
    (call,) = end_of([*first, *second])
    assert call.outcome is Outcome.ANSWERED and last.cel_id == 8 and last.queue_log_offset == len(ANSWERED_LOG)
    assert ledger.read(last.at + 60_000, last)[0] == []
    db.close()
