"""Speech -> words, in a child process: a recogniser that crashes, hangs or grows must not touch a call.

The only place that knows vosk. The child is this module run as a program: it loads the model once, then answers a JSON line with a
JSON line, until its parent closes the pipe. It is limited in memory and replaced when it dies or takes too long.
"""

import contextlib
import json
import os
import queue
import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

import msgspec
import numpy as np

from ivr.problem import Problem
from recordings.audio import Samples, read_voices
from recordings.words import Transcript, Word

RATE = 8000
"""The shipped model hears 8 kHz; vosk resamples what another model wants."""
MEMORY = 6 << 30
PATIENCE_S = 60.0
PATIENCE_PER_S = 2.0
"""A recording may take this many times its own length (known: a thirtieth), and a minute for loading."""
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


class Recogniser:
    """One child with one model; files one after the other. Threads may share it."""

    def __init__(self, model: Path) -> None:
        check_model(model)
        self._model = model
        self._child: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._busy = threading.Lock()

    @property
    def name(self) -> str:
        return self._model.name

    def transcribe(self, path: Path) -> Transcript:
        """Recognise a recording; blocks for about a thirtieth of its length.

        Raises:
            Problem: not audio, or empty.
            SpeechFailed: the child died or hung; the next call gets a new one.
        """
        voices, rate = read_voices(path)
        seconds = max(len(samples) for samples in voices.values()) / rate
        with self._busy:
            answer = self._ask(path, PATIENCE_S + PATIENCE_PER_S * seconds)
        words = msgspec.convert(answer["words"], tuple[Word, ...])
        return Transcript(words, self.name, seconds)

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            with contextlib.suppress(OSError):
                if self._child.stdin is not None:
                    self._child.stdin.close()
            self._child = None

    def _ask(self, path: Path, patience_s: float) -> dict[str, Any]:
        child = self._start() if self._child is None or self._child.poll() is not None else self._child
        try:
            print(json.dumps(str(path.absolute())), file=child.stdin, flush=True)
            line = self._answers.get(timeout=patience_s)
            if not line:
                raise SpeechFailed(f"the recogniser ended with status {child.wait()}")
            answer: dict[str, Any] = json.loads(line)
        except queue.Empty:
            self.close()
            raise SpeechFailed(f"the recogniser took more than {patience_s:.0f} s") from None
        except OSError as e:
            self.close()
            raise SpeechFailed("the recogniser is gone") from e
        if "error" in answer:
            raise SpeechFailed(answer["error"])
        return answer

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "recordings.speech", str(self._model.absolute())]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
            cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        self._answers = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(self._child.stdout, self._answers), daemon=True).start()
        return self._child


def _listen(stream: TextIO, answers: "queue.SimpleQueue[str]") -> None:
    with stream:
        for line in stream:
            answers.put(line)
    answers.put("")


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
    return {"text": transcript.text, "words": msgspec.to_builtins(transcript.words)}


# --- the child ----------------------------------------------------------------------------------------------------


def _serve(model_path: str) -> None:
    import vosk  # 0.3 s and 30 MB that the parent does without

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with contextlib.suppress(OSError):
        os.nice(10)  # calls come first
    vosk.SetLogLevel(-1)
    model = vosk.Model(model_path)
    for line in sys.stdin:
        try:
            voices, rate = read_voices(Path(json.loads(line)))
            words = [word for name, samples in voices.items() for word in _hear(vosk, model, name, samples, rate)]
            words.sort(key=lambda word: (word["start"], word["channel"]))
            answer: dict[str, Any] = {"words": words}
        except Problem as e:
            answer = {"error": e.en}
        print(json.dumps(answer), flush=True)


def _hear(vosk: Any, model: Any, channel: str, samples: Samples, rate: int) -> list[dict[str, Any]]:
    recogniser = vosk.KaldiRecognizer(model, rate)
    recogniser.SetWords(True)
    step = round(rate * _CHUNK_S)
    results = []
    for start in range(0, len(samples), step):
        if recogniser.AcceptWaveform(np.ascontiguousarray(samples[start : start + step]).tobytes()):
            results.append(recogniser.Result())
    results.append(recogniser.FinalResult())
    return [
        {"word": w["word"], "start": w["start"], "end": w["end"], "conf": w["conf"], "channel": channel}
        for result in results
        for w in json.loads(result).get("result", [])
        if w["word"] != "[unk]"
    ]


if __name__ == "__main__":
    _serve(sys.argv[1])
