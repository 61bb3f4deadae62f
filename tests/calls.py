"""Finished calls for tests: one function that makes a complete record, changed by keywords."""

from typing import Any

from pbx.record import CallRecord, Outcome, Visit

DAY = 1_795_400_000_000


def visit(queue: str = "dat-dai", **changed: Any) -> Visit:
    fields = {
        "joined_at": DAY,
        "left_at": DAY + 9_000,
        "outcome": Outcome.ANSWERED,
        "wait_ms": 9_000,
        "ring_ms": 4_000,
        "agent": "",
    }
    return Visit(**{"queue": queue, **fields, **changed})


def call(number: int = 1, **changed: Any) -> CallRecord:
    """The call with this number: they arrive a second apart."""
    fields: dict[str, Any] = {
        "call_id": f"pbx-17954.{number}", "linkedid": f"pbx-17954.{number}", "caller": f"09{number:08d}",
        "caller_name": "", "dialled": "1022", "language": "vi", "arrived_at": DAY + 1_000 * number, "answered_at": None,
        "ended_at": DAY + 1_000 * number + 60_000, "queue": "dat-dai", "outcome": Outcome.ANSWERED, "wait_ms": 9_000,
        "ring_ms": 4_000, "talk_ms": 40_000, "hold_ms": 0, "agent": "Đặng Thị Huệ", "agent_interface": "PJSIP/101",
        "menu_path": ("language:1", "topics:2"), "transfers": (), "visits": (visit(),), "cause": 16, "recorded": False,
    }  # fmt: skip
    return CallRecord(**{**fields, **changed})
