"""The shipped model hears what was said, and a recogniser that dies, hangs or is fed nonsense harms nobody."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.problem import Problem
from pbx.settings import Settings
from recordings import speech
from recordings.speech import Recogniser, SpeechFailed, check_model, model_name, transcribe_file
from recordings.upsample import Upsampler
from tests.test_conversations import wrong_words

SPEECH = Path(__file__).with_name("speech")
MODEL = Settings().speech_model


def cases(kind: str) -> list[tuple[Path, list[str]]]:
    rows = [line.split("\t") for line in (SPEECH / "references.tsv").read_text("utf-8").splitlines()]
    return [(SPEECH / file, said.replace("|", " ").split()) for k, file, said in rows if k == kind]


@pytest.fixture(scope="module")
def recogniser() -> Iterator[Recogniser]:
    recogniser = Recogniser(MODEL)
    yield recogniser
    recogniser.close()


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recogniser]:
    """One whose child may be harmed."""
    recogniser = Recogniser(MODEL)
    yield recogniser
    recogniser.close()


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether that process ends in time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


# --- what is heard ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "at_most"), [("references", 0.03), ("digits", 0.08), ("calls", 0.03)])
def test_word_errors(recogniser: Recogniser, kind: str, at_most: float) -> None:
    wrong = words = 0
    for path, said in cases(kind):
        words += len(said)
        wrong += wrong_words(said, recogniser.transcribe(path).text.split())
    assert words > 40
    assert wrong / words <= at_most, f"{wrong} of {words}"


@pytest.mark.parametrize("path", [path for path, _ in cases("nospeech")], ids=lambda p: p.stem)
def test_no_words_where_nobody_speaks(recogniser: Recogniser, path: Path) -> None:
    assert recogniser.transcribe(path).words == ()


def test_words_have_rising_times_within_the_recording(recogniser: Recogniser) -> None:
    heard = recogniser.transcribe(SPEECH / "call_1.wav")
    assert heard.duration_s == pytest.approx(36.2, abs=0.1)
    starts = [word.start for word in heard.words]
    assert starts == sorted(starts)
    assert all(
        0 <= w.start < w.end <= heard.duration_s and 0 <= w.conf <= 1 and w.channel == "mono" for w in heard.words
    )
    assert heard.words[-1].start > 30
    assert heard.model == recogniser.name


def test_each_side_of_a_stereo_file_is_heard_apart_and_at_its_time(recogniser: Recogniser, tmp_path: Path) -> None:
    (left, said_left), (right, said_right) = cases("references")[0], cases("references")[2]
    caller, _ = soundfile.read(left, dtype="int16")
    agent, _ = soundfile.read(right, dtype="int16")
    sides = np.zeros((8_000 * 12, 2), np.int16)
    sides[: len(caller), 0] = caller
    sides[8_000 * 6 : 8_000 * 6 + len(agent), 1] = agent
    soundfile.write(tmp_path / "a.wav", sides, 8_000)
    heard = recogniser.transcribe(tmp_path / "a.wav").words
    assert [w.word for w in heard if w.channel == "caller"] == said_left
    assert [w.word for w in heard if w.channel == "agent"] == said_right
    assert max(w.end for w in heard if w.channel == "caller") <= len(caller) / 8_000
    assert min(w.start for w in heard if w.channel == "agent") >= 6


@pytest.mark.parametrize("rate", [6_000, 16_000, 44_100])
def test_other_rates(recogniser: Recogniser, tmp_path: Path, rate: int) -> None:
    path, said = cases("references")[-1]
    samples, _ = soundfile.read(path, dtype="int16")
    if rate < 8_000:
        at = np.arange(len(samples) * 3 // 4) * 4 / 3
        samples = np.interp(at, np.arange(len(samples)), samples).astype(np.int16)
    else:
        samples = Upsampler(8_000, rate)(samples, last=True)
    soundfile.write(tmp_path / "a.wav", samples, rate)
    heard = recogniser.transcribe(tmp_path / "a.wav").text.split()
    assert wrong_words(said, heard) <= (4 if rate < 8_000 else 1)


def test_a_model_of_a_higher_rate_is_given_its_rate(tmp_path: Path) -> None:
    """Ours pretending to be one; vosk refuses sound of a lower rate than the model's own."""
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    for conf in (model / "conf" / "mfcc.conf", model / "conf" / "pitch.conf"):
        conf.write_text(conf.read_text().replace("8000", "16000"))
    assert transcribe_file(cases("references")[0][0], model)["words"]


def test_the_command_prints_what_is_documented() -> None:
    path, said = cases("references")[0]
    told = transcribe_file(path, MODEL)
    assert json.loads(json.dumps(told)) == told
    assert told["text"].split() == said
    assert [sorted(word) for word in told["words"]] == [["channel", "conf", "end", "start", "word"]] * len(said)


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_models_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="There is no speech model") as problem:
        check_model(tmp_path / "x")
    assert "SMARTPBX_SPEECH_MODEL" in problem.value.vi
    with pytest.raises(Problem, match="not a Vosk model"):
        Recogniser(tmp_path)
    (tmp_path / "am").mkdir()
    (tmp_path / "am" / "final.mdl").write_bytes(b"not really")
    with pytest.raises(
        Problem, match=r"could not be recognised.*cannot be loaded|could not be recognised.*SIG"
    ) as problem:
        transcribe_file(cases("digits")[0][0], tmp_path)
    assert str(tmp_path) in problem.value.vi


def test_two_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    other = tmp_path / MODEL.name
    shutil.copytree(MODEL, other)
    assert model_name(other) == model_name(MODEL)
    with (other / "conf" / "model.conf").open("a") as file:
        file.write("--beam=9\n")
    assert model_name(other) != model_name(MODEL)
    assert model_name(MODEL).startswith(MODEL.name + "@")


@pytest.mark.parametrize("content", [b"", b"hello", b"RIFF$\0\0\0WAVEfmt "])
def test_no_audio_is_a_problem_and_not_a_crash(recogniser: Recogniser, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(Problem):
        recogniser.transcribe(tmp_path / "a.wav")
    with pytest.raises(Problem):
        recogniser.transcribe(tmp_path / "b.wav")
    assert recogniser.transcribe(cases("digits")[1][0]).words


def harm_while_it_hears(recogniser: Recogniser, number: signal.Signals) -> str:
    """Start the long call, send the signal to the child in the middle of it, and tell what became of the call."""
    recogniser.transcribe(cases("digits")[1][0])  # loaded
    pid = recogniser.child_pid
    assert pid is not None
    harm = threading.Timer(0.2, os.kill, (pid, number))
    harm.start()
    with pytest.raises(SpeechFailed) as failed:
        recogniser.transcribe(SPEECH / "call_1.wav")
    harm.join()
    assert gone(pid)
    return str(failed.value)


def test_a_killed_child_fails_one_recording(own: Recogniser) -> None:
    assert "SIGKILL" in harm_while_it_hears(own, signal.SIGKILL)
    assert own.transcribe(cases("digits")[1][0]).text.split() == cases("digits")[1][1]


def test_a_child_that_hangs_is_replaced(own: Recogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "PATIENCE_S", 2.0)
    monkeypatch.setattr(speech, "PATIENCE_PER_S", 0.0)
    assert "more than 2 s" in harm_while_it_hears(own, signal.SIGSTOP)
    assert own.transcribe(cases("digits")[1][0]).words


def test_a_child_is_replaced_before_it_grows_old(own: Recogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "FILES_PER_CHILD", 2)
    pids = []
    for _ in range(4):
        own.transcribe(cases("digits")[1][0])
        pids.append(own.child_pid)
    assert pids[0] == pids[1] != pids[2] == pids[3]
    assert pids[0] is not None
    assert gone(pids[0])


def test_closing_breaks_off_what_is_being_heard(own: Recogniser) -> None:
    own.transcribe(cases("digits")[1][0])
    pid = own.child_pid
    threading.Timer(0.2, own.close).start()
    with pytest.raises(SpeechFailed):
        own.transcribe(SPEECH / "call_1.wav")
    assert pid is not None
    assert gone(pid)
    with pytest.raises(SpeechFailed, match="closed"):
        own.transcribe(cases("digits")[1][0])


@pytest.mark.parametrize("busy", [True, False])
def test_the_child_does_not_outlive_its_parent(busy: bool) -> None:
    code = """if True:
        import sys, threading
        from pathlib import Path
        from recordings.speech import Recogniser
        recogniser = Recogniser(Path(sys.argv[1]))
        recogniser.transcribe(Path(sys.argv[2]))
        print(recogniser.child_pid, flush=True)
        while sys.argv[4:]:
            recogniser.transcribe(Path(sys.argv[3]))
        threading.Event().wait()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", code, MODEL, cases("digits")[1][0], SPEECH / "call_1.wav", *["busy"] * busy],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    assert not gone(child, 0.3)
    parent.kill()
    parent.wait()
    assert gone(child, 5)


def test_threads_share_one_child(own: Recogniser) -> None:
    heard: list[str] = []
    path, said = cases("digits")[1]
    threads = [threading.Thread(target=lambda: heard.append(own.transcribe(path).text)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [" ".join(said)] * 4
