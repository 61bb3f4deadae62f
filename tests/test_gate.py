"""Which numbers are numbers, who is let in, and who gets a head start."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.favour import Favours, Recent
from pbx.gate import Block, Gate, Limit
from pbx.numbers import dialable, same
from pbx.record import CallRecord, Outcome

AT = 1_795_400_000_000
HOUR = 3_600_000


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0912345678", "0912345678"), ("+84912345678", "0912345678"), ("0084912345678", "0912345678"),
        ("+84 (0) 912 345 678", "0912345678"), ("0912.345.678", "0912345678"), ("02043555666", "02043555666"),
        ("113", None), ("1022", None), ("0112345678", None), ("091234567", None), ("09123456789", None), ("", None),
        ("invalid", None), ("anonymous", None), ("+14155550100", None), ("1900545470", None), ("0912345678;x", None),
        ("0912345678@evil", None), ("０９１２３４５６７８", None), ("0912345678\r\nChannel: x", None), ("09" * 40, None),
        ("0912*45678", None), ("0912345678&PJSIP/1", None),
    ],
)  # fmt: skip
def test_only_telephones_in_vietnam_are_dialled(text: str, number: str | None) -> None:
    assert dialable(text) == number


@given(st.text(max_size=30))
def test_whatever_is_dialled_is_digits(text: str) -> None:
    number = dialable(text)
    assert number is None or (number.isascii() and number.isdigit() and len(number) in (10, 11))


def test_one_caller_is_known_by_one_name() -> None:
    assert same("+84912345678") == same("0912345678") == "0912345678"
    assert same("") == same("anonymous") == same("invalid") == "" and same("113") == "113"


# --- the gate ---------------------------------------------------------------------------------------------------------


def block(**changes: Any) -> Block:
    return Block(
        **{"number": "+84912345678", "since": AT, "until": AT + HOUR, "reason": "quấy rối", "by": "trực ban", **changes}
    )


def test_a_block_holds_until_its_end_and_for_that_number_only() -> None:
    gate = Gate(Limit(0, 0))
    gate.block(block())
    assert gate.turned_away("0912345678", AT) == "blocked" == gate.turned_away("0912345678", AT + HOUR - 1)
    assert gate.turned_away("0912345679", AT) == ""
    assert gate.turned_away("0912345678", AT + HOUR) == "" and gate.blocks(AT) == ()


def test_a_lifted_block_holds_no_longer() -> None:
    gate = Gate(Limit(0, 0))
    gate.block(block())
    gate.block(block(lifted_at=AT + 5))
    assert gate.turned_away("0912345678", AT + 6) == "" and not gate.blocks(AT + 6)


@pytest.mark.parametrize("number", ["", "anonymous", "invalid", "unknown"])
def test_withheld_numbers_are_never_turned_away(number: str) -> None:
    gate = Gate(Limit(1, 600))
    gate.block(block(number=number))
    assert [gate.turned_away(number, AT + i) for i in range(5)] == [""] * 5


def test_who_calls_too_often_is_let_in_again_after_a_while() -> None:
    gate = Gate(Limit(3, 600))
    told = [gate.turned_away("0912345678", AT + 1000 * s) for s in (0, 1, 2, 3, 300, 599, 600, 601, 602, 700)]
    assert told == ["", "", "", "rate", "rate", "rate", "", "", "", "rate"]
    assert gate.turned_away("0987654321", AT + 700_000) == ""


@given(st.lists(st.integers(0, 5000), max_size=80))
def test_no_more_than_the_limit_gets_in_within_the_time(steps: list[int]) -> None:
    gate, at, let_in = Gate(Limit(4, 10)), AT, []
    for step in steps:
        at += step
        if not gate.turned_away("0912345678", at):
            let_in.append(at)
    assert all(b - a >= 10_000 for a, b in zip(let_in, let_in[4:], strict=False))


# --- head starts ------------------------------------------------------------------------------------------------------


def record(**changes: Any) -> CallRecord:
    plain: dict[str, Any] = {
        "call_id": "1", "linkedid": "1", "caller": "0912345678", "caller_name": "", "dialled": "1022", "language": "vi",
        "arrived_at": AT - 60_000, "answered_at": AT - 40_000, "ended_at": AT, "queue": "q", "outcome": Outcome.ANSWERED,
        "wait_ms": 1, "ring_ms": 1, "talk_ms": 40_000, "hold_ms": 0, "agent": "", "agent_interface": "", "menu_path": (),
        "transfers": (), "visits": (), "cause": 16, "recorded": False,
    }  # fmt: skip
    return CallRecord(**{**plain, **changes})


@pytest.mark.parametrize(
    ("past", "favour"),
    [
        ({}, (0, "")),
        ({"cause": 38}, (180, "cut_off")),
        ({"talk_ms": 2000}, (180, "cut_off")),
        ({"complete_by": "unknown"}, (180, "cut_off")),
        ({"outcome": Outcome.ABANDONED, "answered_at": None, "talk_ms": 0, "cause": 0}, (60, "lost")),
        ({"outcome": Outcome.LEFT_IN_MENU, "answered_at": None, "talk_ms": 0}, (0, "")),
        ({"caller": "0900000000", "cause": 38}, (0, "")),
        ({"caller": "", "cause": 38}, (0, "")),
        ({"caller": "0900000000", "dossier": "2611230001"}, (60, "dossier")),
        ({"ended_at": AT - 2 * HOUR, "cause": 38}, (0, "")),
    ],
)
def test_why_somebody_is_favoured(past: dict[str, Any], favour: tuple[int, str]) -> None:
    recent = Recent()
    recent.add(record(**past))
    assert recent.favour("+84912345678", "1022", "2611230001", AT + 1000) == favour
    assert recent.favour("", "1022", "", AT + 1000) == (0, "")


def test_a_line_may_have_a_head_start_and_none_exceeds_the_cap() -> None:
    recent = Recent(Favours(line_s={"1023": 120}, cut_off_s=900, cap_s=300))
    assert recent.favour("", "1023", "", AT) == (120, "line")
    recent.add(record(cause=38))
    assert recent.favour("0912345678", "1023", "", AT + 1) == (300, "cut_off")


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 900)), min_size=1, max_size=60))
def test_nobody_is_overtaken_by_who_comes_later_than_the_cap(callers: list[tuple[int, int]]) -> None:
    """Whatever the head starts, a caller who waits longer than the cap has nobody new before him."""
    recent = Recent(Favours(line_s={str(s): s for _, s in callers}, cap_s=300))
    places = [(at, at - recent.favour("", str(line), "", AT)[0]) for at, line in callers]
    assert not any(later - earlier > 300 and theirs < mine for earlier, mine in places for later, theirs in places)
