"""What was said is kept as long as the rules say, let go of with proof, and whoever looks at it is written down."""

import random
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ivr.problem import Problem
from pbx.callbacks import Callback, CallbackState
from pbx.cli import app
from pbx.record import CallRecord
from pbx.run import open_shelf
from pbx.settings import HOUSE, read_settings
from recordings import audit
from recordings.audit import Audit, Broken
from recordings.corrections import correct
from recordings.forgetting import Forgetting, hold, lift
from recordings.queries import Log
from recordings.retention import DAY_MS, KINDS, load_rules
from recordings.search import Search
from recordings.shelf import Shelf
from recordings.store import keep_callbacks, keep_calls, keep_put_away, keep_recording, keep_transcript
from recordings.tables import open_log, writing
from recordings.tables_keeping import forgotten
from recordings.words import Transcript, Word
from tests.call_logs import engine, keep, url  # noqa: F401 - fixtures
from tests.calls import call

NOW = 1_795_400_000_000
CANARY = "hoàngkimbảochâu"


class Office:
    """A log, a shelf and their rules."""

    def __init__(self, engine: sa.Engine, place: Path) -> None:  # noqa: F811
        self.engine, self.log = engine, Log(engine)
        self.shelf = Shelf(str(place / "shelf"), None)
        self.audit = Audit(engine, place / "anchors.txt")
        self.forgetting = Forgetting(engine, self.shelf, load_rules())

    def call(self, number: int, days: int, **changed: object) -> CallRecord:
        """A call so many days ago with audio, an original and words."""
        record = call(number, recorded=True, arrived_at=NOW - days * DAY_MS, **changed)
        keep(self.engine, record)
        name = record.call_id
        play, original = (
            self.shelf.put(f"{kind}/{name}.ogg", f"{kind} {name}".encode()) for kind in ("play", "original")
        )
        words = (Word("nói", 0.0, 0.3, 0.9, "caller"), Word(CANARY, 0.4, 0.9, 0.9, "caller"))
        with writing(self.engine) as connection:
            keep_recording(connection, name, 1000, (), NOW)
            keep_put_away(connection, name, play, original)
            keep_transcript(connection, name, Transcript(words, "m", 1.0), NOW)
        return record

    def left(self, record: CallRecord) -> set[str]:
        found = self.log.call(record.call_id)
        assert found is not None
        audio = {kind for kind in ("play", "original") if f"{kind}/{record.call_id}.ogg" in set(self.shelf.names())}
        assert audio == {
            kind for kind, kept in (("play", found.play), ("original", found.original)) if kept is not None
        }
        return audio | ({"words"} if found.words else set()) | ({"number"} if found.record.caller else set())


@pytest.fixture
def office(engine: sa.Engine, tmp_path: Path) -> Iterator[Office]:  # noqa: F811
    yield Office(engine, tmp_path)


EVERYTHING = {"play", "original", "words", "number"}


# --- retention ------------------------------------------------------------------------------------------------------


def test_each_kind_goes_when_its_time_is_over_and_the_call_stays(office: Office) -> None:
    ages = {1: EVERYTHING, 91: {"play", "words", "number"}, 181: {"words", "number"}, 731: {"number"}, 1096: set()}
    records = {days: office.call(n, days) for n, days in enumerate(ages)}
    message = office.call(10, 300, message="voicemail")
    petition = office.call(11, 1000, message="petition")
    planned = office.forgetting.plan(NOW)
    assert office.forgetting.run(NOW, "hệ thống") == planned
    assert {days: office.left(record) for days, record in records.items()} == ages
    assert office.left(message) == {"play", "words", "number"} and office.left(petition) == {"play", "words", "number"}
    assert office.log.count() == 7 and office.forgetting.plan(NOW) == [] and office.forgetting.run(NOW + 1, "x") == []
    assert [h.record.call_id for h in Search(office.engine).find("nói").hits][:1] == [records[1].call_id]
    assert len(Search(office.engine).find(CANARY).hits) == 5
    with office.engine.connect() as connection:
        manifest = connection.execute(sa.select(forgotten)).all()
    assert {(row.kind, row.call_id) for row in manifest} == {(due.kind, due.call_id) for due in planned}
    assert all(len(row.sha256) == 64 and "days" in row.rule for row in manifest) and office.audit.verify() is None


def test_what_is_held_is_never_touched(office: Office) -> None:
    held, other = office.call(1, 2000), office.call(2, 2000)
    theirs = office.call(3, 2000, caller="0987654321")
    mine = hold(office.engine, NOW, "thanh tra", "khiếu nại", call_id=held.call_id)
    hold(office.engine, NOW, "toà án", "vụ án", number="+84987654321", until=NOW + DAY_MS)
    office.forgetting.run(NOW, "hệ thống")
    assert (office.left(held), office.left(theirs), office.left(other)) == (EVERYTHING, EVERYTHING, set())
    lift(office.engine, NOW, "thanh tra", mine, "xong")
    office.forgetting.run(NOW + 2 * DAY_MS, "hệ thống")
    assert office.left(held) == office.left(theirs) == set()
    for wrong in ({"call_id": ""}, {"number": "anonymous"}):
        with pytest.raises(Problem):
            hold(office.engine, NOW, "x", "lý do", **wrong)
    with pytest.raises(Problem, match="hold-none"):
        lift(office.engine, NOW, "x", "hold-none", "")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31))
def test_nothing_held_is_lost_whatever_is_due(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    place, at_random = tmp_path_factory.mktemp("held"), random.Random(seed)
    log = open_log(f"sqlite:///{place / 'log.sqlite'}")
    office = Office(log, place)
    records = [
        office.call(n, at_random.choice((10, 100, 200, 800, 2000)), caller=f"09000000{n % 4:02}") for n in range(10)
    ]
    kept = set()
    for record in at_random.sample(records, 3):
        if at_random.random() < 0.5:
            hold(log, NOW, "a", "b", call_id=record.call_id)
            kept.add(record.call_id)
        else:
            hold(log, NOW, "a", "b", number=record.caller)
            kept |= {other.call_id for other in records if other.caller == record.caller}
    office.forgetting.run(NOW, "hệ thống")
    office.forgetting.erase(at_random.choice(records).caller, NOW, "người", "yêu cầu")
    assert all(office.left(record) == EVERYTHING for record in records if record.call_id in kept)
    log.dispose()


def test_a_clock_that_jumped_lets_nothing_go(office: Office) -> None:
    office.call(1, 2000)
    office.forgetting.run(NOW, "hệ thống")
    office.call(2, 2000)
    for at, word in ((NOW - 1, "back"), (NOW + 41 * DAY_MS, "forward")):
        with pytest.raises(Problem, match=word):
            office.forgetting.run(at, "hệ thống")
    with pytest.raises(Problem, match="back"):
        office.forgetting.run(NOW - 1, "hệ thống", clock_is_right=True)
    assert office.forgetting.run(NOW + 41 * DAY_MS, "quản trị", clock_is_right=True)


def test_a_run_that_breaks_off_is_finished_by_the_next(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [office.call(n, 2000) for n in range(4)]
    real, calls_left = Shelf.delete, [5]

    def delete(self: Shelf, name: str) -> None:
        calls_left[0] -= 1
        if calls_left[0] < 0:
            raise OSError("the store is away")
        real(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "delete", delete)
        with pytest.raises(OSError, match="away"):
            office.forgetting.run(NOW, "hệ thống")
    office.forgetting.run(NOW + 1, "hệ thống")
    assert all(office.left(record) == set() for record in records) and not list(office.shelf.names())


def test_a_person_may_ask_to_be_forgotten(office: Office) -> None:
    mine = [office.call(n, n, caller=form) for n, form in enumerate(("0912345678", "+84912345678", "0912345678"))]
    other = office.call(9, 1, caller="0999999999")
    hold(office.engine, NOW, "thanh tra", "khiếu nại", call_id=mine[2].call_id)
    correct(office.engine, mine[0].call_id, 0, f"nói {CANARY}", f"nói thêm {CANARY}", "cán bộ", NOW)
    promised = [
        Callback(name, "", "+84912345678", "dat-dai", "vi", 1, 1, 1, 2, state=state, ended_at=ended)
        for name, state, ended in (("over", CallbackState.DONE, 5), ("open", CallbackState.WAITING, None))
    ]
    with writing(office.engine) as connection:
        keep_callbacks(connection, promised)
    gone, kept = office.forgetting.erase("0912 345 678", NOW, "cán bộ", "yêu cầu của công dân")
    assert kept == [mine[2].call_id] and {due.call_id for due in gone} == {mine[0].call_id, mine[1].call_id}
    assert [office.left(record) for record in (*mine, other)] == [set(), set(), EVERYTHING, EVERYTHING]
    with office.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM corrections").scalar() == 0
        assert connection.exec_driver_sql("SELECT callback_id FROM callbacks").scalars().all() == ["open"]
    with writing(office.engine) as connection:
        keep_calls(connection, mine)  # as a restart does, which replays the journal
    assert office.left(mine[0]) == set(), "the journal brought a number back"


def test_what_went_is_not_in_the_file_any_more(tmp_path: Path) -> None:
    file = tmp_path / "log.sqlite"
    log = open_log(f"sqlite:///{file}")
    office = Office(log, tmp_path)
    for n in range(20):
        office.call(n, 3000, caller=f"09876543{n:02}")
    with log.begin() as connection:
        connection.exec_driver_sql("INSERT INTO spoken_index(spoken_index) VALUES ('optimize')")
    office.forgetting.run(NOW, "hệ thống")
    with log.begin() as connection:
        connection.exec_driver_sql("INSERT INTO spoken_index(spoken_index) VALUES ('optimize')")
    log.dispose()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = b"".join(path.read_bytes() for path in tmp_path.glob("log.sqlite*"))
    assert CANARY.encode() not in data and b"0987654307" not in data


def test_rules_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    shipped = load_rules()
    assert all(shipped.of(kind).purpose for kind in KINDS) and shipped.petition.days > shipped.recording.days
    text = Path(HOUSE / "recordings" / "keeping.yaml").read_text("utf-8")
    for old, new, word in (("days: 180", "days: 0", "recording"), ("days: 180", "days: many", "recording"),
                           ("number:", "numbers:", "number"),
                           ("recording:", "- x", "wrong")):  # fmt: skip
        (tmp_path / "keeping.yaml").write_text(text.replace(old, new), "utf-8")
        with pytest.raises(Problem, match=word):
            load_rules(tmp_path / "keeping.yaml")


# --- the audit log ------------------------------------------------------------------------------------------------


def test_a_chain_that_was_touched_says_where(office: Office) -> None:
    for n in range(30):
        office.audit.note("trực ban", "listen", f"pbx-{n}", "kiểm tra\x00 <b>")
    assert office.audit.verify() is None
    mine, drop = _tampering(office.engine)
    for change, seq in (
        ("UPDATE audit SET who = 'ai khác' WHERE seq = 7", 7), ("UPDATE audit SET at = at + 1 WHERE seq = 30", 30),
        ("DELETE FROM audit WHERE seq = 12", 12), ("DELETE FROM audit WHERE seq > 25", 26),
        ("UPDATE audit SET about = 'pbx-999' WHERE seq = 1", 1),
    ):  # fmt: skip
        with office.engine.connect() as connection, connection.begin() as transaction:
            for statement in (*drop, change):
                connection.exec_driver_sql(statement)
            broken, _, _ = audit._chain(connection, dict(office.audit._known()))
            transaction.rollback()
        assert isinstance(broken, Broken) and broken.seq == seq, change
    for forbidden in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(sa.exc.DBAPIError, match="only added to"), office.engine.begin() as connection:
            connection.exec_driver_sql(forbidden)
    assert office.audit.verify() is None and mine


def _tampering(engine: sa.Engine) -> tuple[str, tuple[str, ...]]:  # noqa: F811
    """What somebody who owns the database does first."""
    if engine.dialect.name == "sqlite":
        return "sqlite", ("DROP TRIGGER audit_stays", "DROP TRIGGER audit_remains")
    return "postgresql", ("DROP TRIGGER audit_stays ON audit",)


def test_two_processes_write_one_chain(office: Office, url: str) -> None:  # noqa: F811
    code = (
        "import sys; from pathlib import Path; from recordings.audit import Audit; from recordings.tables import open_log\n"
        "log = Audit(open_log(sys.argv[1]), Path('/nowhere'))\n"
        "for n in range(40): log.note(sys.argv[2], 'read', str(n))"
    )
    address = office.engine.url.render_as_string(hide_password=False)
    writers = [subprocess.Popen([sys.executable, "-c", code, address, who], cwd=HOUSE) for who in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert office.audit.verify() is None
    with office.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*), max(seq) FROM audit").one() == (80, 80)


def test_a_number_is_never_in_the_log_of_who_looked() -> None:
    assert audit.of_number("0912345678") == audit.of_number("+84912345678") != audit.of_number("0912345679")
    assert "912345678" not in audit.of_number("0912345678")


# --- at the terminal ------------------------------------------------------------------------------------------------


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Runs a command of ours in an installation of its own, and gives back what it said."""
    for name, value in {"DATA_DIR": tmp_path / "var", "KEY_FILE": tmp_path / "keys" / "recordings.key"}.items():
        monkeypatch.setenv(f"SMARTPBX_{name}", str(value))

    def run(*arguments: str, entered: str = "") -> str:
        result = CliRunner().invoke(app, list(arguments), input=entered)
        return result.output + (result.exception.en if isinstance(result.exception, Problem) else "")

    yield run


def installed(place: Path) -> Office:
    made = Office(open_log(f"sqlite:///{place / 'var' / 'smartpbx.sqlite'}"), place)
    made.shelf = open_shelf(read_settings())
    return made


def test_holds_retention_and_audit_by_command(told: Callable[..., str], tmp_path: Path) -> None:
    office = installed(tmp_path)
    now = time.time_ns() // 1_000_000
    old = office.call(1, (NOW - now) // DAY_MS + 2000)
    held = told("hold", "add", "--call", old.call_id, "--reason", "khiếu nại").strip()
    assert "nothing is due" in told("retention", "plan")
    assert "no hold hold-x" in told("hold", "lift", "hold-x", "--reason", "x") and "✓" in told(
        "hold", "lift", held, "--reason", "xong"
    )
    assert "recording    1" in told("retention", "plan") and "items gone" in told("retention", "run")
    assert office.left(old) == set() and "audit log is whole" in told("audit", "verify")
    with office.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_stays")
        connection.exec_driver_sql("UPDATE audit SET why = 'khác' WHERE seq = 1")
    assert "touched from row 1" in told("audit", "verify")
    office.engine.dispose()


def test_a_person_is_given_everything_and_then_forgotten(told: Callable[..., str], tmp_path: Path) -> None:
    office = installed(tmp_path)
    mine = office.call(1, 1, caller="0912345678")
    target = tmp_path / "mine.zip"
    assert "1 cuộc gọi, 1 ghi âm" in told(
        "person", "export", "0912345678", "--to", str(target), "--reason", "công dân yêu cầu"
    )
    with zipfile.ZipFile(target) as file:
        assert file.read(f"ghi-am/{mine.call_id}.ogg") == f"play {mine.call_id}".encode()
        assert CANARY in file.read("cuoc-goi.json").decode() and CANARY in file.read("doc-truoc.html").decode()
    assert target.stat().st_mode & 0o077 == 0
    assert (
        "Aborted" in told("person", "erase", "0912345678", "--reason", "x", entered="n\n")
        or office.left(mine) == EVERYTHING
    )
    assert "items gone" in told("person", "erase", "0912345678", "--reason", "công dân yêu cầu", "--yes")
    assert office.left(mine) == set() and office.audit.verify() is None
    with office.engine.connect() as connection:
        noted = connection.exec_driver_sql("SELECT what, about FROM audit").all()
    assert [row[0] for row in noted] == ["export", "retention"] and not any("912345678" in row[1] for row in noted)
    office.engine.dispose()


def test_an_original_is_opened_by_two_people_only(told: Callable[..., str], tmp_path: Path) -> None:
    office = installed(tmp_path)
    kept = office.call(1, 1)
    assert "at least 12" in told("custodian", "add", "Lan", entered="ngắn\nngắn\n")
    for name in ("Lan", "Minh"):
        assert "✓" in told("custodian", "add", name, entered=f"câu dài của {name} đây\n" * 2)
    target = tmp_path / "original.ogg"

    def opened(*people: str) -> str:
        entered = "".join(f"{name}\ncâu dài của {name} đây\n" for name in people)
        return told("custodian", "open", kept.call_id, "--to", str(target), "--reason", "khiếu nại", entered=entered)

    for wrong in (("Lan", "Lan"), ("Lan", "Hùng"), ("Minh", "lan")):
        assert "Two different custodians" in opened(*wrong) and not target.exists(), wrong
    assert "✓" in opened("Lan", "Minh") and target.read_bytes() == f"original {kept.call_id}".encode()
    assert target.stat().st_mode & 0o077 == 0
    with office.engine.connect() as connection:
        noted = connection.exec_driver_sql("SELECT who FROM audit WHERE what = 'original' ORDER BY seq").scalars().all()
    assert list(noted) == ["Lan", "Minh"]
    office.engine.dispose()
