"""What happens to a call after it is over, durably and once: its audio is kept and listened to, its words recognised, all of it put away.

The only place that knows DBOS. Each call is one workflow whose id is the call's and the model's, so that asking twice is asking once; each
part of it is a step that a restart does not repeat. What fails three times is given up and says why. What DBOS itself might forget, the
call log knows: what is unfinished there is begun anew at the next start. The newest call comes first: somebody may be waiting for it.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from ivr.problem import Problem
from pbx.record import CallRecord
from recordings.audio import NoAudio
from recordings.finishing import Finishing, Pause, Write
from recordings.queries import Log
from recordings.speech import SpeechFailed
from recordings.speed import Speed
from recordings.store import fail_put_away, fail_transcript
from recordings.tables import writing

log = logging.getLogger(__name__)

QUEUE = "transcripts"
ATTEMPTS = 3
AGAIN_S = 1.0
SHAPE = "3"
"""Goes up only when the order of the steps changes: what is unfinished in another shape is begun anew."""
FORGET_AFTER = 500
"""Finished work is forgotten each time that this many calls were begun."""
LAST = 2_147_483_647
EPOCH_S = 1_700_000_000
_OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


class _Leaving(BaseException):
    """The service stops. Not an Exception: DBOS would take that for the end of the workflow; so it stays to be taken up again."""


class Jobs:
    """One of these in a process. `on_done(call_id)` is called from a worker thread when a call's transcript is stored or given up."""

    def __init__(
        self, engine: sa.Engine, database: str, finishing: Finishing, on_done: Callable[[str], None], workers: int = 1
    ) -> None:
        self._engine = engine
        self._log = Log(engine)
        self._database = database
        self._finishing = finishing
        self._workers = workers
        self._on_done = on_done
        self._stopping = threading.Event()
        self._begun = 0
        self.speed = finishing.speed = Speed(workers)
        config: DBOSConfig = {
            "name": "smartpbx",
            "system_database_url": database,
            "log_level": "ERROR",
            "application_version": SHAPE,
            "executor_id": "smartpbx",
            "enable_otlp": False,
        }
        DBOS(config=config)

        @DBOS.workflow(name="finish-call")
        def finish(call_id: str) -> None:
            self._finish(call_id)

        self._workflow = finish

    def start(self) -> None:
        """Take up what a former run left, and whatever was never begun.

        Raises:
            Problem: the place of the unfinished work cannot be used.
        """
        _prepare(self._database)
        self._finishing.tidy()
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=self._workers, polling_interval_sec=0.5)
        _forget()
        for call_id, arrived_at in self._log.unfinished():
            self._enqueue(call_id, arrived_at)

    def stop(self) -> None:
        """Leave the rest for the next run. What is in hand is broken off."""
        self._stopping.set()
        self._finishing.ears.close()
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=0)

    def call_stored(self, record: CallRecord) -> None:
        """A call is in the log; if it was recorded, its words are to follow."""
        if not record.recorded or self._log.settled(record.call_id):
            return
        self._enqueue(record.call_id, record.arrived_at)
        self._begun += 1
        if self._begun % FORGET_AFTER == 0:
            _forget()

    def again(self, call_id: str) -> bool:
        """A person wants it tried again, or heard by the model of now; False when there is no such recording."""
        found = self._log.call(call_id)
        if found is None or not found.record.recorded:
            return False
        self._enqueue(call_id, found.record.arrived_at, f"/{time.time_ns()}")
        return True

    def _enqueue(self, call_id: str, arrived_at: int, attempt: str = "") -> None:
        newest_first = max(1, min(LAST, LAST - (arrived_at // 1000 - EPOCH_S)))
        name = f"{call_id}/{self._finishing.ears.name}/{SHAPE}{attempt}"
        with SetWorkflowID(name), SetEnqueueOptions(priority=newest_first):
            DBOS.enqueue_workflow(QUEUE, self._workflow, call_id)

    # --- the workflow -----------------------------------------------------------------------------------------

    def _finish(self, call_id: str) -> None:
        steps = self._finishing
        reason = self._attempts("keep-audio", steps.keep_audio, call_id)
        if not reason:
            self._attempts("listen", steps.listen, call_id)
            reason = self._attempts("transcribe", steps.transcribe, call_id)
            left = self._attempts("put-away", steps.put_away, call_id)
            DBOS.run_step({"name": "say-what-is-left"}, self._left, call_id, left)
        if reason:
            DBOS.run_step({"name": "give-up"}, self._give_up, call_id, reason)
        try:
            self._on_done(call_id)
        except Exception:
            log.exception("after_transcribing_failed call=%s", call_id)

    def _attempts(self, name: str, step: Callable[[str, Write, Pause], str], call_id: str) -> str:
        """'' when one of the attempts succeeded, else why the last did not."""
        reason = ""
        for attempt in range(1, ATTEMPTS + 1):
            reason = DBOS.run_step({"name": f"{name}-{attempt}"}, self._guarded, step, call_id)
            if not reason or reason.startswith("!"):
                break
            log.warning("attempt_failed step=%s attempt=%d call=%s reason=%s", name, attempt, call_id, reason)
        return reason.removeprefix("!")

    def _guarded(self, step: Callable[[str, Write, Pause], str], call_id: str) -> str:
        """The edge: '' when done, else the reason; one that begins with `!` says that trying again is useless."""
        if self._stopping.is_set():
            raise _Leaving
        try:
            return step(call_id, self._written, self._pause)
        except (NoAudio, ValueError) as e:
            return f"!no audio: {e}"
        except Problem as e:
            return f"!{e.en}"
        except Exception as e:
            if self._stopping.wait(AGAIN_S):  # most likely it failed because of that
                raise _Leaving from e
            if not isinstance(e, SpeechFailed | OSError):
                log.exception("step_failed call=%s", call_id)
            return str(e) if isinstance(e, SpeechFailed | OSError) else type(e).__name__

    def _give_up(self, call_id: str, reason: str) -> None:
        log.warning("transcript_given_up call=%s reason=%s", call_id, reason)
        self._written(lambda c: fail_transcript(c, call_id, self._finishing.ears.name, reason, _now_ms()))

    def _left(self, call_id: str, reason: str) -> None:
        if reason:
            log.error("recording_not_put_away call=%s reason=%s", call_id, reason)
        self._written(lambda c: fail_put_away(c, call_id, reason))

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Leaving

    def _written(self, write: Callable[[sa.Connection], None]) -> None:
        """Until it is written: an hour of recognising must not be lost because the database is away for a minute."""
        while True:
            try:
                with writing(self._engine) as connection:
                    return write(connection)
            except sa.exc.OperationalError as e:
                log.error("transcript_waits_for_the_log reason=%s", type(e.orig).__name__)
                if self._stopping.wait(AGAIN_S):
                    raise _Leaving from e


def _forget() -> None:
    """Let go of work that is over: the call log knows all that matters of it, and DBOS would keep it for ever."""
    over = [status.workflow_id for status in DBOS.list_workflows(status=_OVER, load_input=False, load_output=False)]
    for first in range(0, len(over), 100):
        DBOS.delete_workflows(over[first : first + 100])


def _prepare(database: str) -> None:
    address = sa.engine.make_url(database)
    if address.get_backend_name() != "sqlite" or address.database is None:
        return
    try:
        file = Path(address.database)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except (OSError, sqlite3.Error) as e:
        raise Problem(
            f"Không dùng được tệp việc cần làm {address.database}: {e}. Hãy kiểm tra quyền ghi, hoặc xoá tệp (không mất "
            "cuộc gọi nào: việc dở dang sẽ được lập lại từ sổ cuộc gọi).",
            f"The file of unfinished work {address.database} cannot be used: {e}. Check its permissions, or delete it "
            "(no call is lost: unfinished work is found again in the call log).",
        ) from e


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
