"""Lets go of what is due, and can prove what went: audio from the shelf, words and their index, numbers of callers.

A call's row itself stays for ever, because figures must add up for ever; what is personal in it is blanked. What is held is never touched.
Each thing goes in a transaction of its own with its line in the manifest, so that a run which is killed is finished by the next one.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from ivr.problem import Problem
from pbx.numbers import same
from recordings import audit
from recordings.citizens import forms_of
from recordings.corrections import corrections
from recordings.retention import DAY_MS, KINDS, Kind, Rules, clock_problem, kind_of_talk
from recordings.shelf import Kept, Shelf
from recordings.spoken import spoken
from recordings.tables import callbacks, calls, recordings, transcripts, writing
from recordings.tables_keeping import forgotten, holds

PERSONAL = ("caller", "caller_name", "dossier")
"""What a call's row says of a person. The way through the menu stays: what was keyed in secret was never in it."""


class Due(msgspec.Struct, frozen=True):
    """Something of a call that is to go: by which rule, or on whose request."""

    kind: Kind
    call_id: str
    rule: str


class Forgetting:
    """One run at a time. `who` acts: the service, or a person."""

    def __init__(self, engine: sa.Engine, shelf: Shelf, rules: Rules) -> None:
        self._engine = engine
        self._shelf = shelf
        self._rules = rules

    # --- by rule ----------------------------------------------------------------------------------------------

    def plan(self, now: int, limit: int = 100_000) -> list[Due]:
        """What is due and not held, oldest first."""
        with self._engine.connect() as connection:
            return [due for kind in KINDS for due in self._due(connection, kind, now, limit)]

    def run(self, now: int, who: str, *, clock_is_right: bool = False) -> list[Due]:
        """Let go of all that is due; what went.

        Raises:
            Problem: the clock cannot be trusted; nothing went.
        """
        problem = clock_problem(now, self._last_run())
        if problem and not (clock_is_right and problem == "forward"):
            raise Problem(
                "Đồng hồ máy chạy lùi hoặc nhảy xa kể từ lần xoá trước, nên chưa xoá gì. Hãy kiểm tra giờ; nếu giờ đúng: "
                "smartpbx retention run --clock-is-right.",
                f"The clock went {problem} since the last run, so nothing was deleted. Check it; if it is right: "
                "smartpbx retention run --clock-is-right.",
            )
        return self._all(self.plan(now), now, who, "by rule")

    def erase(self, number: str, now: int, who: str, why: str) -> tuple[list[Due], list[str]]:
        """Let go of everything of a number that nothing holds; what went, and the calls that are held."""
        forms = forms_of(same(number) or number)
        with self._engine.connect() as connection:
            query = (
                sa.select(calls.c.call_id, calls.c.caller).where(calls.c.caller.in_(forms)).order_by(calls.c.arrived_at)
            )
            found = connection.execute(query).all()
            kept = [row.call_id for row in found if _held(connection, row.call_id, row.caller, now)]
        mine = [row.call_id for row in found if row.call_id not in kept]
        due = [
            Due(kind, call_id, "request")
            for call_id in mine
            for kind in ("recording", "original", "transcript", "number")
        ]
        return self._all(due, now, who, why), kept

    def _all(self, due: Sequence[Due], now: int, who: str, why: str) -> list[Due]:
        run = f"{now}-{hashlib.sha256(who.encode()).hexdigest()[:6]}"
        gone = [one for one in due if self._let_go(one, run, now)]
        counts = {kind: sum(one.kind == kind for one in gone) for kind in KINDS}
        told = ", ".join(f"{kind} {count}" for kind, count in counts.items() if count) or "nothing"
        with writing(self._engine) as connection:
            audit.add(connection, who, "retention", run, f"{why}: {told}")
        return gone

    def _due(self, connection: sa.Connection, kind: Kind, now: int, limit: int) -> Iterator[Due]:
        rule = self._rules.of(kind)
        before = now - rule.days * DAY_MS
        query = sa.select(calls.c.call_id, calls.c.caller, calls.c.message).outerjoin(transcripts)
        query = query.outerjoin(recordings, recordings.c.call_id == calls.c.call_id)
        query = query.where(calls.c.arrived_at < before, _there(kind)).order_by(calls.c.arrived_at).limit(limit)
        for row in connection.execute(query).all():
            # A message is kept by the rule of messages, whatever recordings and words are kept for.
            wanted = kind_of_talk(row.message)
            if (kind in ("recording", "transcript") and wanted) or (kind in ("message", "petition") and wanted != kind):
                continue
            if not _held(connection, row.call_id, row.caller, now):
                yield Due(kind, row.call_id, f"{kind} {rule.days} days")

    def _last_run(self) -> int | None:
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.max(forgotten.c.at))).scalar()

    # --- one thing --------------------------------------------------------------------------------------------

    def _let_go(self, due: Due, run: str, now: int) -> bool:
        """The audio first: whatever is killed in between, the next run finds the rest and finishes it."""
        with writing(self._engine) as connection:
            number = connection.execute(sa.select(calls.c.caller).where(calls.c.call_id == due.call_id)).scalar()
            if number is None or _held(connection, due.call_id, number, now):
                return False
            digest = hashlib.sha256()
            if due.kind in ("recording", "original", "message", "petition"):
                self._audio(connection, due, digest)
            if due.kind in ("transcript", "message", "petition"):
                _words(connection, due.call_id, digest)
            if due.kind == "number":
                _number(connection, due.call_id, digest)
            row = {
                "run": run,
                "kind": due.kind,
                "call_id": due.call_id,
                "sha256": digest.hexdigest(),
                "rule": due.rule,
                "at": now,
            }
            connection.execute(forgotten.insert(), [row])
        return True

    def _audio(self, connection: sa.Connection, due: Due, digest: Any) -> None:
        mine = recordings.c.call_id == due.call_id
        row = connection.execute(sa.select(recordings.c.play, recordings.c.original).where(mine)).first()
        if row is None:
            return
        play, original = (msgspec.convert(kept, Kept | None) for kept in row)
        names = {"recording": (play,), "original": (original,)}.get(due.kind, (play, original))
        for kept in names:
            if kept is not None:
                digest.update(kept.sha256.encode())
                self._shelf.delete(kept.name)
        if due.kind != "recording":
            self._shelf.delete(f"original/{due.call_id}.json")
        left = {"recording": {"play": None}, "original": {"original": None}}.get(
            due.kind, {"play": None, "original": None}
        )
        gone = (play is None or "play" in left) and (original is None or "original" in left)
        connection.execute(recordings.update().where(mine).values(**left, **({"place": "gone"} if gone else {})))


def _there(kind: Kind) -> Any:
    """Whether there is anything of this kind left."""
    play = sa.and_(recordings.c.place.in_(("shelf", "gone")), recordings.c.play.is_not(None))
    words = transcripts.c.words.cast(sa.Text) != "[]"
    match kind:
        case "recording":
            return play
        case "original":
            return recordings.c.original.is_not(None)
        case "transcript":
            return words
        case "message" | "petition":
            return sa.or_(play, recordings.c.original.is_not(None), words)
        case "number":
            return sa.or_(*(calls.c[name] != "" for name in PERSONAL))


def _words(connection: sa.Connection, call_id: str, digest: Any) -> None:
    mine = transcripts.c.call_id == call_id
    words = connection.execute(sa.select(transcripts.c.words).where(mine)).scalar()
    digest.update(msgspec.json.encode(words))
    connection.execute(transcripts.update().where(mine).values(words=[], text="", folded=""))
    connection.execute(spoken.delete().where(spoken.c.call_id == call_id))
    connection.execute(corrections.delete().where(corrections.c.call_id == call_id))


def _number(connection: sa.Connection, call_id: str, digest: Any) -> None:
    mine = calls.c.call_id == call_id
    row = connection.execute(sa.select(*(calls.c[name] for name in PERSONAL)).where(mine)).one()
    digest.update(msgspec.json.encode(list(row)))
    connection.execute(calls.update().where(mine).values(dict.fromkeys(PERSONAL, "")))
    # Promises that are kept or over; whoever still waits for a call is called first.
    over = sa.and_(callbacks.c.number.in_(forms_of(same(row.caller) or row.caller)), callbacks.c.ended_at.is_not(None))
    connection.execute(callbacks.delete().where(over))


# --- holds --------------------------------------------------------------------------------------------------------


def _held(connection: sa.Connection, call_id: str, number: str, now: int) -> bool:
    theirs = holds.c.number.in_(forms_of(same(number) or number)) if number else sa.false()
    in_force = sa.and_(holds.c.lifted_at.is_(None), sa.or_(holds.c.until.is_(None), holds.c.until > now))
    query = sa.select(holds.c.hold_id).where(in_force, sa.or_(holds.c.call_id == call_id, theirs)).limit(1)
    return connection.execute(query).first() is not None


def hold(
    engine: sa.Engine, now: int, who: str, reason: str, *, call_id: str = "", number: str = "", until: int | None = None
) -> str:
    """Keep a call, or all of a number, whatever the rules say; the id of the hold.

    Raises:
        Problem: nothing to hold, or no reason.
    """
    if not (call_id or same(number)) or not reason.strip():
        raise Problem(
            "Cần mã cuộc gọi hoặc số điện thoại, và lý do giữ lại.",
            "Give a call's id or a telephone number, and a reason to hold it.",
        )
    hold_id = f"hold-{now}-{time.monotonic_ns() % 10_000}"
    row = {
        "hold_id": hold_id,
        "call_id": call_id,
        "number": same(number) or "",
        "reason": reason,
        "by": who,
        "since": now,
        "until": until,
    }
    with writing(engine) as connection:
        connection.execute(holds.insert(), [row])
        audit.add(connection, who, "hold", call_id or audit.of_number(number), reason)
    return hold_id


def lift(engine: sa.Engine, now: int, who: str, hold_id: str, reason: str) -> None:
    """End a hold.

    Raises:
        Problem: there is none of this id in force.
    """
    with writing(engine) as connection:
        mine = sa.and_(holds.c.hold_id == hold_id, holds.c.lifted_at.is_(None))
        if not connection.execute(holds.update().where(mine).values(lifted_at=now)).rowcount:
            raise Problem(f"Không có lệnh giữ {hold_id} đang hiệu lực.", f"There is no hold {hold_id} in force.")
        audit.add(connection, who, "lift", hold_id, reason)
