"""The demo's conversations: complete, and said so that the shipped model understands them."""

import json
import wave
from pathlib import Path

import pytest
import vosk  # type: ignore[import-untyped, unused-ignore]

from pbx.centre import load_centre
from pbx.demo.call import read_wav
from pbx.demo.conversations import Conversation, conversation_of, conversations, plain_words
from pbx.settings import Settings


def understood(model: vosk.Model, path: Path) -> list[str]:
    recognizer = vosk.KaldiRecognizer(model, 8000)
    parts = []
    with wave.open(str(path)) as file:
        while data := file.readframes(1600):
            if recognizer.AcceptWaveform(data):
                parts.append(json.loads(recognizer.Result())["text"])
    recognizer.AcceptWaveform(bytes(8000))
    parts.append(json.loads(recognizer.FinalResult())["text"])
    return " ".join(parts).split()


def wrong_words(said: list[str], heard: list[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def test_the_transcript_reads_well() -> None:
    vosk.SetLogLevel(-1)
    model = vosk.Model(str(Settings().speech_model))
    wrong = words = 0
    for turn in (turn for c in conversations() for turn in c.turns):
        said = plain_words(turn.text)
        words += len(said)
        wrong += wrong_words(said, understood(model, turn.audio))
    assert words > 800
    assert wrong / words < 0.03


def test_a_wrong_word_counts() -> None:
    assert wrong_words(["a", "b", "c"], ["a", "x", "c", "d"]) == 2


@pytest.mark.parametrize("conversation", conversations(), ids=lambda c: c.topic)
def test_each_is_complete(conversation: Conversation) -> None:
    assert load_centre().queue(conversation.queue)
    assert [turn.is_agent for turn in conversation.turns] == [n % 2 == 0 for n in range(len(conversation.turns))]
    for turn in conversation.turns:
        assert 0.5 < len(read_wav(turn.audio)) / 8000 < 12
    assert conversation.caller_voice != conversation.agent_voice


def test_both_sides_find_the_same_one() -> None:
    assert (
        conversation_of("0900000014") is conversation_of("+84900000014") is conversations()[14 % len(conversations())]
    )
    assert conversation_of("anonymous") is conversations()[0]
