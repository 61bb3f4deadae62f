"""After a call: its audio kept and its words stored, exactly once, whoever is killed and whenever."""

import io
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sqlalchemy as sa

from ivr.problem import Problem
from pbx.record import CallRecord
from pbx.settings import HOUSE, Settings
from recordings import audio, finishing, jobs, speech
from recordings.finishing import Finishing
from recordings.jobs import Jobs
from recordings.masking import MASK
from recordings.queries import CallDetail, Log
from recordings.speech import Recogniser, SpeechFailed
from recordings.store import keep_calls
from recordings.tables import open_log, writing
from recordings.words import Transcript, Word
from tests.calls import call
from tests.transcriber import open_shelf

SPEECH = Path(__file__).with_name("speech")
SHORT = SPEECH / "tdAndrea-0134.wav"
SAID = "năm tám ba năm"
LONG = SPEECH / "call_1.wav"


class Desk:
    """The jobs over a log and a spool of their own, and what they said was done."""

    def __init__(self, place: Path) -> None:
        self.place, self.spool, self.store = place, place / "spool", place / "audio"
        self.spool.mkdir()
        self.engine = open_log(f"sqlite:///{place / 'smartpbx.sqlite'}")
        self.log = Log(self.engine)
        self.done: list[str] = []
        self._changed = threading.Condition()
        self.jobs: Jobs | None = None
        self.shelf = open_shelf(place)
        self.finishing: Finishing | None = None

    def open(self) -> Jobs:
        ears = Recogniser(Settings().speech_model)
        self.finishing = Finishing(self.engine, self.spool, self.store, ears, self.shelf)
        self.jobs = Jobs(self.engine, f"sqlite:///{self.place / 'jobs.sqlite'}", self.finishing, self._said)
        self.jobs.start()
        return self.jobs

    def close(self) -> None:
        if self.jobs is not None:
            self.jobs.stop()
        self.jobs = None

    def record(
        self, number: int, caller: Path | None = SHORT, agent: Path | None = SHORT, **changed: object
    ) -> CallRecord:
        """A call in the log with what Asterisk left of it in the spool."""
        record = call(number, recorded=True, **changed)
        for side, source in (("caller", caller), ("agent", agent)):
            if source is not None:
                shutil.copy(source, self.spool / f"{record.call_id}-{side}.wav")
        with writing(self.engine) as connection:
            keep_calls(connection, [record])
        return record

    def finished(self, record: CallRecord, seconds: float = 60) -> CallDetail:
        with self._changed:
            assert self._changed.wait_for(lambda: record.call_id in self.done, seconds)
        found = self.log.call(record.call_id)
        assert found is not None
        return found

    def _said(self, call_id: str) -> None:
        with self._changed:
            self.done.append(call_id)
            self._changed.notify_all()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()
    desk.engine.dispose()


def test_a_finished_call_gets_its_words_and_its_audio(desk: Desk) -> None:
    jobs, record = desk.open(), desk.record(1)
    for _ in range(3):  # telling it again is telling it once
        jobs.call_stored(record)
    found = desk.finished(record)
    assert (found.transcript_state, found.reason) == ("done", "")
    for channel in ("caller", "agent"):
        assert " ".join(w.word for w in found.words if w.channel == channel) == SAID
    assert desk.finishing is not None and (found.place, found.original) == ("shelf", None)
    played, rate = soundfile.read(io.BytesIO(desk.finishing.audio(found)))
    assert played.shape[1] == 2 and abs(found.duration_ms - 1000 * len(played) / rate) < 30
    assert not list(desk.store.iterdir()), "a file lies about"
    sealed = next((desk.place / "recordings").rglob("*.ogg")).read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1") and found.play is not None and found.play.size == len(sealed)
    assert found.model.startswith("vosk-model-vi-8k-synthetic@")
    assert list(desk.spool.iterdir()) == []
    jobs.call_stored(record)
    desk.close()
    assert desk.done == [record.call_id]


def test_a_call_that_was_not_recorded_is_left_alone(desk: Desk) -> None:
    jobs = desk.open()
    jobs.call_stored(call(1))
    recorded = desk.record(2)
    jobs.call_stored(recorded)
    desk.finished(recorded)
    assert desk.done == [recorded.call_id]


def test_what_was_never_begun_is_found_at_the_start(desk: Desk) -> None:
    records = [desk.record(n) for n in range(3)]
    desk.open()
    assert {desk.finished(record).transcript_state for record in records} == {"done"}


@pytest.mark.parametrize(
    ("caller", "agent", "state", "reason", "flaws"),
    [
        (None, None, "failed", "no audio: caller: not recorded; agent: not recorded", ()),
        (SHORT, None, "done", "", ("agent: not recorded",)),
        (SPEECH / "references.tsv", None, "failed", "no audio: caller: not audio; agent: not recorded", ()),
    ],
)
def test_audio_that_is_missing_is_said(
    desk: Desk, caplog: pytest.LogCaptureFixture, caller: Path | None, agent: Path | None, state: str, reason: str,
    flaws: tuple[str, ...],
) -> None:  # fmt: skip
    record = desk.record(1, caller, agent)
    desk.open()
    found = desk.finished(record)
    assert (found.transcript_state, found.reason, found.flaws) == (state, reason, flaws)
    assert "attempt_failed" not in caplog.text  # trying again would not bring it


def test_the_files_are_waited_for_until_asterisk_has_closed_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    record = desk.record(1)
    left = desk.spool / f"{record.call_id}-agent.wav"
    whole = left.read_bytes()
    left.write_bytes(whole[:40] + bytes(4) + whole[44:20_000])
    looked = threading.Semaphore(0)

    def closed(spool: Path, call_id: str) -> bool:
        found = audio.closed(spool, call_id)
        looked.release()
        return found

    monkeypatch.setattr(finishing, "closed", closed)
    desk.open()
    for _ in range(3):
        assert looked.acquire(timeout=20)
    assert left.exists()
    assert list(desk.store.iterdir()) == []
    left.write_bytes(whole)
    assert desk.finished(record).flaws == ()


def test_a_recording_that_fails_three_times_is_given_up_and_others_go_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    poison, good = desk.record(1), desk.record(2)
    monkeypatch.setattr(jobs, "AGAIN_S", 0.01)
    tried = Counter[str]()
    real = Recogniser.transcribe

    def transcribe(self: Recogniser, path: Path) -> object:
        tried[path.stem] += 1
        if path.stem == poison.call_id:
            speech_child_dies(self)
        return real(self, path)

    monkeypatch.setattr(Recogniser, "transcribe", transcribe)
    desk.open()
    found = desk.finished(poison)
    assert (found.transcript_state, found.reason) == ("failed", "the recogniser failed: it ended: SIGSEGV")
    assert desk.finished(good).transcript_state == "done"
    assert tried == {poison.call_id: 3, good.call_id: 1}
    assert found.play is None and found.original is not None, "what cannot be masked is an original"
    assert "0900000001" not in caplog.text


def speech_child_dies(recogniser: Recogniser) -> None:
    """As a crash of the recogniser looks: the child ends in the middle of an answer."""
    child = recogniser._young_child()
    child._process.send_signal(signal.SIGSEGV)
    try:
        child.answer(10)
    except speech.ChildFailed as e:
        raise SpeechFailed(f"the recogniser failed: {e}") from e


def test_a_disk_that_is_full_for_a_moment_costs_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    record = desk.record(1)
    monkeypatch.setattr(jobs, "AGAIN_S", 0.01)
    real, failures = finishing.keep, [OSError(28, "No space left on device")] * 2

    def keep(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(finishing, "keep", keep)
    desk.open()
    assert desk.finished(record).transcript_state == "done"
    assert failures == []


def test_words_wait_for_a_locked_log(desk: Desk) -> None:
    record = desk.record(1)
    sa.event.listen(desk.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=50"))
    desk.engine.dispose()
    other = sqlite3.connect(desk.place / "smartpbx.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    desk.open()
    with pytest.raises(AssertionError):
        desk.finished(record, 2)
    other.execute("COMMIT")
    other.close()
    assert desk.finished(record).transcript_state == "done"


def test_stopping_is_quick_and_costs_no_attempt(desk: Desk) -> None:
    minutes = desk.place / "minutes.wav"
    sound, rate = soundfile.read(LONG, dtype="int16")
    soundfile.write(minutes, np.tile(sound, 3), rate)
    record = desk.record(1, minutes, minutes)
    for _ in range(4):  # more often than there are attempts
        jobs = desk.open()
        deadline = time.monotonic() + 20
        while jobs._finishing.ears.child_pid is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        began = time.monotonic()
        desk.close()
        assert time.monotonic() - began < 3
    assert desk.done == []
    desk.open()
    assert desk.finished(record).transcript_state == "done"


def test_a_file_of_work_that_cannot_be_used(desk: Desk) -> None:
    (desk.place / "jobs.sqlite").write_bytes(b"what is this?" * 999)
    with pytest.raises(Problem, match=r"jobs\.sqlite cannot be used: file is not a database") as problem:
        desk.open()
    assert "jobs.sqlite" in problem.value.vi


def test_finished_work_is_forgotten_by_dbos_and_not_done_again(desk: Desk) -> None:
    records = [desk.record(n) for n in range(3)]
    desk.open()
    for record in records:
        desk.finished(record)
    desk.close()
    jobs = desk.open()
    for record in records:
        jobs.call_stored(record)
    last = desk.record(9)
    jobs.call_stored(last)
    desk.finished(last)
    desk.close()
    assert Counter(desk.done) == {record.call_id: 1 for record in [*records, last]}
    with sqlite3.connect(desk.place / "jobs.sqlite") as connection:
        [(left,)] = connection.execute("SELECT count(*) FROM workflow_status")
    connection.close()
    assert left == 1


def test_a_lost_file_of_work_loses_no_transcript(desk: Desk) -> None:
    record = desk.record(1)
    desk.open()
    desk.finished(record)
    desk.close()
    for file in desk.place.glob("jobs.sqlite*"):
        file.unlink()
    other = desk.record(2)
    desk.open()
    assert desk.finished(other).transcript_state == "done"
    assert desk.done == [record.call_id, other.call_id]


def test_what_failed_is_tried_again_by_a_person_and_may_be_heard_then(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = desk.record(1)
    monkeypatch.setattr(jobs, "AGAIN_S", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(Recogniser, "transcribe", lambda self, path: speech_child_dies(self))
        made = desk.open()
        failed = desk.finished(record)
    assert (failed.transcript_state, failed.play) == ("failed", None) and [
        row.record.call_id for row, _ in desk.log.given_up()
    ] == [record.call_id]
    desk.done.clear()
    assert made.again(record.call_id) and not made.again("nobody")
    found = desk.finished(record)
    assert (
        (found.transcript_state, found.original) == ("done", None)
        and found.play is not None
        and not desk.log.given_up()
    )
    assert list(desk.shelf.names()) == [f"play/{record.call_id}.ogg"] and desk.log.backlog().calls == 0


def test_numbers_are_masked_in_words_and_audio_and_the_original_is_kept_apart(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "căn cước không hai bốn không tám lăm không một hai"
    words = tuple(Word(w, 0.1 * n, 0.1 * n + 0.09, 0.9, "caller") for n, w in enumerate(said.split(" ")))
    monkeypatch.setattr(Recogniser, "transcribe", lambda self, path: Transcript(words, self.name, 1.6))
    record = desk.record(1)
    desk.open()
    found = desk.finished(record)
    assert (
        [w.word for w in found.words] == ["căn", "cước", MASK] and found.original is not None and found.play is not None
    )
    assert desk.finishing is not None and desk.finishing.original_words(found) == words
    played, original = (
        soundfile.read(io.BytesIO(desk.finishing.audio(found, original=whole)))[0] for whole in (False, True)
    )
    silent = slice(round(0.3 * 8000), round(1.0 * 8000))
    assert (
        np.abs(played[silent, 0]).max() < 2e-3 < np.abs(original[silent, 0]).max()
        and np.abs(played[silent, 1]).max() > 2e-3
    )
    assert sorted(desk.shelf.names()) == [
        f"original/{record.call_id}.json",
        f"original/{record.call_id}.ogg",
        f"play/{record.call_id}.ogg",
    ]


def test_the_newest_call_comes_first(desk: Desk) -> None:
    records = [desk.record(n, arrived_at=1_795_400_000_000 + 60_000 * n) for n in range(5)]
    desk.open()
    for record in records:
        desk.finished(record)
    assert desk.done[1:] == [record.call_id for record in reversed(records) if record.call_id != desk.done[0]]


def test_what_was_left_half_done_does_not_lie_about(desk: Desk) -> None:
    (desk.store / "half-done-x").mkdir(parents=True)
    (desk.store / "half-done-x" / "kept.ogg").write_bytes(b"a number that nobody may hear")
    (desk.store / ".pbx-1.wav.new").write_bytes(b"half")
    desk.open()
    assert list(desk.store.iterdir()) == []


def test_killed_again_and_again_every_call_has_one_transcript(desk: Desk) -> None:
    """A process of its own, killed at random moments, until all is done."""
    records = [desk.record(n, SPEECH / "terobert-0159.wav") for n in range(24)]
    at_random = random.Random(1022)
    kills = 0
    deadline = time.monotonic() + 150
    while desk.log.without_transcript():
        assert time.monotonic() < deadline
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.transcriber", desk.place], stdout=subprocess.PIPE, text=True, cwd=HOUSE
        )
        assert process.stdout is not None
        with process.stdout:
            assert process.stdout.readline() == "started\n"
            try:
                process.wait(at_random.uniform(0.1, 2.5 + 0.25 * kills))  # on a busy machine it comes to something, too
            except subprocess.TimeoutExpired:
                kills += 1
                process.kill()
        process.wait()
    assert kills >= 3
    with desk.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM transcripts").scalar() == len(records)
    for record in records:
        found = desk.log.call(record.call_id)
        assert found is not None
        assert found.transcript_state == "done", found.reason
        assert " ".join(w.word for w in found.words if w.channel == "caller") == "gia đình tôi ở huyện sơn động ạ"
        assert " ".join(w.word for w in found.words if w.channel == "agent") == SAID
        assert found.duration_ms > 1_000
    desk.open()  # which tidies up
    assert list(desk.spool.iterdir()) == [] and list(desk.store.iterdir()) == []
    assert len(list(desk.shelf.names("play/"))) == len(records)
