"""Makes the voices of the demo with espeak-ng: `python -m pbx.demo.record [espeak command …]`. Nobody needs it at run time.

Only what is missing is made; remove a WAV to have it made anew, or put a person's voice in its place.
"""

import subprocess
import sys
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pbx.demo.conversations import conversations
from pbx.demo.rtp import RATE, Samples

SPEED, GAP = "150", "2"
PEAK = 0.5
EDGE_S = 0.1

Spoken = np.ndarray[tuple[int], np.dtype[np.float64]]


def record(espeak: Sequence[str] = ("espeak-ng",)) -> list[Path]:
    """Speak every sentence that has no WAV yet; returns what was made."""
    made = []
    for conversation in conversations():
        for turn in conversation.turns:
            if not turn.audio.exists():
                _write(turn.audio, _telephone(*_speak(espeak, conversation.voice(turn), turn.text)))
                made.append(turn.audio)
    return made


def _speak(espeak: Sequence[str], voice: str, text: str) -> tuple[Spoken, int]:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "spoken.wav")
        subprocess.run([*espeak, "-v", voice, "-s", SPEED, "-g", GAP, "-w", str(path), text], check=True, timeout=60)
        with wave.open(str(path), "rb") as file:
            spoken = np.frombuffer(file.readframes(file.getnframes()), np.dtype("<i2")).astype(np.float64) / 32768
            return spoken, file.getframerate()


def _telephone(spoken: Spoken, rate: int) -> Samples:
    """8 kHz through the spectrum, silence at both ends cut, one loudness for all."""
    count = round(len(spoken) * RATE / rate)
    narrow = np.fft.irfft(np.fft.rfft(spoken)[: count // 2 + 1], count)
    loud = np.flatnonzero(np.abs(narrow) > 0.02 * np.abs(narrow).max())
    edge = np.zeros(round(EDGE_S * RATE))
    narrow = np.concatenate([edge, narrow[loud[0] : loud[-1] + 1], edge])
    loudest = float(np.abs(narrow).max())
    return np.asarray(narrow * (PEAK * 32767 / loudest), np.int16)


def _write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


if __name__ == "__main__":
    print(f"{len(record(sys.argv[1:] or ('espeak-ng',)))} sentences spoken")
