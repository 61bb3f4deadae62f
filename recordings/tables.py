"""The tables of the call log, and how a database is opened: brought to this version, or refused.

Times are UTC milliseconds. Everything that a caller controls is bound, never pasted. Texts have no length of their own: a database that
refuses a long number would keep the call out of the log.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from ivr.problem import Problem

metadata = sa.MetaData()

calls = sa.Table(
    "calls", metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("linkedid", sa.Text, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("caller_name", sa.Text, nullable=False),
    sa.Column("dialled", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("arrived_at", sa.BigInteger, nullable=False),
    sa.Column("answered_at", sa.BigInteger),
    sa.Column("ended_at", sa.BigInteger, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("wait_ms", sa.BigInteger, nullable=False),
    sa.Column("ring_ms", sa.BigInteger, nullable=False),
    sa.Column("talk_ms", sa.BigInteger, nullable=False),
    sa.Column("hold_ms", sa.BigInteger, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("agent_interface", sa.Text, nullable=False),
    sa.Column("menu_path", sa.JSON, nullable=False),
    sa.Column("transfers", sa.JSON, nullable=False),
    sa.Column("cause", sa.Integer, nullable=False),
    sa.Column("recorded", sa.Boolean, nullable=False),
    sa.Column("complete_by", sa.Text, nullable=False),
    sa.Column("folded", sa.Text, nullable=False, server_default=""),
    sa.Column("kind", sa.Text, nullable=False, server_default="inbound"),
    sa.Column("callback_id", sa.Text, nullable=False, server_default=""),
    sa.Column("dossier", sa.Text, nullable=False, server_default=""),
    sa.Column("message", sa.Text, nullable=False, server_default=""),
    sa.Column("message_ms", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("petition", sa.Text, nullable=False, server_default=""),
    sa.Column("blocked", sa.Text, nullable=False, server_default=""),
    sa.Column("favoured_s", sa.Integer, nullable=False, server_default="0"),
    sa.Column("favoured", sa.Text, nullable=False, server_default=""),
    sa.Index("calls_by_arrival", "arrived_at", "call_id"),
    sa.Index("calls_by_caller", "caller"),
    sa.Index("calls_by_message", "message", "arrived_at"),
)  # fmt: skip
"""A row a call; its stays in queues are in `visits`, what it was told about its wait in `told_waits`, its survey in `scores`. `folded` is
the agent's name without diacritics, for search."""

visits = sa.Table(
    "visits", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("joined_at", sa.BigInteger, nullable=False),
    sa.Column("left_at", sa.BigInteger),
    sa.Column("outcome", sa.Text),
    sa.Column("wait_ms", sa.BigInteger, nullable=False),
    sa.Column("ring_ms", sa.BigInteger, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("missed", sa.JSON, nullable=False),
    sa.Index("visits_by_queue", "queue", "joined_at"),
)  # fmt: skip

told_waits = sa.Table(
    "told_waits", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("ahead", sa.Integer, nullable=False),
    sa.Column("serving", sa.Integer, nullable=False),
    sa.Column("low_s", sa.Integer),
    sa.Column("high_s", sa.Integer),
    sa.Column("why", sa.Text, nullable=False),
)  # fmt: skip
"""What a caller was told about the wait, in the order it was said. Without a range: that it cannot be told, and why."""

scores = sa.Table(
    "scores", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("factor", sa.Text, nullable=False),
    sa.Column("value", sa.Integer, nullable=False),
    sa.Index("scores_by_factor", "factor", "value"),
)  # fmt: skip
"""Answers of the survey after a call."""

stretches = sa.Table(
    "stretches", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("end", sa.BigInteger, nullable=False),
)  # fmt: skip
"""What the recording of a call holds and leaves out."""

PARTS = {"visits": visits, "told": told_waits, "survey": scores, "stretches": stretches}
"""What a call has several of: field of its record -> table, a row each in their order."""

callbacks = sa.Table(
    "callbacks", metadata,
    sa.Column("callback_id", sa.Text, primary_key=True),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("place_at", sa.BigInteger, nullable=False),
    sa.Column("asked_at", sa.BigInteger, nullable=False),
    sa.Column("not_before", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.JSON, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("menu_path", sa.JSON, nullable=False),
    sa.Column("dossier", sa.Text, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("progress", sa.Integer, nullable=False),
    sa.Index("callbacks_by_asking", "asked_at"),
    sa.Index("callbacks_by_end", "ended_at"),
)  # fmt: skip
"""Promises to call back. The call that asked is still going on when its promise is kept, hence no foreign key. `progress` only grows."""

blocks = sa.Table(
    "blocks", metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("since", sa.BigInteger, primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("lifted_at", sa.BigInteger),
    sa.Index("blocks_by_end", "until"),
)  # fmt: skip
"""Numbers that are, or were, turned away for a time."""

petitions = sa.Table(
    "petitions", metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("call_id", sa.Text, nullable=False, unique=True),
    sa.Column("made_at", sa.BigInteger, nullable=False),
)  # fmt: skip
"""Numbers given to petitions, `yymmdd-NNN`; told to the caller while the call goes on."""

recordings = sa.Table(
    "recordings", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("duration_ms", sa.BigInteger, nullable=False),
    sa.Column("flaws", sa.JSON, nullable=False),
    sa.Column("kept_at", sa.BigInteger, nullable=False),
    sa.Column("place", sa.Text, nullable=False, server_default="wav"),
    sa.Column("play", sa.JSON(none_as_null=True)),
    sa.Column("original", sa.JSON(none_as_null=True)),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Index("recordings_by_place", "place"),
)  # fmt: skip
"""Audio that is kept. `flaws` say what was not as it should be, such as one voice cut off. `place`: `wav`, a file that is still to be put
away; `shelf`; or `gone`. On the shelf `play` is what may be heard, `original` what holds the numbers that are silenced there; `reason` says
why a file was not put away."""

transcripts = sa.Table(
    "transcripts", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("folded", sa.Text, nullable=False),
    sa.Column("words", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("duration_ms", sa.BigInteger, nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
)  # fmt: skip
"""`state` is done or failed; a recorded call without a row is still to be transcribed. `words` are one JSON list, because they are only
ever read together: an hour of talk (10,000 words) is written in 5 ms instead of 38 and read in 5 instead of 31, for 0.8 MB instead of 0.65.
`folded` is the text without diacritics, for search."""


def open_log(url: str) -> sa.Engine:
    """The call log at this SQLAlchemy address (SQLite or PostgreSQL), its tables brought to this version.

    Raises:
        Problem: it cannot be reached or written, or a newer version of the software has changed it.
    """
    shown = "…"
    try:
        address = sa.engine.make_url(url)
        shown = address.set(query={}).render_as_string(hide_password=True)  # a query may hold a password too
        engine = _engine(address)
        try:
            _migrate(engine, shown)
        finally:
            engine.dispose()  # the connection that migrated had its foreign keys off
    except (sa.exc.SQLAlchemyError, sqlite3.Error, CommandError, OSError, ValueError) as e:
        reason = (str(getattr(e, "orig", None) or e).splitlines() or [type(e).__name__])[0]
        raise Problem(
            f"Không mở được sổ cuộc gọi {shown}: {reason}. Hãy kiểm tra quyền ghi thư mục hoặc SMARTPBX_DATABASE_URL.",
            f"Cannot open the call log {shown}: {reason}. Check that its place can be written, or SMARTPBX_DATABASE_URL.",
        ) from e
    return engine


def writing(engine: sa.Engine) -> contextlib.AbstractContextManager[sa.Connection]:
    """One transaction that writes. SQLite is told at once: who reads first and writes later may hear «locked» without a wait."""
    return engine.execution_options(begin="BEGIN IMMEDIATE").begin()


_JSON: dict[str, Any] = {
    "json_serializer": lambda value: msgspec.json.encode(value).decode(),
    "json_deserializer": msgspec.json.decode,
}
"""A third of the time of the standard library, and Vietnamese stays readable in the database."""


def _engine(address: sa.URL) -> sa.Engine:
    match address.get_backend_name():
        case "postgresql" | "postgres":
            address = address.set(drivername="postgresql+psycopg")
            return sa.create_engine(address, pool_pre_ping=True, connect_args={"connect_timeout": 10}, **_JSON)
        case "sqlite" if address.database and address.database != ":memory:":
            return _sqlite(address, Path(address.database))
        case other:
            raise ValueError(f"«{other}» is neither sqlite:///FILE nor postgresql://…")


def _sqlite(address: sa.URL, file: Path) -> sa.Engine:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)  # numbers and words of citizens; SQLite gives the files beside it the same mode
    engine = sa.create_engine(address.set(drivername="sqlite"), **_JSON)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # Python's own BEGIN comes too late for CREATE TABLE, which would then survive a migration that was broken off.
        connection.isolation_level = None
        # FULL: what was acknowledged survives a power cut. The wait is for the writer of another process. What is deleted is overwritten.
        for pragma in (
            "busy_timeout=5000",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        for statement in connection.get_execution_options().get("begin", "BEGIN").split(";"):
            connection.exec_driver_sql(statement)

    return engine


def _migrate(engine: sa.Engine, shown: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        present = _revision(connection)
    if present == scripts.get_current_head():
        return
    if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
        raise Problem(
            f"Sổ cuộc gọi {shown} đã được phiên bản mới hơn nâng cấp (bản {present}, phần mềm này chỉ biết đến "
            f"{scripts.get_current_head()}). Hãy nâng cấp phần mềm hoặc dùng bản sao lưu cũ.",
            f"The call log {shown} belongs to a newer version (revision {present}; this software knows up to "
            f"{scripts.get_current_head()}). Upgrade the software or use an older backup.",
        )
    with _alone(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextlib.contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction for the whole migration, and one process at a time: all of it happens or none."""
    # To change a table SQLite is given a new one in its place; with foreign keys on, dropping the old would delete all that refers to it.
    options = {"begin": "PRAGMA foreign_keys=OFF;BEGIN IMMEDIATE"}
    with engine.execution_options(**options).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(1022)"))
        yield connection


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
