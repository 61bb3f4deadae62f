"""What the recording of a call holds and leaves out, and where its audio lies."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "stretches",
        sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger, nullable=False),
    )
    op.add_column("recordings", sa.Column("place", sa.Text, nullable=False, server_default="wav"))
    op.add_column("recordings", sa.Column("play", sa.JSON))
    op.add_column("recordings", sa.Column("original", sa.JSON))
    op.add_column("recordings", sa.Column("reason", sa.Text, nullable=False, server_default=""))
    op.create_index("recordings_by_place", "recordings", ["place"])
