"""The tables of the call log, and how a database is opened: migrated to this version, or refused.

Times are UTC milliseconds. Everything that a caller controls is bound, never pasted.
"""

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from ivr.problem import Problem

metadata = sa.MetaData()

calls = sa.Table(
    "calls", metadata,
    sa.Column("call_id", sa.String(80), primary_key=True),
    sa.Column("linkedid", sa.String(80), nullable=False),
    sa.Column("caller", sa.String(40), nullable=False),
    sa.Column("caller_name", sa.String(120), nullable=False),
    sa.Column("dialled", sa.String(40), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("arrived_at", sa.BigInteger, nullable=False),
    sa.Column("answered_at", sa.BigInteger),
    sa.Column("ended_at", sa.BigInteger, nullable=False),
    sa.Column("queue", sa.String(80), nullable=False),
    sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("wait_ms", sa.BigInteger, nullable=False),
    sa.Column("ring_ms", sa.BigInteger, nullable=False),
    sa.Column("talk_ms", sa.BigInteger, nullable=False),
    sa.Column("hold_ms", sa.BigInteger, nullable=False),
    sa.Column("agent", sa.String(120), nullable=False),
    sa.Column("agent_interface", sa.String(80), nullable=False),
    sa.Column("menu_path", sa.JSON, nullable=False),
    sa.Column("transfers", sa.JSON, nullable=False),
    sa.Column("visits", sa.JSON, nullable=False),
    sa.Column("cause", sa.Integer, nullable=False),
    sa.Column("recorded", sa.Boolean, nullable=False),
    sa.Column("complete_by", sa.String(12), nullable=False),
    sa.Index("calls_by_arrival", "arrived_at", "call_id"),
    sa.Index("calls_by_caller", "caller"),
)  # fmt: skip

transcripts = sa.Table(
    "transcripts", metadata,
    sa.Column("call_id", sa.String(80), sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("model", sa.String(80), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("folded", sa.Text, nullable=False),
    sa.Column("words", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("duration_ms", sa.BigInteger, nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
)  # fmt: skip
"""`state` is done or failed; a recorded call without a row is still to be transcribed. `words` are a JSON list, because they are only ever
read together; `folded` is the text without diacritics, for search."""


def open_log(url: str) -> sa.Engine:
    """The call log at this SQLAlchemy address, its tables brought to this version.

    Raises:
        Problem: it cannot be reached or written, or a newer version of the software has changed it.
    """
    try:
        engine = _engine(url)
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
        _migrate(engine)
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as e:
        reason = str(getattr(e, "orig", None) or e).splitlines()[0]
        shown = sa.engine.make_url(url).render_as_string(hide_password=True)
        raise Problem(
            f"Không mở được sổ cuộc gọi {shown}: {reason}. Hãy kiểm tra quyền ghi thư mục hoặc SMARTPBX_DATABASE_URL.",
            f"Cannot open the call log {shown}: {reason}. Check that its place can be written, or SMARTPBX_DATABASE_URL.",
        ) from e
    return engine


def _engine(url: str) -> sa.Engine:
    address = sa.engine.make_url(url)
    if address.get_backend_name() == "postgresql":
        return sa.create_engine(address.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # FULL: what was acknowledged survives a power cut. The wait is for the writer of another process.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _migrate(engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.begin() as connection:
        present = _revision(connection)
        if present is not None and present not in known:
            shown = engine.url.render_as_string(hide_password=True)
            raise Problem(
                f"Sổ cuộc gọi {shown} đã được phiên bản mới hơn nâng cấp (bản {present}). Hãy nâng cấp phần mềm.",
                f"The call log {shown} belongs to a newer version (revision {present}). Upgrade the software.",
            )
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as e:
            raise sa.exc.InvalidRequestError(str(e)) from e


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
