"""WAV files of the prompt pack: read strictly, because a telephone plays nothing else, and written whole.

What is wrong with a file is said so that whoever recorded it can mend it. Knows nothing of what the files say.
"""

import os
import struct
import tempfile
from pathlib import Path

import numpy as np

RATE = 8000
Samples = np.ndarray[tuple[int], np.dtype[np.float64]]

_KINDS = (
    (b"ID3", "MP3"), (b"\xff\xfb", "MP3"), (b"\xff\xf3", "MP3"), (b"\xff\xf2", "MP3"), (b"OggS", "Ogg"), (b"fLaC", "FLAC"),
    (b"#!AMR", "AMR"), (b"FORM", "AIFF"), (b"\xff\xf1", "AAC"), (b"\xff\xf9", "AAC"), (b"\x1aE\xdf\xa3", "WebM"),
)  # fmt: skip
_TAGS = {3: "float", 6: "A-law", 7: "µ-law", 17: "ADPCM", 49: "GSM", 85: "MP3", 0xFFFE: "extensible"}
_EXPORT = (
    "Hãy xuất lại thành WAV PCM, 8000 Hz, 1 kênh (mono), 16 bit.",
    "Export it again as WAV PCM, 8000 Hz, one channel (mono), 16 bit.",
)
_AGAIN = ("Hãy chép hoặc xuất lại tệp.", "Copy or export it again.")


class NotPlayable(Exception):
    """The telephone could not play this file; `vi` and `en` say why, and the cure."""

    def __init__(self, vi: str, en: str, cure: tuple[str, str] = _EXPORT) -> None:
        self.vi, self.en = f"{vi}. {cure[0]}", f"{en}. {cure[1]}"
        super().__init__(self.en)


def read_prompt(path: Path) -> Samples:
    """The samples of an 8 kHz mono 16-bit file, −1 … 1.

    Raises:
        FileNotFoundError: there is none.
        NotPlayable: unreadable, no WAV, of another shape, empty or cut off.
    """
    rate, samples = read_wav(path)
    if rate != RATE:
        raise NotPlayable(f"là {rate} Hz, điện thoại cần {RATE} Hz", f"has {rate} Hz, a telephone needs {RATE} Hz")
    return samples


def read_wav(path: Path) -> tuple[int, Samples]:
    """Rate and samples of a mono 16-bit file of any rate; raises as `read_prompt` does."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as e:
        raise NotPlayable(
            f"không đọc được ({e.strerror})",
            f"cannot be read ({e.strerror})",
            ("Hãy kiểm tra tên và quyền đọc.", "Check its name and permissions."),
        ) from e
    if not data:
        raise NotPlayable("là tệp rỗng", "is an empty file", _AGAIN)
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise NotPlayable(f"không phải WAV mà là {_kind(data)[0]}", f"is no WAV but {_kind(data)[1]}")
    return _pcm(data)


def _kind(data: bytes) -> tuple[str, str]:
    for head, name in _KINDS:
        if data.startswith(head):
            return name, name
    return ("M4A/MP4", "M4A/MP4") if data[4:8] == b"ftyp" else ("dữ liệu khác", "something else")


def _pcm(data: bytes) -> tuple[int, Samples]:
    shape = body = None
    at = 12
    while at + 8 <= len(data) and body is None:
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"fmt " and size >= 16 and at + 24 <= len(data):
            shape = struct.unpack_from("<HHIIHH", data, at + 8)
        elif name == b"data":
            body = data[at + 8 : at + 8 + size]
            if len(body) < size:
                raise NotPlayable("bị cắt ngang, thiếu phần cuối", "is cut off, its end is missing", _AGAIN)
        at += 8 + size + size % 2
    if shape is None or body is None:
        raise NotPlayable("bị cắt ngang, thiếu phần tiếng", "is cut off, it has no sound", _AGAIN)
    _refuse_other_shapes(shape[0], shape[1], shape[2], shape[5])
    if len(body) < 2:
        raise NotPlayable("không có tiếng nào", "has no sound at all", _AGAIN)
    return shape[2], np.frombuffer(body[: len(body) // 2 * 2], "<i2").astype(np.float64) / 32768


def _refuse_other_shapes(tag: int, channels: int, rate: int, bits: int) -> None:
    if tag != 1:
        name = _TAGS.get(tag, str(tag))
        raise NotPlayable(f"là WAV nén kiểu {name}", f"is a WAV of the kind {name}")
    if channels != 1 or bits != 16:
        raise NotPlayable(
            f"có {channels} kênh, {rate} Hz, {bits} bit; điện thoại cần 1 kênh, {RATE} Hz, 16 bit",
            f"has {channels} channels, {rate} Hz, {bits} bit; a telephone needs 1 channel, {RATE} Hz, 16 bit",
        )


def wav_bytes(samples: Samples) -> bytes:
    """An 8 kHz mono 16-bit file with these samples."""
    body = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return b"".join(
        [b"RIFF", struct.pack("<I", 36 + len(body)), b"WAVE", shape, b"data", struct.pack("<I", len(body)), body]
    )


def replace(path: Path, data: bytes) -> None:
    """Write a file so that whoever opens it meets the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
