"""The last hour of the four big numbers, as lines to draw. Pure: samples come in, points go out.

Kept in memory only. After a restart the lines begin anew, and where nothing was known there is a gap: a line is never drawn over a time
that nobody saw.
"""

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

HOUR_MS = 3_600_000
STEP_MS = 15_000
"""How often a sample is due; three missing ones are a gap."""
WIDTH, HEIGHT = 600, 24


class Sample(msgspec.Struct, frozen=True):
    """One moment. `level` in per cent, None before the first call of the day."""

    at: int
    waiting: int
    longest_ms: int
    level: float | None
    ready: int


class Line(msgspec.Struct, frozen=True):
    """Strokes as SVG `points` in a box of WIDTH × HEIGHT; `limit` is the height of the threshold, None without one."""

    strokes: tuple[str, ...]
    limit: float | None


class Trend:
    """Remembers an hour."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> None:
        if self._samples and sample.at <= self._samples[-1].at:
            # The clock was set back: what is remembered stands at times that are yet to come.
            self._samples.clear()
        self._samples.append(sample)
        while self._samples[0].at < sample.at - HOUR_MS:
            self._samples.popleft()

    def lines(self) -> dict[str, Line]:
        """A line for each number; they end with the newest sample, so that they change only when one comes."""
        if len(self._samples) < 2:
            return {}
        return {
            "waiting": self._line(lambda s: s.waiting, 4),
            "longest": self._line(lambda s: s.longest_ms / 1000, 240, 180),
            "level": self._line(lambda s: s.level, 100, 80),
            "ready": self._line(lambda s: s.ready, 2),
        }

    def _line(self, value: Callable[[Sample], float | None], least: float, limit: float | None = None) -> Line:
        """`least` is the value at the top of the box, unless a sample is higher."""
        end = self._samples[-1].at
        seen = [(s.at, value(s)) for s in self._samples]
        top = max([least, *(v for _, v in seen if v is not None)])
        placed = [(WIDTH * (1 - (end - at) / HOUR_MS), None if v is None else _height(v, top), at) for at, v in seen]
        return Line(tuple(map(_points, _strokes(placed))), None if limit is None else _height(limit, top))


def _height(value: float, top: float) -> float:
    """Down from the top, with room for half a pen at both edges."""
    return round(HEIGHT - 1 - (HEIGHT - 2) * value / top, 1)


def _strokes(placed: Sequence[tuple[float, float | None, int]]) -> list[list[tuple[float, float]]]:
    strokes: list[list[tuple[float, float]]] = []
    last_at: int | None = None
    for x, y, at in placed:
        if y is None:
            last_at = None
            continue
        if last_at is None or at - last_at > 3 * STEP_MS:
            strokes.append([])
        strokes[-1].append((round(x, 1), y))
        last_at = at
    return strokes


def _points(stroke: Sequence[tuple[float, float]]) -> str:
    """Without the points in the middle of a level stretch."""
    kept = [
        point
        for n, point in enumerate(stroke)
        if n in (0, len(stroke) - 1) or not stroke[n - 1][1] == point[1] == stroke[n + 1][1]
    ]
    return " ".join(f"{x},{y}" for x, y in kept)
