"""The conversations of the demo: who says what, about what, to which queue. The caller's number tells both sides which one it is."""

import functools
import re
from pathlib import Path

import msgspec
import yaml

VOICES = Path(__file__).with_name("voices")


class Turn(msgspec.Struct, frozen=True):
    is_agent: bool
    text: str
    audio: Path


class Conversation(msgspec.Struct, frozen=True):
    """Turns alternate and the agent greets first. Voices are espeak-ng's names."""

    topic: str
    queue: str
    caller_voice: str
    agent_voice: str
    turns: tuple[Turn, ...]

    def voice(self, turn: Turn) -> str:
        return self.agent_voice if turn.is_agent else self.caller_voice


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    topic: str
    queue: str
    caller_voice: str
    agent_voice: str
    turns: list[dict[str, str]]


@functools.cache
def conversations(place: Path = VOICES) -> tuple[Conversation, ...]:
    """All of them, in the order of the file."""
    written = msgspec.convert(yaml.safe_load((place / "voices.yaml").read_text("utf-8")), list[_Written])
    return tuple(_conversation(place, number, w) for number, w in enumerate(written))


def _conversation(place: Path, number: int, written: _Written) -> Conversation:
    turns = tuple(
        Turn(who == "agent", text, place / f"{number:02}-{at}.wav")
        for at, turn in enumerate(written.turns)
        for who, text in turn.items()
    )
    return Conversation(written.topic, written.queue, written.caller_voice, written.agent_voice, turns)


def conversation_of(number: str) -> Conversation:
    """The one that a caller with this number has."""
    known = conversations()
    digits = re.sub(r"\D", "", number)[-3:] or "0"
    return known[int(digits) % len(known)]


def plain_words(text: str) -> list[str]:
    """What is heard of a sentence: words without case and punctuation."""
    return re.findall(r"\w+", text.lower())
