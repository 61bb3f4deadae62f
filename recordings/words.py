"""What was said: words with their times, and text folded for searching as people type. Pure."""

import unicodedata
from collections.abc import Sequence

import msgspec


class Word(msgspec.Struct, frozen=True):
    """One recognised word. Seconds from the start of the audio; `conf` 0–1; `channel` is caller, agent or mono."""

    word: str
    start: float
    end: float
    conf: float
    channel: str


class Transcript(msgspec.Struct, frozen=True):
    """All words of a recording in order of time, and the model that heard them."""

    words: tuple[Word, ...]
    model: str
    duration_s: float

    @property
    def text(self) -> str:
        return " ".join(word.word for word in self.words)


class Turn(msgspec.Struct, frozen=True):
    """Consecutive words of one speaker."""

    channel: str
    start: float
    end: float
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(word.word for word in self.words)


PAUSE_S = 1.5
"""A longer silence begins a new turn of the same speaker."""


def turns(words: Sequence[Word]) -> tuple[Turn, ...]:
    """Words in order of time -> who spoke when."""
    runs: list[list[Word]] = []
    current: dict[str, list[Word]] = {}
    spoken_until = 0.0
    for word in sorted(words, key=lambda w: (w.start, w.channel)):
        run = current.get(word.channel)
        # Somebody else's word in between ends a turn only when it went on after this speaker had finished.
        if run is None or run[-1].end < spoken_until or word.start - run[-1].end > PAUSE_S:
            run = current[word.channel] = []
            runs.append(run)
        run.append(word)
        spoken_until = max(spoken_until, word.end)
    return tuple(Turn(run[0].channel, run[0].start, run[-1].end, tuple(run)) for run in runs)


def fold(text: str) -> str:
    """Lower case without diacritics: «Đất đai» -> «dat dai». đ has no decomposition, so it needs its own step."""
    decomposed = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


_BEGINNINGS = (
    ("ngh", "ng"), ("gh", "g"), ("gi", "z"), ("tr", "ch"), ("r", "z"), ("d", "z"), ("v", "z"), ("x", "s"), ("l", "n"), ("qu", "c"),
    ("k", "c"),
)  # fmt: skip
_ENDINGS = (("ng", "n"), ("nh", "n"), ("ch", "t"), ("c", "t"), ("y", "i"))


def sound(word: str) -> str:
    """About how a syllable sounds, whoever says it and whoever writes it down: no tone, and beginnings and endings that speakers of one
    region or another, and recognisers, do not tell apart, as one: «sáu» and «xấu», «vâng» and «vân», «dạ» and «giá»."""
    plain = fold(word.lower().replace("đ", "ð"))  # đ is nobody's d
    head = next((pair for pair in _BEGINNINGS if plain.startswith(pair[0]) and len(plain) > len(pair[0])), ("", ""))
    plain = head[1] + plain[len(head[0]) :]
    tail = next((pair for pair in _ENDINGS if plain.endswith(pair[0]) and len(plain) > len(pair[0]) + 1), ("", ""))
    return plain[: len(plain) - len(tail[0])] + tail[1]
