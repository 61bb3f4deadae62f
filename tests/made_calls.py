"""Recordings of two voices made of real speech, sound or with one fault: what the sentinel must tell apart."""

import random
from pathlib import Path

import numpy as np
import soundfile

from tests.hearing import RATE, Samples

SPEECH = Path(__file__).with_name("speech")
KINDS = ("one_way", "clipping", "dead_air", "too_quiet", "too_loud", "noise", "dropout")


def talk(at_random: random.Random, seconds: float = 60) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Two people who speak in turn, at the level of a good line; a line's hiss below −60 dBFS on both."""
    clips = [soundfile.read(file, dtype="int16")[0] for file in sorted(SPEECH.glob("t*.wav"))]
    clips = [clip.astype(float) for clip in clips if 1 < len(clip) / RATE < 40]
    voices = np.zeros((2, round(seconds * RATE)))
    at, side = round(at_random.uniform(0.2, 2) * RATE), 0
    while at < voices.shape[1]:
        clip = at_random.choice(clips)
        clip = clip * (10 ** (-22 / 20) * 32768 / max(1.0, float(np.sqrt(np.mean(clip[np.abs(clip) > 300] ** 2)))))
        part = clip[: voices.shape[1] - at]
        voices[side, at : at + len(part)] += np.clip(part, -31_000, 31_000)
        at += len(part) + round(at_random.uniform(0.2, 1.5) * RATE)
        side = 1 - side
    noise = np.random.default_rng(at_random.randrange(2**31)).normal(0, 20, voices.shape)
    return voices[0] + noise[0], voices[1] + noise[1]


def spoilt(kind: str, caller: np.ndarray, agent: np.ndarray, at_random: random.Random) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """The same with a fault in the caller's voice."""
    rng = np.random.default_rng(at_random.randrange(2**31))
    match kind:
        case "one_way":
            caller = np.zeros_like(caller) + at_random.choice((0, 1)) * rng.integers(-1, 2, len(caller)) * 8
        case "clipping":
            caller = np.clip(caller * at_random.uniform(8, 20), -32_124, 32_124)
        case "dead_air":
            start = round(at_random.uniform(5, 25) * RATE)
            end = start + round(at_random.uniform(23, 30) * RATE)
            for voice in (caller, agent):
                voice[start:end] = rng.normal(0, 20, len(voice[start:end]))
        case "too_quiet":
            caller = caller * at_random.uniform(0.03, 0.08)
        case "too_loud":
            caller = np.clip(caller * 6.5, -31_500, 31_500)
        case "noise":
            caller = caller + rng.normal(0, at_random.uniform(260, 450), len(caller))
        case "dropout":
            loud = np.flatnonzero(np.abs(caller) > 1500)
            for start in at_random.choices(list(loud), k=60):
                start -= start % 160
                caller[start : start + 160 * at_random.randint(1, 5)] = 0
    return caller, agent


def write(path: Path, caller: np.ndarray, agent: np.ndarray) -> Path:  # type: ignore[type-arg]
    both: Samples = np.clip(np.round(np.stack([caller, agent], 1)), -32_768, 32_767).astype(np.int16)
    soundfile.write(path, both, RATE)
    return path
