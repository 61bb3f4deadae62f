"""Numbers read out by a synthetic voice over the telephone band and heard by the shipped model: what masking really gets to see."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ivr.placeholder import speak
from pbx.asterisk.provision import provision
from pbx.settings import Settings
from recordings.masking import MASK, mask
from recordings.number_words import Kind, look
from recordings.speech import Recogniser
from tests.hearing import RATE
from tests.said_numbers import Said, harmless, number
from tests.world import tree


@dataclass
class Heard:
    """`left`: words for digits that were not masked; `masked`: whether anything was."""

    said: str
    heard: str
    secret: bool
    left: int
    masked: bool


def spoken_and_heard(count: int, place: Path, seed: int = 1022) -> list[Heard]:
    """So many numbers of people and as many harmless sentences."""
    espeak = provision(Settings(asterisk_tree=tree()), lambda _: None).espeak()
    recogniser = Recogniser(Settings().speech_model)
    at_random = random.Random(seed)
    chosen = [*_vietnamese(number, count, at_random), *_vietnamese(harmless, count, at_random)]
    try:
        return [_heard(said, espeak, recogniser, place) for said in chosen]
    finally:
        recogniser.close()


def _vietnamese(make, count: int, at_random: random.Random) -> list[Said]:  # type: ignore[no-untyped-def]
    """Only what the model has words for; without what is said afterwards, which may hold words that are also digits."""
    found: list[Said] = []
    while len(found) < count:
        said = make(at_random)
        if not any(
            word.isascii() and ((word.isalpha() and len(word) > 2 and word in _ENGLISH) or word[0].isdigit())
            for word in said.words
        ):
            last = max(said.secret, default=len(said.words) - 1)
            found.append(Said(said.words[: last + 1], said.secret, said.kind))
    return found


_ENGLISH = frozenset(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))


def _heard(said: Said, espeak, recogniser: Recogniser, place: Path) -> Heard:  # type: ignore[no-untyped-def]
    samples = speak(espeak, "vi", said.text + ".")
    wav = place / "said.wav"
    soundfile.write(
        wav,
        np.round(samples * 32767).astype(np.int16) if np.abs(samples).max() <= 1 else samples.astype(np.int16),
        RATE,
    )
    words = recogniser.transcribe(wav).words
    masked = mask(words)[0]
    left = sum(look(word.word)[0] is Kind.DIGIT for word in masked)
    return Heard(
        said.text, " ".join(w.word for w in words), bool(said.secret), left, any(w.word == MASK for w in masked)
    )
