"""Recordings that wait or failed -> what a page shows of them. Pure."""

from dashboards import call_view
from dashboards.views import Titles, Tongue, View, clean, clock, date_time, span
from pbx.centre import Centre
from recordings.corrections import Quality
from recordings.queries import CallRow
from recordings.room import Room
from recordings.sentinel import Listening
from recordings.tapes import Work
from recordings.voices import Trouble

_GIGA, _MEGA = 1 << 30, 1 << 20


def work(left: Work, say: Tongue) -> View:
    """How much is still to be written down, and until when."""
    if not left.calls:
        return {"none": True, "text": say("tapes_none_left"), "when": ""}
    when = say("tapes_unknown") if left.done_by is None else say("tapes_done_by", at=clock(left.done_by, seconds=False))
    return {
        "none": False,
        "text": say("tapes_left", n=left.calls, time=span(round(left.talk_s * 1000))),
        "when": when,
    }


def room(found: Room, say: Tongue) -> View:
    """How full the store is; `level` is ok, low or full."""
    lines = [say("tapes_used", used=size(found.used), free=size(found.free))]
    if found.days_left is not None:
        lines.append(say("tapes_days", n=round(found.days_left)))
    return {
        "level": found.level,
        "lines": lines,
        "alarm": say("room_full") if found.level == "full" else say("room_low") if found.level == "low" else "",
    }


def size(count: int) -> str:
    """Bytes as people read them, with a decimal comma."""
    if count >= _GIGA:
        return f"{count / _GIGA:.1f} GB".replace(".", ",")
    return f"{count / _MEGA:.0f} MB"


def failed(row: CallRow, reason: str, titles: Titles, say: Tongue) -> View:
    """A line of what somebody must look after."""
    return call_view.row(row, titles, say) | {"why": why(reason, say)}


def why(reason: str, say: Tongue) -> str:
    """What went wrong, in words where we have them."""
    kind, _, what = reason.partition(": ")
    match kind:
        case "no audio":
            return say("why_no_audio", what=clean(what))
        case "the recogniser failed":
            return say("why_recogniser", what=clean(what))
    return say("why_other", what=clean(reason))


def trouble(found: Trouble, centre: Centre, say: Tongue) -> View:
    """One kind of trouble at one phone, as a sentence, with calls to listen to."""
    people = {agent.interface: f"{agent.name} ({agent.extension})" for agent in centre.agents}
    return {
        "where": people.get(found.phone) or clean(found.phone) or say("line_of_callers"),
        "what": finding(found.kind, say),
        "share": say("n_of_m", n=say.count(found.bad), m=say.count(found.calls), share=round(100 * found.share)),
        "since": date_time(found.first_at),
        "calls": found.newest,
    }


def finding(kind: str, say: Tongue) -> str:
    """What is wrong, in words."""
    return say(f"ear_{kind}") if f"ear_{kind}" in say else clean(kind)


def findings(heard: Listening | None, say: Tongue) -> list[str]:
    """What is wrong in one call, a sentence each."""
    found = heard.findings if heard is not None else ()
    return [
        say(
            "ear_of",
            what=finding(f.kind, say),
            who=say(f"speaker_{f.side}") if f.side else say("ear_both"),
            at=span(round(1000 * f.start_s)),
        )
        for f in found
    ]


def shares(heard: Listening | None, say: Tongue) -> list[tuple[str, str]]:
    """Who spoke how much."""
    if heard is None or not heard.talk_ratio:
        return []
    share = round(100 * heard.talk_ratio)
    return [
        (say("talk_shares"), say("talk_shares_of", caller=share, agent=100 - share)),
        (say("overlap"), span(round(1000 * heard.overlap_s))),
        (say("silence"), span(round(1000 * heard.silence_s))),
    ]


def quality(found: Quality, say: Tongue) -> View:
    """How well one side of a line was heard in a month."""
    wer = say("not_enough") if found.wer is None else f"{100 * found.wer:.1f} %".replace(".", ",")
    side = found.channel if found.channel in ("caller", "agent") else "mono"
    return {
        "month": f"{found.month[5:]}/{found.month[:4]}",
        "line": clean(found.line, 20),
        "side": say(f"speaker_{side}"),
        "wer": wer,
        "words": say.count(found.words),
    }
