"""Whether citizens are let in, and whether they are told true waits -> the page of the reception. Pure."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from dashboards.views import Titles, Tongue, View, clean, masked, when
from ivr.hours import Opening
from pbx.gate import Block

GOAL = 70.0
"""Per cent of those who were told a wait that must be connected within it; below, the house goes silent."""


class Calibrated(Protocol):
    """How true the told waits of a queue were: how often told; of the latest that settled, how many, and the share within what was told
    (0 to 1)."""

    @property
    def told(self) -> int: ...
    @property
    def recent(self) -> int: ...
    @property
    def share(self) -> float | None: ...
    @property
    def muted(self) -> bool: ...


def openings(hours: Mapping[str, Opening], titles: Titles, say: Tongue, now: int) -> list[View]:
    """The line (queue `''`) and each queue: open or closed, why, and what comes next."""
    names = [*([""] if "" in hours else []), *(name for name in titles if name in hours)]
    return [_opening(hours[name], titles.get(name) or say("whole_line"), say, now) for name in names]


def _opening(o: Opening, title: str, say: Tongue, now: int) -> View:
    key = f"why_{o.why}"
    why = [say(key) if key in say else clean(o.why)] if o.why else []
    why += [clean(o.title)] if o.title else []
    return {
        "title": title,
        "open": o.open,
        "word": say("is_open" if o.open else "is_closed"),
        "why": ", ".join(why),
        "next": _next(o, say, now),
        "forced": o.why == "forced",
    }


def _next(o: Opening, say: Tongue, now: int) -> str:
    if o.open:
        return say("closes_at", at=when(o.until, now)) if o.until else say("no_change")
    return say("opens_at", at=when(o.opens_at, now)) if o.opens_at else say("opens_unknown")


def forced(hours: Mapping[str, Opening], titles: Titles, say: Tongue, now: int) -> list[str]:
    """What a person decided and is in force, a sentence each: of the whole line, or of the queues that differ from it."""
    line = hours.get("", Opening(open=True))
    told = [] if line.why == "forced" else [name for name in titles if name in hours and hours[name].why == "forced"]
    sentences = [_forced(hours[name], titles[name], say, now) for name in told]
    if line.why == "forced":
        sentences = [_forced(line, say("whole_line"), say, now)]
    return [*sentences, *([say("announced_now")] if any(o.announcement for o in hours.values()) else [])]


def _forced(o: Opening, title: str, say: Tongue, now: int) -> str:
    state = say("is_open" if o.open else "is_closed").lower()
    return say("forced_now", title=title, state=state, reason=clean(o.title) or "–", at=when(o.until or now, now))


def block_rows(blocks: Iterable[Block], say: Tongue, now: int) -> list[View]:
    """Numbers that are kept out, the one that ends first at the top."""
    return [
        {
            "key": block_key(b),
            "who": masked(b.number, say),
            "since": when(b.since, now),
            "until": when(b.until, now),
            "reason": clean(b.reason, 300),
            "by": clean(b.by, 60),
        }
        for b in sorted(blocks, key=lambda b: (b.until, b.since))
    ]


def block_key(b: Block) -> str:
    """Names a block in a form without its number standing in the page."""
    return f"{b.since}.{b.number[-3:]}"


def calibrations(known: Mapping[str, Calibrated], titles: Titles, say: Tongue) -> list[View]:
    """How true the told waits were, by queue."""
    return [_calibration(known[name], title, say) for name, title in titles.items() if name in known]


def _calibration(c: Calibrated, title: str, say: Tongue) -> View:
    share = None if c.share is None or not c.recent else 100 * c.share
    return {
        "title": title,
        "share": "–" if share is None else f"{say.per_cent(share)} %",
        "mark": "" if share is None else "ok" if share >= GOAL else "over",
        "width": round(share or 0, 1),
        "note": say("calibration_of", recent=say.count(c.recent), told=say.count(c.told))
        if c.recent
        else say("calibration_none"),
        "muted": c.muted,
        "word": say("cal_muted" if c.muted else "cal_on"),
    }
