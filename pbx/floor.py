"""The queues as they are at this moment, derived from calls and agents: who waits, who serves, who is free. Pure."""

from collections.abc import Mapping

from pbx.agents import Roster
from pbx.calls import Call
from pbx.picture import AgentState, Phase

WAITING = frozenset((Phase.WAITING, Phase.RINGING))
SERVING = frozenset((AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.HOLD, AgentState.WRAPUP))


class Floor:
    """A look at the board's own calls and agents; it changes neither."""

    def __init__(self, calls: Mapping[str, Call], agents: Roster) -> None:
        self._calls = calls
        self._agents = agents

    def all_waiting(self) -> list[Call]:
        """Everybody who waits, or is being rung for."""
        return [call for call in self._calls.values() if call.phase in WAITING]

    def waiting(self, queue: str) -> list[Call]:
        """Who waits in a queue, in no order."""
        return [call for call in self.all_waiting() if call.visit is not None and call.visit.queue == queue]

    def serving(self, queue: str) -> int:
        """How many agents really serve a queue now."""
        return sum(queue in agent.members and agent.state in SERVING for agent in self._agents)

    def free(self, queue: str) -> list[str]:
        """The interfaces of the agents of a queue who could take a call at once."""
        return [a.interface for a in self._agents if queue in a.members and a.state is AgentState.READY]

    def at_once(self, queue: str) -> int:
        """How many agents of a queue are free, or are being rung for somebody who waits in it."""
        rung = {AgentState.READY, AgentState.RINGING}
        mine = (a for a in self._agents if queue in a.members and a.state in rung)
        return sum(a.state is AgentState.READY or a.queue == queue for a in mine)

    def capacity(self, queue: str) -> float:
        """The same agents as `serving`, one who also serves other queues in which somebody waits as a fraction."""
        busy = {call.visit.queue for call in self.all_waiting() if call.visit is not None} | {queue}
        serving = (a for a in self._agents if queue in a.members and a.state in SERVING)
        return sum(1 / len(busy & a.members.keys()) for a in serving)
