"""Recorded streams -> calls and figures, without Asterisk and without a database.

What `smartpbx replay` prints, and the way a real call becomes a test. Reads raw AMI captures, bytes as they came off the socket,
and segments of our own journal; the same board as in the service does the work.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ivr.menu import Menu
from ivr.problem import Problem
from pbx import journal
from pbx.ami.framing import read_capture
from pbx.ami.translate import WANTED, translate
from pbx.centre import Centre
from pbx.commands import Keep
from pbx.events import AnyEvent
from pbx.metrics import figures
from pbx.record import CallRecord
from pbx.switchboard import Board


class Replay(msgspec.Struct, frozen=True):
    """What came out: finished calls in the order in which they ended, and how many were still in progress."""

    calls: tuple[CallRecord, ...]
    in_progress: int


def replay(events: Iterable[AnyEvent], menu: Menu | None = None, centre: Centre | None = None) -> Replay:
    """Step a fresh board through the events."""
    board = Board(menu, centre)
    calls = [command.record for event in events for command in board.step(event) if isinstance(command, Keep)]
    return Replay(tuple(calls), len(board))


def read_events(path: Path) -> Iterator[AnyEvent]:
    """The events of a capture or of a journal, whichever the file is.

    Raises:
        Problem: the file cannot be read or is neither.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise Problem(
            f"Không đọc được {path}: {e.strerror}. Hãy kiểm tra đường dẫn và quyền đọc.",
            f"Cannot read {path}: {e.strerror}. Check the path and its permissions.",
        ) from e
    return journal.read(path) if journal.is_journal(data) else events_of_capture(data, str(path))


def events_of_capture(data: bytes, name: str = "capture") -> Iterator[AnyEvent]:
    """The events of a raw AMI capture."""
    last = 0
    for message in read_capture(data, name=name, wanted=WANTED):
        event = translate(message, last)
        if event is not None:
            last = event.at
            yield event


def as_json(result: Replay, centre: Centre | None = None) -> dict[str, Any]:
    """The published shape: `calls` and `queues`; times ISO 8601 UTC, durations ms."""
    thresholds = {q.name: q.service_level_s * 1000 for q in centre.queues} if centre else {}
    tally = figures(result.calls, thresholds)
    return {
        "calls": [call_as_json(call) for call in result.calls],
        "queues": {name: msgspec.to_builtins(f) for name, f in tally.queues().items()},
        "in_progress": result.in_progress,
    }


def call_as_json(call: CallRecord) -> dict[str, Any]:
    """One call as `replay --json` and the API print it."""
    row: dict[str, Any] = msgspec.to_builtins(call)
    for moment in ("arrived_at", "answered_at", "ended_at"):
        row[moment] = iso(row[moment])
    for visit in row["visits"]:
        visit["joined_at"], visit["left_at"] = iso(visit["joined_at"]), iso(visit["left_at"])
    return row


def iso(at: int | None) -> str | None:
    """UTC milliseconds as `2026-11-23T02:11:12.345Z`."""
    if at is None:
        return None
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
