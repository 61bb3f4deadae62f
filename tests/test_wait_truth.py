"""Whether what callers were told comes true, by the model's own account and by an onlooker's, on days of every kind."""

from collections.abc import Callable
from functools import cache

import pytest

from pbx.calibration import ENOUGH, Score, published
from pbx.wait import LONGEST_MS, MINUTE_MS, WaitModel, Why
from tests.benchmarks.bench_wait import AppQueue, Estimator, Ours, Outcome, judge
from tests.benchmarks.centre_days import KINDS, Day, Happening
from tests.test_wait import SECOND, START, TALK, high, model, tell

KIND = {kind.name: kind for kind in KINDS}


def waiting(told_at: int = START) -> tuple[WaitModel, int]:
    """A caller who was told something; when the told time is over."""
    waits = model(agents=2)
    waits.joined("a", "c", told_at)
    return waits, told_at + high(tell(waits, "c", told_at, 1)) * SECOND


def test_connected_at_the_last_moment_is_a_hit() -> None:
    waits, end = waiting()
    waits.connected("a", "c", end)
    seen = waits.calibration("a")
    assert (seen.told, seen.settled, seen.within, seen.missed, seen.censored, seen.share) == (1, 1, 1, 0, 0, 1.0)


def test_a_miss_is_counted_when_the_time_is_over_not_when_the_wait_is() -> None:
    waits, end = waiting()
    waits.estimate("a", "other", end + 1, 1, 0)
    seen = waits.calibration("a")
    assert (seen.within, seen.missed, seen.share, seen.worst) == (0, 1, 0.0, 0.0)
    waits.connected("a", "c", end + 5)
    assert waits.calibration("a") == seen


def test_who_hangs_up_earlier_is_neither_hit_nor_miss() -> None:
    waits, end = waiting()
    waits.left("a", "c", end)
    seen = waits.calibration("a")
    assert (seen.within, seen.missed, seen.censored, seen.share, seen.worst) == (0, 0, 1, None, 0.0)
    late, end = waiting()
    late.left("a", "c", end + 1)
    assert late.calibration("a").missed == 1


def test_the_earliest_end_that_was_told_counts() -> None:
    waits = model(agents=2)
    waits.joined("a", "c", START)
    tell(waits, "c", START, 5)
    less = tell(waits, "c", START + 20 * SECOND, 0)
    waits.connected("a", "c", START + 20 * SECOND + high(less) * SECOND + 1)
    seen = waits.calibration("a")
    assert (seen.told, seen.within, seen.missed) == (1, 0, 1)


def test_who_was_told_and_never_joined_is_not_judged() -> None:
    waits = model(agents=2)
    tell(waits, "c", START, 1)
    waits.estimate("a", "other", START + LONGEST_MS, 1, 0)
    assert (waits.calibration().told, waits.calibration().settled) == (1, 0)


def test_who_goes_to_another_queue_is_not_judged_by_the_first() -> None:
    waits = model(agents=2)
    tell(waits, "c", START, 1)
    waits.joined("b", "c", START + SECOND)
    waits.connected("b", "c", START + 2 * SECOND)
    assert waits.calibration().settled == 0


def test_those_who_hang_up_count_as_long_as_they_waited() -> None:
    """By hand: of four, one is connected at 0.2 (3/4 wait on), one leaves at 0.5, one is connected at 0.8 (half of the two that are
    left), one waits in vain: 1 − 3/4 · 1/2."""
    score = Score()
    for passed, connected in ((0.2, True), (0.5, False), (0.8, True), (1.1, False)):
        score.settle(passed, connected)
    seen = published("a", [score])
    assert seen.share == pytest.approx(0.625)
    assert (seen.within, seen.missed, seen.censored, seen.worst) == (2, 1, 1, 0.5)


def test_of_two_at_the_same_moment_the_connection_comes_first() -> None:
    score = Score()
    for connected in (False, True):
        score.settle(0.5, connected)
    assert published("a", [score]).share == pytest.approx(0.5)


def test_of_all_queues_together_one_that_is_muted_shows() -> None:
    silent, fine = Score(), Score()
    settle(silent, 0, ENOUGH)
    settle(fine, ENOUGH, 0)
    together = published("", [silent, fine])
    assert (together.recent, together.within, together.share, together.muted) == (40, 20, pytest.approx(0.5), True)
    assert not published("b", [fine]).muted


def settle(score: Score, hits: int, misses: int) -> None:
    for number in range(hits + misses):
        score.settle(0.5 if number < hits else 1.5, number < hits)


def test_below_seventy_of_a_hundred_it_falls_silent_and_finds_its_voice_again() -> None:
    score = Score()
    settle(score, 0, ENOUGH - 1)
    assert not score.muted, "too few to judge by"
    settle(score, 0, 1)
    assert score.muted
    settle(score, 40, 0)
    assert score.muted, "40 of 60 are not enough"
    settle(score, 3, 0)
    assert score.muted, "43 of 60 would do, but it must be better than what silenced it"
    settle(score, 3, 0)
    assert not score.muted


def test_seventy_of_a_hundred_is_enough() -> None:
    score = Score()
    settle(score, 42, 18)
    assert not score.muted
    settle(score, 0, 1)
    assert score.muted


def test_a_muted_queue_says_so_goes_on_silently_and_speaks_again() -> None:
    waits, at = model(agents=2), START
    spoken: list[str] = []
    for number in range(120):
        at += 10 * MINUTE_MS
        waits.serving("a", at, 2, 1)  # somebody seems to be free, and does not answer for the first 20 callers
        waits.joined("a", f"c{number}", at)
        spoken.append(tell(waits, f"c{number}", at, 0).why)
        waited = 9 * MINUTE_MS if number < ENOUGH else 5 * SECOND
        waits.connected("a", f"c{number}", at + waited)
        waits.finished("a", at + waited, TALK)
    first = spoken.index(Why.MUTED)
    assert ENOUGH <= first <= ENOUGH + 1
    assert "" in spoken[first:]
    assert set(spoken) == {"", Why.MUTED}
    assert waits.calibration("a").told == spoken.count("")
    assert waits.calibration("b").muted is False


# --- days of a call centre ----------------------------------------------------------------------------------------

SEEDS = (101, 102, 103)


@cache
def day(name: str, seed: int) -> list[Happening]:
    return Day(KIND[name], seed).run()


def check_calibration(days: list[Outcome]) -> None:
    """70–95 of 100 callers who heard of more than a minute are connected by the earliest end they were told. Of all callers 70 at least,
    on each day: who is told «under a minute» because an agent is free is almost always right, and nothing shorter can be said."""
    hits, misses = sum(d.longer.hits for d in days), sum(d.longer.misses for d in days)
    assert 0.70 <= hits / (hits + misses) <= 0.95, f"{hits} of {hits + misses} told more than a minute"
    assert all(d.callers.share >= 0.70 for d in days), f"of all callers {[round(d.callers.share, 2) for d in days]}"
    assert sum(d.rises for d in days) == 0, "it rose without a cause"


def outcomes(name: str, make: Callable[[], Estimator]) -> list[Outcome]:
    return [judge(make(), day(name, seed), Outcome()) for seed in SEEDS]


@pytest.mark.parametrize("name", KIND)
def test_told_waits_come_true_on_days_of_every_kind(name: str) -> None:
    days = outcomes(name, Ours)
    check_calibration(days)
    assert sum(d.longer.hits + d.longer.misses for d in days) >= 30, "nobody had to wait: this day proves nothing"
    assert sum(d.silent for d in days) / len(days) <= 0.40, "it is easy to be right and silent"


@pytest.mark.parametrize("name", KIND)
def test_app_queue_s_own_estimate_does_not_stand_this_test(name: str) -> None:
    with pytest.raises(AssertionError):
        check_calibration(outcomes(name, AppQueue))


@pytest.mark.parametrize("name", ["overloaded", "leaving at noon", "one agent"])
def test_where_people_really_wait_it_fails_by_what_came_true(name: str) -> None:
    with pytest.raises(AssertionError, match="told more than a minute"):
        check_calibration(outcomes(name, AppQueue))


@pytest.mark.parametrize("name", ["overloaded", "leaving at noon"])
def test_the_truth_does_not_come_from_falling_silent(name: str) -> None:
    days = outcomes(name, lambda: Ours(mute_below=0.0))
    assert not any(Why.MUTED in d.mute for d in days)
    check_calibration(days)


def test_the_model_s_own_account_agrees_with_an_onlooker_s() -> None:
    ours, outcome = Ours(mute_below=0.0), Outcome()
    judge(ours, day("busy", SEEDS[0]), outcome)
    seen = ours.model.calibration()
    assert seen.settled == outcome.callers.hits + outcome.callers.misses + outcome.callers.unknown
    assert seen.share == pytest.approx(outcome.callers.share, abs=0.12)
