"""Leads callers through the menu: what the menu says becomes commands, what callers do becomes its input.

Pure, as the board is. Knows the menu's inputs and outputs and what each does to a call; where the menu leads is `ivr.flow`'s, what the
house can offer is the reception's.
"""

from collections.abc import Iterator, Mapping
from typing import assert_never

from ivr import flow
from ivr.menu import Menu
from pbx import commands as c
from pbx import events as e
from pbx.calls import Call
from pbx.floor import Floor
from pbx.numbers import dialable
from pbx.picture import Phase
from pbx.reception import Reception
from pbx.record import Outcome
from pbx.sight import Sight


class Conversations:
    """One for all callers. `menus` are the versions that there are; new callers meet the one called `current`."""

    def __init__(self, menus: Mapping[str, Menu], current: str, reception: Reception | None, floor: Floor) -> None:
        self._menus = menus
        self._current = current
        self._reception = reception
        self._floor = floor

    @property
    def version(self) -> str:
        return self._current

    def publish(self, version: str) -> None:
        """Later callers meet this version; one that is not known changes nothing."""
        if version in self._menus:
            self._current = version

    # --- input ------------------------------------------------------------------------------------------------

    def started(self, call: Call, event: e.ControlStarted) -> Iterator[c.Command]:
        """A caller is in our hands: a new one, one whom a queue gives back, or one whom we took back."""
        menu = call.menu = call.menu or self._menus.get(self._current)
        if menu is None:
            return
        facts = self._facts(call, event.at)
        if call.session is None:
            yield from self._speak(call, event.at, self._begin(menu, call, event.at, facts))
        elif event.reason:
            yield from self._speak(call, event.at, flow.advance(menu, call.session, flow.Returned(event.reason), facts))
        else:
            yield from self._speak(call, event.at, flow.resume(menu, call.session, facts))

    def _begin(self, menu: Menu, call: Call, at: int, facts: flow.Facts) -> flow.Step:
        if call.kind == "callback":
            values = {"queue": next(iter(call.places), ""), "caller": call.caller}
            return flow.begin(menu, facts, menu.callback, values, call.language)
        values = {"caller": dialable(call.caller) or ""}
        why = self._reception.turned_away(call.caller, at) if self._reception and menu.blocked else ""
        if not why:
            return flow.begin(menu, facts, values=values)
        call.blocked = why
        call.settle(Outcome.BLOCKED)
        return flow.begin(menu, facts, menu.blocked, {**values, "reason": why})

    def command_finished(self, call: Call, event: e.CommandFinished) -> Iterator[c.Command]:
        """Something was said to the end, or keys came. A failed command counts as silence: the way out is reached, and nobody is stuck."""
        step = self._step(call, event.command_id)
        if step is None:
            return
        answer: flow.Input
        match call.awaits:
            case "keys":
                answer = flow.Keyed(step, event.keys)
            case "" | "nothing":
                answer = flow.Spoken(step)
            case _:
                if not event.failed:
                    return  # what was recorded is told by an event of its own
                answer = flow.Recorded(step, 0)
        yield from self._advance(call, event.at, answer)

    def message_recorded(self, call: Call, event: e.MessageRecorded) -> Iterator[c.Command]:
        """A message ended; a caller who hangs up at the end of it has left one all the same."""
        if event.ms:
            call.message, call.message_ms, call.recorded = call.awaits or "voicemail", event.ms, True
            call.settle(Outcome.VOICEMAIL)
        step = self._step(call, event.command_id)
        if step is not None:
            yield from self._advance(call, event.at, flow.Recorded(step, event.ms))

    def lookup_finished(self, call: Call, event: e.LookupFinished) -> Iterator[c.Command]:
        """A register answered."""
        step = self._step(call, event.command_id)
        if step is not None:
            call.petition = event.values.get("petition", call.petition)
            yield from self._advance(call, event.at, flow.Told(step, event.result, event.sounds, event.values))

    def _step(self, call: Call, command_id: str) -> int | None:
        owner, _, step = command_id.rpartition("/")
        if call.session is None or owner != call.call_id or not step.isdecimal():
            return None
        return None if call.wants_out or call.phase is not Phase.MENU else int(step)

    def _advance(self, call: Call, at: int, answer: flow.Input) -> Iterator[c.Command]:
        if call.menu is not None and call.session is not None:
            yield from self._speak(call, at, flow.advance(call.menu, call.session, answer, self._facts(call, at)))

    def _facts(self, call: Call, at: int) -> flow.Facts:
        if self._reception is None:
            return flow.NOTHING
        return Sight(self._reception, self._floor, call, at)

    # --- output -----------------------------------------------------------------------------------------------

    def _speak(self, call: Call, at: int, step: flow.Step) -> Iterator[c.Command]:
        call.session, outputs = step
        for output in outputs:
            yield from self._perform(call, at, output)

    def _perform(self, call: Call, at: int, output: flow.Output) -> Iterator[c.Command]:
        match output:
            case flow.Say():
                call.awaits = "keys" if output.max_keys else "nothing"
                command_id = _command_id(call, output.step)
                yield c.Play(call.call_id, call.channel, command_id, output.sounds, output.max_keys, output.timeout_ms)
            case flow.UseLanguage():
                call.language = output.language
                yield c.SetLanguage(call.call_id, call.channel, _command_id(call, output.step), output.language)
            case flow.Record():
                call.awaits = output.kind
                yield c.RecordMessage(
                    call.call_id, call.channel, _command_id(call, output.step), output.sounds, output.longest_s,
                    output.silence_s,
                )  # fmt: skip
            case flow.Ask():
                yield from self._ask(call, at, output)
            case flow.Enqueue():
                position = self._position(call, output.queue, at)
                yield c.EnterQueue(call.call_id, call.channel, output.queue, position, output.comes_back)
            case flow.Transfer():
                call.sent_to = output.to
                call.transfers.append(output.to)
                yield c.RingExtension(call.call_id, call.channel, output.to)
            case flow.Finish():
                yield c.HangUp(call.call_id, call.channel)
            case _:
                assert_never(output)

    def _ask(self, call: Call, at: int, ask: flow.Ask) -> Iterator[c.Command]:
        if ask.about != "callback":
            values = dict(ask.values)
            yield c.LookUp(call.call_id, _command_id(call, ask.step), ask.about, call.caller, call.language, values)
            return
        result = "refused"
        if self._reception is not None:
            result, booked = self._reception.book(call, ask.values["number"], ask.values["queue"], at)
            if booked is not None:
                yield c.KeepCallbacks((booked,))
        yield from self._advance(call, at, flow.Told(ask.step, result))

    def _position(self, call: Call, queue: str, at: int) -> int:
        """Where to enter; 0 behind all others, which is most people's place."""
        if self._reception is None:
            return 0
        if queue not in call.places:
            call.places[queue] = at - 1000 * self._reception.favour(call, at)
        waiting = self._floor.waiting(queue)
        before = sum(other.places.get(queue, at) <= call.places[queue] for other in waiting)
        return before + 1 if before < len(waiting) else 0


def _command_id(call: Call, step: int) -> str:
    return f"{call.call_id}/{step}"
