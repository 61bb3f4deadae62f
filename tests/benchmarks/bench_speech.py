"""How well and how fast calls become words: our pipeline beside bare vosk on the same recordings, in one run.

    python -m tests.benchmarks.bench_speech [rounds]

Bare: vosk in this process, the same pieces, one recogniser a file. Ours: the child process, its pipe, and words with times. Rounds are
interleaved; medians are printed. The real-time factor is the time of recognising over the length of the sound.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median

import soundfile
import vosk  # type: ignore[import-untyped, unused-ignore]

from pbx.settings import Settings
from recordings.speech import Recogniser
from tests.test_conversations import wrong_words
from tests.test_speech import SPEECH

MODEL = Settings().speech_model
PIECE = 1_600


def rows() -> list[tuple[str, Path, list[str]]]:
    lines = (SPEECH / "references.tsv").read_text("utf-8").splitlines()
    return [
        (kind, SPEECH / file, said.replace("|", " ").split()) for kind, file, said in (x.split("\t") for x in lines)
    ]


def bare(model: vosk.Model, path: Path) -> list[str]:
    samples, rate = soundfile.read(path, dtype="int16")
    recogniser = vosk.KaldiRecognizer(model, rate)
    recogniser.SetWords(True)
    heard = []
    for at in range(0, len(samples), PIECE):
        if recogniser.AcceptWaveform(samples[at : at + PIECE].tobytes()):
            heard.append(recogniser.Result())
    heard.append(recogniser.FinalResult())
    return " ".join(json.loads(part)["text"] for part in heard).split()


def main(rounds: int) -> None:
    vosk.SetLogLevel(-1)
    model, recogniser = vosk.Model(str(MODEL)), Recogniser(MODEL)
    recogniser.transcribe(rows()[0][1])  # loaded
    ears = {"bare vosk": lambda path: bare(model, path), "ours": lambda path: recogniser.transcribe(path).text.split()}
    seconds: dict[str, list[float]] = {name: [] for name in ears}
    wrong: dict[tuple[str, str], int] = {}
    for _ in range(rounds):
        for name, hear in ears.items():
            began = time.perf_counter()
            heard = [(kind, said, hear(path)) for kind, path, said in rows()]
            seconds[name].append(time.perf_counter() - began)
            for kind in ("references", "digits", "calls", "nospeech"):
                wrong[name, kind] = sum(wrong_words(said, words) for k, said, words in heard if k == kind)
    recogniser.close()
    length = sum(soundfile.info(path).duration for _, path, _ in rows())
    counts = {kind: sum(len(said) for k, _, said in rows() if k == kind) for kind, *_ in rows()}
    for name in ears:
        errors = ", ".join(f"{kind} {wrong[name, kind]}/{count}" for kind, count in counts.items())
        print(f"{name:10} real-time factor {median(seconds[name]) / length:.4f}; wrong words: {errors}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
