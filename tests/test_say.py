"""Numbers in words: the traps by table, and every number read back from what is said, in both languages."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr import say
from ivr.load import PROMPTS
from ivr.voice import sentences, text_of
from tests.spoken import Misspoken, english, vietnamese

TEXTS = sentences(PROMPTS)
READERS = {"vi": vietnamese, "en": english}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "không"), (1, "một"), (4, "bốn"), (5, "năm"), (10, "mười"), (11, "mười một"), (14, "mười bốn"), (15, "mười lăm"),
        (20, "hai mươi"), (21, "hai mươi mốt"), (24, "hai mươi tư"), (25, "hai mươi lăm"), (31, "ba mươi mốt"), (55, "năm mươi lăm"),
        (91, "chín mươi mốt"), (100, "một trăm"), (101, "một trăm lẻ một"), (104, "một trăm lẻ bốn"), (105, "một trăm lẻ năm"),
        (110, "một trăm mười"), (111, "một trăm mười một"), (115, "một trăm mười lăm"), (121, "một trăm hai mươi mốt"),
        (1_000, "một nghìn"), (1_001, "một nghìn không trăm lẻ một"), (1_005, "một nghìn không trăm lẻ năm"),
        (1_010, "một nghìn không trăm mười"), (1_205, "một nghìn hai trăm lẻ năm"), (2_024, "hai nghìn không trăm hai mươi tư"),
        (10_000, "mười nghìn"), (150_000, "một trăm năm mươi nghìn"), (1_000_001, "một triệu không trăm lẻ một"),
        (1_000_005, "một triệu không trăm lẻ năm"), (1_005_000, "một triệu không trăm lẻ năm nghìn"),
        (21_000_000, "hai mươi mốt triệu"), (1_000_000_000, "một tỷ"), (2_500_000_000, "hai tỷ năm trăm triệu"),
    ],
)  # fmt: skip
def test_vietnamese_numbers(number: int, words: str) -> None:
    assert say.spoken(number) == words
    assert vietnamese(words) == number


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"), (11, "eleven"), (20, "twenty"), (21, "twenty one"), (100, "one hundred"), (105, "one hundred five"),
        (1_005, "one thousand five"), (1_000_005, "one million five"), (150_000, "one hundred fifty thousand"),
        (2_500_000_000, "two billion five hundred million"),
    ],
)  # fmt: skip
def test_english_numbers(number: int, words: str) -> None:
    assert say.spoken(number, "en") == words
    assert english(words) == number


NUMBERS = st.one_of(
    st.integers(0, say.LIMIT - 1),
    st.integers(0, 999_999),
    st.integers(0, 9999).map(lambda n: n * 1_000_001),
    st.sampled_from([10**n + m for n in range(12) for m in (-1, 0, 1, 4, 5, 10, 11, 15, 21)]),
)


@pytest.mark.parametrize("language", ["vi", "en"])
@given(number=NUMBERS)
@example(number=0)
@example(number=say.LIMIT - 1)
def test_what_is_said_can_be_read_back(language: str, number: int) -> None:
    sounds = say.number(number, language)
    words = text_of(sounds, TEXTS[language])
    assert words == say.spoken(number, language)
    assert READERS[language](words) == number


@pytest.mark.parametrize("language", ["vi", "en"])
def test_all_numbers_up_to_ten_thousand_are_read_back_and_differ(language: str) -> None:
    words = [say.spoken(number, language) for number in range(10_000)]
    assert [READERS[language](one) for one in words] == list(range(10_000))
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_word_of_a_number_has_its_sound(language: str) -> None:
    assert all((PROMPTS / language / "digits" / f"{name}.wav").exists() for name in say.WORDS[language])
    used = {name for n in (*range(1000), 10**3, 10**6, 10**9, 1001, 10**6 + 1) for name in say.number(n, language)}
    assert used == {f"digits/{name}" for name in say.WORDS[language]}


@pytest.mark.parametrize("number", [-1, say.LIMIT])
def test_what_has_no_words_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="not between"):
        say.number(number, "vi")


@pytest.mark.parametrize(
    "words",
    [
        "hai mươi một", "hai mươi năm", "hai mươi bốn", "mười năm", "mười mốt", "mốt", "tư", "lăm", "lẻ năm", "một nghìn lẻ năm",
        "một trăm năm", "một nghìn hai triệu", "nghìn", "hai ba",
    ],
)  # fmt: skip
def test_the_reader_stumbles_over_wrong_vietnamese(words: str) -> None:
    with pytest.raises(Misspoken):
        vietnamese(words)


@pytest.mark.parametrize(
    "words", ["one two", "twenty twelve", "twenty thirty", "thousand", "one thousand million", "ten five"]
)
def test_the_reader_stumbles_over_wrong_english(words: str) -> None:
    with pytest.raises(Misspoken):
        english(words)


def test_codes_are_read_digit_by_digit() -> None:
    assert say.digits("24x٣0") == ("digits/2", "digits/4", "digits/0")
