"""The tables that say what was done with what people said: the audit log, holds, and what was let go of."""

import sqlalchemy as sa

from recordings.tables import metadata

audit = sa.Table(
    "audit", metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)  # fmt: skip
"""Only ever added to; each row's hash holds the one before. Never a number of a citizen: `about` is a call, or a hash."""

holds = sa.Table(
    "holds", metadata,
    sa.Column("hold_id", sa.Text, primary_key=True),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger),
    sa.Column("lifted_at", sa.BigInteger),
    sa.Index("holds_by_call", "call_id"),
)  # fmt: skip
"""What must be kept whatever the rules say: one call, or all of a number. `until` None: until it is lifted."""

forgotten = sa.Table(
    "forgotten", metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("forgotten_by_call", "call_id"),
)  # fmt: skip
"""The manifest of everything that was let go of, by the run that did it; `sha256` is of what was there."""
