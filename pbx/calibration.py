"""Whether what callers were told about their wait came true: the score by which the estimate is judged, widened and silenced.

Pure; knows nothing of how a wait is estimated. A caller who is connected within the told upper bound is a hit, one who still waits when
it has passed a miss, from that moment on. Who leaves earlier is neither: nobody knows how long the wait would have been. Such callers
are *censored*: they count among those who waited as long as they did, and for nothing after it (Kaplan and Meier 1958, over the share
of the told time that has passed). `worst` takes every one of them for a miss.
"""

import math
from collections import deque

import msgspec

WINDOW = 60
"""Callers who are judged by, the latest ones."""
ENOUGH = 20
MUTE = 0.70
"""Below this share it falls silent."""
UNMUTE_ABOVE = 0.05
"""By so much the share must be better before it speaks again, lest it do both by turns."""
AIM = 0.85
"""Share of hits that the widening steers to."""
STEP = 0.08
NARROWEST, WIDEST = math.log(0.6), math.log(3.0)


class Calibration(msgspec.Struct, frozen=True):
    """What is published. `told` and `settled` count since the start, the rest over the latest settled; shares between 0 and 1.

    `share`: connected within the told upper bound, censored callers as far as they waited; None before anything can be said.
    `worst`: the same with every censored caller a miss. While muted, the latest are what *would have been* told.
    """

    queue: str
    told: int
    settled: int
    recent: int
    within: int
    missed: int
    censored: int
    share: float | None
    worst: float | None
    muted: bool


class Score:
    """One queue's tellings as they settle."""

    def __init__(self, mute_below: float = MUTE) -> None:
        self._mute_below = mute_below
        self.told = 0
        self.settled = 0
        self.muted = False
        self.latest: deque[tuple[float, bool]] = deque(maxlen=WINDOW)
        self._log_stretch = 0.0

    @property
    def stretch(self) -> float:
        """What the upper bound is multiplied by, so that it holds as often as it should."""
        return math.exp(self._log_stretch)

    def settle(self, passed: float, connected: bool) -> None:
        """`passed`: the share of the told time that had passed when the caller was connected, or left; more than 1: a miss."""
        self.settled += 1
        self.latest.append((passed, connected))
        decided = [entry for entry in self.latest if _is_decided(entry)]
        if len(decided) < ENOUGH:
            return
        share = _share(self.latest)
        if share is not None:
            self.muted = share < self._mute_below + (UNMUTE_ABOVE if self.muted else 0.0)

    def learn(self, *, hit: bool) -> None:
        """Adaptive conformal inference (Gibbs and Candès 2021) on the logarithm: a miss widens by much, a hit narrows by little."""
        change = AIM - 1 if hit else AIM
        self._log_stretch = min(WIDEST, max(NARROWEST, self._log_stretch + STEP * change))


def published(queue: str, scores: list[Score]) -> Calibration:
    latest = [entry for score in scores for entry in score.latest]
    within = sum(connected and passed <= 1 for passed, connected in latest)
    missed = sum(passed > 1 for passed, _ in latest)
    return Calibration(
        queue=queue,
        told=sum(score.told for score in scores),
        settled=sum(score.settled for score in scores),
        recent=len(latest),
        within=within,
        missed=missed,
        censored=len(latest) - within - missed,
        share=_share(latest),
        worst=within / len(latest) if latest else None,
        muted=any(score.muted for score in scores),
    )


def _is_decided(entry: tuple[float, bool]) -> bool:
    passed, connected = entry
    return connected or passed > 1


def _share(latest: "deque[tuple[float, bool]] | list[tuple[float, bool]]") -> float | None:
    """Kaplan–Meier: 1 − the product, over the hits in order, of (1 − 1 / those who had waited as long)."""
    if not any(_is_decided(entry) for entry in latest):
        return None
    waits = 1.0
    # At the same moment who is connected comes before who leaves.
    ordered = sorted(latest, key=lambda entry: (entry[0], not entry[1]))
    for place, (_, connected) in enumerate(ordered):
        if connected:
            waits *= 1 - 1 / (len(ordered) - place)
    return 1 - waits
