"""What the house does for citizens beyond connecting them: opening hours, who is let in, head starts, told waits, callbacks.

Pure, changed by the board alone, through events: what outlasts a day is told again at the beginning of each segment of the journal.
"""

from collections.abc import Iterable

from ivr.hours import Calendar, Opening, Override
from pbx import events as e
from pbx.callbacks import Callback, Callbacks, Refusal
from pbx.calls import Call
from pbx.centre import Centre, Queue
from pbx.favour import Recent
from pbx.gate import Block, Gate
from pbx.numbers import dialable
from pbx.record import CallRecord, Outcome, ToldWait
from pbx.wait import Told, WaitModel


class Reception:
    """`can_dial`: there is a way to call people back. `past`: the latest finished calls, oldest first."""

    def __init__(self, centre: Centre, calendar: Calendar, can_dial: bool, past: Iterable[CallRecord] = ()) -> None:
        self._centre = centre
        self._queues = {queue.name: queue for queue in centre.queues}
        self._shipped = self._calendar = calendar
        self._forced: list[e.HoursForced] = []
        self.can_call_back = can_dial
        self.hotline = centre.hotline
        self.gate = Gate(centre.limit)
        self.recent = Recent(centre.favours)
        self.waits = WaitModel()
        self.callbacks = Callbacks(centre.callbacks)
        for record in past:
            self.recent.add(record)
            if record.talk_ms:
                self.waits.finished(record.queue, record.ended_at, record.talk_ms)

    # --- rules ------------------------------------------------------------------------------------------------

    def rules(self, queue: str) -> Queue:
        """What the centre file says of a queue; the general queue's for one that it does not know."""
        return self._queues.get(queue) or self._queues[self._centre.general_queue]

    def opening(self, queue: str, at: int) -> Opening:
        """Open or closed, and until when; a closed line comes before a closed queue."""
        line = self._calendar.at(at)
        return self._calendar.at(at, queue) if queue and line.open else line

    def force(self, forced: e.HoursForced) -> None:
        """A person opens or closes; a later word comes before an earlier one, and one that ends at once leaves it to the calendar."""
        lasting = [f for f in self._forced if f.until > forced.at]
        self._forced = [*lasting, forced] if forced.until > forced.at else []
        self._use_forced()

    def _use_forced(self) -> None:
        overrides = [
            Override(
                start=f.at, end=f.until, open=f.open, reason=f.reason, announcement=f.announcement, queues=f.queues
            )
            for f in self._forced
        ]
        self._calendar = self._shipped.with_overrides(overrides)

    # --- callers ----------------------------------------------------------------------------------------------

    def turned_away(self, caller: str, at: int) -> str:
        """Why a caller must not come in, `''` for almost everybody."""
        return self.gate.turned_away(caller, at)

    def favour(self, call: Call, at: int) -> int:
        """Seconds of head start in the queue; the reason is noted in the call."""
        dossier = call.session.values.get("code", "") if call.session else ""
        call.favoured_s, call.favoured = self.recent.favour(call.caller, call.dialled, dossier, at)
        return call.favoured_s

    def tell(self, call: Call, told: Told) -> Told:
        """Note that a caller is being told this."""
        self.waits.told(call.call_id, told)
        call.told.append(ToldWait(told.at, told.queue, told.ahead, told.serving, told.low_s, told.high_s, told.why))
        return told

    def ended(self, record: CallRecord) -> None:
        self.recent.add(record)

    # --- callbacks --------------------------------------------------------------------------------------------

    def book(self, call: Call, number: str, queue: str, at: int) -> tuple[str, Callback | None]:
        """Promise a caller to call back; the result has a name that menus know: booked, later, exists, bad_number, refused."""
        if not self.can_call_back:
            return "refused", None
        wanted = dialable(number or call.caller)
        if wanted is None:
            return "bad_number", None
        queue = (call.visits[-1].queue if call.visits else queue) or self._centre.general_queue
        opening = self.opening(queue, at)
        session = call.session
        booked = self.callbacks.book(
            callback_id=call.call_id, call_id=call.call_id, number=wanted, queue=queue, language=call.language,
            place_at=call.places.get(queue, at), at=at, not_before=at if opening.open else opening.opens_at or at,
            asked_by="caller", menu_path=call.menu_path, dossier=session.values.get("code", "") if session else "",
        )  # fmt: skip
        if isinstance(booked, Refusal):
            return "exists", None
        call.callback_id = booked.callback_id
        call.settle(Outcome.CALLBACK)
        return ("booked" if opening.open else "later"), booked

    def asked_at_desk(self, asked: e.CallbackAsked) -> Callback | None:
        """A person at the desk wants somebody called; None when it is promised already."""
        number = dialable(asked.number)
        if number is None or not self.can_call_back:
            return None
        opening = self.opening(asked.queue, asked.at)
        booked = self.callbacks.book(
            callback_id=asked.callback_id, call_id="", number=number, queue=asked.queue, language=asked.language,
            place_at=asked.at, at=asked.at, not_before=asked.at if opening.open else opening.opens_at or asked.at,
            asked_by=asked.by, menu_path=(), dossier="",
        )  # fmt: skip
        return None if isinstance(booked, Refusal) else booked

    # --- what outlasts a segment of the journal ---------------------------------------------------------------

    def kept(self, at: int, menu: str) -> e.ReceptionKept:
        return e.ReceptionKept(
            at, self.callbacks.open(), self.gate.blocks(at), tuple(f for f in self._forced if f.until > at), menu
        )

    def restore(self, kept: e.ReceptionKept) -> None:
        """After a restart; what is known already stays."""
        self.callbacks.restore(kept.callbacks)
        for block in kept.blocks:
            self.gate.block(block)
        self._forced = list(kept.forced)
        self._use_forced()

    def blocked(self, event: e.NumberBlocked) -> Block:
        """A person blocked a number, or let it in again."""
        lifted = event.at if event.lifted else None
        before = self.gate.find(event.number) if event.lifted else None
        since = before.since if before is not None else event.at
        block = Block(event.number, since, event.until, event.reason, event.by, lifted_at=lifted)
        self.gate.block(block)
        return block
