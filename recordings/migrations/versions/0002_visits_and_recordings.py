"""Visits get rows of their own, kept audio is noted, texts may be of any length, agents can be found without diacritics."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from recordings.words import fold

revision = "0002"
down_revision = "0001"

_TEXTS = (
    "linkedid",
    "caller",
    "caller_name",
    "dialled",
    "language",
    "queue",
    "outcome",
    "agent",
    "agent_interface",
    "complete_by",
)
_VISIT = ("queue", "joined_at", "left_at", "outcome", "wait_ms", "ring_ms", "agent", "missed")


def upgrade() -> None:
    _make_tables()
    op.add_column("calls", sa.Column("folded", sa.Text, nullable=False, server_default=""))
    _fill()
    # Not by alembic's copy of the table: both databases can do this in place (SQLite since 3.35).
    op.execute("ALTER TABLE calls DROP COLUMN visits")
    if op.get_context().dialect.name == "postgresql":  # SQLite never minded lengths
        for table, columns in (("calls", ("call_id", *_TEXTS)), ("transcripts", ("call_id", "state", "model"))):
            for column in columns:
                op.alter_column(table, column, type_=sa.Text)


def _make_tables() -> None:
    op.create_table(
        "visits",
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
    )
    op.create_index("visits_by_queue", "visits", ["queue", "joined_at"])
    op.create_table(
        "recordings",
        sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("flaws", sa.JSON, nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
    )


def _fill() -> None:
    """Carry what the old rows held to where it now belongs."""
    names: list[sa.ColumnClause[Any]] = [
        sa.column("call_id", sa.Text),
        sa.column("agent", sa.Text),
        sa.column("folded", sa.Text),
    ]
    old = sa.table("calls", *names, sa.column("visits", sa.JSON))
    columns: list[sa.ColumnClause[Any]] = [sa.column("call_id", sa.Text), sa.column("position", sa.Integer)]
    columns += [sa.column(name, sa.JSON if name == "missed" else None) for name in _VISIT]
    new = sa.table("visits", *columns)
    connection = op.get_bind()
    for call_id, agent, stays in connection.execute(sa.select(old.c.call_id, old.c.agent, old.c.visits)).all():
        connection.execute(old.update().where(old.c.call_id == call_id).values(folded=fold(agent)))
        rows = [
            {"call_id": call_id, "position": n, **{name: stay[name] for name in _VISIT}} for n, stay in enumerate(stays)
        ]
        if rows:
            connection.execute(new.insert(), rows)
