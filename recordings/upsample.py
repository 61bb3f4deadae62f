"""A recording for a model that was trained at a higher rate: vosk brings rates down by itself, but refuses to bring them up. Pure."""

import numpy as np

Samples = np.ndarray[tuple[int], np.dtype[np.int16]]
TAPS = 16
"""Samples on either side that a new one is made of (sinc under a raised cosine)."""


class Upsampler:
    """Made for one channel; takes it in pieces, from the beginning to the end."""

    def __init__(self, rate: int, wanted: int) -> None:
        self._step = rate / wanted
        self._held = np.zeros(TAPS)
        self._next = float(TAPS)
        """Where in what is held the next new sample lies."""

    def __call__(self, samples: Samples, last: bool = False) -> Samples:
        """The same sound at the wanted rate; the end of it comes only with the last piece."""
        held = np.concatenate([self._held, samples, np.zeros(TAPS if last else 0)])
        count = max(0, int((len(held) - 1 - TAPS - self._next) / self._step) + 1)
        at = self._next + self._step * np.arange(count)
        neighbours = np.floor(at).astype(int)[:, None] + np.arange(1 - TAPS, TAPS + 1)
        distance = at[:, None] - neighbours
        weights = np.sinc(distance) * (0.5 + 0.5 * np.cos(np.pi * distance / TAPS))
        made = (held[neighbours] * weights).sum(axis=1)
        self._next += self._step * count
        done = max(0, int(self._next) - TAPS)
        self._held, self._next = held[done:], self._next - done
        new: Samples = np.clip(np.rint(made), -32768, 32767).astype(np.int16)
        return new
