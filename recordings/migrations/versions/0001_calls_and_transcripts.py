"""Calls and their transcripts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "calls",
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
    )
    op.create_index("calls_by_arrival", "calls", ["arrived_at", "call_id"])
    op.create_index("calls_by_caller", "calls", ["caller"])
    op.create_table(
        "transcripts",
        sa.Column("call_id", sa.String(80), sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("model", sa.String(80), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("folded", sa.Text, nullable=False),
        sa.Column("words", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
    )
