"""What was heard of the lines."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _call_id() -> sa.Column[str]:
    return sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "voice_facts",
        _call_id(),
        sa.Column("talk_ratio", sa.Float, nullable=False),
        sa.Column("overlap_ms", sa.BigInteger, nullable=False),
        sa.Column("silence_ms", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "voice_findings",
        _call_id(),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("side", sa.Text, primary_key=True),
        sa.Column("start_ms", sa.BigInteger, nullable=False),
        sa.Column("end_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("voice_findings_by_kind", "voice_findings", ["kind", "side"])
