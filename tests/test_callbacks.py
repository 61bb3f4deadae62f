"""The promise to call back: what it says by itself, and what holds in any order of things."""

from collections import Counter
from typing import Any

import pytest

from pbx.callbacks import Callback, Callbacks, CallbackState, Dial, Refusal, Rules, Sight, channel_id, parse_channel_id
from tests.callback_walk import walk

AT = 1_795_400_000_000


def booked(desk: Callbacks, name: str = "1", **changes: Any) -> Callback:
    plain = {
        "callback_id": name, "call_id": name, "number": f"091234567{name[-1]}", "queue": "a", "language": "vi", "place_at": AT,
        "at": AT, "not_before": AT, "asked_by": "caller",
    }  # fmt: skip
    callback = desk.book(**{**plain, **changes})  # type: ignore[arg-type]
    assert isinstance(callback, Callback)
    return callback


def sight(*agents: str, waiting: tuple[int, ...] = (), is_open: bool = True, queue: str = "a") -> dict[str, Sight]:
    return {queue: Sight(queue, is_open, waiting, frozenset(agents))}


def dials(desk: Callbacks, at: int, sights: dict[str, Sight]) -> list[str]:
    return [dial.callback_id for dial in desk.due(at, sights)[0]]


def test_a_channel_tells_whose_attempt_it_is() -> None:
    assert parse_channel_id(channel_id("smartpbx-17.3", 2)) == ("smartpbx-17.3", 2)
    assert [parse_channel_id(name) for name in ("smartpbx-17.3", "cb-x", "cb--1", "cb-x-y", "")] == [None] * 5


def test_a_promise_is_kept_from_booking_to_the_agent() -> None:
    desk = Callbacks()
    booked(desk)
    assert desk.due(AT, sight("x"))[0] == [Dial("1", 1, "0912345671", "vi", 25)]
    states = [
        desk.dialled("1", 1, AT), desk.answered("1", 1, AT + 5), desk.connected("1", AT + 9),
    ]  # fmt: skip
    assert [c.state for c in states if c] == [CallbackState.DIALLING, CallbackState.REACHED, CallbackState.DONE]
    assert desk.open() == () and desk.due(AT + 10, sight("x", "y")) == ([], [])


@pytest.mark.parametrize(
    ("agents", "waiting", "expected"),
    [
        ((), (), []), (("x",), (), ["1"]), (("x",), (AT - 1,), []), (("x",), (AT,), []), (("x",), (AT + 1,), ["1"]),
        (("x", "y"), (AT - 1,), ["1"]), (("x", "y"), (AT - 1, AT - 2), []), (("x", "y"), (), ["1", "2"]),
        (("x", "y"), (AT + 3,), ["1"]), (("x", "y", "z"), (AT + 3, AT + 9), ["1", "2"]),
    ],
)  # fmt: skip
def test_nobody_who_came_earlier_is_overtaken(
    agents: tuple[str, ...], waiting: tuple[int, ...], expected: list[str]
) -> None:
    desk = Callbacks()
    booked(desk, "2", place_at=AT + 5, at=AT + 5, not_before=AT)
    booked(desk, "1")
    assert dials(desk, AT + 5, sight(*agents, waiting=waiting)) == expected


def test_an_agent_of_two_queues_counts_once() -> None:
    desk = Callbacks()
    booked(desk, "1")
    booked(desk, "2", queue="b")
    both = {**sight("z"), **sight("z", queue="b")}
    assert dials(desk, AT, both) == ["1"]
    assert dials(desk, AT, {**sight("z", "x"), **sight("z", queue="b")}) == ["1", "2"], (
        "the one who serves less goes first"
    )
    desk.dialled("1", 1, AT)
    assert dials(desk, AT, both) == []


def test_closed_lines_wait_for_the_morning_and_keep_their_place() -> None:
    desk = Callbacks()
    booked(desk, "1", not_before=AT + 60_000)
    assert dials(desk, AT, sight("x")) == dials(desk, AT + 60_000, sight("x", is_open=False)) == []
    assert dials(desk, AT + 60_000, sight("x", waiting=(AT + 59_000,))) == ["1"]


def test_attempts_are_counted_and_spaced() -> None:
    desk = Callbacks(Rules(max_attempts=2, retry_after_s=(60,)))
    booked(desk)
    assert (
        desk.dialled("1", 2, AT) is None and desk.dialled("1", 1, AT) is not None and desk.dialled("1", 1, AT) is None
    )
    failed = desk.failed("1", 1, AT + 20_000, "busy")
    assert failed is not None and failed.attempts[0].result == "busy" and failed.state is CallbackState.WAITING
    assert desk.failed("1", 1, AT + 20_000, "busy") is None and desk.answered("1", 1, AT + 20_001) is None
    assert dials(desk, AT + 79_999, sight("x")) == [] and dials(desk, AT + 80_000, sight("x")) == ["1"]
    desk.dialled("1", 2, AT + 80_000)
    desk.answered("1", 2, AT + 81_000)
    assert desk.hung_up("1", AT + 90_000) == desk.get("1") and desk.open() == ()
    ended = desk.get("1")
    assert ended is not None and ended.state is CallbackState.UNREACHED and ended.attempts[1].result == "hung_up"


def test_one_promise_a_number_and_the_earlier_place_stands() -> None:
    desk = Callbacks()
    first = booked(desk, "1")
    again = desk.book(
        callback_id="9",
        call_id="9",
        number=first.number,
        queue="b",
        language="vi",
        place_at=AT,
        at=AT,
        not_before=AT,
        asked_by="x",
    )
    assert isinstance(again, Refusal) and again.callback == first
    assert booked(desk, "1") == first, "told twice is told once"


def test_who_calls_by_himself_is_not_called() -> None:
    desk = Callbacks()
    booked(desk)
    desk.dialled("1", 1, AT)
    (cancelled,) = desk.caller_back("0912345671", AT + 5)
    assert (
        cancelled.state is CallbackState.CANCELLED
        and cancelled.why == "called_again"
        and cancelled.attempts[0].ended_at == AT + 5
    )
    assert desk.caller_back("0912345671", AT + 6) == [] and desk.answered("1", 1, AT + 7) is None


def test_promises_expire_and_silent_attempts_are_lost() -> None:
    desk = Callbacks(Rules(expires_h=1, ring_s=10))
    booked(desk)
    desk.dialled("1", 1, AT)
    _, changed = desk.due(AT + 40_000, {})
    assert changed[0].attempts[0].result == "lost" and changed[0].state is CallbackState.WAITING
    _, changed = desk.due(AT + 3_600_000, sight("x"))
    assert changed[0].state is CallbackState.EXPIRED and desk.open() == ()


def test_after_an_absence_only_living_attempts_go_on() -> None:
    desk = Callbacks()
    for name in "12":
        booked(desk, name)
        desk.dialled(name, 1, AT)
    fresh = Callbacks()
    fresh.restore(desk.open())
    (lost,) = fresh.restored({"cb-1-1"}, AT + 5)
    assert lost.callback_id == "2" and lost.attempts[0].result == "lost"
    assert fresh.dialled("2", 1, AT + 6) is None, "never the same attempt again"
    assert fresh.answered("1", 1, AT + 7) is not None


def test_thousands_of_lives_keep_every_promise() -> None:
    lives = [walk(seed, 40) for seed in range(1500)]
    states = Counter(callback.state for life in lives for callback in life.final.values())
    assert sum(len(life.dialled) for life in lives) > 300 and min(states[s] for s in CallbackState if s in states) > 5
    assert {s.value for s in states} >= {"done", "cancelled", "expired", "unreached"}


# --- the checker bites ------------------------------------------------------------------------------------------------


class Hasty(Callbacks):
    """Forgets that somebody is on the way already."""

    def due(self, at: int, sights: Any) -> Any:
        dials, changed = super().due(at, sights)
        return dials + [
            Dial(c.callback_id, len(c.attempts) + 1, c.number, "vi", 1) for c in self.open()[:1] if not dials
        ], changed


class Forgetful(Callbacks):
    """Makes an attempt again after a crash."""

    def restored(self, alive: Any, at: int) -> list[Callback]:
        changed = []
        for callback in self.open():
            if callback.state is CallbackState.DIALLING:
                self._all[callback.callback_id] = Callback(**{
                    **{name: getattr(callback, name) for name in callback.__struct_fields__},
                    "state": CallbackState.WAITING, "attempts": callback.attempts[:-1],
                })  # fmt: skip
                changed.append(self._all[callback.callback_id])
        return changed


class Generous(Callbacks):
    """Promises a number twice."""

    def find(self, number: str) -> list[Callback]:
        return []


class Unfair(Callbacks):
    """Does not see live callers."""

    def _demand(self, at: int, sights: Any) -> Any:
        return [demand for demand in super()._demand(at, sights) if demand[3] is not None]


class Leaky(Callbacks):
    """Drops what was cancelled as if it had never been."""

    def cancel(self, callback_id: str, at: int, why: str) -> Callback | None:
        return self._all.pop(callback_id, None)


@pytest.mark.parametrize("broken", [Hasty, Forgetful, Generous, Unfair, Leaky])
def test_a_scheduler_that_breaks_a_rule_is_found_out(broken: type[Callbacks]) -> None:
    with pytest.raises(AssertionError):
        for seed in range(200):
            walk(seed, 60, broken)
