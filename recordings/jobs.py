"""What happens to a call after it is over: its audio is kept, its words are recognised, both are stored. Durably, once.

The only place that knows DBOS. Each call is one workflow whose id is the call's and the model's, so that asking twice is asking once; each
part of it is a step that a restart does not repeat. A recording that kills the recogniser three times is given up and says so.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetWorkflowID

from ivr.problem import Problem
from pbx.record import CallRecord
from recordings.audio import NoAudio, keep, kept_path
from recordings.queries import Log
from recordings.speech import Recogniser, SpeechFailed
from recordings.store import fail_transcript, keep_transcript

log = logging.getLogger(__name__)

QUEUE = "transcripts"
ATTEMPTS = 3
SETTLE_S = 0.5
"""MixMonitor closes its files a moment after the call."""
SHAPE = "1"
"""Goes up only when the order of the steps changes: unfinished work of another shape is not taken up."""


class Jobs:
    """One of these in a process. `on_done(call_id)` is called from a worker thread when a call's transcript is stored or given up."""

    def __init__(
        self, engine: sa.Engine, database: str, spool: Path, store: Path, model: Path, on_done: Callable[[str], None]
    ) -> None:
        self._engine = engine
        self._log = Log(engine)
        self._spool = spool
        self._store = store
        self._recogniser = Recogniser(model)
        self._on_done = on_done
        config: DBOSConfig = {
            "name": "smartpbx",
            "system_database_url": database,
            "log_level": "WARNING",
            "application_version": SHAPE,
            "executor_id": "smartpbx",
        }
        DBOS(config=config)

        @DBOS.workflow(name="finish-call")
        def finish(call_id: str) -> None:
            self._finish(call_id)

        self._workflow = finish

    def start(self) -> None:
        """Take up what a former run left, and whatever was never begun."""
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=0.5)
        for call_id in self._log.without_transcript():
            self._enqueue(call_id)

    def stop(self) -> None:
        """Leave the rest for the next run."""
        self._recogniser.close()
        DBOS.destroy(workflow_completion_timeout_sec=0)

    def call_stored(self, record: CallRecord) -> None:
        """A call is in the log; if it was recorded, its words are to follow."""
        if record.recorded:
            self._enqueue(record.call_id)

    def _enqueue(self, call_id: str) -> None:
        with SetWorkflowID(f"{call_id}/{self._recogniser.name}"):
            DBOS.enqueue_workflow(QUEUE, self._workflow, call_id)

    # --- the workflow -----------------------------------------------------------------------------------------

    def _finish(self, call_id: str) -> None:
        failure = DBOS.run_step({"name": "keep-audio"}, self._keep_audio, call_id)
        attempts = 0
        while not failure and attempts < ATTEMPTS:
            attempts += 1
            problem = DBOS.run_step({"name": f"transcribe-{attempts}"}, self._transcribe, call_id)
            if not problem:
                break
            failure = problem if attempts == ATTEMPTS or problem.startswith("!") else ""
        if failure:
            DBOS.run_step({"name": "give-up"}, self._give_up, call_id, failure.removeprefix("!"))
        self._on_done(call_id)

    def _keep_audio(self, call_id: str) -> str:
        """'' when the audio is kept, else why not."""
        if not kept_path(self._store, call_id).exists():
            time.sleep(SETTLE_S)
        try:
            kept = keep(self._spool, self._store, call_id)
        except NoAudio as e:
            return f"no audio: {e}"
        if kept.flaws:
            log.warning("recording_flawed call=%s flaws=%s", call_id, kept.flaws)
        return ""

    def _transcribe(self, call_id: str) -> str:
        """'' when the words are stored; a reason with `!` in front when trying again is useless."""
        try:
            transcript = self._recogniser.transcribe(kept_path(self._store, call_id))
        except Problem as e:
            return f"!{e.en}"
        except SpeechFailed as e:
            return str(e)
        with self._engine.begin() as connection:
            keep_transcript(connection, call_id, transcript, _now_ms())
        return ""

    def _give_up(self, call_id: str, reason: str) -> None:
        log.warning("transcript_given_up call=%s reason=%s", call_id, reason)
        with self._engine.begin() as connection:
            fail_transcript(connection, call_id, self._recogniser.name, reason, _now_ms())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
