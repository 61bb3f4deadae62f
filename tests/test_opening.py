"""The call log is opened: new, old, newer than the software, by several at once, or in a place that cannot be used."""

import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from ivr.problem import Problem
from recordings import corrections, tables, voices
from recordings.queries import Log
from recordings.tables import open_log, writing
from tests.call_logs import keep
from tests.calls import call, visit


def test_opening_again_keeps_everything_and_the_tables_are_those_of_the_code(url: str) -> None:
    for n in range(2):
        engine = open_log(url)
        keep(engine, call(n))
        engine.dispose()
    engine = open_log(url)
    assert {corrections.corrections.name, voices.voice_facts.name} < set(tables.metadata.tables), (
        "every table is known here"
    )
    with engine.connect() as connection:
        strict = {"compare_type": url.startswith("postgres")}  # SQLite keeps lengths as written and ignores them
        context = MigrationContext.configure(connection, opts=strict)
        # What only one of the databases has: the full-text index and its tables, the vector and its index.
        ours = [change for change in compare_metadata(context, tables.metadata) if "spoken_index" not in str(change)]
        assert [change for change in ours if "spoken_said" not in str(change) and "TSVECTOR" not in str(change)] == []
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
    code = "import sys; from recordings.tables import open_log; print(flush=True); input(); open_log(sys.argv[1]).dispose()"
    together = [subprocess.Popen([sys.executable, "-c", code, url], stdin=PIPE, stdout=PIPE) for _ in range(4)]
    for process in together:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"  # it has imported all, so that they really race
    for process in together:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in together:
        process.communicate(timeout=60)
    assert [process.returncode for process in together] == [0] * 4
    assert_carried_over(url)


def test_a_table_that_gets_a_new_one_in_its_place_takes_nothing_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SQLite makes most changes; with its foreign keys on, dropping the old table would delete every transcript."""
    url = f"sqlite:///{tmp_path}/log.sqlite"
    first_version(url)
    last = tables.command.upgrade

    def copy_first(config: Config, revision: str) -> None:
        for statement in (
            "CREATE TABLE copy AS SELECT * FROM calls",
            "DROP TABLE calls",
            "ALTER TABLE copy RENAME TO calls",
        ):
            config.attributes["connection"].exec_driver_sql(statement)
        last(config, revision)

    monkeypatch.setattr(tables.command, "upgrade", copy_first)
    engine = open_log(url)
    assert [row.transcript_state for row in Log(engine).calls()] == ["done"]
    engine.dispose()


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
        f"postgresql://p:geheim@/x?host={tmp_path}": "",
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
