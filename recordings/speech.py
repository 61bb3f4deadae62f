"""Speech -> words, in a child process: a recogniser that crashes, hangs or grows must not touch a call.

The only place that knows vosk. The child is this module run as a program: it loads the model once, then answers a JSON line with a
JSON line, until its parent closes the pipe or dies. It is limited in memory and processor time, and replaced when it dies, hangs or
grows old.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import resource
import sys
import threading
import unicodedata
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from ivr.problem import Problem
from recordings.audio import Audio, Samples, open_audio
from recordings.child import Child, ChildFailed, questions, say
from recordings.upsample import Upsampler
from recordings.words import Transcript, Word

MEMORY = 6 << 30
LOADING_S = 120.0
PATIENCE_S = 30.0
PATIENCE_PER_S = 2.0
"""A recording may take half a minute and this many times its own length; known: a twentieth of it for both voices."""
FILES_PER_CHILD = 500
"""So that a leak, if there is one, stays small."""
_CHUNK_S = 0.2


class SpeechFailed(Exception):
    """The child died or took too long over this recording."""


def check_model(model: Path) -> None:
    """Refuse a directory that vosk would crash on.

    Raises:
        Problem: missing, or not a model.
    """
    if not model.is_dir():
        raise Problem(
            f"Không có mô hình nhận dạng tiếng nói ở {model}. Hãy đặt SMARTPBX_SPEECH_MODEL trỏ tới thư mục mô hình Vosk.",
            f"There is no speech model at {model}. Point SMARTPBX_SPEECH_MODEL to a Vosk model directory.",
        )
    if not any((model / part).exists() for part in ("am/final.mdl", "final.mdl")):
        raise Problem(
            f"{model} không phải mô hình Vosk (thiếu am/final.mdl). Hãy giải nén lại mô hình.",
            f"{model} is not a Vosk model (am/final.mdl is missing). Unpack the model again.",
        )


def model_name(model: Path) -> str:
    """Which model heard it, told apart from another of the same directory name: `name@digest, vosk version`."""
    digest = hashlib.sha256()
    for file in sorted(path for path in model.rglob("*") if path.is_file()):
        with file.open("rb") as content:
            digest.update(f"{file.relative_to(model)} {file.stat().st_size}\n".encode() + content.read(1 << 20))
    return f"{model.resolve().name}@{digest.hexdigest()[:8]}, vosk {importlib.metadata.version('vosk')}"


class Engine(Protocol):
    """Whatever puts recordings into words. Threads may share it."""

    name: str
    """Which model heard it, with its version and settings; another name is another model."""

    def transcribe(self, path: Path) -> Transcript:
        """Raises Problem when it is not audio, SpeechFailed when it may work another time."""

    def close(self) -> None:
        """At once, also while a recording is being recognised."""


class Recogniser:
    """One child with one model; files one after the other. Threads may share it."""

    def __init__(self, model: Path) -> None:
        check_model(model)
        self.name = model_name(model)
        self._model = model
        self._busy = threading.Lock()
        self._child: Child | None = None
        self._closed = False

    def transcribe(self, path: Path) -> Transcript:
        """Recognise a recording; blocks for about a twentieth of its length.

        Raises:
            Problem: not audio, or empty.
            SpeechFailed: the child died or hung; the next recording gets a new one. Or this was closed.
        """
        with open_audio(path) as audio:
            seconds = audio.seconds
        patience_s = PATIENCE_S + PATIENCE_PER_S * seconds
        try:
            with self._busy:
                answer = self._young_child().ask([str(path.absolute()), patience_s], patience_s)
        except ChildFailed as e:
            raise SpeechFailed(f"the recogniser failed: {e}") from e
        if "error" in answer:
            raise SpeechFailed(answer["error"])
        return Transcript(msgspec.convert(answer["words"], tuple[Word, ...]), self.name, seconds)

    def close(self) -> None:
        """At once, also while a recording is being recognised: who waits for it is told SpeechFailed."""
        self._closed = True
        if self._child is not None:
            self._child.end()

    @property
    def child_pid(self) -> int | None:
        """The process that listens, if there is one now."""
        return self._child.pid if self._child is not None and self._child.alive else None

    def _young_child(self) -> Child:
        child = self._child
        if child is not None and child.alive and child.asked < FILES_PER_CHILD:
            return child
        if child is not None:
            child.end()
        if self._closed:
            raise SpeechFailed("the recogniser is closed")
        environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._child = child = Child("recordings.speech", str(self._model.absolute()), environment=environment)
        if self._closed:  # meanwhile, by another thread that saw no child
            child.end()
        if "error" in (answer := child.answer(LOADING_S)):
            child.end()
            raise SpeechFailed(answer["error"])
        return child


def peak_memory(recogniser: Recogniser) -> int:
    """Bytes that its child has had at most; 0 when there is none."""
    if recogniser.child_pid is None:
        return 0
    status = Path(f"/proc/{recogniser.child_pid}/status").read_text("utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def transcribe_file(path: Path, model: Path) -> dict[str, Any]:
    """What `smartpbx transcribe` prints: `text`, and `words` with seconds from the start.

    Raises:
        Problem: bad audio or model, or the recogniser failed on it.
    """
    recogniser = Recogniser(model)
    try:
        transcript = recogniser.transcribe(path)
    except SpeechFailed as e:
        raise Problem(
            f"Không nhận dạng được {path}: {e}. Hãy kiểm tra mô hình {model}.",
            f"{path} could not be recognised: {e}. Check the model {model}.",
        ) from e
    finally:
        recogniser.close()
    return {"text": transcript.text, "words": list(msgspec.to_builtins(transcript.words))}


# --- the child ----------------------------------------------------------------------------------------------------


def _serve(model_path: Path) -> None:
    asked = questions()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        os.nice(10)  # calls come first
    try:
        import vosk  # 0.3 s and 30 MB that the parent does without

        vosk.SetLogLevel(-1)
        model = vosk.Model(str(model_path))
    except Exception as e:
        say({"error": f"the model cannot be loaded ({e})"})
        return
    say({"ready": True})
    while True:
        path, patience_s = json.loads(asked.get())
        _limit_processor_time(patience_s)
        say(_transcribed(vosk, model, _model_rate(model_path), Path(path)))


def _limit_processor_time(more_s: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + more_s) + 1, hard))


def _model_rate(model: Path) -> int:
    """What the model was trained at; Kaldi's own default is 16 kHz."""
    conf = model / "conf" / "mfcc.conf"
    found = re.search(r"^--sample-frequency=(\d+)", conf.read_text("utf-8"), re.MULTILINE) if conf.exists() else None
    return int(found[1]) if found else 16000


def _transcribed(vosk: Any, model: Any, model_rate: int, path: Path) -> dict[str, Any]:
    try:
        with open_audio(path) as audio:
            ears = {name: _Ear(vosk, model, model_rate, name, audio) for name in audio.channels}
            for block in audio.blocks(_CHUNK_S):
                for name, samples in block.items():
                    ears[name].hear(samples)
    except Problem as e:
        return {"error": e.en}
    words = [word for ear in ears.values() for word in ear.words()]
    return {"words": sorted(words, key=lambda word: (word["start"], word["channel"]))}


class _Ear:
    """Hears one channel."""

    def __init__(self, vosk: Any, model: Any, model_rate: int, channel: str, audio: Audio) -> None:
        # vosk brings a higher rate down to the model's own, and refuses a lower one.
        self._raise = Upsampler(audio.rate, model_rate) if audio.rate < model_rate else None
        self._recogniser = vosk.KaldiRecognizer(model, max(audio.rate, model_rate))
        self._recogniser.SetWords(True)
        self._channel = channel
        self._results: list[str] = []

    def hear(self, samples: Samples, last: bool = False) -> None:
        if self._raise is not None:
            samples = self._raise(samples, last)
        if self._recogniser.AcceptWaveform(samples.tobytes()):
            self._results.append(self._recogniser.Result())

    def words(self) -> list[dict[str, Any]]:
        self.hear(np.zeros(0, np.int16), last=True)
        results = [*self._results, self._recogniser.FinalResult()]
        return [
            {
                "word": unicodedata.normalize("NFC", w["word"]),
                "start": round(w["start"], 3),
                "end": round(w["end"], 3),
                "conf": round(w["conf"], 4),
                "channel": self._channel,
            }
            for result in results
            for w in json.loads(result).get("result", [])
            if w["word"] != "[unk]"
        ]


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
