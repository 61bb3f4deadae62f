"""Does what callers are told about the wait come true? Days of seven kinds, and app_queue's own estimate on the same callers.

python -m tests.benchmarks.bench_wait
"""

import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from pbx.calibration import MUTE
from pbx.wait import Told, WaitModel
from tests.benchmarks.centre_days import (
    KINDS,
    Asked,
    Connected,
    Day,
    Finished,
    Happening,
    Joined,
    Kind,
    Left,
    Serving,
)

SEEDS = 20
UNDER_A_MINUTE = 60


class Estimator(Protocol):
    def take(self, happening: Happening) -> None: ...

    def ask(self, asked: Asked) -> Told: ...


class Ours:
    """The model as the board feeds it; `bare`: without being told who is free and who has other queues, too."""

    def __init__(self, *, bare: bool = False, mute_below: float = MUTE) -> None:
        self.model = WaitModel(mute_below=mute_below)
        self.bare = bare

    def take(self, happening: Happening) -> None:
        match happening:
            case Serving(at, queue, agents, free, capacity):
                if self.bare:
                    self.model.serving(queue, at, agents)
                else:
                    self.model.serving(queue, at, agents, free, capacity)
            case Joined(at, queue, call):
                self.model.joined(queue, call, at)
            case Connected(at, queue, call, _):
                self.model.connected(queue, call, at)
            case Left(at, queue, call):
                self.model.left(queue, call, at)
            case Finished(at, queue, handle_ms):
                self.model.finished(queue, at, handle_ms)

    def ask(self, asked: Asked) -> Told:
        told = self.model.estimate(asked.queue, asked.call, asked.at, asked.ahead, asked.waited)
        self.model.told(asked.call, told)
        return told


class AppQueue:
    """What app_queue says: `labs(holdtime + 30 - waited) / 60` minutes, the hold time ¾ the old and ¼ the new one on each answer."""

    def __init__(self) -> None:
        self.holdtime: dict[str, int] = {}

    def take(self, happening: Happening) -> None:
        if isinstance(happening, Connected):
            old, new = self.holdtime.get(happening.queue, 0), happening.waited // 1000
            self.holdtime[happening.queue] = (old * 3 + new) // 4

    def ask(self, asked: Asked) -> Told:
        minutes = max(1, abs(self.holdtime.get(asked.queue, 0) + 30 - asked.waited // 1000) // 60)
        return Told(asked.at, asked.queue, asked.ahead, 0, 60 * minutes, 60 * minutes)


@dataclass
class Count:
    """Connected by the told end, still waiting after it, or gone before it: of these nobody knows."""

    hits: int = 0
    misses: int = 0
    unknown: int = 0

    def add(self, end: Connected | Left, *ends: int) -> None:
        for told in ends:
            late = end.at > told
            self.misses += late
            self.hits += not late and isinstance(end, Connected)
            self.unknown += not late and isinstance(end, Left)

    @property
    def share(self) -> float:
        return self.hits / max(1, self.hits + self.misses)

    @property
    def worst(self) -> float:
        return self.hits / max(1, self.hits + self.misses + self.unknown)


@dataclass
class Outcome:
    """What came of what was told: by caller (the earliest end that he was told), of these
    who were told more than a minute at first, by the first sentence, by every sentence."""

    asked: int = 0
    rises: int = 0
    mute: dict[str, int] = field(default_factory=dict)
    callers: Count = field(default_factory=Count)
    longer: Count = field(default_factory=Count)
    first: Count = field(default_factory=Count)
    sentences: Count = field(default_factory=Count)
    widths: list[int] = field(default_factory=list)
    highs: list[int] = field(default_factory=list)

    @property
    def silent(self) -> float:
        return sum(self.mute.values()) / max(1, self.asked)


def judge(estimator: Estimator, happenings: Iterable[Happening], outcome: Outcome) -> Outcome:
    """Feed a day and note what came true."""
    tellings: dict[str, list[Told]] = {}
    for happening in happenings:
        if isinstance(happening, Asked):
            told = estimator.ask(happening)
            tellings.setdefault(happening.call, []).append(told)
            continue
        estimator.take(happening)
        if isinstance(happening, Connected | Left):
            _settle(tellings.pop(happening.call, []), happening, outcome)
    return outcome


def _settle(tellings: list[Told], end: Connected | Left, outcome: Outcome) -> None:
    outcome.asked += len(tellings)
    outcome.rises += _rises(tellings)
    for told in tellings:
        if told.high_s is None:
            outcome.mute[told.why] = outcome.mute.get(told.why, 0) + 1
    ranges = [
        (told, told.low_s, told.high_s) for told in tellings if told.high_s is not None and told.low_s is not None
    ]
    if not ranges:
        return
    outcome.widths += [high - low for _, low, high in ranges]
    outcome.highs += [high for _, _, high in ranges]
    ends = [told.at + high * 1000 for told, _, high in ranges]
    outcome.sentences.add(end, *ends)
    outcome.first.add(end, ends[0])
    outcome.callers.add(end, min(ends))
    if ranges[0][2] > UNDER_A_MINUTE:
        outcome.longer.add(end, min(ends))


def _rises(tellings: list[Told]) -> int:
    """How often a caller heard more minutes than before although no more were ahead and no fewer served."""
    rises, before = 0, None
    for told in tellings:
        if told.high_s is None:
            before = before if told.why in ("overdue", "muted") else None
            continue
        if before is not None and told.ahead <= before.ahead and told.serving >= before.serving:
            rises += told.high_s > (before.high_s or 0)
        before = told
    return rises


def days(kind: Kind, seeds: Iterable[int]) -> list[list[Happening]]:
    return [Day(kind, seed).run() for seed in seeds]


ESTIMATORS: dict[str, Callable[[], Estimator]] = {
    "ours": Ours,
    "ours, told less": lambda: Ours(bare=True),
    "ours, never muted": lambda: Ours(mute_below=0.0),
    "app_queue": AppQueue,
}


def row(name: str, each: list[Outcome]) -> str:
    asked = sum(o.asked for o in each)
    shares = [o.callers.share for o in each]
    mute: dict[str, int] = {}
    for o in each:
        for why, n in o.mute.items():
            mute[why] = mute.get(why, 0) + n
    highs, widths = [h for o in each for h in o.highs], [w for o in each for w in o.widths]
    silent = ", ".join(f"{why} {n / asked:.0%}" for why, n in sorted(mute.items()))
    return (
        f"{name:34}{asked:>7}{_mean(o.callers.share for o in each):>9.0%}{min(shares):>6.0%}–{max(shares):<4.0%}"
        f"{_mean(o.callers.worst for o in each):>6.0%}{_mean(o.longer.share for o in each):>8.0%}{_mean(o.first.share for o in each):>7.0%}"
        f"{_mean(o.sentences.share for o in each):>7.0%}{_mean(highs) / 60:>7.1f}{_mean(widths) / 60:>7.1f}"
        f"{sum(o.rises for o in each):>7}  {sum(mute.values()) / asked:.0%} {silent}"
    )


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return statistics.mean(listed) if listed else 0.0


LEGEND = """\
Share of callers connected within the told upper bound, where several were told the one that ends first: mean, worst and best day;
the same with everybody a miss who hung up before it; of those who were told more than a minute; of first and of all sentences.
Then the upper bound and the width of the range in minutes, rises without a cause, and how often it said that it cannot tell."""
HEAD = ("asked", "callers", "days", "worst", "longer", "first", "all", "upper", "width", "rises")


def main() -> None:
    seeds = range(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
    print(f"{len(seeds)} days of each kind.\n{LEGEND}")
    widths = (7, 9, 10, 7, 8, 7, 7, 7, 7, 7)
    print(" " * 34 + "".join(f"{word:>{width}}" for word, width in zip(HEAD, widths, strict=True)) + "  silent")
    for kind in KINDS:
        made = days(kind, seeds)
        for name, make in ESTIMATORS.items():
            print(row(f"{kind.name}: {name}", [judge(make(), day, Outcome()) for day in made]), flush=True)


if __name__ == "__main__":
    main()
