"""Picture, figures and what has just finished -> what the wallboard shows. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.call_view import row
from dashboards.trend import Line, Sample
from dashboards.views import TARGET, Titles, Tongue, View, clean, clock, level, masked, sort_key, ticking, titles_of
from pbx.centre import Centre
from pbx.metrics import QueueFigures
from pbx.picture import AgentNow, AgentState, CallNow, Phase, Picture
from recordings.queries import CallRow

STATE_ICONS = {"ready": "circle-check", "ringing": "bell-ring", "talking": "headset", "hold": "hand", "wrapup": "notebook-pen",
               "paused": "pause", "busy": "phone", "away": "circle-dashed"}  # fmt: skip
CROWD = 6
"""More agents than this get smaller cards, so that a television still shows everybody."""


def board(
    picture: Picture,
    figures: tuple[QueueFigures, Mapping[str, QueueFigures]],
    finished: Sequence[CallRow],
    centre: Centre,
    say: Tongue,
    lines: Mapping[str, Line] | None = None,
) -> View:
    """Everything on the wallboard; `lines` are those of the last hour."""
    total, by_queue = figures
    titles = titles_of(centre, say)
    calls = {call.call_id: call for call in picture.calls}
    waiting = _in_queues(picture)
    return {
        "stale": picture.stale_since,
        "stale_text": _stale(picture.stale_since, say),
        "data_at": "–" if picture.stale_since == 0 else clock(picture.stale_since or picture.at),
        "big": _big(picture, total, waiting, centre, say),
        "lines": lines or {},
        "queues": [_queue(q, titles, calls, by_queue.get(q.name), picture.at, say) for q in picture.queues],
        "waiting": [_waiting(c, titles, picture.at, say) for c in waiting],
        "calls": [_call_now(c, titles, picture.at, say) for c in reversed(picture.calls)],
        "none_in_progress": _none_in_progress(centre, begun=bool(finished), say=say),
        "finished": [row(r, titles, say) for r in finished],
        "agents": [_agent(a, titles, picture.at, say) for a in sorted(picture.agents, key=_by_given_name)],
        "crowded": len(picture.agents) > CROWD,
        "tally": _tally(picture.agents, say),
    }


def sample(picture: Picture, total: QueueFigures) -> Sample:
    """The four big numbers, for the line of the last hour."""
    joined = [c.joined_at for c in _in_queues(picture) if c.joined_at]
    return Sample(
        at=picture.at,
        waiting=len(joined),
        longest_ms=picture.at - min(joined, default=picture.at),
        level=total.service_level,
        ready=sum(a.state is AgentState.READY for a in picture.agents),
    )


def _in_queues(picture: Picture) -> list[CallNow]:
    """Whoever waits, longest first."""
    waiting = (c for c in picture.calls if c.phase in (Phase.WAITING, Phase.RINGING))
    return sorted(waiting, key=lambda c: c.joined_at or 0)


def _stale(since: int | None, say: Tongue) -> str:
    if since is None:
        return ""
    return f"{say('lost')} {say('lost_since', at=clock(since))}" if since else say("never")


def _none_in_progress(centre: Centre, *, begun: bool, say: Tongue) -> str:
    return say("none_now") if begun else say("none_yet", hotline=clean(centre.hotline))


def _big(picture: Picture, total: QueueFigures, waiting: Sequence[CallNow], centre: Centre, say: Tongue) -> View:
    longest = min((c.joined_at for c in waiting if c.joined_at), default=None)
    signed_in = [a for a in picture.agents if a.state is not AgentState.AWAY]
    limits = sorted({q.service_level_s for q in centre.queues})
    reached = level(total.service_level)
    note = "no_calls_yet" if reached == "none" else "target_met" if reached == "ok" else "target_missed"
    ringing = sum(c.phase is Phase.RINGING for c in waiting)
    return {
        "waiting": len(waiting),
        "waiting_note": say("n_ringing", n=ringing) if ringing else "" if waiting else say("nobody_waits"),
        "longest": ticking(longest, picture.at, waiting=True) if longest else None,
        "level": say.per_cent(total.service_level),
        "level_mark": reached,
        "level_note": say(note, n=f"{TARGET:.0f}"),
        "within": say("within", s="–".join(map(str, limits[:1] + limits[1:][-1:]))),
        "offered": say("n_offered", offered=say.count(total.offered), abandoned=say.count(total.abandoned)),
        "ready": sum(a.state is AgentState.READY for a in signed_in),
        "signed_in": len(signed_in),
        "ready_note": "" if signed_in else say("nobody_signed_in"),
    }


_COUNTS = ("ready", "talking", "wrapup", "paused", "offered", "answered", "abandoned", "others")


def _queue(q: Any, titles: Titles, calls: Mapping[str, CallNow], f: QueueFigures | None, now: int, say: Tongue) -> View:
    first = calls[q.waiting[0]].joined_at if q.waiting else None
    offered, answered, abandoned = (f.offered, f.answered, f.abandoned) if f else (0, 0, 0)
    counts = (q.ready, q.talking, q.wrapup, q.paused, offered, answered, abandoned, offered - answered - abandoned)
    return {
        "title": titles.get(q.name) or clean(q.title),
        "waiting": say.count(len(q.waiting)),
        "longest": ticking(first, now, waiting=True) if first else None,
        "counts": [(say(name), say.count(n)) for name, n in zip(_COUNTS, counts, strict=True)],
        "level": say.per_cent(f.service_level if f else None),
        "level_mark": level(f.service_level if f else None),
    }


def _waiting(call: CallNow, titles: Titles, now: int, say: Tongue) -> View:
    return {
        "who": masked(call.caller, say),
        "queue": titles.get(call.queue) or clean(call.queue),
        "ringing": call.phase is Phase.RINGING,
        "wait": ticking(call.joined_at or call.arrived_at, now, waiting=True),
    }


def _call_now(call: CallNow, titles: Titles, now: int, say: Tongue) -> View:
    where = (titles.get(call.queue) or call.queue) if call.queue else "".join(call.menu_path[-1:])
    talking = call.phase in (Phase.TALKING, Phase.HOLD)
    return {
        "who": masked(call.caller, say),
        "phase": call.phase.value,
        "phase_word": say(f"phase_{call.phase.value}"),
        "where": clean(where),
        "agent": clean(call.agent) if talking else "",
        "time": ticking(call.since, now),
    }


def _agent(agent: AgentNow, titles: Titles, now: int, say: Tongue) -> View:
    serving = [agent.queue] if agent.queue else agent.queues
    paused = agent.state is AgentState.PAUSED and agent.reason
    return {
        "name": clean(agent.name),
        "look": _look(agent.state),
        "icon": STATE_ICONS[agent.state.value],
        "word": clean(agent.reason) if paused else say(f"state_{agent.state.value}"),
        "time": ticking(agent.since, now) if agent.since else None,
        "queues": ", ".join(titles.get(q) or clean(q) for q in serving),
    }


def _look(state: AgentState) -> str:
    """The colour: hold and busy are talking to whoever looks from across the room."""
    return "talking" if state in (AgentState.HOLD, AgentState.BUSY) else state.value


def _by_given_name(agent: AgentNow) -> tuple[list[int], list[int]]:
    """Vietnamese names are sorted by the given name, which comes last."""
    return sort_key((agent.name.split()[-1:] or [""])[0]), sort_key(agent.name)


def _tally(agents: Sequence[AgentNow], say: Tongue) -> list[View]:
    states = [a.state for a in agents]
    return [
        {"look": _look(s), "icon": STATE_ICONS[s.value], "count": states.count(s), "word": say(f"state_{s.value}").lower()}
        for s in AgentState if states.count(s)
    ]  # fmt: skip
