"""From the two files that Asterisk leaves to the one that is kept: caller left, agent right.

Asterisk writes a file for each voice while people speak. When it is killed their headers tell nothing true; when the disk is full they end
early. What can be saved is saved, and what was wrong is said. Knows files, not calls. Hours of talk pass through in blocks: the process
that does this also serves the telephone.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from ivr.problem import Problem

RATE = 8000
LONGEST_S = 4 * 3600
SIDES = ("caller", "agent")
EMPTY, CUT_OFF, MISSING = "empty", "cut off", "not recorded"
NO_AGENT = f"agent: {MISSING}"
_HEADER = 44
_BLOCK = 30 * RATE
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


def closed(spool: Path, call_id: str) -> bool:
    """Whether Asterisk has finished with both voices: MixMonitor fills in the lengths when it closes its files, a moment after the call."""
    return not any(_voice(part).flaw in (CUT_OFF, EMPTY) for part in _parts(spool, call_id))


def keep(spool: Path, store: Path, call_id: str) -> Kept:
    """Join both voices of a call into one file of the store, then remove what Asterisk left. Safe to repeat, safe to break off.

    Raises:
        NoAudio: neither voice was recorded, or nothing was said.
        OSError: the disk is full, or a file cannot be read.
    """
    target = kept_path(store, call_id)
    parts = _parts(spool, call_id)
    # A kept file was whole before it got its name. With it there, what is left of its sources may be half of them.
    kept = _readable(target)
    if kept is None:
        kept = _join(parts, target)
    for leftover in (*parts, spool / f"{call_id}.wav", spool.parent / "monitor" / f"{call_id}.wav"):
        leftover.unlink(missing_ok=True)
    return kept


def _parts(spool: Path, call_id: str) -> tuple[Path, ...]:
    return tuple(spool / f"{call_id}-{side}.wav" for side in SIDES)


def _readable(target: Path) -> Kept | None:
    try:
        return Kept(target, soundfile.info(target).duration, ())
    except (soundfile.LibsndfileError, OSError):
        return None


def _join(parts: tuple[Path, ...], target: Path) -> Kept:
    voices = [_voice(part) for part in parts]
    flaws = [f"{side}: {voice.flaw}" for side, voice in zip(SIDES, voices, strict=True) if voice.flaw]
    lengths = [voice.length for voice in voices]
    if not max(lengths):
        raise NoAudio("; ".join(flaws))
    if min(lengths) and max(lengths) - min(lengths) > RATE // 2:
        flaws.append("voices differ in length")
    _write(target, voices, max(lengths))
    return Kept(target, max(lengths) / RATE, tuple(flaws))


class _Voice(msgspec.Struct, frozen=True):
    """What Asterisk left of one voice: so many samples, and what is wrong with them."""

    path: Path
    length: int = 0
    flaw: str = ""

    def samples(self, start: int, size: int) -> Samples:
        """Exactly `size` of them; silence after the end. Not mapped into memory: a file that shrinks would kill the process."""
        found: Samples = np.zeros(size, np.int16)
        if start < self.length:
            with self.path.open("rb") as file:
                file.seek(_HEADER + 2 * start)
                data = file.read(2 * min(size, self.length - start))
            found[: len(data) // 2] = np.frombuffer(data[: len(data) // 2 * 2], "<i2")
        return found


def _voice(path: Path) -> _Voice:
    try:
        with path.open("rb") as file:
            header, size = file.read(_HEADER), path.stat().st_size
    except FileNotFoundError:
        return _Voice(path, flaw=MISSING)
    if not size:
        return _Voice(path, flaw=EMPTY)
    if len(header) < _HEADER or header[:4] != b"RIFF" or header[8:16] != b"WAVEfmt " or header[36:40] != b"data":
        return _Voice(path, flaw="not audio")
    coding, channels, rate, bits = (_number(header, *field) for field in ((20, 2), (22, 2), (24, 4), (34, 2)))
    if (coding, channels, rate, bits) != (1, 1, RATE, 16):
        wrong = f"coding {coding}, {channels} x {bits} bit at {rate} Hz instead of 1 x 16 bit at {RATE}"
        return _Voice(path, flaw=wrong)
    # Asterisk fills in the length when it closes the file; after a kill it says 0 while the samples are there.
    told, there = _number(header, 40, 4), size - _HEADER
    if there < 2:
        return _Voice(path, flaw=EMPTY)
    if there // 2 > LONGEST_S * RATE:
        return _Voice(path, LONGEST_S * RATE, "longer than 4 hours, the rest is dropped")
    return _Voice(path, there // 2, "" if told == there else CUT_OFF)


def _number(header: bytes, start: int, length: int) -> int:
    return int.from_bytes(header[start : start + length], "little")


def _write(target: Path, voices: list[_Voice], length: int) -> None:
    """All of it under another name first; its own name only when it is on the disk and could be read back."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    fresh = target.with_name(f".{target.name}.new")
    try:
        with soundfile.SoundFile(fresh, "w", RATE, len(voices), "PCM_16", format="WAV") as file:
            fresh.chmod(0o640)
            for start in range(0, length, _BLOCK):
                size = min(_BLOCK, length - start)
                file.write(np.stack([voice.samples(start, size) for voice in voices], axis=1))
        if soundfile.info(fresh).frames != length:
            raise OSError("the kept recording could not be read back")
        _to_disk(fresh)
        fresh.replace(target)
        _to_disk(target.parent)
    except soundfile.LibsndfileError as e:
        raise OSError(f"the recording could not be written: {e}") from e
    finally:
        fresh.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """The sources go when this returns; a power cut after it must not take the copy."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# --- reading ------------------------------------------------------------------------------------------------------


class Audio:
    """An open audio file. `channels` are caller and agent of a stereo file, mono of any other (many channels are mixed)."""

    def __init__(self, file: soundfile.SoundFile) -> None:
        self._file = file
        self.rate: int = file.samplerate
        self.seconds: float = file.frames / file.samplerate
        self.channels = SIDES if file.channels == 2 else ("mono",)

    def blocks(self, seconds: float) -> Iterator[dict[str, Samples]]:
        """The sound from its beginning in pieces of this length, a piece a channel."""
        for block in self._file.blocks(round(self.rate * seconds), dtype="int16", always_2d=True):
            if len(self.channels) == 2:
                yield {name: np.ascontiguousarray(block[:, n]) for n, name in enumerate(self.channels)}
            else:
                yield {"mono": block[:, 0] if block.shape[1] == 1 else block.mean(axis=1).astype(np.int16)}


@contextmanager
def open_audio(path: Path) -> Iterator[Audio]:
    """Any file that libsndfile reads.

    Raises:
        Problem: not there, not audio, empty, or longer than 4 hours.
    """
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError, TypeError) as e:
        vi, en = ("không có tệp này", "no such file") if not path.exists() else ("không phải âm thanh", "not audio")
        raise Problem(
            f"Không đọc được âm thanh {path} ({vi}). Hãy đưa một tệp WAV.",
            f"Cannot read audio from {path} ({en}). Give a WAV file.",
        ) from e
    with file:
        audio = Audio(file)
        _check_length(path, audio.seconds)
        yield audio


def _check_length(path: Path, seconds: float) -> None:
    if seconds > LONGEST_S:
        raise Problem(
            f"{path} dài {seconds / 3600:.1f} giờ; tối đa 4 giờ. Hãy cắt nhỏ tệp.",
            f"{path} is {seconds / 3600:.1f} hours long; 4 are the most. Cut it into parts.",
        )
    if not seconds:
        raise Problem(
            f"{path} không có âm thanh nào (0 giây). Hãy kiểm tra lại bản ghi.",
            f"{path} holds no sound at all (0 seconds). Check the recording.",
        )
