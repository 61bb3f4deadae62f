"""How fast recordings become words, from the latest ones: what an honest «done by» rests on. Pure."""

from collections import deque

LATEST = 50
"""So many recordings are enough to tell, and few enough to follow a machine that has become busy."""


class Speed:
    """Several threads may tell it; it counts what each of `workers` did on its own."""

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._latest: deque[tuple[float, float]] = deque(maxlen=LATEST)

    def add(self, audio_s: float, spent_s: float) -> None:
        """A recording of so many seconds took so many."""
        self._latest.append((audio_s, spent_s))

    def seconds_for(self, audio_s: float) -> float | None:
        """How long so much talk will take; None before anything was measured. Nothing takes no time."""
        if not audio_s:
            return 0.0
        latest = list(self._latest)
        heard = sum(audio for audio, _ in latest)
        return sum(spent for _, spent in latest) / heard * audio_s / self._workers if heard else None
