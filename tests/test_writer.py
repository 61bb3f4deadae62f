"""The writer: every call in its order, whatever the database does, and nobody waits for it."""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from pbx.record import CallRecord
from recordings.queries import Log
from recordings.tables import open_log, writing
from recordings.writer import Writer
from tests.calls import call


class Stored:
    """Collects what the writer says is stored, and can be waited for."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, record: CallRecord) -> None:
        with self._changed:
            self.ids.append(record.call_id)
            self._changed.notify_all()

    def wait(self, count: int, seconds: float = 20) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.ids) >= count, seconds), len(self.ids)


def await_true(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_writer_keeps_order_and_flushes_when_closed(engine: sa.Engine) -> None:
    stored = Stored()
    writer = Writer(engine, stored)
    for n in range(450):
        writer.put(call(n))
    assert writer.close()
    assert stored.ids == [call(n).call_id for n in range(450)]
    assert Log(engine).count() == 450
    assert (writer.backlog, writer.last_error, writer.refused) == (0, "", 0)


def test_the_writer_waits_for_a_locked_database_and_nobody_waits_for_the_writer(tmp_path: Path) -> None:
    engine = open_log(f"sqlite:///{tmp_path}/log.sqlite")
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=50"))
    stored = Stored()
    other = sqlite3.connect(tmp_path / "log.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = Writer(engine, stored)
    began = time.monotonic()
    for n in range(1_000):
        writer.put(call(n))
    assert time.monotonic() - began < 0.5
    await_true(lambda: writer.last_error)
    assert "locked" in writer.last_error
    assert writer.backlog == 1_000
    assert stored.ids == []
    other.execute("COMMIT")
    other.close()
    stored.wait(1_000)
    assert writer.close()
    assert (writer.backlog, writer.last_error) == (0, "")
    assert stored.ids == [call(n).call_id for n in range(1_000)]
    engine.dispose()


def test_the_writer_survives_a_database_server_that_drops_everybody(postgres_url: str) -> None:
    engine, stored = open_log(postgres_url), Stored()
    writer = Writer(engine, stored)
    writer.put(call(1))
    stored.wait(1)
    admin = sa.create_engine(engine.url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    admin.dispose()
    writer.put(call(2))
    stored.wait(2)
    assert writer.close()
    assert Log(engine).count() == 2
    engine.dispose()


def test_one_impossible_call_does_not_keep_the_others_out(engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    stored = Stored()
    writer = Writer(engine, stored)
    with writing(engine):  # meanwhile they gather into one batch
        writer.put(call(0))
        for n in range(1, 6):
            writer.put(call(n, wait_ms=2**70 if n == 3 else 1, caller="0912345678"))
    assert writer.close()
    assert stored.ids == [call(n).call_id for n in (0, 1, 2, 4, 5)]
    assert writer.refused == 1
    assert "call_refused_by_the_log call=pbx-17954.3" in caplog.text
    assert "0912345678" not in caplog.text


def test_a_database_that_stays_away_does_not_hold_up_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = open_log(f"sqlite:///{tmp_path}/log.sqlite")
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE calls RENAME TO elsewhere")
    writer = Writer(engine)
    writer.put(call(1))
    await_true(lambda: writer.last_error)
    began = time.monotonic()
    assert not writer.close()
    assert time.monotonic() - began < 3
    assert writer.backlog == 1
    assert "call_log_unwritable_at_the_end waiting=1" in caplog.text
    engine.dispose()


def test_who_is_told_may_fail(engine: sa.Engine) -> None:
    told: list[str] = []

    def tell(record: CallRecord) -> None:
        told.append(record.call_id)
        raise RuntimeError

    writer = Writer(engine, tell)
    writer.put(call(1))
    writer.put(call(2))
    assert writer.close()
    assert told == [call(1).call_id, call(2).call_id]
