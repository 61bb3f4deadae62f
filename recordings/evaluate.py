"""How well recordings become words: a directory of sounds with what was really said in them, through the pipeline that calls go through.

The word error rate is jiwer's: substitutions, deletions and insertions by the words of the reference, both in lower case without
punctuation, because a recogniser writes neither.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import jiwer
import msgspec

from ivr.problem import Problem
from recordings.speech import Engine, SpeechFailed
from recordings.spoken import tokens

WORST = 10


class Sample(msgspec.Struct, frozen=True):
    """One sound: what was said, what was heard, or why it could not be."""

    name: str
    said: str
    heard: str = ""
    audio_s: float = 0.0
    spent_s: float = 0.0
    flaw: str = ""


class Score(msgspec.Struct, frozen=True):
    """What came of a set. `wer` is None when nothing was said in it; `from_silence` are words that were heard where nothing was said."""

    name: str
    files: int
    words: int
    wer: float | None
    substituted: int
    deleted: int
    inserted: int
    from_silence: int
    audio_s: float
    rtf: float
    worst: tuple[tuple[str, int], ...]
    """Words that were missed or taken for another most often."""
    flaws: tuple[tuple[str, str], ...]


def evaluate(place: Path, engine: Engine) -> list[Score]:
    """A score for each list of references (`*.tsv`: sound, tab, text), and for all together when there are several. Sounds lie beside the
    list or in `wav/`; without any list, each sound has its text in a `.txt` of its name.

    Raises:
        Problem: there is nothing to evaluate.
    """
    sets = {name: list(_heard(references, engine)) for name, references in _sets(place).items()}
    if not sets:
        raise Problem(
            f"Không có gì để đánh giá trong {place}: cần tệp .tsv (tên tệp, tab, lời thật) hoặc .txt cạnh mỗi tệp .wav.",
            f"There is nothing to evaluate in {place}: give .tsv files (name, tab, what was said) or a .txt beside each .wav.",
        )
    scores = [score(name, samples) for name, samples in sets.items()]
    everything = [sample for samples in sets.values() for sample in samples]
    return scores + ([score("all", everything)] if len(scores) > 1 else [])


def score(name: str, samples: Sequence[Sample]) -> Score:
    good = [sample for sample in samples if not sample.flaw]
    spoken = [sample for sample in good if sample.said]
    told = jiwer.process_words([s.said for s in spoken], [s.heard for s in spoken]) if spoken else None
    audio_s = sum(sample.audio_s for sample in good)
    return Score(
        name=name,
        files=len(samples),
        words=sum(len(sample.said.split()) for sample in spoken),
        wer=told.wer if told else None,
        substituted=told.substitutions if told else 0,
        deleted=told.deletions if told else 0,
        inserted=told.insertions if told else 0,
        from_silence=sum(len(sample.heard.split()) for sample in good if not sample.said),
        audio_s=audio_s,
        rtf=sum(sample.spent_s for sample in good) / audio_s if audio_s else 0.0,
        worst=tuple(_missed(told).most_common(WORST)) if told else (),
        flaws=tuple((sample.name, sample.flaw) for sample in samples if sample.flaw),
    )


def _missed(told: jiwer.WordOutput) -> Counter[str]:
    missed: Counter[str] = Counter()
    for said, chunks in zip(told.references, told.alignments, strict=True):
        for chunk in chunks:
            if chunk.type in ("substitute", "delete"):
                missed.update(said[chunk.ref_start_idx : chunk.ref_end_idx])
    return missed


def _sets(place: Path) -> dict[str, list[tuple[Path, str]]]:
    if not place.is_dir():
        return {}
    lists = sorted(place.glob("*.tsv"))
    if lists:
        return {file.stem: list(_references(file)) for file in lists}
    beside = [(wav, wav.with_suffix(".txt")) for wav in sorted(place.glob("*.wav"))]
    pairs = [(wav, text.read_text("utf-8", "replace")) for wav, text in beside if text.exists()]
    return {place.name: pairs} if pairs else {}


def _references(file: Path) -> Iterator[tuple[Path, str]]:
    for line in file.read_text("utf-8", "replace").splitlines():
        name, _, said = line.partition("\t")
        if name.strip() and name.strip().lower() not in ("wav", "file", "path"):
            here = file.parent / name.strip()
            yield (here if here.exists() else file.parent / "wav" / Path(name.strip()).name), said


def _heard(references: Sequence[tuple[Path, str]], engine: Engine) -> Iterator[Sample]:
    """One that cannot be heard does not keep the others from it."""
    for wav, text in references:
        said = " ".join(tokens(text))
        began = time.perf_counter()
        try:
            transcript = engine.transcribe(wav)
        except (Problem, SpeechFailed) as e:
            yield Sample(wav.name, said, flaw=e.en if isinstance(e, Problem) else str(e))
            continue
        heard = " ".join(token for word in transcript.words for token in tokens(word.word))
        yield Sample(wav.name, said, heard, transcript.duration_s, time.perf_counter() - began)
