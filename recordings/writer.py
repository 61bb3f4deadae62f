"""Takes finished calls from the loop and writes them in a thread of its own, so that the telephone never waits for a disk.

What is put is also in the journal, so that a death with calls in the backlog loses none: they are put again after the restart.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa

from pbx.record import CallRecord
from recordings.store import keep_calls

log = logging.getLogger(__name__)

BATCH = 100
RETRY_S = 1.0


class Writer:
    """`put` never blocks. `on_stored` is called from the writing thread after the commit."""

    def __init__(self, engine: sa.Engine, on_stored: Callable[[CallRecord], None] | None = None) -> None:
        self._engine = engine
        self._on_stored = on_stored
        self._waiting: queue.SimpleQueue[CallRecord | None] = queue.SimpleQueue()
        self.last_error = ""
        """What kept the latest attempt from being written; empty when all is well."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        return self._waiting.qsize()

    def put(self, record: CallRecord) -> None:
        self._waiting.put(record)

    def close(self, patience_s: float = 10.0) -> bool:
        """Write what waits, then stop; False when that was not possible in time."""
        self._waiting.put(None)
        self._closing.set()
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        last = False
        while not last:
            batch, last = self._batch()
            if batch:
                self._write(batch)

    def _batch(self) -> tuple[list[CallRecord], bool]:
        batch: list[CallRecord] = []
        item = self._waiting.get()
        while item is not None:
            batch.append(item)
            if len(batch) >= BATCH or self._waiting.empty():
                return batch, False
            item = self._waiting.get()
        return batch, True

    def _write(self, batch: list[CallRecord]) -> None:
        """Until it is written, in order; the database may be away for minutes."""
        while True:
            try:
                with self._engine.begin() as connection:
                    keep_calls(connection, batch)
                self.last_error = ""
                break
            except sa.exc.SQLAlchemyError as e:
                if not self.last_error:
                    log.exception("call_log_unwritable waiting=%d", len(batch) + self.backlog)
                self.last_error = str(getattr(e, "orig", None) or e).splitlines()[0]
                if self._closing.is_set():
                    return
                time.sleep(RETRY_S)
        for record in batch if self._on_stored else ():
            self._tell(record)

    def _tell(self, record: CallRecord) -> None:
        try:
            if self._on_stored is not None:
                self._on_stored(record)
        except Exception:
            log.exception("after_storing_failed")
