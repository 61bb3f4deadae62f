"""What was said, indexed for search."""

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_FTS = (
    "CREATE VIRTUAL TABLE spoken_index USING fts5(exact, folded, sound, content='spoken', content_rowid='id', "
    "tokenize='unicode61 remove_diacritics 0')",
    "CREATE TRIGGER spoken_added AFTER INSERT ON spoken BEGIN INSERT INTO spoken_index(rowid, exact, folded, sound) "
    "VALUES (new.id, new.exact, new.folded, new.sound); END",
    "CREATE TRIGGER spoken_removed AFTER DELETE ON spoken BEGIN "
    "INSERT INTO spoken_index(spoken_index, rowid, exact, folded, sound) VALUES ('delete', old.id, old.exact, old.folded, old.sound); END",
)


def upgrade() -> None:
    integer = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "spoken",
        sa.Column("id", integer, primary_key=True, autoincrement=False),
        sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), nullable=False, unique=True),
        sa.Column("exact", sa.Text, nullable=False),
        sa.Column("folded", sa.Text, nullable=False),
        sa.Column("sound", sa.Text, nullable=False),
    )
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in _FTS:
            op.execute(statement)
    else:
        op.execute("ALTER TABLE spoken ADD COLUMN said tsvector")
        op.execute("CREATE INDEX spoken_said ON spoken USING gin (said)")
    _index_what_is_there(connection)


def _index_what_is_there(connection: sa.Connection) -> None:
    from recordings.spoken import keep_spoken
    from recordings.words import Word

    calls = sa.table("calls", sa.column("call_id"), sa.column("arrived_at"))
    transcripts = sa.table("transcripts", sa.column("call_id"), sa.column("state"), sa.column("words", sa.JSON))
    query = sa.select(calls.c.call_id, calls.c.arrived_at, transcripts.c.words)
    query = query.join_from(calls, transcripts, calls.c.call_id == transcripts.c.call_id).where(
        transcripts.c.state == "done"
    )
    for call_id, arrived_at, words in connection.execute(query).all():
        keep_spoken(connection, call_id, arrived_at, msgspec.convert(words, tuple[Word, ...]))
