"""What callers are told about the wait: never worse without a cause, and silent when nobody can know."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.pace import Pace
from pbx.wait import LONGEST_MS, MINUTE_MS, REMEMBERED, Told, WaitModel, Why

SECOND = 1000
TALK = 180 * SECOND
START = 1_790_000_000_000


def model(queue: str = "a", agents: int = 3, free: int | None = 0, talks: int = 10) -> WaitModel:
    """One that has seen calls of three minutes each."""
    waits = WaitModel()
    for number in range(talks):
        waits.finished(queue, START - TALK * (talks - number), TALK)
    waits.serving(queue, START, agents, free)
    return waits


def tell(waits: WaitModel, call: str, at: int, ahead: int, waited: int = 0, queue: str = "a") -> Told:
    told = waits.estimate(queue, call, at, ahead, waited)
    waits.told(call, told)
    return told


# --- what it says ---------------------------------------------------------------------------------------------


def test_a_range_of_whole_minutes_from_now_on() -> None:
    told = model().estimate("a", "c", START, 2, 0)
    assert (told.queue, told.ahead, told.serving, told.why) == ("a", 2, 3, "")
    # Three people of three minutes each at three agents: about three minutes.
    assert told.low_s in (120, 180)
    assert told.high_s in (240, 300, 360)


def test_a_free_agent_means_under_a_minute() -> None:
    told = model(free=2).estimate("a", "c", START, 1, 0)
    assert (told.low_s, told.high_s) == (0, 60)


def test_agents_who_are_being_rung_for_those_ahead_are_not_free_for_who_comes_after() -> None:
    behind, alone = model(free=1).estimate("a", "c", START, 1, 0), model(free=0).estimate("a", "c", START, 0, 0)
    assert (behind.low_s, behind.high_s) == (alone.low_s, alone.high_s) == (60, 120)


@pytest.mark.parametrize("talks", [0, 4])
def test_without_enough_calls_it_cannot_tell(talks: int) -> None:
    told = model(talks=talks).estimate("a", "c", START, 1, 0)
    assert (told.low_s, told.high_s, told.why) == (None, None, Why.THIN)
    assert model(talks=5).estimate("a", "c", START, 1, 0).why == ""


def test_calls_of_yesterday_are_no_support() -> None:
    waits = model()
    tomorrow = START + 16 * 3_600_000
    waits.serving("a", tomorrow, 3, 0)
    assert waits.estimate("a", "c", tomorrow, 0, 0).why == Why.THIN


def test_a_prior_stands_in_for_calls() -> None:
    waits = WaitModel({"a": TALK})
    waits.serving("a", START, 3, 0)
    assert waits.estimate("a", "c", START, 2, 0).high_s == model().estimate("a", "c", START, 2, 0).high_s


@pytest.mark.parametrize("agents", [0, -1])
def test_when_nobody_serves_it_cannot_tell(agents: int) -> None:
    told = model(agents=agents).estimate("a", "c", START, 0, 0)
    assert (told.serving, told.high_s, told.why) == (0, None, Why.NOBODY)
    assert WaitModel().estimate("unknown", "c", START, 0, 0).why == Why.NOBODY


def test_more_than_an_hour_is_not_told() -> None:
    assert model(agents=1).estimate("a", "c", START, 40, 0).why == Why.FAR


@given(ahead=st.integers(0, 12), agents=st.integers(1, 8))
def test_more_people_ahead_is_never_sooner_and_more_agents_never_later(ahead: int, agents: int) -> None:
    here, behind = (
        model(agents=agents).estimate("a", "c", START, ahead, 0),
        model(agents=agents).estimate("a", "c", START, ahead + 1, 0),
    )
    helped = model(agents=agents + 1).estimate("a", "c", START, ahead, 0)
    assert high(here) <= high(behind)
    assert high(helped) <= high(here)


def high(told: Told) -> int:
    return told.high_s if told.high_s is not None else LONGEST_MS


def test_agents_who_serve_other_queues_too_count_as_a_part() -> None:
    whole, part = model(agents=4), model(agents=4)
    part.serving("a", START, 4, 0, capacity=2.0)
    assert high(part.estimate("a", "c", START, 3, 0)) > high(whole.estimate("a", "c", START, 3, 0))
    assert part.estimate("a", "c", START, 3, 0).serving == 4


def test_the_queue_s_own_pace_comes_before_the_length_of_its_calls() -> None:
    """Calls are short, but the agents are elsewhere half of the time: the measured gaps say so."""
    waits = model(agents=2)
    at = START
    for number in range(30):
        waits.joined("a", f"c{number}", at)
    for number in range(25):
        at += 300 * SECOND
        waits.connected("a", f"c{number}", at)
        waits.serving("a", at, 2, 0)
    told = waits.estimate("a", "new", at, 0, 0)
    presumed = model(agents=2).estimate("a", "new", START, 0, 0)
    assert high(told) > high(presumed) + 120


def test_a_queue_that_stands_still_gets_slower() -> None:
    waits = model(agents=2)
    waits.joined("a", "c1", START)
    before = waits.estimate("a", "c2", START, 1, 0)
    after = waits.estimate("a", "c2", START + 900 * SECOND, 1, 0)
    assert high(after) > high(before)


def test_impatient_callers_ahead_make_it_shorter() -> None:
    def gone(leaving: int) -> WaitModel:
        waits = model(agents=2)
        for number in range(leaving):
            waits.joined("a", f"c{number}", START)
        for number in range(leaving):
            waits.left("a", f"c{number}", START + 60 * SECOND)
        return waits

    assert high(gone(20).estimate("a", "c", START + 60 * SECOND, 8, 0)) < high(
        gone(0).estimate("a", "c", START + 60 * SECOND, 8, 0)
    )


def test_one_endless_call_does_not_spoil_the_day() -> None:
    waits = model()
    waits.finished("a", START, 6 * 3_600_000)
    assert high(waits.estimate("a", "c", START, 2, 0)) <= high(model().estimate("a", "c", START, 2, 0)) + 120


def test_who_is_found_waiting_after_a_restart_counts_as_waiting() -> None:
    waits, at = model(free=0), START + 60 * SECOND
    told = tell(waits, "c", at, 0, 60 * SECOND)
    waits.estimate("a", "other", at + high(told) * SECOND + 1, 0, 0)
    assert waits.calibration("a").missed == 1


@pytest.mark.parametrize("agents", range(1, 7))
@pytest.mark.parametrize("ahead", range(5))
def test_speech_rounds_the_upper_bound_up_and_by_less_than_a_minute(agents: int, ahead: int) -> None:
    pace = Pace(TALK)
    pace.serving(START, agents, 0, None)
    middle, upper = pace.quantiles(START, ahead)
    waits = WaitModel({"a": TALK})
    waits.serving("a", START, agents, 0)
    told = waits.estimate("a", "c", START, ahead, 0)
    assert upper <= high(told) * SECOND < upper + MINUTE_MS
    assert told.low_s is not None and told.low_s * SECOND < middle + MINUTE_MS / 2


def served(waits: WaitModel, calls: int, gap: int, at: int) -> int:
    """So many callers wait from now on, and one is connected each `gap` ms; when the last one was."""
    for number in range(calls + 1):
        waits.joined("a", f"s{at}-{number}", at)
    began = at
    for number in range(calls):
        at += gap
        waits.connected("a", f"s{began}-{number}", at)
    waits.left("a", f"s{began}-{calls}", at)
    return at


def test_what_was_seen_long_ago_is_forgotten() -> None:
    waits = model(agents=2)
    at = served(waits, 60, 200 * SECOND, START)
    slow = waits.estimate("a", "c", at, 5, 0)
    at = served(waits, 150, 60 * SECOND, at)
    fast, never_slow = waits.estimate("a", "c", at, 5, 0), model(agents=2)
    at = served(never_slow, 60, 60 * SECOND, START)
    assert high(fast) < high(slow) / 2
    assert high(fast) <= high(never_slow.estimate("a", "c", at, 5, 0)) + 120


def test_the_less_was_seen_the_wider_the_range() -> None:
    def spread(calls: int) -> float:
        pace, at = Pace(TALK), START
        pace.serving(at, 2, 0, None)
        for number in range(calls + 1):
            pace.joined(str(number), at)
        for number in range(calls):
            at += 94 * SECOND  # just as the handling time would have it
            pace.connected(str(number), at)
        middle, upper = pace.quantiles(at, 20)
        return upper / middle

    assert spread(0) > spread(20) > 1.2


def test_whoever_is_connected_takes_a_free_agent() -> None:
    waits = model(free=1)
    waits.joined("a", "c", START)
    waits.connected("a", "c", START)
    assert high(waits.estimate("a", "d", START, 0, 0)) > 60


def test_who_is_free_is_guessed_when_it_is_not_said() -> None:
    waits = model(free=None)
    for number in range(3):
        assert high(waits.estimate("a", "d", START, 0, 0)) == 60
        waits.joined("a", f"c{number}", START)
        waits.connected("a", f"c{number}", START)
    assert high(waits.estimate("a", "d", START, 0, 0)) > 60
    waits.finished("a", START + TALK, TALK)
    assert high(waits.estimate("a", "d", START + TALK, 0, 0)) == 60


def test_a_guess_that_somebody_is_free_ends_when_nobody_answers() -> None:
    waits = model(free=None)
    waits.joined("a", "c", START)
    assert high(waits.estimate("a", "d", START + 20 * SECOND, 1, 0)) == 60
    assert high(waits.estimate("a", "d", START + 21 * SECOND, 1, 0)) > 60


def test_asking_notes_nothing() -> None:
    waits = model()
    waits.joined("a", "c", START)
    first = waits.estimate("a", "c", START, 1, 0)
    assert all(waits.estimate("a", "c", START, 1, 0) == first for _ in range(5))
    assert waits.calibration().told == 0


# --- it never rises without a cause -----------------------------------------------------------------------------


def test_what_was_told_only_gets_less() -> None:
    waits = model(agents=2)
    waits.joined("a", "c", START)
    first = tell(waits, "c", START, 2)
    again = tell(waits, "c", START + 2 * MINUTE_MS, 2, 2 * MINUTE_MS)
    assert again.high_s is None or again.high_s <= high(first) - 120


def test_when_the_told_time_is_over_nothing_is_promised_again() -> None:
    waits = model(agents=2)
    waits.joined("a", "c", START)
    first = tell(waits, "c", START, 1)
    late = START + high(first) * SECOND + 1
    assert tell(waits, "c", late, 1, late - START).why == Why.OVERDUE
    assert tell(waits, "c", late + MINUTE_MS, 0, late - START).why == Why.OVERDUE


def test_what_is_no_longer_believed_is_not_repeated() -> None:
    waits = model(agents=2)
    waits.joined("a", "x", START)
    waits.joined("a", "c", START)
    first = tell(waits, "c", START, 1)
    soon = START + high(first) * SECOND - 10 * SECOND
    assert tell(waits, "c", soon, 1, soon - START).why == Why.OVERDUE


def test_after_nobody_could_tell_a_new_range_is_a_new_one() -> None:
    waits = model(agents=2)
    waits.joined("a", "c", START)
    first = tell(waits, "c", START, 1)
    waits.serving("a", START + MINUTE_MS, 0, 0)
    assert tell(waits, "c", START + MINUTE_MS, 1, MINUTE_MS).why == Why.NOBODY
    over = START + high(first) * SECOND + 1
    waits.serving("a", over, 2, 0)
    assert tell(waits, "c", over, 1, over - START).high_s is not None


@pytest.mark.parametrize(("ahead", "agents"), [(3, 4), (2, 3), (3, 3)])
def test_a_cause_may_raise_it(ahead: int, agents: int) -> None:
    waits = model(agents=4)
    waits.joined("a", "c", START)
    first = tell(waits, "c", START, 2)
    later = START + high(first) * SECOND + 1
    waits.serving("a", later, agents, 0)
    told = tell(waits, "c", later, ahead, later - START)
    assert told.high_s is not None
    assert tell(waits, "c", later + high(told) * SECOND + 1, ahead, 1).why == Why.OVERDUE


def test_who_stepped_out_and_comes_back_is_still_owed_what_was_told() -> None:
    waits = model(agents=2)
    waits.joined("a", "c", START)
    first = tell(waits, "c", START, 1)
    waits.left("a", "c", START + 30 * SECOND)
    waits.joined("a", "c", START + 50 * SECOND)
    over = START + high(first) * SECOND + 1
    assert tell(waits, "c", over, 1, 60 * SECOND).why == Why.OVERDUE


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("ask", "ask", "ask", "join", "connect", "leave", "finish", "agents", "ahead", "other")),
        st.integers(0, 90),
        st.integers(0, 6),
    ),
    max_size=60,
)


def told_to_one(steps: list[Step], *, others: bool = True) -> Iterator[Told]:
    """What one caller is told while everything else happens. `other`: in a queue that has nothing to do with it."""
    waits, at, ahead, agents, crowd = model(agents=3), START, 3, 3, list(range(3))
    for number in crowd:
        waits.joined("a", f"x{number}", at)
    waits.joined("a", "c", at)
    for what, seconds, number in steps:
        if what != "other":
            at += seconds * SECOND
        match what:
            case "join":
                crowd.append(crowd[-1] + 1 if crowd else 100)
                waits.joined("a", f"x{crowd[-1]}", at)
            case "connect" if crowd:
                waits.connected("a", f"x{crowd.pop(0)}", at)
                ahead = max(0, ahead - 1)
            case "leave" if crowd:
                waits.left("a", f"x{crowd.pop()}", at)
            case "finish":
                waits.finished("a", at, number * MINUTE_MS)
            case "agents":
                agents = number
                waits.serving("a", at, agents, 0)
            case "ahead":
                ahead = number
            case "other" if others:
                _elsewhere(waits, at, number)
            case "ask":
                yield tell(waits, "c", at, ahead, at - START)


def _elsewhere(waits: WaitModel, at: int, number: int) -> None:
    waits.serving("b", at, number, 0)
    waits.finished("b", at, 1000 * number)
    waits.joined("b", f"b{at}", at)
    tell(waits, f"b{at}", at, number, queue="b")
    (waits.connected if number % 2 else waits.left)("b", f"b{at}", at + 999 * number)


def without_cause(told: list[Told]) -> list[list[Told]]:
    """The ranges told to one caller, cut where a cause to tell something worse came up."""
    runs: list[list[Told]] = [[]]
    for now in told:
        if now.high_s is None:
            if now.why in (Why.THIN, Why.NOBODY, Why.FAR):
                runs.append([])
            continue
        if runs[-1] and (now.ahead > runs[-1][-1].ahead or now.serving < runs[-1][-1].serving):
            runs.append([])
        runs[-1].append(now)
    return runs


def check_never_rises(told: list[Told]) -> None:
    for run in without_cause(told):
        earliest = None
        for before, now in pairwise(run):
            assert high(now) <= high(before), "the minutes rose"
            assert (now.low_s or 0) <= (before.low_s or 0), "the lower bound rose"
        for now in run:
            end = now.at + high(now) * SECOND
            assert earliest is None or end < earliest + MINUTE_MS, "the end drifted by more than the rounding"
            earliest = end if earliest is None else min(earliest, end)
            assert now.low_s is not None and 0 <= now.low_s <= high(now) and high(now) % 60 == now.low_s % 60 == 0


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_no_order_of_happenings_makes_it_rise(steps: list[Step]) -> None:
    check_never_rises(list(told_to_one(steps)))


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_an_unrelated_queue_changes_nothing(steps: list[Step]) -> None:
    assert list(told_to_one(steps)) == list(told_to_one(steps, others=False))


def test_app_queue_s_estimate_rises_and_is_caught() -> None:
    told = [Told(START + 60_000 * n, "a", 0, 3, 60, max(60, abs(180 + 30 - 60 * n) // 60 * 60), "") for n in range(11)]
    with pytest.raises(AssertionError, match="rose"):
        check_never_rises(told)


# --- it stays small ---------------------------------------------------------------------------------------------


def test_memory_is_bounded_even_when_no_end_is_ever_seen() -> None:
    waits = model(agents=2)
    for number in range(4 * REMEMBERED):
        waits.joined("a", f"c{number}", START + number)
        tell(waits, f"c{number}", START + number, 0)
    kept = (waits._promises, waits._open, waits._ends, waits._paces["a"]._waiting)
    assert [len(each) <= REMEMBERED for each in kept] == [True] * 4
    assert waits.calibration().settled == 0, "forgotten is not missed"


def test_memory_is_bounded_when_one_caller_is_told_over_and_over() -> None:
    waits = model(agents=2)
    waits.joined("a", "c", START)
    for number in range(2 * REMEMBERED):
        tell(waits, "c", START + number, number % 7)
    assert len(waits._open) == 1
    assert len(waits._ends) <= REMEMBERED


def test_agents_whose_talks_never_end_are_bounded() -> None:
    waits = model(agents=2)
    for number in range(100):
        waits.joined("a", f"c{number}", START + number)
        waits.connected("a", f"c{number}", START + number)
    assert len(waits._paces["a"]._talks) <= 4


def test_an_event_that_comes_late_moves_no_time() -> None:
    def after(late: bool) -> Told:
        waits = model(agents=2)
        if not late:
            waits.finished("a", START - 900 * SECOND, TALK)
        for number in range(5):
            waits.joined("a", f"c{number}", START)
        if late:
            waits.finished("a", START - 900 * SECOND, TALK)
        return waits.estimate("a", "d", START + 60 * SECOND, 5, 0)

    assert after(late=True) == after(late=False)


def test_an_event_that_comes_late_does_no_harm() -> None:
    waits = model(agents=2)
    waits.joined("a", "c", START)
    waits.connected("a", "c", START - MINUTE_MS)
    waits.left("a", "never", START - MINUTE_MS)
    waits.finished("a", START - MINUTE_MS, -5)
    assert waits.estimate("a", "d", START, 0, 0).high_s is not None
