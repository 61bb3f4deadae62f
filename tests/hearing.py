"""Ears for tests: tones to speak with, and what is to be found of a sound in what was heard or recorded. 8 kHz everywhere."""

import asyncio
import contextlib
from pathlib import Path

import numpy as np
import soundfile

from pbx.demo.call import Call, CallEndedError

RATE = 8000
Samples = np.ndarray[tuple[int], np.dtype[np.int16]]
Voice = np.ndarray[tuple[int], np.dtype[np.float64]]
"""−1 … 1."""
Voices = np.ndarray[tuple[int, int], np.dtype[np.float64]]
"""Caller, agent."""


def tone(hertz: float, seconds: float) -> Samples:
    return np.round(8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)


def speaks(call: Call, hertz: float, seconds: float = 60) -> "asyncio.Task[None]":
    """A voice without a pause, so that every silence in a recording is one that was made."""

    async def on() -> None:
        with contextlib.suppress(CallEndedError):
            await call.say(tone(hertz, seconds))

    return asyncio.create_task(on())


def loudness(voice: Voice, start_s: float, end_s: float) -> float:
    """Root mean square of a part that is long enough to tell something."""
    part = voice[round(start_s * RATE) : round(end_s * RATE)]
    assert len(part) > RATE // 4, "too short to say anything"
    return float(np.sqrt(np.mean(part**2)))


def weaker_db(voice: Voice, own_hertz: float, other_hertz: float) -> float:
    """By how much the other's tone is weaker on this channel than its own."""
    window = voice[: len(voice) // RATE * RATE] * np.hanning(len(voice) // RATE * RATE)
    spectrum = np.abs(np.fft.rfft(window))
    per_hertz = len(window) / RATE

    def near(hertz: float) -> float:
        at = round(hertz * per_hertz)
        return float(spectrum[at - 8 : at + 9].max())

    return 20 * float(np.log10(near(own_hertz) / max(near(other_hertz), 1e-9)))


def stands_out_db(part: Samples, hertz: float) -> float:
    """How clearly this tone stands out of all else in a short part."""
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) if len(part) else np.ones(1)
    at = round(hertz * len(part) / RATE)
    own = spectrum[max(0, at - 3) : at + 4].max()
    others = np.concatenate([spectrum[: max(0, at - 6)], spectrum[at + 7 :], [1e-9]]).max()
    return 20 * float(np.log10(max(own, 1e-9) / max(others, 1e-9)))


def found_at(heard: Samples, prompt: Path) -> float | None:
    """Second at which a prompt begins in what was heard; None when it is not in it. Packets that came late tear a prompt,
    so that any second of it may be the one that is known again."""
    wanted, rate = soundfile.read(prompt, dtype="int16")
    assert rate == RATE
    pieces = range(0, max(1, len(wanted) - RATE), RATE)
    known = [
        (alike, at - piece / RATE) for piece in pieces for alike, at in [_best(heard, wanted[piece : piece + RATE])]
    ]
    alike, begin = max(known)
    return begin if alike > 0.6 else None


def _best(heard: Samples, piece: Samples) -> tuple[float, float]:
    """How alike, 0 to 1, and at which second."""
    needle, hay = piece.astype(float), heard.astype(float)
    if len(hay) < len(needle):
        return 0.0, 0.0
    size = 1 << (len(hay) + len(needle)).bit_length()
    product = np.fft.irfft(np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size)), size)
    sums = np.concatenate([[0.0], np.cumsum(hay**2)])
    energy = np.sqrt((sums[len(needle) :] - sums[: -len(needle)]) * np.sum(needle**2))
    alike = product[: len(energy)] / np.maximum(energy, 1e6)
    best = int(np.argmax(alike))
    return float(alike[best]), best / RATE
