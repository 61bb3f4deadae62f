"""Which call a channel belongs to: calls in progress, first channels that may yet turn out to be callers, calls that have ended. Pure."""

from collections.abc import Collection

from pbx import contexts
from pbx import events as e
from pbx.calls import Call

REMEMBERED = 20_000


class Directory:
    """Changed by the board alone. While `catching_up`, what is told comes from the witnesses, and calls that it touches say so."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self._strangers: dict[str, e.ChannelOpened] = {}
        """First channels of their kind that may yet turn out to be callers; freed when they close."""
        self._ended: dict[str, None] = {}
        """The latest ended calls, oldest first: a witness may tell of them once more."""
        self.catching_up = False

    def known(self, channel_id: str) -> Call | None:
        """The call in progress of a caller's channel."""
        call = self.calls.get(channel_id)
        if call is not None and self.catching_up:
            call.complete_by = "reconciled"
        return call

    def caller(self, event: e.CallArrived | e.ControlStarted | e.QueueJoined | e.AgentAnswered) -> Call | None:
        """The call of a channel that certainly is a caller's, made known now if it was not; None when it has ended."""
        if event.channel_id in self._ended:
            return None
        call = self.known(event.channel_id)
        if call is not None:
            if call.caller == "invalid" or not call.caller:
                call.caller = event.caller
            return call
        first = self._strangers.pop(event.channel_id, None)
        exten = event.exten if isinstance(event, e.CallArrived | e.ControlStarted) else ""
        return self.open(
            event.channel_id, event.linkedid, event.channel, event.caller, event.caller_name,
            first.exten if first else exten, first.at if first else event.at,
        )  # fmt: skip

    def open(
        self, call_id: str, linkedid: str, channel: str, caller: str, caller_name: str, exten: str, at: int
    ) -> Call:
        """A call that was not known before."""
        call = self.calls[call_id] = Call(call_id, linkedid, channel, caller, caller_name, exten, at)
        if self.catching_up:
            call.complete_by = "reconciled"
        return call

    def channel_opened(self, event: e.ChannelOpened) -> None:
        """A caller, or somebody of whom that is not known yet. Whom we dial is a caller when somebody has picked up."""
        ours = event.channel_id in self.calls or contexts.is_made_by_us(event.channel_id)
        if event.channel_id != event.linkedid or ours or event.channel_id in self._ended:
            return
        if event.context in contexts.INBOUND:
            self.open(
                event.channel_id, event.linkedid, event.channel, event.caller, event.caller_name, event.exten, event.at
            )
        else:
            self._strangers[event.channel_id] = event

    def channel_closed(self, channel_id: str) -> Call | None:
        """The call that this channel was, if it was one."""
        self._strangers.pop(channel_id, None)
        return self.known(channel_id)

    def found(self, channel: e.LiveChannel) -> None:
        """A channel of a snapshot: perhaps a caller whom nobody told us of, because we were away when the call came."""
        caller = channel.channel_id == channel.linkedid and channel.context.startswith(contexts.OURS)
        known = channel.channel_id in self.calls or contexts.is_made_by_us(channel.channel_id)
        if caller and not known and channel.context not in contexts.NOT_CALLERS:
            self.open(
                channel.channel_id, channel.linkedid, channel.channel, channel.caller, channel.caller_name,
                channel.exten, channel.since,
            ).complete_by = "reconciled"  # fmt: skip

    def forget(self, call: Call) -> None:
        """The call has ended."""
        del self.calls[call.call_id]
        self._ended[call.call_id] = None
        if len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def keep_strangers(self, alive: Collection[str]) -> None:
        """Whoever is not alive is nobody any more."""
        self._strangers = {key: first for key, first in self._strangers.items() if key in alive}
