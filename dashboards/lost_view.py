"""Lost callers and callbacks -> what their pages show. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from dashboards.views import Titles, Tongue, View, clean, masked, span, threshold, when
from pbx.callbacks import Attempt, Callback, CallbackState
from pbx.numbers import dialable
from recordings.citizens import LostCaller

SHOWN = 300


def lost_row(c: LostCaller, titles: Titles, say: Tongue, now: int) -> View:
    """A number that got nobody."""
    who = masked(c.number, say)
    return {
        "call": c.call_id,
        "who": who,
        "times": c.times,
        "at": when(c.last_at, now),
        "where": _where(c, titles, say),
        "wait_mark": threshold(c.wait_ms) if c.where == "queue" else "",
        "notes": _notes(c, say),
        "state": c.state,
        "state_word": say(f"lost_{c.state}"),
        "settled": when(c.settled_at, now) if c.settled_at else "",
        "can_call": c.state in ("open", "message") and dialable(c.number) is not None,
    }


def _notes(c: LostCaller, say: Tongue) -> list[str]:
    said = c.where == "closed" and c.closed == 1  # by the place already
    counts = (("n_closed", 0 if said else c.closed), ("n_down", c.down))
    return [say(name, n=n) for name, n in counts if n]


def _where(c: LostCaller, titles: Titles, say: Tongue) -> str:
    match c.where:
        case "queue":
            return say("lost_at_queue", queue=titles.get(c.queue) or clean(c.queue), time=span(c.wait_ms))
        case "menu":
            return say("lost_at_menu", node=clean(c.node, 40)) if c.node else say("lost_at_menu_start")
        case "closed":
            return say("lost_at_closed")
        case _:
            return say("lost_at_line")


# --- callbacks ----------------------------------------------------------------------------------------------------


def callback_rows(
    told: Sequence[Callback], waiting: Sequence[tuple[str, int]], titles: Titles, say: Tongue, now: int
) -> list[View]:
    """Open callbacks in the order of their places. `waiting` are queue and time of joining of everybody who waits now."""
    ordered = sorted(told, key=lambda c: (c.place_at, c.callback_id))
    places = [*waiting, *((c.queue, c.place_at) for c in ordered)]

    def place(c: Callback) -> int:
        return 1 + sum(queue == c.queue and at < c.place_at for queue, at in places)

    return [_open_row(c, place, titles, say, now) for c in ordered]


def _open_row(c: Callback, place: Callable[[Callback], int], titles: Titles, say: Tongue, now: int) -> View:
    on_the_way = c.state is not CallbackState.WAITING
    later = say("not_before", at=when(c.not_before, now)) if c.not_before > now else say("as_soon")
    return _row(c, titles, say, now) | {
        "place": say("place_n", n=place(c)),
        "next": "" if on_the_way else later,
        "expires": say("expires", at=when(c.expires_at, now)),
        "on_the_way": on_the_way,
    }


def ended_row(c: Callback, titles: Titles, say: Tongue, now: int) -> View:
    """A callback that has ended."""
    good = c.state is CallbackState.DONE
    return _row(c, titles, say, now) | {"ended": when(c.ended_at or 0, now), "good": good, "why": clean(c.why)}


def _row(c: Callback, titles: Titles, say: Tongue, now: int) -> View:
    return {
        "id": c.callback_id,
        "who": masked(c.number, say),
        "queue": titles.get(c.queue) or clean(c.queue),
        "asked": when(c.asked_at, now),
        "by": say("by_caller") if c.asked_by == "caller" else clean(c.asked_by, 60),
        "state": c.state.value,
        "state_word": say(f"cb_{c.state.value}"),
        "attempts": [_attempt(a, say, now) for a in c.attempts] or [say("no_attempt")],
    }


def _attempt(a: Attempt, say: Tongue, now: int) -> str:
    key = f"att_{a.result}"
    return say("attempt", n=a.number, at=when(a.dialled_at, now), result=say(key) if key in say else clean(a.result))


def notice(done: str, who: str, say: Tongue) -> View | None:
    """What was just done, or why it was not; None for a name that means nothing."""
    key = f"done_{done}"
    if not done or key not in say:
        return None
    return {"bad": done in ("bad_number", "refused", "no_call", "gone", "not_blocked"), "text": say(key, who=who)}


def waiting_now(calls: Any) -> list[tuple[str, int]]:
    """Queue and time of joining of everybody who waits in a picture."""
    return [(c.queue, c.joined_at) for c in calls if c.joined_at is not None and c.phase in ("waiting", "ringing")]
