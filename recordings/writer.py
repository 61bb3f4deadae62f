"""Takes finished calls, callbacks and blocks from the loop and writes them in a thread of its own, so that the telephone never waits
for a disk.

What is put is also in the journal, so that a death with calls in the backlog loses none: they are put again after the restart.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from pbx.callbacks import Callback
from pbx.gate import Block
from pbx.record import CallRecord
from recordings.store import keep_block, keep_callbacks, keep_calls
from recordings.tables import writing

log = logging.getLogger(__name__)

Item = CallRecord | Callback | Block
BATCH = 100
RETRY_S = 1.0


class Writer:
    """`put` never blocks. `on_stored` is called from the writing thread after the commit, in the order of the calls."""

    def __init__(self, engine: sa.Engine, on_stored: Callable[[CallRecord], None] | None = None) -> None:
        self._engine = engine
        self._on_stored = on_stored
        self._waiting: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._put = self._written = 0
        self.last_error = ""
        """What kept the latest attempt from being written; empty when all is well."""
        self.refused = 0
        """Calls that the database can never take, given up so that the others are written."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Calls that were put and are not committed yet."""
        return self._put - self._written

    def put(self, item: Item) -> None:
        self._put += 1
        self._waiting.put(item)

    def close(self, patience_s: float = 10.0) -> bool:
        """Write what waits, then stop; False when something could not be written (the journal has it)."""
        self._closing.set()
        self._waiting.put(None)
        self._thread.join(patience_s)
        return not self._thread.is_alive() and not self.last_error

    def _run(self) -> None:
        last = False
        while not last:
            batch, last = self._batch()
            if batch and not self._write(batch):
                break
            self._written += len(batch)

    def _batch(self) -> tuple[list[Item], bool]:
        """What waits, at most BATCH; and whether it was the last."""
        batch: list[Item] = []
        while (item := self._waiting.get()) is not None:
            batch.append(item)
            if len(batch) >= BATCH or self._waiting.empty():
                return batch, False
        return batch, True

    def _write(self, batch: Sequence[Item]) -> bool:
        """Until it is written, in order; the database may be away for minutes. False when closing did not let it come back."""
        while not self._tried(batch):
            if self._closing.wait(RETRY_S) and not self._tried(batch):
                log.error("call_log_unwritable_at_the_end waiting=%d", self.backlog)
                return False
        return True

    def _tried(self, batch: Sequence[Item]) -> bool:
        """One attempt, True when nothing of the batch is left to do."""
        try:
            with writing(self._engine) as connection:
                keep_calls(connection, [item for item in batch if isinstance(item, CallRecord)])
                keep_callbacks(connection, [item for item in batch if isinstance(item, Callback)])
                for item in batch:
                    if isinstance(item, Block):
                        keep_block(connection, item)
        except Exception as e:
            if _about_the_call(e):
                return self._apart(batch, e)
            # Locked, away, full, restarting: it will pass, and order is kept. The error's full text would quote the caller's data.
            if not self.last_error:
                log.error("call_log_unwritable waiting=%d reason=%s", self.backlog, type(e).__name__)
            self.last_error = str(getattr(e, "orig", e)).partition("\n")[0]
            return False
        self.last_error = ""
        for item in batch:
            if isinstance(item, CallRecord):
                self._tell(item)
        return True

    def _apart(self, batch: Sequence[Item], error: Exception) -> bool:
        """Something in the batch can never be stored; one such call must not keep the others out."""
        if len(batch) == 1:
            self.refused += 1
            log.error(
                "call_refused_by_the_log call=%s reason=%s", getattr(batch[0], "call_id", ""), type(error).__name__
            )
            return True
        return all(self._write([item]) for item in batch)

    def _tell(self, record: CallRecord) -> None:
        if self._on_stored is None:
            return
        try:
            self._on_stored(record)
        except Exception:
            log.exception("after_storing_failed call=%s", record.call_id)


def _about_the_call(error: Exception) -> bool:
    """Whether the database is well and this very call is what it cannot take."""
    match error:
        case sa.exc.DBAPIError():
            refused = isinstance(error, sa.exc.DataError | sa.exc.IntegrityError | sa.exc.InterfaceError)
            return refused and not error.connection_invalidated
        case sa.exc.StatementError():
            return True
        case sa.exc.SQLAlchemyError():
            return False
        case _:
            return True
