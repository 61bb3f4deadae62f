"""What was written before the crash is what is read after it."""

from pathlib import Path

import pytest

from ivr.problem import Problem
from pbx import events as e
from pbx.journal import Journal, is_journal, read
from tests.tables import START, events_of

STORY = events_of("0 A calls\n 1 A menu\n 2 A joins q\n 3 A rings 101\n 4 A gets 101 q\n 9 A hangs-up")


def write(directory: Path, events: list[e.AnyEvent], *, oldest_open: int | None = None, at: int = START) -> None:
    journal = Journal(directory)
    journal.begin(at, oldest_open)
    journal.append(events)
    journal.close()


def recovered(directory: Path) -> list[e.AnyEvent]:
    journal = Journal(directory)
    events = list(journal.recover())
    journal.close()
    return events


def test_events_come_back_as_they_were(tmp_path: Path) -> None:
    everything = [
        *STORY,
        e.SnapshotTaken(START, (e.LiveChannel("1", "1", "c", "0", "Nguyễn", "x", "s", "AGI", 5),), ()),
    ]
    write(tmp_path, everything)
    assert recovered(tmp_path) == everything
    (segment,) = tmp_path.glob("*.jsonl")
    assert is_journal(segment.read_bytes()) and list(read(segment)) == everything


def test_a_restart_reads_from_the_segment_of_the_oldest_open_call(tmp_path: Path) -> None:
    for number in range(4):
        write(
            tmp_path, [STORY[number]], at=START + number * 60_000, oldest_open=START + 70_000 if number == 3 else None
        )
    assert recovered(tmp_path) == [STORY[1], STORY[2], STORY[3]]


def test_an_empty_directory_has_no_past(tmp_path: Path) -> None:
    assert recovered(tmp_path / "new") == []


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_torn_last_line_is_dropped(tmp_path: Path, cut: int) -> None:
    write(tmp_path, STORY)
    (segment,) = tmp_path.glob("*.jsonl")
    data = segment.read_bytes()
    segment.write_bytes(data[:-cut])
    whole = data[:-cut].count(b"\n") - 1
    events = recovered(tmp_path)
    assert events == STORY[: len(events)] and whole <= len(events) <= whole + 1


def test_damage_in_the_middle_is_named(tmp_path: Path) -> None:
    write(tmp_path, STORY)
    (segment,) = tmp_path.glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[2] = b"{broken\n"
    segment.write_bytes(b"".join(lines))
    with pytest.raises(Problem, match="line 3"):
        recovered(tmp_path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path, STORY)
    (segment,) = tmp_path.glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"journal":1', b'"journal":99'))
    with pytest.raises(Problem, match="newer version"):
        recovered(tmp_path)


def test_two_services_cannot_share_a_journal(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(Problem, match="Another service"):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path).close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="Cannot write the journal"):
        Journal(tmp_path / "file" / "journal")
