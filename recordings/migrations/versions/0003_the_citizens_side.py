"""Told waits, surveys, messages, callbacks, blocks and petitions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXTS = {
    "kind": "inbound",
    "callback_id": "",
    "dossier": "",
    "message": "",
    "petition": "",
    "blocked": "",
    "favoured": "",
}


def upgrade() -> None:
    for name, default in _TEXTS.items():
        op.add_column("calls", sa.Column(name, sa.Text, nullable=False, server_default=default))
    op.add_column("calls", sa.Column("message_ms", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("calls", sa.Column("favoured_s", sa.Integer, nullable=False, server_default="0"))
    op.create_index("calls_by_message", "calls", ["message", "arrived_at"])
    _make_parts_of_calls()
    _make_callbacks()
    op.create_table(
        "blocks",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("lifted_at", sa.BigInteger),
    )
    op.create_index("blocks_by_end", "blocks", ["until"])
    op.create_table(
        "petitions",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False, unique=True),
        sa.Column("made_at", sa.BigInteger, nullable=False),
    )


def _make_parts_of_calls() -> None:
    op.create_table(
        "told_waits",
        sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("ahead", sa.Integer, nullable=False),
        sa.Column("serving", sa.Integer, nullable=False),
        sa.Column("low_s", sa.Integer),
        sa.Column("high_s", sa.Integer),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "scores",
        sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("factor", sa.Text, nullable=False),
        sa.Column("value", sa.Integer, nullable=False),
    )
    op.create_index("scores_by_factor", "scores", ["factor", "value"])


def _make_callbacks() -> None:
    op.create_table(
        "callbacks",
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
    )
    op.create_index("callbacks_by_asking", "callbacks", ["asked_at"])
    op.create_index("callbacks_by_end", "callbacks", ["ended_at"])
