"""Who answers, and what each of them is doing since when.

An agent's state is derived, never set: from what app_queue says of the phone and from the call that the switchboard knows
the agent to be in. Knows no calls beyond their ids.
"""

from collections.abc import Iterable, Iterator

from pbx.centre import Agent as CentreAgent
from pbx.events import MemberChanged
from pbx.picture import AgentNow, AgentState

# AST_DEVICE_* as app_queue prints them in `Status`.
_IDLE, _INVALID, _UNAVAILABLE, _RINGING = 1, 4, 5, 6
_BUSY = frozenset((2, 3, 7, 8))


class Agent:
    """One phone, whichever queues it serves."""

    __slots__ = ("call_id", "doing", "interface", "members", "name", "queue", "reason", "since", "state")

    def __init__(self, interface: str, name: str) -> None:
        self.interface = interface
        self.name = name
        self.members: dict[str, MemberChanged | None] = {}
        """Queue -> what app_queue last said of this member; None where only the centre file names it."""
        self.doing: AgentState | None = None
        """RINGING, TALKING or HOLD for a queue call, as the switchboard saw it."""
        self.call_id = ""
        self.queue = ""
        self.reason = ""
        self.state = AgentState.AWAY
        self.since = 0

    def refresh(self, at: int) -> None:
        """Derive the state anew; `since` moves only when it, or the pause reason, changes."""
        state, reason = self._derive()
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason, self.since = state, reason, at

    def _derive(self) -> tuple[AgentState, str]:
        told = [m for m in self.members.values() if m is not None]
        if self.doing is not None:
            return self.doing, ""
        statuses = {m.status for m in told}
        if statuses & _BUSY:
            return AgentState.BUSY, ""
        if not told or not statuses - {_INVALID, _UNAVAILABLE}:
            return AgentState.AWAY, ""
        paused = next((m for m in told if m.paused), None)
        if paused is not None and all(m.paused for m in told):
            return AgentState.PAUSED, paused.paused_reason
        return (AgentState.RINGING if _RINGING in statuses else AgentState.READY), ""

    def now(self) -> AgentNow:
        return AgentNow(
            interface=self.interface, name=self.name, state=self.state, since=self.since, reason=self.reason,
            queues=tuple(sorted(self.members)), queue=self.queue, call_id=self.call_id,
        )  # fmt: skip


class Roster:
    """All agents, those of the centre file and those that Asterisk adds."""

    def __init__(self, known: Iterable[CentreAgent] = ()) -> None:
        self._agents: dict[str, Agent] = {}
        self._titles: dict[str, str] = {}
        for agent in known:
            self._titles[agent.interface] = agent.name
            self.get(agent.interface, agent.name).members = dict.fromkeys(agent.queues)

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())

    def get(self, interface: str, name: str) -> Agent:
        agent = self._agents.get(interface)
        if agent is None:
            agent = self._agents[interface] = Agent(interface, self._titles.get(interface, name or interface))
        return agent

    def changed(self, member: MemberChanged) -> None:
        agent = self.get(member.interface, member.agent)
        agent.members[member.queue] = member
        agent.refresh(member.at)

    def removed(self, queue: str, interface: str, at: int) -> None:
        if (agent := self._agents.get(interface)) is not None:
            agent.members.pop(queue, None)
            agent.refresh(at)
            if not agent.members:
                del self._agents[interface]

    def busy_with(self, interface: str, name: str, doing: AgentState, call_id: str, queue: str, at: int) -> None:
        agent = self.get(interface, name)
        agent.doing, agent.call_id, agent.queue = doing, call_id, queue
        agent.refresh(at)

    def free(self, interface: str, call_id: str, at: int) -> None:
        """This call no longer occupies the agent; another one may."""
        agent = self._agents.get(interface)
        if agent is not None and agent.call_id == call_id:
            agent.doing, agent.call_id, agent.queue = None, "", ""
            agent.refresh(at)

    def free_all(self, call_id: str, at: int) -> None:
        for agent in list(self._agents.values()):
            self.free(agent.interface, call_id, at)
