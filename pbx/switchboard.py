"""The one place where calls, queues, agents and the menu meet.

    for each event in order:   commands = board.step(event)

The board changes through events alone, so the same events give the same board, the same commands and the same records, today
and in a replay. It knows no socket, no file, no clock: time comes inside the events. Nothing that Asterisk says can make it
raise; what does not fit is passed over, because half of a story is what one hears after every reconnect.
"""

from collections.abc import Iterator, Mapping
from typing import assert_never

from ivr.menu import Menu
from pbx import commands as c
from pbx import contexts
from pbx import events as e
from pbx.agents import Roster
from pbx.calls import Call
from pbx.centre import Centre
from pbx.conversation import Conversations
from pbx.directory import Directory
from pbx.duty import Duty
from pbx.floor import Floor
from pbx.picture import AgentState, Phase, Picture
from pbx.queues import queues_now
from pbx.reception import Reception

_NOT_ASTERISK = (
    e.LinkUp, e.LinkLost, e.SnapshotTaken, e.LedgerRead, e.Ticked, e.LookupFinished, e.CallbackAsked, e.CallbackDialled,
    e.CallbackCancelled, e.NumberBlocked, e.HoursForced, e.MenuPublished, e.ReceptionKept,
)  # fmt: skip
"""What we, not Asterisk, say of calls and agents: it is no sign that the link was up."""


class Board:
    """All calls in progress and all agents. Without a menu it only watches, which is what a replay of somebody else's
    Asterisk does."""

    def __init__(
        self, menu: Menu | None = None, centre: Centre | None = None, reception: Reception | None = None,
        menus: Mapping[str, Menu] | None = None, version: str = "",
    ) -> None:  # fmt: skip
        self._queues = {q.name: q.title for q in centre.queues} if centre else {}
        self._directory = Directory()
        self._calls = self._directory.calls
        self.agents = Roster(centre.agents if centre else ())
        floor = Floor(self._calls, self.agents)
        self._reception = reception
        self._duty = Duty(reception, floor) if reception is not None else None
        self._conversations = Conversations(menus or ({version: menu} if menu else {}), version, reception, floor)
        self.version = 0
        self.last_at = 0
        """When Asterisk last said something of a call or an agent: where the next gap begins."""
        self.stale_since: int | None = 0
        self._boot = ""
        self._restarted = False
        self.ledger: e.LedgerRead | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def step(self, event: e.AnyEvent) -> list[c.Command]:
        """Take one event in; what is to be done about it comes back."""
        commands = list(self._step(event))
        if commands or not isinstance(event, e.Ticked):
            self.version += 1  # time alone changes nothing that is shown
        if not isinstance(event, _NOT_ASTERISK):
            self.last_at = max(self.last_at, event.at)
        return commands

    @property
    def oldest_arrival(self) -> int | None:
        """When the oldest call in progress arrived."""
        return min((call.arrived_at for call in self._calls.values()), default=None)

    @property
    def wants_ticks(self) -> bool:
        """Whether anything depends on the time that goes by."""
        return self._duty is not None and self._duty.wants_ticks

    def kept(self, at: int) -> e.ReceptionKept | None:
        """What the next segment of the journal must begin with."""
        return self._reception.kept(at, self._conversations.version) if self._reception is not None else None

    def in_menu(self) -> list[Call]:
        """The callers whom the menu holds; their leases are the service's to renew."""
        return [call for call in self._calls.values() if call.phase is Phase.MENU and call.session is not None]

    # --- dispatch ---------------------------------------------------------------------------------------------

    def _step(self, event: e.AnyEvent) -> Iterator[c.Command]:
        match event:
            case e.CommandFinished() | e.MessageRecorded() | e.LookupFinished():
                yield from self._command_finished(event)
            case e.ChannelOpened():
                self._directory.channel_opened(event)
            case e.ChannelClosed():
                yield from self._channel_closed(event)
            case e.CallArrived():
                call = self._directory.caller(event)
                if call is not None and self._duty is not None:
                    yield from self._duty.opened(call)
            case e.MenuPublished():
                self._conversations.publish(event.version)
            case (
                e.Ticked() | e.CallbackAsked() | e.CallbackDialled() | e.CallbackCancelled() | e.NumberBlocked()
                | e.HoursForced() | e.ReceptionKept()
            ):  # fmt: skip
                if isinstance(event, e.ReceptionKept):
                    self._conversations.publish(event.menu)
                if self._duty is not None:
                    yield from self._duty.step(event)
            case e.ControlStarted():
                yield from self._control_started(event)
            case e.LinkUp() | e.LinkLost() | e.SnapshotTaken() | e.LedgerRead():
                yield from self._link(event)
            case e.MemberChanged():
                self.agents.changed(event)
            case e.MemberRemoved():
                self.agents.removed(event.queue, event.interface, event.at)
            case e.QueueJoined():
                yield from self._joined(event)
            case e.AgentAnswered():
                yield from self._agent_answered(event)
            case e.HoldStarted() | e.HoldEnded():
                self._hold(event)
            case e.CallTransferred():
                self._transferred(event)
            case e.RecordingKeyed() | e.RecordingMuted():
                yield from self._recording(event)
            case _:
                if (call := self._directory.known(event.channel_id)) is not None:
                    visit = call.visit
                    self._of_call(call, event)
                    if visit is not None and call.visit is None and self._duty is not None:
                        yield from self._duty.left(call, visit.queue, event.at)

    def _of_call(
        self,
        call: Call,
        event: e.HangupAsked | e.KeyPressed | e.QueueAbandoned | e.QueueLeft | e.QueueReturned
        | e.AgentRang | e.AgentMissed | e.AgentFinished | e.RecordingStarted | e.RecordingStopped,
    ) -> None:  # fmt: skip
        match event:
            case e.HangupAsked():
                call.wants_out = True
            case e.KeyPressed():
                if call.phase in (Phase.ARRIVED, Phase.MENU):
                    call.keys += event.key
            case e.QueueAbandoned():
                call.maybe_abandon(event.at)
            case e.QueueLeft():
                call.leave(event.at)
                if call.talk_since is None:
                    self.agents.free_all(call.call_id, event.at)
            case e.QueueReturned():
                call.returned(event.queue, event.status, event.at)
            case e.AgentRang():
                call.ring(event.interface, event.at)
                if call.phase is Phase.RINGING:
                    self._occupy(event.interface, event.agent, AgentState.RINGING, call, event)
            case e.AgentMissed():
                call.miss(event.interface, event.agent, event.ring_ms, event.at)
                self.agents.free(event.interface, call.call_id, event.at)
            case e.AgentFinished():
                if self._duty is not None and call.talk_since is not None:
                    self._duty.talked(event.queue, event.at, event.at - call.talk_since)
                call.stop_talking(event.at, Phase.LEAVING)
                self.agents.free(event.interface, call.call_id, event.at)
            case e.RecordingStarted():
                call.recorded = True
                call.taping.start(event.at)
            case e.RecordingStopped():
                call.taping.stop(event.at)
            case _:
                assert_never(event)

    # --- the end of a call ------------------------------------------------------------------------------------

    def _channel_closed(self, event: e.ChannelClosed) -> Iterator[c.Command]:
        if (call := self._directory.channel_closed(event.channel_id)) is not None:
            yield from self._end(call, event.at, event.cause, seen=True)
        elif self._duty is not None:
            yield from self._duty.other_closed(event)

    def _end(self, call: Call, at: int, cause: int, *, seen: bool) -> Iterator[c.Command]:
        visit = call.visit
        self.agents.free_all(call.call_id, at)
        self._directory.forget(call)
        record = call.close(at, cause, seen=seen)
        yield c.Keep(record)
        if self._duty is not None:
            if visit is not None:
                yield from self._duty.left(call, visit.queue, at)
            yield from self._duty.ended(record)

    # --- agents and talking -----------------------------------------------------------------------------------

    def _occupy(self, interface: str, name: str, doing: AgentState, call: Call, event: e.AnyEvent) -> None:
        queue = call.visits[-1].queue if call.visits else ""
        self.agents.busy_with(interface, name, doing, call.call_id, queue, event.at)

    def _joined(self, event: e.QueueJoined) -> Iterator[c.Command]:
        call = self._directory.caller(event)
        if call is None or (self._directory.catching_up and call.has_joined(event.queue, event.at)):
            return
        yield from self._picked_up(call, event.at)
        call.join(event.queue, event.at)
        if self._duty is not None:
            self._duty.joined(call, event.queue, event.at)

    def _agent_answered(self, event: e.AgentAnswered) -> Iterator[c.Command]:
        call = self._directory.caller(event)
        if call is None or (self._directory.catching_up and call.was_answered(event.at)):
            return
        if call.visit is None and call.talk_since is None:
            call.join(event.queue, event.at - 1000 * event.waited_s)
        call.answer(event.interface, event.agent, event.at)
        if call.talk_since is not None:
            self.agents.free_all(call.call_id, event.at)
            self._occupy(event.interface, event.agent, AgentState.TALKING, call, event)
            if self._duty is not None:
                yield from self._duty.connected(call, event.queue, event.at)

    def _hold(self, event: e.HoldStarted | e.HoldEnded) -> None:
        call = self._directory.known(event.linkedid)
        if call is None or call.talk_since is None:
            return
        visit = call.visits[-1]
        held = isinstance(event, e.HoldStarted)
        (call.hold if held else call.unhold)(event.at)
        self._occupy(visit.interface, visit.agent, AgentState.HOLD if held else AgentState.TALKING, call, event)

    def _transferred(self, event: e.CallTransferred) -> None:
        call = self._directory.known(event.channel_id) or self._directory.known(event.linkedid)
        if call is None or (self._directory.catching_up and event.target in call.transfers):
            return
        call.transfers.append(event.target)
        call.stop_talking(event.at, Phase.TRANSFERRED)
        self.agents.free_all(call.call_id, event.at)

    def _recording(self, event: e.RecordingKeyed | e.RecordingMuted) -> Iterator[c.Command]:
        match event:
            case e.RecordingKeyed():
                call = self._directory.known(event.linkedid)
                if call is None:
                    yield c.AnswerKey("", event.channel, "failed")
                else:
                    yield from call.taping.keyed(event, call.call_id, call.channel)
            case e.RecordingMuted():
                call = self._directory.known(event.channel_id)
                if call is not None:
                    yield from call.taping.muted(event.muted, event.at, call.call_id)

    # --- the menu ---------------------------------------------------------------------------------------------

    def _control_started(self, event: e.ControlStarted) -> Iterator[c.Command]:
        if (call := self._directory.caller(event)) is None:
            return
        call.still_there(event.at)
        call.enter(Phase.MENU, event.at)
        yield from self._picked_up(call, event.at)
        if event.context.startswith(contexts.OURS):
            yield from self._conversations.started(call, event)

    def _picked_up(self, call: Call, at: int) -> Iterator[c.Command]:
        """A call that we made is one from the moment at which the citizen picks up."""
        if self._duty is not None and call.kind == "inbound" and contexts.is_made_by_us(call.call_id):
            yield from self._duty.opened(call)
            yield from self._duty.answered(call, at)

    def _command_finished(self, event: e.CommandFinished | e.MessageRecorded | e.LookupFinished) -> Iterator[c.Command]:
        if (call := self._directory.known(event.channel_id)) is None:
            return
        match event:
            case e.MessageRecorded():
                yield from self._conversations.message_recorded(call, event)
            case e.LookupFinished():
                yield from self._conversations.lookup_finished(call, event)
            case e.CommandFinished():
                if not event.failed:
                    call.still_there(event.at)
                yield from self._conversations.command_finished(call, event)

    # --- the link ---------------------------------------------------------------------------------------------

    def _link(self, event: e.LinkUp | e.LinkLost | e.SnapshotTaken | e.LedgerRead) -> Iterator[c.Command]:
        match event:
            case e.LinkUp():
                self._restarted = bool(self._boot) and event.boot != self._boot
                self._boot = event.boot
                self._directory.catching_up = True
            case e.LinkLost():
                if not self.stale_since:
                    self.stale_since = event.at
                self._directory.catching_up = False
            case e.LedgerRead():
                self.ledger = event
            case e.SnapshotTaken():
                self._directory.catching_up = False
                yield from self._snapshot(event)
                self.stale_since = None

    def _snapshot(self, taken: e.SnapshotTaken) -> Iterator[c.Command]:
        alive = {channel.channel_id: channel for channel in taken.channels}
        gone_at = self.stale_since if self._restarted and self.stale_since else taken.at
        for call in [call for call in self._calls.values() if call.call_id not in alive]:
            yield from self._end(call, gone_at, 0, seen=False)
        if self._duty is not None:
            yield from self._duty.restored(frozenset(alive), taken.at)
        self._directory.keep_strangers(alive)
        for member in taken.members:
            self.agents.changed(member)
        for channel in taken.channels:
            self._directory.found(channel)
        for row in taken.waiting:
            self._found_waiting(row, taken.at)
        for call in self._calls.values():
            here = alive.get(call.call_id)
            if here is None:
                continue
            call.channel = here.channel
            if contexts.in_menu(here) and call.visit is None and call.talk_since is None:
                yield c.Adopt(call.call_id, call.channel)

    def _found_waiting(self, row: e.Waiting, at: int) -> None:
        joined_at = at - 1000 * row.waited_s
        call = self._calls.get(row.channel_id) or self._directory.open(
            row.channel_id, row.channel_id, row.channel, row.caller, row.caller_name, "", joined_at
        )
        call.join(row.queue, joined_at)

    # --- the picture ------------------------------------------------------------------------------------------

    def picture(self, at: int) -> Picture:
        """What is to be seen now."""
        calls = tuple(call.now() for call in sorted(self._calls.values(), key=lambda call: call.arrived_at))
        agents = tuple(agent.now() for agent in self.agents)
        return Picture(
            version=self.version, at=at, stale_since=self.stale_since, calls=calls, agents=agents,
            queues=queues_now(self._queues, calls, agents),
        )  # fmt: skip
