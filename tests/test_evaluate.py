"""How well recordings become words is measured as calls are heard, and a bad file is named instead of spoiling the measure."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from ivr.problem import Problem
from pbx.cli import app
from pbx.settings import Settings
from recordings.evaluate import Sample, evaluate, score
from recordings.speech import Recogniser

SPEECH = Path(__file__).with_name("speech")


@pytest.fixture
def ears() -> Iterator[Recogniser]:
    made = Recogniser(Settings().speech_model)
    yield made
    made.close()


def test_errors_are_counted_as_words() -> None:
    found = score("x", [
        Sample("a", "một hai ba bốn", "một hai năm bốn", 2.0, 0.1), Sample("b", "đất đai", "đất", 2.0, 0.1),
        Sample("c", "xin chào", "xin chào ạ", 1.0, 0.05), Sample("d", "", "ừ à", 5.0, 0.25), Sample("e", "gì đó", flaw="no such file"),
    ])  # fmt: skip
    assert (found.words, found.substituted, found.deleted, found.inserted) == (8, 1, 1, 1)
    assert found.wer == pytest.approx(3 / 8) and found.rtf == pytest.approx(0.05)
    assert found.from_silence == 2 and found.flaws == (("e", "no such file"),)
    assert set(dict(found.worst)) == {"ba", "đai"}


def test_the_shipped_sounds_are_heard_well(ears: Recogniser, tmp_path: Path) -> None:
    """Their list has the kind of each in front."""
    rows = [line.split("\t") for line in (SPEECH / "references.tsv").read_text("utf-8").splitlines()]
    for kind in dict.fromkeys(row[0] for row in rows):
        listed = "".join(f"{SPEECH / Path(row[1]).name}\t{row[2]}\n" for row in rows if row[0] == kind)
        (tmp_path / f"{kind}.tsv").write_text(listed, "utf-8")
    found = {one.name: one for one in evaluate(tmp_path, ears)}
    assert not found["all"].flaws and found["all"].rtf < 0.5 and found["nospeech"].from_silence == 0
    assert found["references"].wer is not None and found["references"].wer < 0.06


def test_bad_files_are_named_and_others_go_on(ears: Recogniser, tmp_path: Path) -> None:
    good = "tdAndrea-0134.wav"
    shutil.copy(SPEECH / good, tmp_path)
    (tmp_path / "text.wav").write_text("this is no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), 8000)
    slow, _ = soundfile.read(SPEECH / good)
    fast = np.fft.irfft(np.fft.rfft(slow), 6 * len(slow)) * 6  # another rate is no flaw
    soundfile.write(tmp_path / "fast.wav", fast, 48_000)
    names = [good, "text.wav", "empty.wav", "gone.wav", "fast.wav"]
    listed = "".join(f"{name}\tNăm, tám ba năm.\n" for name in names)
    (tmp_path / "set.tsv").write_text("wav\ttext\n" + listed, "utf-8")
    (found,) = evaluate(tmp_path, ears)
    assert [name for name, _ in found.flaws] == ["text.wav", "empty.wav", "gone.wav"] and found.files == 5
    assert "not audio" in found.flaws[0][1] and "no sound" in found.flaws[1][1] and "no such file" in found.flaws[2][1]


def test_by_command(tmp_path: Path) -> None:
    shutil.copy(SPEECH / "tdAndrea-0134.wav", tmp_path / "a.wav")
    (tmp_path / "a.txt").write_text("năm tám ba năm", "utf-8")
    told = CliRunner().invoke(app, ["speech", "evaluate", str(tmp_path)])
    assert told.exit_code == 0 and "0.0%" in told.output and "MB" in told.output, told.output
    assert '"wer": 0.0' in CliRunner().invoke(app, ["speech", "evaluate", str(tmp_path), "--json"]).output
    failed = CliRunner().invoke(app, ["speech", "evaluate", str(tmp_path / "none")]).exception
    assert isinstance(failed, Problem) and "nothing to evaluate" in failed.en
