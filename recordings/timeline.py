"""Where the moments of a call lie in its audio. Pure.

The file holds one recorded stretch right after the other, so it knows nothing of the time between them; the log does.
"""

import itertools
from collections.abc import Iterator, Sequence

import msgspec

from pbx.record import Stretch


class Gap(msgspec.Struct, frozen=True):
    """What the audio lacks or what was marked in it: `paused`, `hold`, `mark`, or `cut` where nothing was recorded for `lost_s`.

    Seconds from the start of the audio; a `cut` and a `mark` are moments.
    """

    kind: str
    start_s: float
    end_s: float
    lost_s: float = 0.0


def audio_s(stretches: Sequence[Stretch], at: int) -> float:
    """Where this moment (UTC ms) is heard; the end of what was recorded before, when nothing was recorded then."""
    written = [s for s in stretches if s.kind == "on"]
    return sum(max(0, min(at, s.end) - s.start) for s in written if s.start < at) / 1000


def gaps(stretches: Sequence[Stretch]) -> tuple[Gap, ...]:
    """All of them in order of the audio."""
    found = [
        Gap(s.kind, audio_s(stretches, s.start), audio_s(stretches, s.end)) for s in stretches if s.kind != "on"
    ]  # fmt: skip
    return tuple(sorted([*found, *_cuts(stretches)], key=lambda gap: (gap.start_s, gap.kind)))


def _cuts(stretches: Sequence[Stretch]) -> Iterator[Gap]:
    written = [s for s in stretches if s.kind == "on"]
    for before, after in itertools.pairwise(written):
        at = audio_s(stretches, before.end)
        yield Gap("cut", at, at, (after.start - before.end) / 1000)


def quiet(stretches: Sequence[Stretch]) -> tuple[tuple[float, float], ...]:
    """Where silence is right: paused, or on hold. Seconds of the audio."""
    return tuple((gap.start_s, gap.end_s) for gap in gaps(stretches) if gap.kind in ("paused", "hold"))
