"""Words to turns, and slower sound to faster."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.upsample import Upsampler
from recordings.words import PAUSE_S, Transcript, Word, turns


def said(table: str) -> list[Word]:
    """Lines of: start end channel word."""
    rows = [line.split() for line in table.strip().splitlines()]
    return [Word(word, float(start), float(end), 0.9, channel) for start, end, channel, word in rows]


def read(words: list[Word]) -> list[str]:
    return [f"{turn.channel}: {turn.text}" for turn in turns(words)]


def test_speakers_take_turns() -> None:
    talk = said("""
        0.0 0.4 agent   alô
        0.4 0.8 agent   ạ
        1.2 1.5 caller  tôi
        1.5 1.8 caller  hỏi
        2.2 2.4 agent   vâng
    """)
    assert read(talk) == ["agent: alô ạ", "caller: tôi hỏi", "agent: vâng"]
    assert read(talk[::-1]) == read(talk)


def test_a_word_slipped_in_does_not_break_a_sentence() -> None:
    talk = said("""
        0.0 0.5 caller  cấp
        0.6 0.8 agent   vâng
        0.5 1.0 caller  đổi
        1.0 1.4 caller  sổ
        1.4 1.8 caller  đỏ
    """)
    assert read(talk) == ["caller: cấp đổi sổ đỏ", "agent: vâng"]


def test_a_long_silence_begins_a_new_turn() -> None:
    talk = said(f"0 1 caller chờ\n{1 + PAUSE_S} 9 caller máy\n{9.01 + PAUSE_S} 12 caller nhé")
    assert read(talk) == ["caller: chờ máy", "caller: nhé"]


def test_nothing_said() -> None:
    assert turns([]) == ()
    assert Transcript((), "m", 1.0).text == ""


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 2), st.sampled_from(["caller", "agent", "mono"])), max_size=60)
)
def test_every_word_is_in_one_turn(rows: list[tuple[float, float, str]]) -> None:
    words = [Word(str(n), start, start + length, 1, channel) for n, (start, length, channel) in enumerate(rows)]
    found = turns(words)
    assert sorted(w.word for turn in found for w in turn.words) == sorted(w.word for w in words)
    assert [turn.start for turn in found] == sorted(turn.start for turn in found)
    assert all(word.channel == turn.channel for turn in found for word in turn.words)


def test_an_hour_of_talk_is_quickly_read() -> None:
    words = [Word("x", n * 0.36, n * 0.36 + 0.3, 1, "caller" if n % 7 else "agent") for n in range(10_000)]
    assert len(turns(words)) > 2_000  # the suite's own limit would tell if this were quadratic


# --- upsampling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "wanted"), [(8_000, 16_000), (6_000, 8_000), (11_025, 16_000), (8_000, 44_100)])
def test_a_tone_stays_the_same_tone(rate: int, wanted: int) -> None:
    hertz, seconds = 1_000, 2
    raised = Upsampler(rate, wanted)
    tone = tone_at(rate, hertz, seconds)
    pieces = [raised(tone[start : start + 1_600]) for start in range(0, len(tone), 1_600)]
    made = np.concatenate([*pieces, raised(np.zeros(0, np.int16), last=True)])
    right = tone_at(wanted, hertz, seconds)
    assert abs(len(made) - len(right)) <= wanted // rate + 1
    middle = slice(wanted // 10, len(right) - wanted // 10)
    error = made[middle].astype(float) - right[middle]
    assert np.sqrt(np.mean(error**2)) < 10_000 / 1_000  # 57 dB below the tone


def test_pieces_of_any_size_give_the_same() -> None:
    noise = np.random.default_rng(1).integers(-30_000, 30_000, 5_000).astype(np.int16)
    whole = Upsampler(8_000, 16_000)(noise, last=True)
    cut = Upsampler(8_000, 16_000)
    sizes = [0, 1, 7, 500, 3, 2_000, 5_000]
    parts = [cut(part) for part in np.split(noise, np.cumsum(sizes).clip(max=5_000))]
    assert np.array_equal(np.concatenate([*parts, cut(np.zeros(0, np.int16), last=True)]), whole)


def tone_at(rate: int, hertz: int, seconds: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.rint(10_000 * np.sin(2 * np.pi * hertz * np.arange(rate * seconds) / rate)).astype(np.int16)
