"""A finished recording <-> Ogg Opus: a sixth of the size, both voices still apart. Knows files, not calls.

Numbers that nobody may hear are silenced on the way.
"""

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from recordings.audio import SIDES

Silence = tuple[float, float, str]
"""Start and end in seconds, and whose voice."""
MARGIN_S = 0.06
"""Around a word: its times are right to about a twentieth of a second."""
LEVEL = 0.93
"""libsndfile's measure, about 47 kbit/s for both voices: in speech over a noisy line one voice stays at least 46 dB below the other's
channel. From 0.97 on Opus mixes them, and at 1.0 each is in both."""
_BLOCK_S = 30


def encode(wav: Path, target: Path, silences: Sequence[Silence] = ()) -> None:
    """Compress a recording of one or two voices; what is silenced is digital zero before it is compressed.

    Raises:
        OSError: it cannot be read or written, or did not come out at its length.
    """
    try:
        with soundfile.SoundFile(wav) as source:
            rate, voices, length = source.samplerate, source.channels, source.frames
            with soundfile.SoundFile(target, "w", rate, voices, "OPUS", format="OGG", compression_level=LEVEL) as kept:
                for block in _silenced(source, silences):
                    kept.write(block)
        written = soundfile.info(target)
    except soundfile.LibsndfileError as e:
        raise OSError(f"the recording could not be compressed: {e}") from e
    if abs(written.duration - length / rate) > 0.02:
        raise OSError("the compressed recording is not as long as it was")
    with target.open("rb") as file:
        os.fsync(file.fileno())


def decode(ogg: bytes, wav: Path) -> None:
    """Back to what a recogniser reads.

    Raises:
        OSError: it is not Ogg Opus, or the file cannot be written.
    """
    try:
        with (
            soundfile.SoundFile(io.BytesIO(ogg)) as source,
            soundfile.SoundFile(wav, "w", source.samplerate, source.channels, "PCM_16", format="WAV") as target,
        ):
            for block in source.blocks(source.samplerate * _BLOCK_S, dtype="int16", always_2d=True):
                target.write(block)
    except soundfile.LibsndfileError as e:
        raise OSError(f"the recording could not be read: {e}") from e


def _silenced(source: soundfile.SoundFile, silences: Sequence[Silence]) -> Iterator[np.ndarray]:
    rate, at = source.samplerate, 0
    spans = [(round((start - MARGIN_S) * rate), round((end + MARGIN_S) * rate), side) for start, end, side in silences]
    for block in source.blocks(rate * _BLOCK_S, dtype="int16", always_2d=True):
        for start, end, side in spans:
            # Of one voice only, whoever it is; a side that is not known silences both.
            channels = [SIDES.index(side)] if side in SIDES and block.shape[1] == len(SIDES) else range(block.shape[1])
            for channel in channels:
                block[max(0, start - at) : max(0, end - at), channel] = 0
        at += len(block)
        yield block
