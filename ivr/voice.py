"""The prompt pack: every sentence the system can say as text, and what there is of it as audio.

A file that `build` did not make, or that somebody changed since, is a person's recording and is never touched: the manifest remembers
what was made. Audio is 8 kHz mono 16-bit, which is what a telephone carries and what Asterisk plays without conversion.
"""

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import yaml

from ivr.lines import written_twice
from ivr.listen import faults, measure
from ivr.placeholder import EDGE_S, VOICES, WORD_EDGE_S, recipe, speak
from ivr.problem import Problem
from ivr.say import WORDS
from ivr.say_moments import MOMENTS, PAUSE
from ivr.wav import RATE, NotPlayable, read_prompt, replace, wav_bytes

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

# --- texts ------------------------------------------------------------------------------------------------------------


def sentences(prompts: Path) -> dict[str, dict[str, str]]:
    """Language -> sound name -> text, of everything the system can say.

    Raises:
        Problem: a file of texts that cannot be read, a name twice, or a sentence that lacks a language.
    """
    spoken: dict[str, dict[str, str]] = {language: {} for language in VOICES}
    for file in sorted(prompts.glob("texts*.yaml")):
        for name, by_language in _texts(file).items():
            _refuse_unfit(file, name, by_language, spoken)
            for language in VOICES:
                spoken[language][f"smartpbx/{name}"] = " ".join(by_language[language].split())
    for language, words in WORDS.items():
        spoken[language] |= {f"digits/{name}": text for name, text in words.items()} | MOMENTS[language] | {PAUSE: ""}
    return spoken


def _texts(file: Path) -> Mapping[str, Mapping[str, str]]:
    try:
        text = file.read_text("utf-8")
        for name, first, second in written_twice(text):
            raise _wrong(
                file, name, f"đứng ở cả dòng {first} và dòng {second}, hãy bỏ hoặc đổi tên một chỗ",
                f"stands in line {first} and in line {second}, remove or rename one",
            )  # fmt: skip
        texts = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise Problem(f"Không đọc được {file}: {e}. Hãy sửa tệp.", f"Cannot read {file}: {e}. Correct the file.") from e
    if not isinstance(texts, dict | None):
        raise Problem(
            f"{file.name}: cần có dạng «tên: {{vi: …, en: …}}». Hãy viết lại.",
            f"{file.name}: should read «name: {{vi: …, en: …}}». Rewrite it.",
        )
    return texts or {}


def _refuse_unfit(file: Path, name: object, by_language: object, spoken: Mapping[str, Mapping[str, str]]) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _wrong(
            file, name, "không dùng làm tên tệp được, hãy chỉ dùng chữ thường không dấu, số và gạch ngang",
            "cannot be a file's name, use only small letters, digits and dashes",
        )  # fmt: skip
    if any(f"smartpbx/{name}" in names for names in spoken.values()):
        raise _wrong(file, name, "đã có ở tệp khác, hãy đổi tên", "stands in another file too, rename it")
    for language in VOICES:
        text = by_language.get(language) if isinstance(by_language, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise _wrong(
                file, name, f"thiếu lời tiếng {language}, hãy viết thêm", f"has no text in {language}, write one"
            )


def _wrong(file: Path, name: object, vi: str, en: str) -> Problem:
    return Problem(f"{file.name}: «{name}» {vi}.", f"{file.name}: «{name}» {en}.")


def text_of(sounds: Sequence[str], texts: Mapping[str, str]) -> str:
    """What a sequence of sounds says, for people and tests; `texts` are one language of `sentences`."""
    return " ".join(text for sound in sounds if (text := texts.get(sound, "").strip()))


# --- what there is ----------------------------------------------------------------------------------------------------


class Listed(msgspec.Struct, frozen=True):
    """One sound of the pack. `source`: placeholder (our voice), recorded (somebody's), or missing."""

    language: str
    name: str
    text: str
    seconds: float
    source: str


class Made(msgspec.Struct, frozen=True):
    """A file that `build` made: its text, the recipe of the voice, and digests: the present one, then those before it."""

    text: str
    recipe: str
    digests: tuple[str, ...]


def listing(prompts: Path) -> list[Listed]:
    """Everything the system can say, and what there is of it; what cannot be played is missing."""
    made = _manifest(prompts)
    return [
        _listed(prompts, language, name, text, made)
        for language, spoken in sentences(prompts).items()
        for name, text in spoken.items()
    ]


def _listed(prompts: Path, language: str, name: str, text: str, made: Mapping[str, Made]) -> Listed:
    path = prompts / language / f"{name}.wav"
    try:
        seconds = len(read_prompt(path)) / RATE
    except (FileNotFoundError, NotPlayable):
        return Listed(language, name, text, 0.0, "missing")
    ours = _is_ours(path, made.get(f"{language}/{name}"))
    return Listed(language, name, text, seconds, "placeholder" if ours else "recorded")


def _manifest(prompts: Path) -> dict[str, Made]:
    file = prompts / "generated.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Made])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as e:
        raise Problem(
            f"Không đọc được {file}: {e}. Hãy lấy lại bản cũ; nếu xóa nó, mọi tệp đang có sẽ được coi là bản thu của người.",
            f"Cannot read {file}: {e}. Restore it; without it every file there counts as somebody's recording.",
        ) from e


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_ours(path: Path, made: Made | None) -> bool:
    return made is not None and _digest(path.read_bytes()) in made.digests


# --- build ------------------------------------------------------------------------------------------------------------


def build(prompts: Path, espeak: Sequence[str]) -> list[str]:
    """Make what is missing or outdated, remove what was made and is said no more; returns the names made.

    `espeak` is the command of the voice program. Nothing is written until everything is spoken, and the manifest knows a file before
    it is there: a build that is killed leaves files that the next one recognises.

    Raises:
        Problem: the voice program fails, or the place cannot be written.
    """
    manifest, spoken = _manifest(prompts), sentences(prompts)
    try:
        todo = [
            (language, name, text)
            for language, texts in spoken.items()
            for name, text in texts.items()
            if _is_due(prompts / language / f"{name}.wav", text, manifest.get(f"{language}/{name}"))
        ]
        with ThreadPoolExecutor(os.cpu_count()) as voices:
            audio = list(voices.map(lambda one: _audio(espeak, *one), todo))
        made = {f"{language}/{name}": (text, data) for (language, name, text), data in zip(todo, audio, strict=True)}
        _keep(prompts, manifest, made, {f"{language}/{name}" for language, texts in spoken.items() for name in texts})
    except OSError as e:
        raise Problem(
            f"Không ghi được {e.filename or prompts}: {e.strerror}. Hãy kiểm tra quyền ghi và chỗ trống.",
            f"Cannot write {e.filename or prompts}: {e.strerror}. Check its permissions and the free space.",
        ) from e
    return list(made)


def _is_due(path: Path, text: str, made: Made | None) -> bool:
    if not path.exists():
        return True
    if made is None or not _is_ours(path, made):
        return False
    return (made.text, made.recipe, made.digests[0]) != (text, recipe(), _digest(path.read_bytes()))


def _audio(espeak: Sequence[str], language: str, name: str, text: str) -> bytes:
    edge_s = EDGE_S if name.startswith("smartpbx/") else WORD_EDGE_S
    return wav_bytes(speak(espeak, language, text, edge_s=edge_s))


def _keep(prompts: Path, manifest: dict[str, Made], made: Mapping[str, tuple[str, bytes]], wanted: set[str]) -> None:
    before = {key: entry.digests for key, entry in manifest.items()}
    manifest |= {
        key: Made(text, recipe(), tuple(dict.fromkeys((_digest(data), *before.get(key, ())))))
        for key, (text, data) in made.items()
    }
    _write_manifest(prompts, manifest)
    for key, (_, data) in made.items():
        replace(prompts / f"{key}.wav", data)
    for key in manifest.keys() - wanted:
        path = prompts / f"{key}.wav"
        if path.exists() and _is_ours(path, manifest[key]):
            path.unlink()
    kept = {
        key: msgspec.structs.replace(entry, digests=entry.digests[:1])
        for key, entry in manifest.items()
        if key in wanted
    }
    _write_manifest(prompts, kept)


def _write_manifest(prompts: Path, manifest: Mapping[str, Made]) -> None:
    text = json.dumps(msgspec.to_builtins(manifest), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    file = prompts / "generated.json"
    if not file.exists() or file.read_text("utf-8") != text:
        replace(file, text.encode())


# --- check ------------------------------------------------------------------------------------------------------------


def check(prompts: Path) -> list[str]:
    """What is missing from the pack or would sound wrong, one line each: the file, what is wrong, the cure; two languages."""
    spoken = sentences(prompts)
    found = []
    for language, texts in spoken.items():
        for name, text in texts.items():
            found += [f"{language}/{name}.wav: {fault}" for fault in _faults(prompts / language / f"{name}.wav", text)]
        found += _strangers(prompts / language, texts)
    return found


def _faults(path: Path, text: str) -> Iterator[str]:
    try:
        samples = read_prompt(path)
    except FileNotFoundError:
        yield "thiếu. Hãy thu, hoặc chạy «smartpbx prompts build». / missing. Record it, or run «smartpbx prompts build»."
    except NotPlayable as e:
        yield f"{e.vi} / {e.en}"
    else:
        yield from (f"{vi}. / {en}." for vi, en in faults(measure(samples), text))


def _strangers(place: Path, texts: Mapping[str, str]) -> Iterator[str]:
    """Files that no sentence has: a recording under a wrong name would never be heard, and nobody would know why."""
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place).with_suffix(""))
        if path.is_dir() or path.name.startswith(".") or (path.suffix == ".wav" and name in texts):
            continue
        near = difflib.get_close_matches(name, texts, 1)
        vi, en = (
            (f"đổi tên thành «{near[0]}.wav»", f"rename it to «{near[0]}.wav»") if near else ("xóa đi", "remove it")
        )
        yield (
            f"{place.name}/{path.relative_to(place)}: không câu nào dùng tệp này. Hãy {vi}. / no sentence uses it: {en}."
        )
