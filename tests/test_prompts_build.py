"""Building the prompt pack with the real voice program: what is made, what is left alone, and builds that do not finish."""

import contextlib
from pathlib import Path

import pytest

from ivr import placeholder, voice
from ivr.listen import measure
from ivr.load import PROMPTS
from ivr.problem import Problem
from ivr.wav import RATE, read_prompt, replace
from pbx.asterisk.provision import provision
from pbx.settings import Settings
from tests.test_prompts import GOOD, pack
from tests.world import tree

HI = "hi: {vi: Xin chào quý vị. Mời quý vị chờ., en: Good day to you. Please wait.}\n"
BYE = "bye: {vi: Kính chào quý vị., en: 'Goodbye, and thank you.'}\n"
MADE = ["vi/smartpbx/hi", "vi/smartpbx/bye", "en/smartpbx/hi", "en/smartpbx/bye"]


@pytest.fixture(scope="session")
def espeak() -> list[str]:
    return list(provision(Settings(asterisk_tree=tree()), lambda _: None).espeak())


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Two sentences, nothing recorded."""
    place = pack(tmp_path, HI + BYE)
    for language in ("vi", "en"):
        (place / language / "smartpbx" / "hi.wav").unlink()
    return place


def sources(prompts: Path) -> dict[str, str]:
    return {f"{r.language}/{r.name}": r.source for r in voice.listing(prompts) if r.name.startswith("smartpbx/")}


def audio(prompts: Path) -> dict[str, bytes]:
    return {name: (prompts / f"{name}.wav").read_bytes() for name in MADE if (prompts / f"{name}.wav").exists()}


def test_what_is_missing_is_made_once_and_sounds_right(prompts: Path, espeak: list[str]) -> None:
    assert voice.build(prompts, espeak) == MADE
    assert voice.check(prompts) == []
    assert set(sources(prompts).values()) == {"placeholder"}
    before = {path: path.stat().st_mtime_ns for path in prompts.rglob("*") if not path.is_symlink()}
    assert voice.build(prompts, espeak) == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_same_texts_give_the_same_bytes(prompts: Path, espeak: list[str]) -> None:
    voice.build(prompts, espeak)
    first = audio(prompts), (prompts / "generated.json").read_bytes()
    for name in MADE:
        (prompts / f"{name}.wav").unlink()
    assert sorted(voice.build(prompts, espeak)) == sorted(MADE)
    assert (audio(prompts), (prompts / "generated.json").read_bytes()) == first


def test_only_what_changed_is_made_again(prompts: Path, espeak: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    voice.build(prompts, espeak)
    (prompts / "texts.yaml").write_text(HI.replace("Please wait", "Please hold") + BYE, "utf-8")
    assert voice.build(prompts, espeak) == ["en/smartpbx/hi"]
    monkeypatch.setitem(placeholder.VOICES, "vi", (*placeholder.VOICES["vi"], "-a", "90"))
    assert sorted(voice.build(prompts, espeak)) == sorted(MADE)  # another voice


def test_a_recording_takes_the_place_and_is_never_overwritten(prompts: Path, espeak: list[str]) -> None:
    voice.build(prompts, espeak)
    mine = prompts / "vi" / "smartpbx" / "hi.wav"
    mine.write_bytes(GOOD)
    (prompts / "texts.yaml").write_text(HI.replace("chờ", "đợi").replace("wait", "hold") + BYE, "utf-8")
    assert voice.build(prompts, espeak) == ["en/smartpbx/hi"]
    assert mine.read_bytes() == GOOD
    assert sources(prompts)["vi/smartpbx/hi"] == "recorded"
    mine.unlink()
    assert voice.build(prompts, espeak) == ["vi/smartpbx/hi"]  # the recording was taken away


def test_even_what_is_no_audio_is_somebodys(prompts: Path, espeak: list[str]) -> None:
    (prompts / "vi" / "smartpbx" / "hi.wav").write_bytes(b"ID3 wrong, but not ours to throw away")
    assert "vi/smartpbx/hi" not in voice.build(prompts, espeak)
    assert len(voice.check(prompts)) == 1


def test_what_is_said_no_more_goes_unless_somebody_recorded_it(prompts: Path, espeak: list[str]) -> None:
    voice.build(prompts, espeak)
    mine = prompts / "vi" / "smartpbx" / "bye.wav"
    mine.write_bytes(GOOD)
    (prompts / "texts.yaml").write_text(HI, "utf-8")
    assert voice.build(prompts, espeak) == []
    assert mine.read_bytes() == GOOD and not (prompts / "en" / "smartpbx" / "bye.wav").exists()
    (found,) = voice.check(prompts)
    assert "vi/smartpbx/bye.wav" in found and "no sentence uses it" in found


@pytest.mark.parametrize("writes", range(len(MADE) + 2))
@pytest.mark.parametrize("first", [True, False])
def test_wherever_a_build_is_cut_off_the_next_one_knows_its_files(
    prompts: Path, espeak: list[str], monkeypatch: pytest.MonkeyPatch, writes: int, first: bool
) -> None:
    """At each of the files that it writes: the manifest, the four sentences, and where there was one before the manifest again."""
    if not first:
        voice.build(prompts, espeak)
        (prompts / "texts.yaml").write_text((HI + BYE).replace("quý vị", "ông bà").replace("you", "you all"), "utf-8")
    left = iter(range(writes))

    def cut(path: Path, data: bytes) -> None:
        next(left)
        replace(path, data)

    with monkeypatch.context() as patch, contextlib.suppress(StopIteration):
        patch.setattr(voice, "replace", cut)
        voice.build(prompts, espeak)
    voice.build(prompts, espeak)
    assert set(sources(prompts).values()) == {"placeholder"}
    assert voice.build(prompts, espeak) == [] and voice.check(prompts) == []


@pytest.mark.parametrize("program", [["no-such-voice-program"], ["false"], ["true"]])
def test_a_voice_program_that_fails_leaves_the_pack_as_it_was(prompts: Path, program: list[str]) -> None:
    with pytest.raises(Problem, match="espeak-ng could not speak"):
        voice.build(prompts, program)
    assert audio(prompts) == {} and not (prompts / "generated.json").exists()


def test_a_voice_program_that_hangs(prompts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placeholder, "_TIMEOUT_S", 0.2)
    with pytest.raises(Problem, match="timed out"):
        voice.build(prompts, ["sh", "-c", "exec sleep 60"])


@pytest.mark.parametrize("damage", [b"", b"{", b'{"vi/smartpbx/hi": 3}', b"\xff"])
def test_a_broken_manifest_is_told_and_nothing_is_overwritten(prompts: Path, espeak: list[str], damage: bytes) -> None:
    voice.build(prompts, espeak)
    (prompts / "generated.json").write_bytes(damage)
    before = audio(prompts)
    for attempt in (lambda: voice.build(prompts, espeak), lambda: voice.listing(prompts)):
        with pytest.raises(Problem, match=r"generated\.json"):
            attempt()
    assert audio(prompts) == before


def test_a_place_that_cannot_be_written(prompts: Path, espeak: list[str]) -> None:
    (prompts / "vi" / "smartpbx").rmdir()
    (prompts / "vi" / "smartpbx").write_text("in the way")
    with pytest.raises(Problem, match="Cannot write"):
        voice.build(prompts, espeak)


@pytest.mark.parametrize(
    "text", ["--voices", "-f /etc/hostname", "$(reboot)", "<speak>chào</speak>", "a; b | c", "\"hai\" 'ba'"]
)
def test_a_text_is_spoken_never_obeyed(espeak: list[str], text: str) -> None:
    heard = measure(placeholder.speak(espeak, "vi", text))
    assert -23 < heard.level_db < -17 and heard.seconds > 0.3


def test_a_faint_first_sound_is_kept(espeak: list[str]) -> None:
    """«xin» begins with a hiss that is far fainter than its vowel: at least a twentieth of a second of it stands before."""
    samples = placeholder.speak(espeak, "vi", "Xin chờ.")
    loud = int((abs(samples) > 0.1).argmax())
    before = samples[round(placeholder.EDGE_S * RATE) : loud]
    assert len(before) > 0.05 * RATE and measure(before).level_db > -50


def test_nothing_is_heard_again_after_the_end(espeak: list[str]) -> None:
    """A sharp beginning, filtered through the spectrum, rings at the other end of the file unless there is room for it."""
    for text in ("một", "tạm", "cán bộ"):
        assert measure(placeholder.speak(espeak, "vi", text)).tail_s < 0.3


def test_each_language_of_a_sentence_has_its_voice() -> None:
    for language in ("vi", "en"):
        text = voice.sentences(PROMPTS)[language]["smartpbx/language"]
        assert [one for one, _ in placeholder._sentences(language, text)] == ["vi", "en", "en"]


def test_a_pause_is_silence_of_its_length() -> None:
    samples = read_prompt(PROMPTS / "vi" / "digits" / "pause.wav")
    assert len(samples) == placeholder.PAUSE_S * RATE and not samples.any()
