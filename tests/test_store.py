"""The call log on SQLite and on a real PostgreSQL: the same tests, because it is the same promise."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ivr.problem import Problem
from pbx.record import CallRecord, Outcome
from recordings import tables
from recordings.queries import CallRow, Log
from recordings.store import fail_transcript, keep_calls, keep_recording, keep_transcript
from recordings.tables import open_log, writing
from recordings.words import Transcript, Word, fold
from recordings.writer import Writer
from tests.calls import DAY, call, visit

HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}}",
    "'; DROP TABLE calls; --",
    '=cmd|"/c"!A1',
    "‮0921‬",
    "%_\\",
    "\r\nEvent: Hangup",
    "Nguyễn Văn Ả 👵🏽",
    "x" * 3_000,
]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'log.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = open_log(url)
    yield engine
    engine.dispose()


def keep(engine: sa.Engine, *records: CallRecord) -> None:
    with writing(engine) as connection:
        keep_calls(connection, records)


def say(engine: sa.Engine, call_id: str, text: str) -> None:
    words = tuple(Word(word, n * 0.3, n * 0.3 + 0.2, 0.9, "caller") for n, word in enumerate(text.split()))
    with writing(engine) as connection:
        keep_transcript(connection, call_id, Transcript(words, "model@1", 12.5), DAY)


def ids(rows: list[CallRow]) -> list[str]:
    return [row.record.call_id for row in rows]


# --- writing ------------------------------------------------------------------------------------------------------


def test_a_call_comes_back_as_it_was_told(engine: sa.Engine) -> None:
    told = call(
        answered_at=DAY + 3,
        transfers=("ho-tich", "PJSIP/102"),
        visits=(
            visit("ho-tich", left_at=None, outcome=None, missed=("Nguyễn Văn A", "B")),
            visit(outcome=Outcome.TIMEOUT),
        ),
        complete_by="reconciled",
        cause=0,
        recorded=True,
    )
    keep(engine, told)
    found = Log(engine).call(told.call_id)
    assert found is not None
    assert found.record == told


def test_every_field_of_a_record_is_kept() -> None:
    kept = {column.name for column in tables.calls.c} | {"visits"}
    assert kept - {"folded"} == {field.name for field in msgspec.structs.fields(CallRecord)}


def test_telling_a_day_twice_changes_nothing(engine: sa.Engine) -> None:
    day = [call(n, visits=(visit("ho-tich"), visit())) for n in range(150)]
    for _ in range(2):
        keep(engine, *day)
    assert Log(engine).records_between(DAY, DAY + 10**9) == day
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.visits)).scalar() == 300


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ({"complete_by": "live"}, {"complete_by": "reconciled", "ended_at": DAY + 10**6}, 0),
        ({"complete_by": "live"}, {"complete_by": "unknown", "ended_at": DAY + 10**6}, 0),
        ({"complete_by": "unknown"}, {"complete_by": "reconciled", "ended_at": DAY}, 1),
        ({"complete_by": "reconciled"}, {"complete_by": "live", "ended_at": DAY}, 1),
        ({"ended_at": DAY + 5}, {"ended_at": DAY + 6, "visits": ()}, 1),
        ({"ended_at": DAY + 6}, {"ended_at": DAY + 5, "visits": ()}, 0),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_fuller_account_wins(engine: sa.Engine, first: dict, second: dict, wins: int, at_once: bool) -> None:  # type: ignore[type-arg]
    told = [call(1, wait_ms=1, **first), call(1, wait_ms=2, **second)]
    for batch in [told] if at_once else [told[:1], told[1:]]:
        keep(engine, *batch)
    assert Log(engine).records_between(0, 2 * DAY) == [told[wins]]


def test_a_transcript_is_kept_once_and_never_replaced_by_a_failure(engine: sa.Engine) -> None:
    keep(engine, call(1, recorded=True))
    log, call_id = Log(engine), call(1).call_id
    assert log.calls()[0].transcript_state == "pending"
    with writing(engine) as connection:
        fail_transcript(connection, call_id, "model@1", "no audio", DAY)
    failed = log.call(call_id)
    assert failed is not None
    assert (failed.transcript_state, failed.reason, failed.words) == ("failed", "no audio", ())
    for _ in range(2):
        say(engine, call_id, "tôi muốn hỏi đất đai")
    with writing(engine) as connection:
        fail_transcript(connection, call_id, "model@1", "too late", DAY)
        keep_recording(connection, call_id, 12_600, ["agent: cut off"], DAY)
    found = log.call(call_id)
    assert found is not None
    assert (found.transcript_state, found.reason, found.model) == ("done", "", "model@1")
    assert [turn.text for turn in found.turns] == ["tôi muốn hỏi đất đai"]
    assert (found.duration_ms, found.flaws) == (12_600, ("agent: cut off",))
    assert log.settled(call_id)


def test_what_is_to_be_transcribed(engine: sa.Engine) -> None:
    keep(engine, call(1, recorded=True), call(2, recorded=True), call(3), call(4, recorded=True))
    say(engine, call(2).call_id, "chào")
    assert Log(engine).without_transcript() == [call(4).call_id, call(1).call_id]
    assert [row.transcript_state for row in Log(engine).calls()] == ["pending", "none", "done", "pending"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_come_back_verbatim(engine: sa.Engine, text: str) -> None:
    told = call(
        1, caller=text, caller_name=text, dialled=text, agent=text, menu_path=(text,), visits=(visit(missed=(text,)),)
    )
    keep(engine, told, call(2))
    assert Log(engine).records_between(0, 2 * DAY) == [told, call(2)]


def test_what_no_database_takes_is_marked_and_the_call_kept(engine: sa.Engine) -> None:
    keep(engine, call(1, caller="09\x0012", menu_path=("a\ud800b",)))
    [kept] = Log(engine).records_between(0, 2 * DAY)
    assert (kept.caller, kept.menu_path) == ("09\ufffd12", ("a?b",))


# --- reading ------------------------------------------------------------------------------------------------------


def test_pages_follow_each_other_without_gap_or_repetition(engine: sa.Engine) -> None:
    keep(engine, *(call(n, arrived_at=DAY + n // 7) for n in range(40)))
    log, seen, before = Log(engine), [], None
    while page := log.calls(limit=9, before=before):
        seen += ids(page)
        before = (page[-1].record.arrived_at, page[-1].record.call_id)
    assert seen == [row.record.call_id for row in log.calls(limit=100)]
    assert len(set(seen)) == 40


def test_filters(engine: sa.Engine) -> None:
    keep(
        engine,
        call(1),
        call(2, outcome=Outcome.ABANDONED),
        call(3, queue="ho-tich", visits=(visit(), visit("ho-tich"))),
    )
    log = Log(engine)
    assert ids(log.calls(outcome="abandoned")) == [call(2).call_id]
    assert ids(log.calls(queue="ho-tich")) == [call(3).call_id]
    assert len(log.calls(queue="dat-dai")) == 3
    assert log.calls(queue="dat-dai", outcome="failed") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("đất đai", {1}),
        ("dat dai", {1}),
        ("ĐẤT ĐAI", {1}),
        ("  dat   dai ", {1}),
        ("dang thi hue", {1, 2, 3}),
        ("Đặng Thị Huệ", {1, 2, 3}),
        ("đặng", {1, 2, 3}),
        ("thủ tục hộ tịch", {2}),
        ("thu tuc ho tich", {2}),
        ("090000 0003", {3}),
        ("ho-tich", {2}),
        ("100%", {3}),
        ("%", {3}),
        ("_", {3}),
        ("'", set()),
        ("\\", set()),
        ("/", set()),
        ("\0", {1, 2, 3}),
        ("pbx-17954.2", {2}),
        ("\ud800", {1, 2, 3}),
    ],
)
def test_search(engine: sa.Engine, text: str, found: set[int]) -> None:
    keep(engine, call(1), call(2, queue="ho-tich", visits=(visit("ho-tich"),)), call(3, visits=()))
    say(engine, call(1).call_id, "tôi hỏi về sử dụng đất đai ạ")
    say(engine, call(3).call_id, "được 100% _ chứ")
    log = Log(engine, {"ho-tich": "Thủ tục hộ tịch", "dat-dai": "Đ.Đ"})
    assert set(ids(log.calls(text=text))) == {call(n).call_id for n in found}


def test_the_snippet_shows_what_was_looked_for(engine: sa.Engine) -> None:
    keep(engine, call(1))
    say(engine, call(1).call_id, "một " * 100 + "cấp đổi sổ đỏ " + "hai " * 100)
    [row] = Log(engine).calls(text="doi so do")
    assert "cấp đổi sổ đỏ" in row.snippet
    assert row.snippet.startswith("…")
    assert row.snippet.endswith("…")
    assert len(row.snippet) < 130


def test_days(engine: sa.Engine) -> None:
    keep(engine, *(call(n) for n in (3, 1, 2)))
    log = Log(engine)
    assert log.records_between(call(1).arrived_at, call(3).arrived_at) == [call(1), call(2)]
    assert log.count_between(call(1).arrived_at, call(3).arrived_at) == 2
    assert log.count() == 3
    assert log.call("pbx-17954.99") is None
    assert log.call("\0") is None


# --- opening ------------------------------------------------------------------------------------------------------


def test_opening_again_keeps_everything_and_the_tables_are_those_of_the_code(url: str) -> None:
    for n in range(2):
        engine = open_log(url)
        keep(engine, call(n))
        engine.dispose()
    engine = open_log(url)
    with engine.connect() as connection:
        strict = {"compare_type": url.startswith("postgres")}  # SQLite keeps lengths as written and ignores them
        context = MigrationContext.configure(connection, opts=strict)
        assert compare_metadata(context, tables.metadata) == []
        assert Log(engine).count() == 2
    engine.dispose()


OLD_CALL = (
    "INSERT INTO calls VALUES ('c.1', 'c.1', '0912', '', '1022', 'vi', 1000, NULL, 9000, 'dat-dai', 'answered', 1, 2, 3, 0, "
    '\'Đặng Huệ\', \'PJSIP/101\', \'["a"]\', \'[]\', \'[{"queue": "ho-tich", "joined_at": 1, "left_at": null, '
    '"outcome": null, "wait_ms": 5, "ring_ms": 0, "agent": "", "missed": ["B"]}]\', 16, true, \'live\')'
)


def first_version(url: str) -> None:
    """The database as the first version left it, with a call and its transcript."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables.command, "upgrade", lambda config, _, real=tables.command.upgrade: real(config, "0001"))
        engine = open_log(url)
    with engine.begin() as connection:
        connection.execute(sa.text(OLD_CALL.replace(":", "\\:")))
        connection.execute(
            sa.text("INSERT INTO transcripts VALUES ('c.1', 'done', 'm', 'chào', 'chao', '[]', '', 5, 6)")
        )
    engine.dispose()


def assert_carried_over(url: str) -> None:
    engine = open_log(url)
    log = Log(engine)
    [row] = log.calls(text="dang hue")
    assert (row.transcript_state, row.snippet) == ("done", "chào")
    assert row.record.visits == (
        visit("ho-tich", joined_at=1, left_at=None, outcome=None, wait_ms=5, ring_ms=0, missed=("B",)),
    )
    keep(engine, call(1, caller="9" * 500))
    engine.dispose()


def test_an_older_database_is_carried_over_with_all_its_calls(url: str) -> None:
    first_version(url)
    assert_carried_over(url)


def test_a_migration_that_broke_off_left_nothing_and_is_done_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first_version(url)
    last = tables.command.upgrade

    def break_off(config: object, revision: str) -> None:
        last(config, revision)  # type: ignore[arg-type]
        raise OSError("no space left")

    monkeypatch.setattr(tables.command, "upgrade", break_off)
    with pytest.raises(Problem, match="no space left"):
        open_log(url)
    monkeypatch.undo()
    assert_carried_over(url)


def test_processes_that_open_it_at_once_migrate_it_once(url: str) -> None:
    first_version(url)
    code = "import sys; from recordings.tables import open_log; open_log(sys.argv[1]).dispose()"
    together = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(3)]
    assert [process.wait(60) for process in together] == [0, 0, 0]
    assert_carried_over(url)


def test_a_newer_database_is_refused_untouched(url: str) -> None:
    engine = open_log(url)
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0999'"))
    engine.dispose()
    with pytest.raises(Problem) as problem:
        open_log(url)
    assert "0999" in problem.value.en
    assert "Upgrade the software" in problem.value.en
    assert "0999" in problem.value.vi
    assert "phiên bản mới hơn" in problem.value.vi


def test_places_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    (tmp_path / "picture.sqlite").write_bytes(b"\x89PNG" + bytes(5_000))
    wrong = {
        f"sqlite:///{tmp_path}/file/deeper/log.sqlite": "Not a directory",
        f"sqlite:///{tmp_path}": "",
        f"sqlite:///{tmp_path}/picture.sqlite": "file is not a database",
        "sqlite://": "neither",
        "mysql://localhost/x": "neither",
        "what is this": "",
        "": "",
        f"postgresql:///x?host={tmp_path}&user=p&password=geheim": "",
    }
    for url, reason in wrong.items():
        with pytest.raises(Problem) as problem:
            open_log(url)
        assert reason in problem.value.en
        assert "SMARTPBX_DATABASE_URL" in problem.value.vi
        assert "geheim" not in problem.value.en + problem.value.vi
    assert (tmp_path / "picture.sqlite").stat().st_size == 5_004


def test_the_database_is_its_owners_and_survives_a_power_cut(tmp_path: Path) -> None:
    engine = open_log(f"sqlite:///{tmp_path}/log.sqlite")
    keep(engine, call(1))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    with engine.connect() as connection:
        told = {
            p: connection.exec_driver_sql(f"PRAGMA {p}").scalar()
            for p in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    engine.dispose()


# --- the writer ---------------------------------------------------------------------------------------------------


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


def test_folding() -> None:
    assert fold("Đặng Thị HUỆ, ƯỜNG") == "dang thi hue, uong"
    assert fold("Tiê\u0301ng Viê\u0323t") == "tieng viet"
