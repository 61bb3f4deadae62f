"""A kept call -> its line in the list and its own page. Pure."""

from collections.abc import Mapping
from typing import Any

from dashboards.views import Titles, Tongue, View, clean, clock, date, date_time, masked, span, threshold, titles_of
from pbx.centre import Centre
from pbx.numbers import dialable, same
from pbx.record import CallRecord, Outcome, ToldWait
from recordings.queries import CallDetail, CallRow, Only
from recordings.timeline import Gap, gaps
from recordings.words import Turn

LOW = 0.7
"""Words heard with less confidence are marked as uncertain."""


def row(r: CallRow, titles: Titles, say: Tongue) -> View:
    """A line of the list of calls."""
    c = r.record
    has_text = r.transcript_state == "done" and bool(r.snippet)
    return {
        "id": c.call_id,
        "at": clock(c.arrived_at),
        "date": date(c.arrived_at),
        "ended": clock(c.ended_at, seconds=False),
        "who": masked(c.caller, say),
        "queue": titles.get(c.queue) or clean(c.queue),
        "outcome_word": say(f"out_{c.outcome.value}"),
        "good": c.outcome is Outcome.ANSWERED,
        "agent": clean(c.agent),
        "wait": span(c.wait_ms) if c.visits else "–",
        "wait_mark": threshold(c.wait_ms),
        "talk": span(c.talk_ms) if c.talk_ms else "–",
        "said": clean(r.snippet, 160) if has_text else say(f"s_{r.transcript_state}"),
        "has_text": has_text,
    }


def detail(d: CallDetail, centre: Centre, say: Tongue, corrected: Mapping[int, str] | None = None) -> View:
    """One call: facts, time bar, turns."""
    c = d.record
    titles = titles_of(centre, say)
    return {
        "id": c.call_id,
        "title": say("call_of", caller=masked(c.caller, say)),
        "can_call": dialable(c.caller) is not None,
        "has_number": bool(same(c.caller)),
        "callback": c.callback_id,
        "told": [_told(t, say) for t in c.told],
        "scores": [
            (say(f"factor_{s.factor}") if f"factor_{s.factor}" in say else clean(s.factor), s.value) for s in c.survey
        ],
        "outcome_word": say(f"out_{c.outcome.value}"),
        "good": c.outcome is Outcome.ANSWERED,
        "facts": _facts(c, titles, say),
        "ribbon": ribbon(c, say),
        "visits": [_visit(v, titles, say) for v in c.visits],
        "state": d.transcript_state,
        "note": _note(d, say),
        "flaws": [say("flaw", what=clean(flaw)) for flaw in d.flaws],
        "turns": _said(d, say, corrected or {}),
        "audio_note": _audio_note(d, say),
        "silenced": d.original is not None and d.play is not None,
        "model": clean(d.model),
    }


def _facts(c: CallRecord, titles: Titles, say: Tongue) -> list[tuple[str, str]]:
    facts = [
        (say("arrived"), date_time(c.arrived_at)),
        (say("ended"), date_time(c.ended_at)),
        (say("dialled"), clean(c.dialled)),
        (say("language"), say("lang_en" if c.language == "en" else "lang_vi")),
        (say("field"), titles.get(c.queue) or clean(c.queue) or "–"),
        (say("agent"), clean(c.agent) or "–"),
        (say("wait"), span(c.wait_ms)),
        (say("ring"), span(c.ring_ms)),
        (say("talk"), span(c.talk_ms)),
        (say("hold"), span(c.hold_ms)),
        (say("menu_path"), " › ".join(clean(step) for step in c.menu_path) or "–"),
        (say("seen"), say(f"by_{c.complete_by}")),
        (say("call_id"), clean(c.call_id)),
    ]
    if c.transfers:
        facts.insert(6, (say("transfers"), ", ".join(clean(target) for target in c.transfers)))
    return [*facts[:-2], *_citizen_facts(c, say), *facts[-2:]]


def _citizen_facts(c: CallRecord, say: Tongue) -> list[tuple[str, str]]:
    """What only some calls have."""
    message = say(f"msg_{c.message}") if f"msg_{c.message}" in say else clean(c.message)
    known = [
        ("kind_of_call", say("kind_callback") if c.kind == "callback" else ""),
        ("turned_away", _named("block_", c.blocked, say)),
        ("favoured", say("favoured_of", s=c.favoured_s, why=_named("fav_", c.favoured, say)) if c.favoured_s else ""),
        ("dossier", clean(c.dossier)),
        ("message", say("message_of", kind=message, time=span(c.message_ms)) if c.message else ""),
        ("petition_number", clean(c.petition)),
    ]
    return [(say(name), value) for name, value in known if value]


def _named(prefix: str, name: str, say: Tongue) -> str:
    """The words for a reason; the reason itself when there are none."""
    return say(prefix + name) if name and prefix + name in say else clean(name)


def _told(t: ToldWait, say: Tongue) -> str:
    """What the caller was told, and on what it rested."""
    known = {"at": clock(t.at), "ahead": t.ahead, "serving": t.serving}
    if t.low_s is None or t.high_s is None:
        return say("told_nothing", **known, why=_named("tw_", t.why, say) or say("tw_"))
    if not t.low_s:
        return say("told_under", **known, high=_minutes(t.high_s))
    return say("told_range", **known, low=_minutes(t.low_s), high=_minutes(t.high_s))


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:g}" if seconds % 60 == 0 else f"{seconds / 60:.1f}"


def message_row(r: CallRow, titles: Titles, say: Tongue) -> View:
    """A line of the list of messages."""
    c = r.record
    state = "msg_pending" if r.transcript_state == "pending" else f"s_{r.transcript_state}"
    return row(r, titles, say) | {
        "kind": _named("msg_", c.message, say),
        "length": span(c.message_ms),
        "petition": clean(c.petition, 20),
        "said": clean(r.snippet, 160) if r.transcript_state == "done" and r.snippet else say(state),
    }


def only_words(only: Only, caller: str, titles: Titles, say: Tongue) -> list[str]:
    """What a list of calls is narrowed to, in words."""
    known = [
        (only.caller_of, say("only_caller_of", who=masked(caller, say))),
        (only.callback, say("only_callback")),
        (only.message, _named("msg_", only.message, say) if only.message != "any" else say("only_message")),
        (only.factor, _named("factor_", only.factor, say)),
        (only.score, say("only_score", score=only.score)),
        (only.queue, say("only_field", queue=titles.get(only.queue) or clean(only.queue, 40))),
        (only.topic, say("only_topic", topic=clean(only.topic, 40))),
        (only.since and only.until, _days(only)),
    ]
    return [words for asked, words in known if asked]


def _days(only: Only) -> str:
    first, last = date(only.since), date(max(only.since, only.until - 1))
    return first if first == last else f"{first} – {last}"


def ribbon(c: CallRecord, say: Tongue) -> list[View]:
    """The call as a strip of time: each part with where it begins and how wide it is, in per cent of the whole."""
    first_wait = c.visits[0].joined_at if c.visits else c.ended_at
    total = max(1, c.ended_at - c.arrived_at)
    ring = min(c.ring_ms, c.wait_ms)
    known = [
        ("menu", first_wait - c.arrived_at),
        ("wait", c.wait_ms - ring),
        ("ring", ring),
        ("talk", c.talk_ms - c.hold_ms),
        ("hold", c.hold_ms),
    ]
    parts: list[View] = []
    begins = 0.0
    for kind, ms in known:
        if ms >= 500:
            share = min(100 * ms / total, 100 - begins)
            parts.append(
                {"kind": kind, "word": say(kind), "time": span(ms), "x": round(begins, 2), "share": round(share, 2)}
            )
            begins += share
    return parts


def _visit(v: Any, titles: Titles, say: Tongue) -> str:
    outcome = say(f"out_{v.outcome.value}") if v.outcome else ""
    parts = [titles.get(v.queue) or clean(v.queue), outcome, say("waited", time=span(v.wait_ms))]
    if v.missed:
        parts.append(say("missed_by", agents=", ".join(clean(agent) for agent in v.missed)))
    return " · ".join(part for part in parts if part)


def _note(d: CallDetail, say: Tongue) -> str:
    if d.transcript_state == "done":
        return "" if d.words else say("t_empty")
    return say(f"t_{d.transcript_state}", reason=clean(d.reason))


def _audio_note(d: CallDetail, say: Tongue) -> str:
    """Why there is nothing to play."""
    if not d.record.recorded or d.play is not None or not d.place:
        return ""
    return say("not_playable") if d.place == "wav" else say("not_maskable")


def _said(d: CallDetail, say: Tongue, corrected: Mapping[int, str]) -> list[View]:
    """Turns, and between them what the recording leaves out or the agent marked, in order of the audio."""
    lines = [(turn.start, 1, _turn(n, turn, corrected.get(n, ""), say)) for n, turn in enumerate(d.turns)]
    lines += [(gap.start_s, 0, _gap(gap, say)) for gap in gaps(d.record.stretches)]
    return [view for _, _, view in sorted(lines, key=lambda line: line[:2])]


def _gap(gap: Gap, say: Tongue) -> View:
    lasted = span(round(1000 * (gap.lost_s or gap.end_s - gap.start_s)))
    known = gap.kind if f"gap_{gap.kind}" in say else "cut"
    return {"gap": known, "text": say(f"gap_{known}", time=lasted), "at": span(round(gap.start_s * 1000))}


def _turn(n: int, turn: Turn, said: str, say: Tongue) -> View:
    known = turn.channel in ("caller", "agent")
    return {
        "gap": "",
        "n": n,
        "said": clean(said, 2000),
        "heard": clean(turn.text, 2000),
        "channel": turn.channel if known else "mono",
        "who": say(f"speaker_{turn.channel}" if known else "speaker_mono"),
        "at": span(round(turn.start * 1000)),
        "words": [{"text": clean(w.word, 40), "start": w.start, "end": w.end, "low": w.conf < LOW} for w in turn.words],
    }
