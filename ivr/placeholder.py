"""The placeholder voice: espeak-ng speaks a text as a telephone carries it, until a person records it.

Each sentence is spoken by itself and followed by a pause of ours, long enough for slow ears; the voice's own pauses vary with the
sounds around them. The same text always gives the same samples. Knows nothing of files' names.
"""

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ivr.listen import measure
from ivr.problem import Problem
from ivr.wav import RATE, Samples, read_wav

LOUDNESS_DB = -20.0
"""Of speech, in dB below full scale."""
PEAK = 0.89
EDGE_S = 0.12
"""Silence left before and after a sentence."""
WORD_EDGE_S = 0.06
"""The same for a single word, of which others are joined to numbers and dates."""
BETWEEN_SENTENCES_S = 0.5
PAUSE_S = 0.25
"""Between the groups of a number."""
VOICES = {
    "vi": ("-v", "vi", "-s", "135", "-p", "45", "-g", "3"),
    "en": ("-v", "en-gb", "-s", "140", "-p", "45", "-g", "3"),
}
_FAINT = 0.004
_FADED = 0.015
_MARGIN_S = 0.03
_AROUND_S = 0.1
"""Silence around a sentence while it is filtered: through the spectrum a sharp beginning would be heard again at the end."""
_TIMEOUT_S = 60.0


def recipe() -> str:
    """Changes when the voice does, so that what it made before is made again."""
    parts = (VOICES, LOUDNESS_DB, PEAK, EDGE_S, WORD_EDGE_S, BETWEEN_SENTENCES_S, PAUSE_S, _FAINT, _FADED, _MARGIN_S)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def speak(espeak: Sequence[str], language: str, text: str, *, edge_s: float = EDGE_S) -> Samples:
    """A text at 8 kHz; no text is a pause. `espeak` is the command of the voice program.

    Raises:
        Problem: the program is missing, fails or hangs.
    """
    if not text:
        return np.zeros(round(PAUSE_S * RATE))
    between = np.zeros(round(BETWEEN_SENTENCES_S * RATE))
    edge = np.zeros(round(edge_s * RATE))
    pieces = [edge]
    for voice, sentence in _sentences(language, text):
        pieces += [_trimmed(_banded(_spoken(espeak, voice, sentence))), between]
    return _levelled(np.concatenate([*pieces[:-1], edge]))


def _sentences(language: str, text: str) -> list[tuple[str, str]]:
    """(voice, sentence); a sentence that offers the other language is said in the other voice."""
    return [
        (next((voice for head, voice in _OTHER_VOICE if sentence.startswith(head)), language), sentence)
        for sentence in re.split(r"(?<=[.?!])\s+", text.strip())
    ]


_OTHER_VOICE = (("For English", "en"), ("This call is recorded", "en"), ("Tiếng Việt", "vi"))


def _spoken(espeak: Sequence[str], voice: str, sentence: str) -> Samples:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "spoken.wav")
        try:
            subprocess.run(
                [*espeak, *VOICES[voice], "-b", "1", "-w", str(path), "--stdin"],
                input=sentence.encode(), check=True, capture_output=True, timeout=_TIMEOUT_S,
            )  # fmt: skip
            rate, samples = read_wav(path)
        except (OSError, subprocess.SubprocessError) as e:
            raise Problem(
                f"Giọng máy espeak-ng không đọc được «{sentence}»: {e}. Hãy chạy «smartpbx asterisk provision».",
                f"The voice espeak-ng could not speak «{sentence}»: {e}. Run «smartpbx asterisk provision».",
            ) from e
    around = round(_AROUND_S * rate)
    return _resampled(np.pad(samples, around), rate)


def _resampled(samples: Samples, rate: int) -> Samples:
    """To 8 kHz through the spectrum: sentences are short, and this is exact."""
    count = round(len(samples) * RATE / rate)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return np.fft.irfft(spectrum, count) * (count / len(samples))


def _banded(samples: Samples) -> Samples:
    """What a telephone carries: 200–3600 Hz."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum *= 1 / (1 + (200 / np.maximum(hertz, 1)) ** 8) / (1 + (hertz / 3600) ** 16)
    return np.fft.irfft(spectrum, len(samples))


def _trimmed(samples: Samples) -> Samples:
    """Without the silence around it. The gate at the start is low: an «x» or «h» there is far fainter than the vowel after it."""
    size = np.abs(samples)
    loudest = size.max(initial=0.0)
    if not loudest:
        return samples
    start = int(np.argmax(size > _FAINT * loudest)) - round(_MARGIN_S * RATE)
    end = len(size) - int(np.argmax(size[::-1] > _FADED * loudest)) + round(_MARGIN_S * RATE)
    return samples[max(0, start) : end]


def _levelled(samples: Samples) -> Samples:
    """At one loudness for all, the few peaks bent by a soft knee instead of clipped."""
    level_db = measure(samples).level_db
    if level_db == -np.inf:
        return samples
    samples = samples * 10 ** ((LOUDNESS_DB - level_db) / 20)
    size = np.maximum(np.abs(samples), PEAK / 2)
    bent = np.sign(samples) * (PEAK - (PEAK / 2) ** 2 / size)
    return np.where(np.abs(samples) < PEAK / 2, samples, bent)
