"""What was heard of the lines, call by call: kept, and asked for by the phone or trunk that it came from."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recordings.sentinel import Listening
from recordings.tables import calls, metadata

voice_facts = sa.Table(
    "voice_facts", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("talk_ratio", sa.Float, nullable=False),
    sa.Column("overlap_ms", sa.BigInteger, nullable=False),
    sa.Column("silence_ms", sa.BigInteger, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
)  # fmt: skip
"""One row a recording that was listened to; `facts` are a whole `Listening`."""

voice_findings = sa.Table(
    "voice_findings", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("start_ms", sa.BigInteger, nullable=False),
    sa.Column("end_ms", sa.BigInteger, nullable=False),
    sa.Index("voice_findings_by_kind", "kind", "side"),
)  # fmt: skip
"""The first of each kind for each voice."""

EXAMPLES = 3
TRUNK = ""
"""Where callers come from: the provider's line, all of them together."""


class Trouble(msgspec.Struct, frozen=True):
    """One kind of trouble at one phone (`PJSIP/101`), or on the line of the callers ('')."""

    phone: str
    kind: str
    calls: int
    """Recorded calls of this phone in the time asked for."""
    bad: int
    newest: tuple[str, ...]
    """Ids of calls that show it, newest first."""
    first_at: int
    """Arrival of the earliest that shows it, UTC ms."""

    @property
    def share(self) -> float:
        return self.bad / self.calls


def keep_listening(connection: sa.Connection, call_id: str, heard: Listening, made_at: int) -> None:
    """Store what was heard; heard again, it takes the place of what was heard before."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {
        "call_id": call_id, "talk_ratio": heard.talk_ratio, "overlap_ms": round(1000 * heard.overlap_s),
        "silence_ms": round(1000 * heard.silence_s), "facts": msgspec.to_builtins(heard), "made_at": made_at,
    }  # fmt: skip
    insert = dialect.insert(voice_facts)
    fresh = {name: insert.excluded[name] for name in row if name != "call_id"}
    connection.execute(insert.on_conflict_do_update(index_elements=["call_id"], set_=fresh), [row])
    connection.execute(voice_findings.delete().where(voice_findings.c.call_id == call_id))
    found = {(finding.kind, finding.side): finding for finding in reversed(heard.findings)}
    rows = [
        {"call_id": call_id, "kind": kind, "side": side, "start_ms": round(1000 * f.start_s), "end_ms": round(1000 * f.end_s)}
        for (kind, side), f in found.items()
    ]  # fmt: skip
    if rows:
        connection.execute(voice_findings.insert(), rows)


def heard_of(engine: sa.Engine, call_id: str) -> Listening | None:
    """What was heard of a call."""
    with engine.connect() as connection:
        facts = connection.execute(sa.select(voice_facts.c.facts).where(voice_facts.c.call_id == call_id)).scalar()
    return msgspec.convert(facts, Listening) if facts is not None else None


def troubles(engine: sa.Engine, start: int, end: int) -> list[Trouble]:
    """What was found at each phone and on the callers' line in calls that arrived in [start, end), UTC ms: the most frequent first.

    The agent's voice belongs to the agent's phone, the caller's to the line; long silence is nobody's.
    """
    phone = sa.case((voice_findings.c.side == "agent", calls.c.agent_interface), else_=TRUNK).label("phone")
    query = sa.select(phone, voice_findings.c.kind, calls.c.call_id, calls.c.arrived_at)
    query = query.join_from(voice_findings, calls, calls.c.call_id == voice_findings.c.call_id)
    query = query.where(calls.c.arrived_at >= start, calls.c.arrived_at < end).order_by(calls.c.arrived_at.desc())
    with engine.connect() as connection:
        recorded = _recorded(connection, start, end)
        found: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for row in connection.execute(query):
            found.setdefault((row.phone, row.kind), []).append((row.call_id, row.arrived_at))
    made = [_trouble(phone, kind, bad, recorded) for (phone, kind), bad in found.items()]
    return sorted(made, key=lambda t: (-t.share, -t.bad, t.phone, t.kind))


def listened(engine: sa.Engine, start: int, end: int) -> int:
    """How many calls of this time were listened to."""
    with engine.connect() as connection:
        return _recorded(connection, start, end).get(TRUNK, 0)


def _recorded(connection: sa.Connection, start: int, end: int) -> dict[str, int]:
    """Phone -> calls that were listened to; under `TRUNK` all of them."""
    query = sa.select(calls.c.agent_interface, sa.func.count().label("count")).join_from(
        voice_facts, calls, calls.c.call_id == voice_facts.c.call_id
    )
    query = query.where(calls.c.arrived_at >= start, calls.c.arrived_at < end).group_by(calls.c.agent_interface)
    counted: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    return {phone: count for phone, count in counted.items() if phone} | {TRUNK: sum(counted.values())}


def _trouble(phone: str, kind: str, bad: Sequence[tuple[str, int]], recorded: dict[str, int]) -> Trouble:
    newest = tuple(call_id for call_id, _ in bad[:EXAMPLES])
    return Trouble(phone, kind, recorded.get(phone, len(bad)), len(bad), newest, bad[-1][1])
