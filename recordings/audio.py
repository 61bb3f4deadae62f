"""From the two files that Asterisk leaves to the one that is kept: caller left, agent right.

Asterisk writes a file for each voice while people speak. When it is killed their headers tell nothing true; when the disk is full they end
early. What can be saved is saved, and what was wrong is said. Knows files, not calls.
"""

import re
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from ivr.problem import Problem

RATE = 8000
LONGEST_S = 4 * 3600
_HEADER = 44
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

Samples = np.ndarray[tuple[int], np.dtype[np.int16]]


class Kept(msgspec.Struct, frozen=True):
    """A kept recording; `flaws` names what was not as it should be."""

    path: Path
    duration_s: float
    flaws: tuple[str, ...]


class NoAudio(Exception):
    """There is nothing to keep; the message says why."""


def kept_path(store: Path, call_id: str) -> Path:
    """Where the recording of a call lies, whether it exists or not.

    Raises:
        ValueError: not a call's id; nothing outside the store can be named.
    """
    if not _SAFE.fullmatch(call_id) or ".." in call_id:
        raise ValueError("not a call id")
    return store / f"{call_id}.wav"


def keep(spool: Path, store: Path, call_id: str) -> Kept:
    """Join both voices of a call into one file of the store, then remove what Asterisk left. Safe to repeat.

    Raises:
        NoAudio: neither voice was recorded, or nothing was said.
    """
    target = kept_path(store, call_id)
    parts = [spool / f"{call_id}-{side}.wav" for side in ("caller", "agent")]
    if target.exists() and not any(part.exists() for part in parts):
        return Kept(target, soundfile.info(target).duration, ())
    voices, flaws = [], []
    for part in parts:
        samples, flaw = _voice(part)
        voices.append(samples)
        flaws += [f"{part.stem.rpartition('-')[2]}: {flaw}"] if flaw else []
    length = max(len(voice) for voice in voices)
    if not length:
        raise NoAudio("; ".join(flaws))
    if abs(len(voices[0]) - len(voices[1])) > RATE // 2 and all(len(voice) for voice in voices):
        flaws.append("voices differ in length")
    _write(target, np.stack([np.pad(voice, (0, length - len(voice))) for voice in voices], axis=1))
    # Only now that the kept file is whole may its sources go.
    for leftover in (*parts, spool.parent / "monitor" / f"{call_id}.wav", spool / f"{call_id}.wav"):
        leftover.unlink(missing_ok=True)
    return Kept(target, length / RATE, tuple(flaws))


def _voice(path: Path) -> tuple[Samples, str]:
    """The samples of one voice, and what is wrong with them."""
    empty: Samples = np.zeros(0, np.int16)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return empty, "not recorded"
    if size <= _HEADER:
        return empty, "empty"
    if size > _HEADER + 2 * RATE * LONGEST_S:
        return empty, "longer than 4 hours"
    with path.open("rb") as file:
        header, body = file.read(_HEADER), file.read()
    if header[:4] != b"RIFF" or header[8:16] != b"WAVEfmt ":
        return empty, "not audio"
    channels, rate = int.from_bytes(header[22:24], "little"), int.from_bytes(header[24:28], "little")
    if (channels, rate, int.from_bytes(header[34:36], "little")) != (1, RATE, 16):
        return empty, f"{channels} channels at {rate} Hz instead of 1 at {RATE}"
    # Asterisk fills in the length when it closes the file; after a kill it says 0 while the samples are there.
    told = int.from_bytes(header[40:44], "little")
    samples: Samples = np.frombuffer(body[: len(body) // 2 * 2], "<i2")
    return samples, "" if told == len(body) else "cut off"


def _write(target: Path, stereo: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    soundfile.write(fresh, stereo, RATE, subtype="PCM_16", format="WAV")
    fresh.chmod(0o640)
    if soundfile.info(fresh).frames != len(stereo):
        fresh.unlink()
        raise OSError("the kept recording could not be read back")
    fresh.replace(target)


def read_voices(path: Path) -> tuple[dict[str, Samples], int]:
    """Channel name -> samples of any audio file, and its rate: caller and agent of a stereo file, mono of any other.

    Raises:
        Problem: not there, not audio, empty, or longer than 4 hours.
    """
    try:
        info = soundfile.info(path)
        if info.duration > LONGEST_S:
            raise Problem(
                f"{path} dài {info.duration / 3600:.1f} giờ; tối đa 4 giờ. Hãy cắt nhỏ tệp.",
                f"{path} is {info.duration / 3600:.1f} hours long; 4 are the most. Cut it into parts.",
            )
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as e:
        reason = "no such file" if not path.exists() else "not audio"
        raise Problem(
            f"Không đọc được âm thanh {path} ({reason}). Hãy đưa một tệp WAV.",
            f"Cannot read audio from {path} ({reason}). Give a WAV file.",
        ) from e
    if not len(samples):
        raise Problem(
            f"{path} không có âm thanh nào (0 giây). Hãy kiểm tra lại bản ghi.",
            f"{path} holds no sound at all (0 seconds). Check the recording.",
        )
    if samples.shape[1] == 2:
        return {"caller": samples[:, 0], "agent": samples[:, 1]}, rate
    return {"mono": samples.mean(axis=1).astype(np.int16) if samples.shape[1] > 2 else samples[:, 0]}, rate
