"""Who waits in which queue, in which order, and who is there to answer: derived from calls and agents, kept nowhere."""

from collections.abc import Mapping, Sequence

from pbx.picture import AgentNow, AgentState, CallNow, Phase, QueueNow

_WAITING = (Phase.WAITING, Phase.RINGING)
_TALKING = (AgentState.TALKING, AgentState.HOLD, AgentState.BUSY)


def queues_now(titles: Mapping[str, str], calls: Sequence[CallNow], agents: Sequence[AgentNow]) -> tuple[QueueNow, ...]:
    """The centre's queues in its own order, then those that only Asterisk knows."""
    names = dict.fromkeys([*titles, *(q for agent in agents for q in agent.queues), *(call.queue for call in calls)])
    return tuple(_queue_now(name, titles.get(name, name), calls, agents) for name in names if name)


def _queue_now(name: str, title: str, calls: Sequence[CallNow], agents: Sequence[AgentNow]) -> QueueNow:
    waiting = [call for call in calls if call.queue == name and call.phase in _WAITING]
    waiting.sort(key=lambda call: call.joined_at or 0)
    states = [agent.state for agent in agents if name in agent.queues]
    return QueueNow(
        name=name,
        title=title,
        waiting=tuple(call.call_id for call in waiting),
        ready=states.count(AgentState.READY),
        talking=sum(state in _TALKING for state in states),
        wrapup=states.count(AgentState.WRAPUP),
        paused=states.count(AgentState.PAUSED),
        away=states.count(AgentState.AWAY),
    )
