"""Hold music of our own: slow plucked strings on a pentatonic scale, made by arithmetic, free of anybody's rights (CC0).

Soft, in the telephone's band, with a long fade into its own beginning, so that nobody hears where it starts again. A person may
put any other 8 kHz mono WAV into the same directory.

    python -m ivr.music ivr/prompts/moh/strings.wav
"""

import sys
import wave
from pathlib import Path

import numpy as np

RATE = 8000
BEAT_S = 1.2
SCALE = [392.0, 440.0, 523.25, 587.33, 659.26, 783.99]
"""G A C D E G: no half-tones, so that any two notes go together."""
MELODY = [0, 2, 3, 4, 3, 2, 1, 0, 2, 4, 5, 4, 3, 2, 3, 1, 0, 1, 2, 3, 4, 3, 5, 4, 2, 3, 2, 1, 0, 2, 1, 0,
          2, 3, 4, 5, 4, 2, 3, 1, 2, 0, 1, 3, 2, 4, 3, 2, 1, 0]  # fmt: skip
LEVEL_DB = -34.0
"""14 dB below the prompts: what is said over it is understood by ears that are not young."""

Samples = np.ndarray[tuple[int], np.dtype[np.float64]]


def string(hertz: float, seconds: float) -> Samples:
    """One plucked string: overtones that die away the sooner the higher they are."""
    t = np.arange(round(seconds * RATE)) / RATE
    tone = np.zeros(len(t))
    for overtone in range(1, 6):
        if hertz * overtone < 3400:
            tone += np.sin(2 * np.pi * hertz * overtone * t) * np.exp(-t * (0.9 + 0.8 * overtone)) / overtone**1.6
    return tone * np.minimum(1, t / 0.015)


def music() -> Samples:
    """The whole piece, its tail laid over its beginning."""
    count = round(len(MELODY) * BEAT_S * RATE)
    piece = np.zeros(count)

    def add(at_s: float, tone: Samples, loud: float) -> None:
        places = (round(at_s * RATE) + np.arange(len(tone))) % count
        np.add.at(piece, places, loud * tone)

    for beat, step in enumerate(MELODY):
        add(beat * BEAT_S, string(SCALE[step], 4.0), 1.0)
        if beat % 4 == 0:
            add(beat * BEAT_S, string(SCALE[step % 3] / 2, 6.0), 0.7)
        if beat % 4 == 2:
            add((beat + 0.5) * BEAT_S, string(SCALE[(step + 2) % 6], 3.0), 0.35)
    scaled: Samples = piece * (10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(piece**2)))
    return scaled


def main(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(music(), -0.95, 0.95) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
