"""Picture, rows and now -> what a page shows: words, colours' names, times in Vietnam. Pure; templates only place it.

Numbers are masked here, and text that callers control loses what could turn it round or hide it; escaping is the template engine's.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.words import WORDS
from pbx.centre import Centre
from pbx.metrics import QueueFigures
from pbx.picture import AgentNow, AgentState, CallNow, Phase, Picture
from pbx.record import CallRecord, Outcome
from recordings.queries import CallDetail, CallRow
from recordings.words import Turn

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TARGET = 80.0
WARN_S, OVER_S = 60, 180
LOW = 0.7
"""Words heard with less confidence are marked as uncertain."""
STATE_ICONS = {"ready": "circle-check", "ringing": "bell-ring", "talking": "headset", "hold": "hand", "wrapup": "notebook-pen",
               "paused": "pause", "busy": "phone", "away": "circle-dashed"}  # fmt: skip

View = dict[str, Any]


class Tongue:
    """The words and number forms of one language."""

    def __init__(self, language: str) -> None:
        self.language = language if language in WORDS else "vi"
        self._words = WORDS[self.language]

    def __call__(self, key: str, **values: object) -> str:
        return self._words[key].format(**values)

    def per_cent(self, value: float | None) -> str:
        if value is None:
            return "–"
        return f"{value:.1f}".replace(".", ",") if self.language == "vi" else f"{value:.1f}"


# --- small things -------------------------------------------------------------------------------------------------


def clean(text: str, limit: int = 120) -> str:
    """Text of a caller's without control and direction characters, and not endless."""
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    return kept if len(kept) <= limit else f"{kept[: limit - 1]}…"


def masked(number: str, say: Tongue) -> str:
    """A number that a passer-by may see: `0912•••678`."""
    if not number:
        return say("hidden_number")
    if number == "invalid":
        return say("invalid_number")
    number = clean(number, 24)
    return f"{number[:4]}•••{number[-3:]}" if len(number) > 7 else number


def clock(at: int, *, seconds: bool = True) -> str:
    return _local(at).strftime("%H:%M:%S" if seconds else "%H:%M")


def date_time(at: int) -> str:
    return _local(at).strftime("%d/%m/%Y %H:%M:%S")


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZONE)


def span(ms: int) -> str:
    """A duration as people read it: 0:07, 3:12, 1:02:09."""
    seconds = max(0, ms) // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def threshold(wait_ms: int) -> str:
    return "over" if wait_ms >= OVER_S * 1000 else "warn" if wait_ms >= WARN_S * 1000 else "ok"


def level(value: float | None) -> str:
    if value is None:
        return "none"
    return "ok" if value >= TARGET else "warn" if value >= TARGET - 10 else "over"


def ticking(since: int, now: int, *, waiting: bool = False) -> View:
    """A running time: the page counts on from `since`; `mark` is its threshold now."""
    return {
        "since": since,
        "text": span(now - since),
        "mark": threshold(now - since) if waiting else "",
        "waiting": waiting,
    }


# --- the board ----------------------------------------------------------------------------------------------------


def board(
    picture: Picture,
    figures: tuple[QueueFigures, Mapping[str, QueueFigures]],
    finished: Sequence[CallRow],
    centre: Centre,
    say: Tongue,
) -> View:
    """Everything on the wallboard."""
    total, by_queue = figures
    titles = {q.name: (q.title if say.language == "vi" else q.title_en) for q in centre.queues}
    calls = {call.call_id: call for call in picture.calls}
    waiting = sorted(
        (c for c in picture.calls if c.phase in (Phase.WAITING, Phase.RINGING)), key=lambda c: c.joined_at or 0
    )
    return {
        "stale": picture.stale_since is not None,
        "stale_text": _stale(picture.stale_since, say),
        "at": picture.at,
        "big": _big(picture, total, waiting, centre, say),
        "queues": [_queue(q, titles, calls, by_queue.get(q.name), picture.at, say) for q in picture.queues],
        "waiting": [_waiting(c, titles, picture.at, say) for c in waiting],
        "calls": [_call_now(c, titles, picture.at, say) for c in reversed(picture.calls)],
        "finished": [row(r, titles, say) for r in finished],
        "agents": [_agent(a, titles, picture.at, say) for a in sorted(picture.agents, key=_by_given_name)],
        "tally": _tally(picture.agents, say),
        "hotline": centre.hotline,
    }


def _stale(since: int | None, say: Tongue) -> str:
    if since is None:
        return ""
    return f"{say('lost')} {say('lost_since', at=clock(since))}" if since else say("never")


def _big(picture: Picture, total: QueueFigures, waiting: Sequence[CallNow], centre: Centre, say: Tongue) -> View:
    longest = min((c.joined_at for c in waiting if c.joined_at), default=None)
    signed_in = [a for a in picture.agents if a.state is not AgentState.AWAY]
    limits = sorted({q.service_level_s for q in centre.queues})
    reached = level(total.service_level)
    note = "no_calls_yet" if reached == "none" else "target_met" if reached == "ok" else "target_missed"
    return {
        "waiting": len(waiting),
        "longest": ticking(longest, picture.at, waiting=True) if longest else None,
        "level": say.per_cent(total.service_level),
        "level_mark": reached,
        "level_note": say(note, n=f"{TARGET:.0f}") if reached != "none" else say(note),
        "within": say("within", s="–".join(map(str, limits[:1] + limits[1:][-1:]))),
        "ready": sum(a.state is AgentState.READY for a in signed_in),
        "signed_in": len(signed_in),
    }


def _queue(
    q: Any, titles: Mapping[str, str], calls: Mapping[str, CallNow], f: QueueFigures | None, now: int, say: Tongue
) -> View:
    first = calls[q.waiting[0]].joined_at if q.waiting else None
    offered, answered, abandoned = (f.offered, f.answered, f.abandoned) if f else (0, 0, 0)
    return {
        "title": clean(titles.get(q.name, q.title)),
        "waiting": len(q.waiting),
        "longest": ticking(first, now, waiting=True) if first else None,
        "ready": q.ready,
        "talking": q.talking,
        "wrapup": q.wrapup,
        "paused": q.paused,
        "level": say.per_cent(f.service_level if f else None),
        "level_mark": level(f.service_level if f else None),
        "offered": offered,
        "answered": answered,
        "abandoned": abandoned,
        "others": offered - answered - abandoned,
    }


def _waiting(call: CallNow, titles: Mapping[str, str], now: int, say: Tongue) -> View:
    return {
        "who": masked(call.caller, say),
        "queue": clean(titles.get(call.queue, call.queue)),
        "ringing": call.phase is Phase.RINGING,
        "wait": ticking(call.joined_at or call.arrived_at, now, waiting=True),
    }


def _call_now(call: CallNow, titles: Mapping[str, str], now: int, say: Tongue) -> View:
    where = clean(titles.get(call.queue, call.queue)) if call.queue else " › ".join(call.menu_path[-1:])
    talking = call.phase in (Phase.TALKING, Phase.HOLD)
    return {
        "id": call.call_id,
        "who": masked(call.caller, say),
        "phase": call.phase.value,
        "phase_word": say(f"phase_{call.phase.value}"),
        "where": clean(where),
        "agent": clean(call.agent) if talking else "",
        "time": ticking(call.since, now),
        "total": ticking(call.arrived_at, now),
    }


def _agent(agent: AgentNow, titles: Mapping[str, str], now: int, say: Tongue) -> View:
    serving = [agent.queue] if agent.queue else agent.queues
    look = {"hold": "talking", "busy": "talking"}.get(agent.state.value, agent.state.value)
    return {
        "name": clean(agent.name),
        "state": agent.state.value,
        "look": look,
        "icon": STATE_ICONS[agent.state.value],
        "word": clean(agent.reason)
        if agent.state is AgentState.PAUSED and agent.reason
        else say(f"state_{agent.state.value}"),
        "time": ticking(agent.since, now) if agent.since else None,
        "queues": ", ".join(clean(titles.get(q, q)) for q in serving),
    }


def _by_given_name(agent: AgentNow) -> tuple[str, str]:
    """Vietnamese names are sorted by the given name, which comes last."""
    return (agent.name.split()[-1:] or [""])[0], agent.name


def _tally(agents: Sequence[AgentNow], say: Tongue) -> list[View]:
    states = [a.state for a in agents]
    return [
        {"look": {"hold": "talking", "busy": "talking"}.get(s.value, s.value), "icon": STATE_ICONS[s.value], "count": states.count(s),
         "word": say(f"state_{s.value}").lower()}
        for s in AgentState if states.count(s)
    ]  # fmt: skip


# --- calls --------------------------------------------------------------------------------------------------------


def row(r: CallRow, titles: Mapping[str, str], say: Tongue) -> View:
    """A line of the list of calls."""
    c = r.record
    return {
        "id": c.call_id,
        "time": date_time(c.arrived_at),
        "clock": clock(c.ended_at, seconds=False),
        "who": masked(c.caller, say),
        "queue": clean(titles.get(c.queue, c.queue)),
        "outcome": c.outcome.value,
        "outcome_word": say(f"out_{c.outcome.value}"),
        "good": c.outcome is Outcome.ANSWERED,
        "agent": clean(c.agent),
        "wait": span(c.wait_ms),
        "wait_mark": threshold(c.wait_ms),
        "talk": span(c.talk_ms) if c.talk_ms else "–",
        "said": clean(r.snippet, 160) if r.transcript_state == "done" else say(f"t_{r.transcript_state}", reason="…"),
        "has_text": r.transcript_state == "done" and bool(r.snippet),
    }


def detail(d: CallDetail, centre: Centre, say: Tongue) -> View:
    """One call: facts, time bar, turns."""
    c = d.record
    titles = {q.name: (q.title if say.language == "vi" else q.title_en) for q in centre.queues}
    return {
        "id": c.call_id,
        "who": masked(c.caller, say),
        "title": say("call_of", caller=masked(c.caller, say)),
        "outcome": c.outcome.value,
        "outcome_word": say(f"out_{c.outcome.value}"),
        "good": c.outcome is Outcome.ANSWERED,
        "facts": _facts(c, titles, say),
        "ribbon": ribbon(c, say),
        "visits": [_visit(v, titles, say) for v in c.visits],
        "state": d.transcript_state,
        "note": _note(d, say),
        "turns": [_turn(t, say) for t in d.turns],
        "model": clean(d.model),
    }


def _facts(c: CallRecord, titles: Mapping[str, str], say: Tongue) -> list[tuple[str, str]]:
    facts = [
        (say("arrived"), date_time(c.arrived_at)),
        (say("ended"), date_time(c.ended_at)),
        (say("dialled"), clean(c.dialled)),
        (say("language"), say("lang_en" if c.language == "en" else "lang_vi")),
        (say("field"), clean(titles.get(c.queue, c.queue)) or "–"),
        (say("agent"), clean(c.agent) or "–"),
        (say("wait"), span(c.wait_ms)),
        (say("ring"), span(c.ring_ms)),
        (say("talk"), span(c.talk_ms)),
        (say("hold"), span(c.hold_ms)),
        (say("menu_path"), " › ".join(clean(step) for step in c.menu_path) or "–"),
        (say("seen"), say(f"by_{c.complete_by}")),
        (say("call_id"), c.call_id),
    ]
    if c.transfers:
        facts.insert(6, (say("transfers"), ", ".join(clean(target) for target in c.transfers)))
    return facts


def ribbon(c: CallRecord, say: Tongue) -> list[View]:
    """The call as a strip of time: each part with its share in per cent of the whole."""
    first_wait = c.visits[0].joined_at if c.visits else c.ended_at
    total = max(1, c.ended_at - c.arrived_at)
    talk = c.talk_ms - c.hold_ms
    ring = min(c.ring_ms, c.wait_ms)
    known = [
        ("menu", first_wait - c.arrived_at),
        ("wait", c.wait_ms - ring),
        ("ring", ring),
        ("talk", talk),
        ("hold", c.hold_ms),
    ]
    return [
        {"kind": kind, "word": say(kind), "time": span(ms), "share": round(100 * ms / total, 2)}
        for kind, ms in known
        if ms >= 500
    ]


def _visit(v: Any, titles: Mapping[str, str], say: Tongue) -> str:
    parts = [clean(titles.get(v.queue, v.queue)), say(f"out_{v.outcome.value}") if v.outcome else "", span(v.wait_ms)]
    if v.missed:
        parts.append(say("missed_by", agents=", ".join(clean(agent) for agent in v.missed)))
    return " · ".join(part for part in parts if part)


def _note(d: CallDetail, say: Tongue) -> str:
    if d.transcript_state == "done":
        return "" if d.words else say("t_empty")
    return say(f"t_{d.transcript_state}", reason=clean(d.reason))


def _turn(turn: Turn, say: Tongue) -> View:
    return {
        "channel": turn.channel,
        "who": say(f"speaker_{turn.channel}") if turn.channel in ("caller", "agent") else say("speaker_mono"),
        "at": span(round(turn.start * 1000)),
        "words": [{"text": clean(w.word, 40), "start": w.start, "low": w.conf < LOW} for w in turn.words],
    }


def calls(rows: Sequence[CallRow], centre: Centre, say: Tongue) -> list[View]:
    """The list of calls."""
    titles = {q.name: (q.title if say.language == "vi" else q.title_en) for q in centre.queues}
    return [row(r, titles, say) for r in rows]
