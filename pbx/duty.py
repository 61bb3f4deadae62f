"""What the house does of its own accord: tells those who wait, sees to closing time, calls back. Pure, driven by the board.

The board tells it what happens to calls; time comes as `Ticked`. It decides nothing about a call's record but what the reception grants.
"""

from collections.abc import Iterator
from typing import assert_never

from pbx import commands as c
from pbx import events as e
from pbx.announcer import Announcer
from pbx.callbacks import Callback, CallbackState, Sight, channel_id, parse_channel_id
from pbx.calls import Call
from pbx.floor import Floor
from pbx.numbers import dialable, same
from pbx.picture import Phase
from pbx.reception import Reception
from pbx.record import CallRecord
from pbx.sight import note_serving

UNREACHED = {17: "busy", 18: "no_answer", 19: "no_answer", 21: "refused", 16: "no_answer", 0: "no_answer"}
"""Q.850 cause of a call that was never answered -> result of the attempt."""

HouseEvent = (
    e.Ticked
    | e.CallbackAsked
    | e.CallbackDialled
    | e.CallbackCancelled
    | e.NumberBlocked
    | e.HoursForced
    | e.ReceptionKept
)


class Duty:
    """One for the board. `floor` is the board itself, as others may see it."""

    def __init__(self, reception: Reception, floor: Floor) -> None:
        self._reception = reception
        self._floor = floor
        self._announcer = Announcer(reception, floor)
        self._asked: set[str] = set()
        """Who was asked at closing time; who stays is not asked again."""

    @property
    def wants_ticks(self) -> bool:
        """Whether anything depends on the time that goes by."""
        return bool(self._floor.all_waiting() or self._reception.callbacks.open())

    # --- the house's own events -------------------------------------------------------------------------------

    def step(self, event: HouseEvent) -> Iterator[c.Command]:
        reception = self._reception
        match event:
            case e.Ticked():
                yield from self._tick(event.at)
            case e.CallbackAsked():
                yield from _keep(reception.asked_at_desk(event))
            case e.CallbackDialled():
                yield from _keep(reception.callbacks.dialled(event.callback_id, event.attempt, event.at))
            case e.CallbackCancelled():
                yield from self._cancel(event)
            case e.NumberBlocked():
                yield c.KeepBlock(reception.blocked(event))
            case e.HoursForced():
                reception.force(event)
            case e.ReceptionKept():
                reception.restore(event)
            case _:
                assert_never(event)

    def _cancel(self, event: e.CallbackCancelled) -> Iterator[c.Command]:
        before = self._reception.callbacks.get(event.callback_id)
        after = self._reception.callbacks.cancel(event.callback_id, event.at, event.by)
        if before is not None and after is not None:
            yield from self._drop(before)
        yield from _keep(after)

    def _drop(self, callback: Callback) -> Iterator[c.Command]:
        """The phone that rings for nothing falls silent."""
        if callback.state is CallbackState.DIALLING:
            name = channel_id(callback.callback_id, callback.attempts[-1].number)
            yield c.HangUp(name, name)

    # --- time -------------------------------------------------------------------------------------------------

    def _tick(self, at: int) -> Iterator[c.Command]:
        waiting = self._floor.all_waiting()
        yield from self._close(waiting, at)
        yield from self._announcer.tick(waiting, at)
        dials, ended = self._reception.callbacks.due(at, self._sights(at))
        if ended:
            yield c.KeepCallbacks(tuple(ended))
        for dial in dials:
            name = channel_id(dial.callback_id, dial.attempt)
            shown = self._reception.hotline
            yield c.DialCallback(dial.callback_id, dial.attempt, name, dial.number, dial.language, dial.ring_s, shown)

    def _close(self, waiting: list[Call], at: int) -> Iterator[c.Command]:
        """Once a queue has closed, each who still waits is asked what to do, once; the menu knows the questions. While an agent's phone
        rings for a caller nothing is asked: it may be answered yet."""
        for call in waiting:
            if call.visit is None or call.phase is not Phase.WAITING or call.call_id in self._asked:
                continue
            queue = call.visit.queue
            if self._reception.rules(queue).at_closing == "offer" and not self._reception.opening(queue, at).open:
                self._asked.add(call.call_id)
                yield c.Withdraw(call.call_id, call.channel, queue)

    def _sights(self, at: int) -> dict[str, Sight]:
        """Every queue in which somebody waits for an agent or a callback: they may want the same agents."""
        callbacks = self._reception.callbacks.open()
        if not callbacks:
            return {}
        waiting = {call.visit.queue for call in self._floor.all_waiting() if call.visit is not None}
        return {queue: self._sight(queue, at) for queue in waiting | {callback.queue for callback in callbacks}}

    def _sight(self, queue: str, at: int) -> Sight:
        live = [call.places.get(queue, at) for call in self._floor.waiting(queue) if call.kind != "callback"]
        is_open = self._reception.opening(queue, at).open
        return Sight(queue, is_open, tuple(live), frozenset(self._floor.free(queue)))

    # --- what happens to calls --------------------------------------------------------------------------------

    def opened(self, call: Call) -> Iterator[c.Command]:
        """A call is on the board: one that we made is known by its name; who calls again needs no callback, and keeps its place."""
        ours = parse_channel_id(call.call_id)
        if ours is not None:
            self._reached(call, *ours)
            return
        number = dialable(call.caller)
        if number is None or not same(call.caller):
            return
        for before in self._reception.callbacks.find(number):
            yield from self._drop(before)
        cancelled = self._reception.callbacks.caller_back(number, call.arrived_at)
        for callback in cancelled:
            call.places[callback.queue] = callback.place_at
        if cancelled:
            yield c.KeepCallbacks(tuple(cancelled))

    def _reached(self, call: Call, callback_id: str, attempt: int) -> None:
        call.kind, call.callback_id = "callback", callback_id
        callback = self._reception.callbacks.get(callback_id)
        if callback is not None:
            call.caller, call.language = callback.number, callback.language
            call.places[callback.queue] = callback.place_at

    def answered(self, call: Call, at: int) -> Iterator[c.Command]:
        """The citizen whom we called has picked up."""
        if (ours := parse_channel_id(call.call_id)) is not None:
            yield from _keep(self._reception.callbacks.answered(*ours, at))

    def joined(self, call: Call, queue: str, at: int) -> None:
        note_serving(self._reception, self._floor, queue, at)
        self._reception.waits.joined(queue, call.call_id, at)

    def connected(self, call: Call, queue: str, at: int) -> Iterator[c.Command]:
        self._reception.waits.connected(queue, call.call_id, at)
        yield from self._announcer.stop(call)
        if call.kind == "callback":
            yield from _keep(self._reception.callbacks.connected(call.callback_id, at))

    def left(self, call: Call, queue: str, at: int) -> Iterator[c.Command]:
        """The caller waits no longer, and nobody was there."""
        self._reception.waits.left(queue, call.call_id, at)
        yield from self._announcer.stop(call)

    def talked(self, queue: str, at: int, talk_ms: int) -> None:
        self._reception.waits.finished(queue, at, talk_ms)

    def ended(self, record: CallRecord) -> Iterator[c.Command]:
        self._reception.ended(record)
        self._asked.discard(record.call_id)
        if record.kind == "callback" and record.answered_at is None:
            yield from _keep(self._reception.callbacks.hung_up(record.callback_id, record.ended_at))

    def other_closed(self, event: e.ChannelClosed) -> Iterator[c.Command]:
        """A channel closed that was no call on the board: perhaps an announcement, or an attempt that nobody answered."""
        self._announcer.closed(event.channel_id, event.at)
        if (ours := parse_channel_id(event.channel_id)) is not None:
            result = UNREACHED.get(event.cause, "failed")
            yield from _keep(self._reception.callbacks.failed(*ours, event.at, result))

    def restored(self, alive: frozenset[str], at: int) -> Iterator[c.Command]:
        """The link is back: attempts whose phone no longer rings are over."""
        lost = self._reception.callbacks.restored(alive, at)
        if lost:
            yield c.KeepCallbacks(tuple(lost))


def _keep(callback: Callback | None) -> Iterator[c.Command]:
    if callback is not None:
        yield c.KeepCallbacks((callback,))
