"""Makes and measures the prompt pack: texts -> audio by a placeholder voice, until a person records the sentence.

A file that this did not make, or that somebody changed since, is never touched: the manifest remembers what was made. Audio is 8 kHz,
mono, 16-bit, which is what a telephone can carry.
"""

import hashlib
import json
import subprocess
import tempfile
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml

from ivr.problem import Problem
from ivr.say import WORDS
from ivr.say_moments import MOMENTS, PAUSE

RATE = 8000
LOUDNESS_DB = -20.0
PEAK = 0.89
PAUSE_S = 0.25
"""Between the groups of a number."""
EDGE_S = 0.12
"""Silence left before and after the words."""
VOICES = {
    "vi": ["-v", "vi", "-s", "145", "-p", "45", "-g", "4"],
    "en": ["-v", "en-gb", "-s", "140", "-p", "45", "-g", "3"],
}

Samples = np.ndarray[tuple[int], np.dtype[np.float64]]


def sentences(prompts: Path) -> dict[str, dict[str, str]]:
    """Language -> sound name -> text, of everything the system can say."""
    spoken: dict[str, dict[str, str]] = {language: {} for language in VOICES}
    for file in sorted(prompts.glob("texts*.yaml")):
        for name, by_language in _texts(file).items():
            for language in VOICES:
                text = by_language.get(language) if isinstance(by_language, dict) else None
                if not text:
                    raise _wrong(
                        file,
                        name,
                        f"thiếu lời tiếng {language}, hãy viết thêm",
                        f"has no text in {language}, write one",
                    )
                if f"smartpbx/{name}" in spoken[language]:
                    raise _wrong(file, name, "đã có ở tệp khác, hãy đổi tên", "stands in another file too, rename it")
                spoken[language][f"smartpbx/{name}"] = text
    for language, words in WORDS.items():
        spoken[language] |= {f"digits/{name}": text for name, text in words.items()} | MOMENTS[language] | {PAUSE: ""}
    return spoken


def _texts(file: Path) -> Mapping[str, Any]:
    try:
        texts = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise Problem(f"Không đọc được {file}: {e}. Hãy sửa tệp.", f"Cannot read {file}: {e}. Correct the file.") from e
    return texts if isinstance(texts, dict) else {}


def _wrong(file: Path, name: str, vi: str, en: str) -> Problem:
    return Problem(f"{file.name}: «{name}» {vi}.", f"{file.name}: «{name}» {en}.")


def text_of(sounds: Sequence[str], texts: Mapping[str, str]) -> str:
    """What a sequence of sounds says, for people and tests; `texts` are one language of `sentences`."""
    return " ".join(text for sound in sounds if (text := texts.get(sound, "").strip()))


class Listed(msgspec.Struct, frozen=True):
    """One sound of the pack. `source`: placeholder (our voice), recorded (somebody's), or missing."""

    language: str
    name: str
    text: str
    seconds: float
    source: str


def listing(prompts: Path) -> list[Listed]:
    """Everything the system can say, and what there is of it."""
    manifest = _manifest(prompts)
    return [
        _listed(prompts, language, name, text, manifest)
        for language, spoken in sentences(prompts).items()
        for name, text in spoken.items()
    ]


def _listed(prompts: Path, language: str, name: str, text: str, manifest: Mapping[str, list[str]]) -> Listed:
    path = prompts / language / f"{name}.wav"
    try:
        samples, rate = _read(path)
    except (wave.Error, EOFError, OSError):
        return Listed(language, name, text, 0.0, "missing")
    made = manifest.get(f"{language}/{name}", ["", ""])[1] == _digest(path)
    return Listed(language, name, text, len(samples) / rate, "placeholder" if made else "recorded")


def _manifest(prompts: Path) -> dict[str, list[str]]:
    file = prompts / "generated.json"
    found: dict[str, list[str]] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return found


def build(prompts: Path, espeak: Sequence[str]) -> list[str]:
    """Make what is missing or outdated; returns the names made. `espeak` is the command of the voice program."""
    manifest_file, manifest = prompts / "generated.json", _manifest(prompts)
    made = []
    for language, spoken in sentences(prompts).items():
        for name, text in spoken.items():
            path = prompts / language / f"{name}.wav"
            key = f"{language}/{name}"
            if path.exists() and _digest(path) != manifest.get(key, ["", ""])[1]:
                continue  # somebody's recording
            if path.exists() and manifest[key][0] == text:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, _telephone(_speak(espeak, language, text)) if text else np.zeros(round(PAUSE_S * RATE)))
            manifest[key] = [text, _digest(path)]
            made.append(key)
    manifest_file.write_text(json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    return made


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _speak(espeak: Sequence[str], language: str, text: str) -> Samples:
    with tempfile.TemporaryDirectory() as place:
        parts = _by_voice(language, text)
        pieces = []
        for number, (voice, words) in enumerate(parts):
            path = Path(place, f"{number}.wav")
            subprocess.run(
                [*espeak, *VOICES[voice], "-w", str(path), words], check=True, capture_output=True, timeout=60
            )
            pieces.append(_resample(*_read(path)))
    return np.concatenate(pieces)


def _by_voice(language: str, text: str) -> list[tuple[str, str]]:
    """A sentence that offers the other language says that part in the other voice."""
    for mark, first, second in (("For English", "vi", "en"),):
        if mark in text:
            before, after = text.split(mark, 1)
            if before.strip():
                return [(first, before), (second, mark + after)]
    return [(language, text)]


# --- sound --------------------------------------------------------------------------------------------------------


def _read(path: Path) -> tuple[Samples, int]:
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            raise wave.Error("not mono 16-bit")
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return data.astype(np.float64) / 32768, file.getframerate()


def _resample(samples: Samples, rate: int) -> Samples:
    """To 8 kHz through the spectrum: prompts are short, and this is exact."""
    count = round(len(samples) * RATE / rate)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return np.fft.irfft(spectrum, count) * (count / len(samples))


def _telephone(samples: Samples) -> Samples:
    """Band 200–3600 Hz, silence at the ends cut to `EDGE_S`, one loudness for all."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum *= 1 / (1 + (200 / np.maximum(hertz, 1)) ** 8) / (1 + (hertz / 3600) ** 16)
    samples = np.fft.irfft(spectrum, len(samples))
    loud = np.flatnonzero(np.abs(samples) > 0.03 * np.abs(samples).max())
    edge = round(EDGE_S * RATE)
    samples = np.concatenate([np.zeros(edge), samples[loud[0] : loud[-1] + 1], np.zeros(edge)])
    level = np.sqrt(np.mean(samples[np.abs(samples) > 0.01] ** 2))
    samples = samples * (10 ** (LOUDNESS_DB / 20) / level)
    # A soft knee instead of clipping: the few peaks are bent, the rest stays as it is.
    size = np.maximum(np.abs(samples), PEAK / 2)
    bent = np.sign(samples) * (PEAK - (PEAK / 2) ** 2 / size)
    return np.where(np.abs(samples) < PEAK / 2, samples, bent)


def _write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def check(prompts: Path) -> list[str]:
    """What is missing from the pack or would sound wrong, one line each."""
    found = []
    for language, spoken in sentences(prompts).items():
        for name, text in spoken.items():
            path = prompts / language / f"{name}.wav"
            found += [f"{language}/{name}.wav: {fault}" for fault in _faults(path, silent=not text)]
    return found


def _faults(path: Path, *, silent: bool = False) -> list[str]:
    try:
        samples, rate = _read(path)
    except FileNotFoundError:
        return ["thiếu tệp / missing"]
    except (wave.Error, EOFError, OSError) as e:
        return [f"không phải WAV 8 kHz mono 16-bit / not a WAV ({e})"]
    if rate != RATE or not len(samples):
        return [f"{rate} Hz, {len(samples)} mẫu: cần 8000 Hz / needs 8000 Hz"]
    if silent:
        return []
    faults = []
    peak, loud = np.abs(samples).max(), np.flatnonzero(np.abs(samples) > 0.01)
    if peak < 0.05:
        faults.append("quá nhỏ / too quiet")
    if np.mean(np.abs(samples) > 0.999) > 0.001:
        faults.append("vỡ tiếng / clipped")
    if len(loud) and max(loud[0], len(samples) - loud[-1]) > 0.6 * RATE:
        faults.append("khoảng lặng đầu hoặc cuối quá dài / long silence at an end")
    if len(samples) > 30 * RATE:
        faults.append("dài hơn 30 giây / longer than 30 s")
    return faults
