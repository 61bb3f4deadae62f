"""Recordings that wait or failed -> what a page shows of them. Pure."""

from dashboards import call_view
from dashboards.views import Titles, Tongue, View, clean, clock, span
from recordings.queries import CallRow
from recordings.room import Room
from recordings.tapes import Work

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
