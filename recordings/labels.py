"""What calls are about, kept: what the rules say, and what a person says, which stays."""

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recordings import audit
from recordings.tables import calls, metadata, writing
from recordings.topics import Topic

topics = sa.Table(
    "topics", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("procedure", sa.Text, nullable=False),
    sa.Column("by_rules", sa.JSON, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("topics_by_field", "field", "procedure"),
)  # fmt: skip
"""`field` and `procedure` are what counts; `by_rules` is what the rules said, with why; `by` is who corrected them, '' for nobody."""

WEEK_MS = 7 * 86_400_000
BEFORE = 4
"""Weeks that a week is compared with."""


class Label(msgspec.Struct, frozen=True):
    """What a call is about. `by` is who said so, '' for the rules."""

    field: str
    procedure: str
    by_rules: Topic
    by: str


class Count(msgspec.Struct, frozen=True):
    """Calls about something in a week, and the mean of the weeks before it."""

    field: str
    procedure: str
    calls: int
    before: float


def keep_topic(connection: sa.Connection, call_id: str, topic: Topic, at: int) -> None:
    """What the rules say; what a person has said of the call stays as it is."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(topics)
    untouched = topics.c.by == ""
    fresh = {
        "field": sa.case((untouched, insert.excluded.field), else_=topics.c.field),
        "procedure": sa.case((untouched, insert.excluded.procedure), else_=topics.c.procedure),
        "by_rules": insert.excluded.by_rules,
    }
    row = {
        "call_id": call_id, "field": topic.field, "procedure": topic.procedure, "by_rules": msgspec.to_builtins(topic), "by": "",
        "at": at,
    }  # fmt: skip
    connection.execute(insert.on_conflict_do_update(index_elements=["call_id"], set_=fresh), [row])


def correct_topic(engine: sa.Engine, call_id: str, field: str, procedure: str, who: str, at: int) -> bool:
    """A person says what a call is about; False when there is nothing to correct."""
    with writing(engine) as connection:
        mine = topics.c.call_id == call_id
        done = connection.execute(
            topics.update().where(mine).values(field=field, procedure=procedure, by=who, at=at)
        ).rowcount
        if done:
            audit.add(connection, who, "topic", call_id, f"{field}/{procedure}")
    return bool(done)


def label_of(engine: sa.Engine, call_id: str) -> Label | None:
    with engine.connect() as connection:
        row = connection.execute(sa.select(topics).where(topics.c.call_id == call_id)).first()
    return Label(row.field, row.procedure, msgspec.convert(row.by_rules, Topic), row.by) if row is not None else None


def counts(engine: sa.Engine, end: int) -> list[Count]:
    """What the calls of the week that ends at `end` (UTC ms) were about, the most first, beside the mean of the four weeks before."""
    this, before = _counted(engine, end - WEEK_MS, end), _counted(engine, end - (BEFORE + 1) * WEEK_MS, end - WEEK_MS)
    made = [Count(*key, this.get(key, 0), before.get(key, 0) / BEFORE) for key in this.keys() | before.keys()]
    return sorted(made, key=lambda count: (-count.calls, -count.before, count.field, count.procedure))


def _counted(engine: sa.Engine, start: int, end: int) -> Mapping[tuple[str, str], int]:
    query = sa.select(topics.c.field, topics.c.procedure, sa.func.count()).join(
        calls, calls.c.call_id == topics.c.call_id
    )
    query = query.where(calls.c.arrived_at >= start, calls.c.arrived_at < end).group_by(
        topics.c.field, topics.c.procedure
    )
    with engine.connect() as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(query)}
