"""What people may ask about recordings: play one, how much is still to be written down, what failed, try again.

Knows no page and no language.
"""

import time
from collections.abc import Mapping
from typing import Protocol

import msgspec
import sqlalchemy as sa

from recordings.corrections import Quality, correct, corrected, quality
from recordings.finishing import Finishing
from recordings.labels import Count, Label, correct_topic, counts, label_of
from recordings.queries import CallDetail, CallRow, Log
from recordings.room import Room
from recordings.sentinel import Listening
from recordings.shelf import Shelf
from recordings.speed import Speed
from recordings.voices import Trouble, heard_of, listened, troubles


class Work(msgspec.Struct, frozen=True):
    """What still waits to become words. `done_by` is UTC ms; None while nobody can tell, because nothing was recognised yet."""

    calls: int
    talk_s: float
    oldest: int | None
    done_by: int | None


class Worker(Protocol):
    """What finishes recordings: `recordings.jobs.Jobs`."""

    speed: Speed

    def again(self, call_id: str) -> bool: ...


class Tapes:
    """One for the running house."""

    def __init__(self, engine: sa.Engine, log: Log, jobs: Worker, finishing: Finishing, shelf: Shelf) -> None:
        self._engine = engine
        self._log = log
        self._jobs = jobs
        self._finishing = finishing
        self._shelf = shelf
        self.topics = finishing.topics
        """The rules that tell what a call is about."""

    def play(self, found: CallDetail) -> bytes | None:
        """Ogg Opus in which the masked numbers are silent; None when there is nothing that may be played.

        Raises:
            OSError: it is not there, or not what was put there.
        """
        return self._finishing.audio(found) if found.play is not None else None

    def work(self) -> Work:
        left = self._log.backlog()
        seconds = self._jobs.speed.seconds_for(left.talk_s)
        done_by = None if seconds is None else time.time_ns() // 1_000_000 + round(1000 * seconds)
        return Work(left.calls, left.talk_s, left.oldest, done_by)

    def given_up(self) -> list[tuple[CallRow, str]]:
        return self._log.given_up()

    def again(self, call_id: str) -> bool:
        return self._jobs.again(call_id)

    def lines(self, start: int, end: int) -> tuple[int, list[Trouble]]:
        """How many recordings of calls that arrived in [start, end), UTC ms, were listened to, and what was found at which phone."""
        return listened(self._engine, start, end), troubles(self._engine, start, end)

    def heard(self, call_id: str) -> Listening | None:
        return heard_of(self._engine, call_id)

    def topic(self, call_id: str) -> Label | None:
        return label_of(self._engine, call_id)

    def correct_topic(self, call_id: str, field: str, procedure: str, who: str, at: int) -> bool:
        """False when there is no such call to correct."""
        return correct_topic(self._engine, call_id, field, procedure, who, at)

    def corrected(self, call_id: str, model: str) -> Mapping[int, str]:
        """Turn -> what was really said, by people."""
        return corrected(self._engine, call_id, model)

    def correct(self, call_id: str, turn: int, shown: str, said: str, who: str, at: int) -> None:
        """Raises Problem: nothing was kept."""
        correct(self._engine, call_id, turn, shown, said, who, at)

    def quality(self, start: int, end: int) -> list[Quality]:
        """How well the machine heard, by what people corrected."""
        return quality(self._engine, start, end)

    def week(self, end: int) -> list[Count]:
        """What the calls of the week until then were about."""
        return counts(self._engine, end)

    def room(self) -> Room:
        return self._shelf.room()
