"""What people at the desk may ask of a house, kept in memory: enough for the pages to be looked at and their forms to be sent."""

import itertools

import msgspec

from ivr.hours import Calendar, Opening, Override, Rules
from pbx.callbacks import Callback, CallbackState
from pbx.centre import Centre
from pbx.gate import Block, Gate
from pbx.numbers import dialable
from pbx.service import now_ms


class Truth(msgspec.Struct, frozen=True):
    """How true told waits were."""

    told: int
    recent: int
    share: float | None
    muted: bool


class FrontDesk:
    """Every request that changed something is noted in `asked`."""

    centre: Centre

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.promised: dict[str, Callback] = {}
        self.way_out = True
        self.truths: dict[str, Truth] = {}
        self.calendar = Opening(open=True, until=now_ms() + 3_600_000)
        self.forced: Override | None = None
        self._gate = Gate()
        self._ids = itertools.count(1)

    def callbacks(self) -> tuple[Callback, ...]:
        return tuple(self.promised.values())

    def ask_callback(self, number: str, queue: str, language: str, by: str) -> str:
        if dialable(number) != number:
            return "bad_number"
        if not self.way_out:
            return "refused"
        if any(c.number == number for c in self.promised.values()):
            return "exists"
        now, name = now_ms(), f"desk-{next(self._ids)}"
        self.asked.append(("callback", number, queue, language, by))
        self.promised[name] = Callback(
            name, "", number, queue, language, now, now, now, now + 96 * 3_600_000, asked_by=by
        )
        return "booked" if self.hours()[""].open else "later"

    def cancel_callback(self, callback_id: str, by: str) -> bool:
        self.asked.append(("cancel", callback_id, by))
        return self.promised.pop(callback_id, None) is not None

    def blocks(self) -> tuple[Block, ...]:
        return self._gate.blocks(now_ms())

    def block(self, number: str, until: int, reason: str, by: str) -> None:
        self.asked.append(("block", number, until, reason, by))
        self._gate.block(Block(number, now_ms(), until, reason, by))

    def unblock(self, number: str, by: str) -> None:
        self.asked.append(("unblock", number, by))
        self._gate.block(Block(number, now_ms(), now_ms(), "", by, lifted_at=now_ms()))

    def calibration(self) -> dict[str, Truth]:
        return self.truths

    def hours(self) -> dict[str, Opening]:
        names = ("", *(queue.name for queue in self.centre.queues))
        return {name: self._forced(name) if self.forced else self.calendar for name in names}

    def _forced(self, queue: str) -> Opening:
        """As the real calendar tells it."""
        assert self.forced is not None
        told = Calendar(Rules(week=((),) * 7, always=True), [self.forced]).at(now_ms(), queue)
        return told if told.why == "forced" else msgspec.structs.replace(self.calendar, announcement=told.announcement)

    def set_hours(
        self,
        is_open: bool | None,
        until: int,
        reason: str,
        by: str,
        queues: tuple[str, ...] = (),
        announcement: str = "",
    ) -> None:
        self.asked.append(("hours", is_open, until, reason, by, queues, announcement))
        self.forced = Override(now_ms(), until, is_open, reason, announcement, queues)

    def release_hours(self, by: str) -> None:
        self.asked.append(("release", by))
        self.forced = None


def dialling(callback: Callback) -> Callback:
    """The same while it is being dialled."""
    return msgspec.structs.replace(callback, state=CallbackState.DIALLING)
