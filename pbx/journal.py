"""Every event, written down before it is acted on, and read back after a crash.

One JSON line an event, in segments; a segment's first line says from which segment a restart must read to know every call
that was open when it began. A line is handed to the operating system before the board sees the event, so a killed service loses
nothing; it reaches the disk within `SYNC_S`, so a power cut loses at most that (what is lost then, Asterisk's own witnesses know).

Knows events only as lines; what they mean is the switchboard's.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ivr.problem import Problem
from pbx.events import AnyEvent

VERSION = 1
SYNC_S = 0.1
SEGMENT_EVENTS = 200_000

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyEvent)


class Header(msgspec.Struct, frozen=True):
    """First line of a segment."""

    journal: int
    resume_from: str
    started_at: int


_header_decoder = msgspec.json.Decoder(Header)


class Journal:
    """Appends to the newest segment of a directory. Not for two processes at once: the directory is locked."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written = 0
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._fd = -1
        self._buffer = bytearray()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o640)
        except OSError as e:
            raise Problem(
                f"Không ghi được nhật ký sự kiện vào {directory}: {e.strerror}. Hãy cấp quyền ghi hoặc đổi SMARTPBX_DATA_DIR.",
                f"Cannot write the journal in {directory}: {e.strerror}. Give write permission or change SMARTPBX_DATA_DIR.",
            ) from e
        _lock(self._lock, directory)
        self._syncer = threading.Thread(target=self._sync, name="journal-sync", daemon=True)
        self._syncer.start()

    # --- reading ----------------------------------------------------------------------------------------------

    def recover(self) -> Iterator[AnyEvent]:
        """The events of the last run that a restart needs, oldest first; nothing in an empty directory."""
        segments = self._segments()
        if not segments:
            return
        resume_from = _read_header(segments[-1]).resume_from
        for segment in segments:
            if segment.name >= resume_from:
                yield from read(segment)

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob("*.jsonl"))

    def _segment_of(self, at: int | None) -> str:
        """Which segment was being written at that moment; '' for None and where there are no segments."""
        segments = self._segments() if at is not None else []
        begun = [segment for segment in segments if _read_header(segment).started_at <= (at or 0)]
        return (begun[-1:] or segments[:1] or [Path()])[0].name

    # --- writing ----------------------------------------------------------------------------------------------

    def begin(self, at: int, oldest_open: int | None) -> None:
        """Start a new segment. `oldest_open` is when the oldest call in progress arrived, None when there is none."""
        name = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y%m%dT%H%M%S.%fZ.jsonl")
        resume_from = self._segment_of(oldest_open) or name
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
        self._fd = os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        os.write(self._fd, _encoder.encode(Header(VERSION, resume_from, at)) + b"\n")
        self._written = 0

    @property
    def full(self) -> bool:
        """Time for a new segment."""
        return self._written >= SEGMENT_EVENTS

    def append(self, events: Iterable[AnyEvent]) -> None:
        """Hand these events to the operating system in one write; on return they survive our death.

        Raises:
            OSError: the disk is full or broken.
        """
        buffer = self._buffer
        for event in events:
            _encoder.encode_into(event, buffer, -1)
            buffer += b"\n"
            self._written += 1
        view = memoryview(bytes(buffer))
        buffer.clear()
        while view:
            view = view[os.write(self._fd, view) :]
        self._dirty.set()

    def close(self) -> None:
        self._closing.set()
        self._dirty.set()
        self._syncer.join()
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1
        os.close(self._lock)

    def _sync(self) -> None:
        while not self._closing.is_set():
            self._dirty.wait()
            self._dirty.clear()
            with contextlib.suppress(OSError, ValueError):  # a segment that was closed meanwhile was synced then
                os.fdatasync(self._fd)
            self._closing.wait(SYNC_S)


def _lock(fd: int, directory: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        os.close(fd)
        raise Problem(
            f"Một tổng đài khác đang chạy với thư mục {directory}. Hãy dừng nó trước, hoặc đổi SMARTPBX_DATA_DIR.",
            f"Another service is running on {directory}. Stop it first, or change SMARTPBX_DATA_DIR.",
        ) from e


def _read_header(segment: Path) -> Header:
    with segment.open("rb") as file:
        line = file.readline()
    try:
        header = _header_decoder.decode(line)
    except msgspec.DecodeError:
        return Header(VERSION, segment.name, 0)
    if header.journal > VERSION:
        raise Problem(
            f"Nhật ký {segment} do phiên bản mới hơn ghi (dạng {header.journal}). Hãy nâng cấp phần mềm.",
            f"The journal {segment} was written by a newer version (format {header.journal}). Upgrade the software.",
        )
    return header


def is_journal(data: bytes) -> bool:
    """Whether these bytes begin like a segment of ours."""
    return data.startswith(b'{"journal":')


def read(segment: Path) -> Iterator[AnyEvent]:
    """The events of one segment. A torn last line is what a crash leaves and is dropped.

    Raises:
        Problem: a line that is not the last cannot be read.
    """
    with segment.open("rb") as file:
        torn: tuple[int, Exception] | None = None
        for number, line in enumerate(file, 1):
            if torn is not None:
                raise _corrupt(segment, *torn)
            if number == 1:
                continue
            try:
                yield _decoder.decode(line)
            except msgspec.DecodeError as e:
                torn = (number, e)


def _corrupt(segment: Path, number: int, error: Exception) -> Problem:
    return Problem(
        f"Nhật ký {segment} hỏng ở dòng {number}: {error}. Hãy chép tệp ra nơi khác rồi xoá dòng đó.",
        f"The journal {segment} is damaged at line {number}: {error}. Keep a copy, then remove that line.",
    )
