"""What people say was really said."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("turn", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("channel", "heard", "said", "who")),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("corrections_by_time", "corrections", ["at"])
