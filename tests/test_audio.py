"""From what Asterisk leaves to what is kept, with everything that goes wrong in between."""

import resource
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.problem import Problem
from recordings import audio
from recordings.audio import NoAudio, closed, keep, kept_path, open_audio

CALL = "pbx-1795400000.12"


class Place:
    """A spool with the voices of one call, and a store."""

    def __init__(self, root: Path) -> None:
        self.spool, self.store = root / "spool", root / "store"
        self.spool.mkdir()

    def voice(self, side: str) -> Path:
        return self.spool / f"{CALL}-{side}.wav"

    def record(self, side: str, samples: np.ndarray, told: int | None = None, rate: int = 8_000) -> None:  # type: ignore[type-arg]
        """As Asterisk writes it; `told` is the length that the header gives, in bytes."""
        data = samples.astype("<i2").tobytes()
        told = len(data) if told is None else told
        header = struct.pack(
            "<4sI8sIHHIIHH4sI", b"RIFF", told + 36 if told else 0, b"WAVEfmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", told
        )  # fmt: skip
        self.voice(side).write_bytes(header + data)

    def keep(self) -> tuple[np.ndarray, tuple[str, ...]]:  # type: ignore[type-arg]
        """What is kept, and its flaws; whatever was kept is the only thing left."""
        kept = keep(self.spool, self.store, CALL)
        samples, rate = soundfile.read(kept.path, dtype="int16")
        assert rate == 8_000
        assert kept.duration_s == len(samples) / 8_000
        assert list(self.spool.iterdir()) == []
        assert [path.name for path in self.store.iterdir()] == [f"{CALL}.wav"]
        assert kept.path.stat().st_mode & 0o007 == 0
        return samples, kept.flaws


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def sound(length: int, seed: int = 1) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).integers(-9_000, 9_000, length).astype(np.int16)


def test_the_caller_is_left_and_the_agent_right(place: Place) -> None:
    place.record("caller", sound(80_000, 1))
    place.record("agent", sound(80_000, 2))
    (place.spool / f"{CALL}.wav").write_bytes(b"the mix that nobody needs")
    assert closed(place.spool, CALL)
    kept, flaws = place.keep()
    assert np.array_equal(kept[:, 0], sound(80_000, 1))
    assert np.array_equal(kept[:, 1], sound(80_000, 2))
    assert flaws == ()


def test_a_file_that_asterisk_had_no_time_to_close_is_whole_to_its_last_sample(place: Place) -> None:
    place.record("caller", sound(40_000), told=0)
    place.record("agent", sound(40_000))
    assert not closed(place.spool, CALL)
    kept, flaws = place.keep()
    assert np.array_equal(kept[:, 0], sound(40_000))
    assert flaws == ("caller: cut off",)


def test_half_a_sample_at_the_end_is_dropped(place: Place) -> None:
    place.record("caller", sound(1_000))
    place.record("agent", sound(1_000), told=99_999)
    with place.voice("agent").open("ab") as file:
        file.write(b"x")
    kept, flaws = place.keep()
    assert len(kept) == 1_000
    assert flaws == ("agent: cut off",)


def test_the_shorter_voice_is_filled_with_silence(place: Place) -> None:
    place.record("caller", sound(30_000))
    place.record("agent", sound(10_000))
    kept, flaws = place.keep()
    assert np.array_equal(kept[:10_000, 1], sound(10_000))
    assert not kept[10_000:, 1].any()
    assert flaws == ("voices differ in length",)


def test_a_few_frames_of_difference_are_no_flaw(place: Place) -> None:
    place.record("caller", sound(30_000))
    place.record("agent", sound(29_000))
    assert place.keep()[1] == ()


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (None, "agent: not recorded"),
        (b"", "agent: empty"),
        (b"RIFF", "agent: not audio"),
        (b"<html>not at all</html>" * 50, "agent: not audio"),
        (bytes(500), "agent: not audio"),
    ],
)
def test_one_voice_is_better_than_none(place: Place, content: bytes | None, flaw: str) -> None:
    place.record("caller", sound(8_000))
    if content is not None:
        place.voice("agent").write_bytes(content)
    kept, flaws = place.keep()
    assert np.array_equal(kept[:, 0], sound(8_000))
    assert not kept[:, 1].any()
    assert flaws == (flaw,)


def test_another_rate_is_not_taken_for_ours(place: Place) -> None:
    place.record("caller", sound(8_000))
    place.record("agent", sound(8_000), rate=16_000)
    [flaw] = place.keep()[1]
    assert flaw == "agent: coding 1, 1 x 16 bit at 16000 Hz instead of 1 x 16 bit at 8000"


def test_nothing_to_keep_leaves_everything_as_it_was(place: Place) -> None:
    with pytest.raises(NoAudio, match="caller: not recorded; agent: not recorded"):
        keep(place.spool, place.store, CALL)
    place.record("caller", sound(0))
    place.record("agent", sound(0), told=0)
    with pytest.raises(NoAudio, match="caller: empty; agent: empty"):
        keep(place.spool, place.store, CALL)
    assert len(list(place.spool.iterdir())) == 2
    assert not place.store.exists() or not list(place.store.iterdir())


def test_keeping_twice_is_keeping_once(place: Place) -> None:
    place.record("caller", sound(8_000, 1))
    place.record("agent", sound(8_000, 2))
    first = keep(place.spool, place.store, CALL)
    before = first.path.read_bytes()
    assert keep(place.spool, place.store, CALL) == first
    assert first.path.read_bytes() == before


def test_killed_between_its_sources_the_kept_file_stays_whole(place: Place) -> None:
    place.record("caller", sound(8_000, 1))
    place.record("agent", sound(8_000, 2))
    path = keep(place.spool, place.store, CALL).path
    place.record("agent", sound(8_000, 2))  # as if only the caller's had been removed
    kept, _ = place.keep()
    assert np.array_equal(kept[:, 0], sound(8_000, 1))
    assert path == place.store / f"{CALL}.wav"


def test_a_kept_file_that_is_broken_is_made_again(place: Place) -> None:
    place.store.mkdir()
    (place.store / f"{CALL}.wav").write_bytes(b"")
    place.record("caller", sound(8_000, 1))
    place.record("agent", sound(8_000, 2))
    assert len(place.keep()[0]) == 8_000


def test_a_full_disk_costs_no_recording(place: Place) -> None:
    place.record("caller", sound(800_000))
    place.record("agent", sound(800_000))
    code = """if True:
        import resource, signal, sys
        from pathlib import Path
        from recordings.audio import keep
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        try:
            keep(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
        except OSError:
            sys.exit(7)
    """
    assert subprocess.run([sys.executable, "-c", code, place.spool, place.store, CALL]).returncode == 7
    assert len(list(place.spool.iterdir())) == 2
    assert list(place.store.iterdir()) == []
    assert len(place.keep()[0]) == 800_000


def test_more_than_four_hours_are_cut_in_little_memory(place: Place) -> None:
    for side in audio.SIDES:
        place.record(side, sound(0), told=5 * 3600 * 16_000)
        with place.voice(side).open("r+b") as file:
            file.truncate(44 + 5 * 3600 * 16_000)  # silence that takes no room
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = keep(place.spool, place.store, CALL)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert kept.duration_s == 4 * 3600
    assert kept.flaws == tuple(f"{side}: longer than 4 hours, the rest is dropped" for side in audio.SIDES)
    assert grown_kb < 50_000
    kept.path.unlink()  # half a gigabyte


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "..",
        ".",
        "",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        ".hidden",
        "-rf",
        "a..b",
        "x" * 81,
        "a\n",
        "ả",
        "a b",
    ],
)
def test_nothing_outside_the_store_has_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a call id"):
        kept_path(tmp_path, name)
    with pytest.raises(ValueError, match="not a call id"):
        keep(tmp_path, tmp_path, name)


@pytest.mark.parametrize("name", ["pbx-1795400000.12", "1795400000.12", "asterisk_1-17.9", "A"])
def test_ids_of_asterisk_are_names(tmp_path: Path, name: str) -> None:
    assert kept_path(tmp_path, name) == tmp_path / f"{name}.wav"


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "names"), [(1, ["mono"]), (2, ["caller", "agent"]), (3, ["mono"])])
def test_channels_have_names(tmp_path: Path, channels: int, names: list[str]) -> None:
    samples = sound(4_000 * channels).reshape(-1, channels)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="PCM_16")
    with open_audio(tmp_path / "a.wav") as opened:
        assert (opened.rate, opened.seconds) == (16_000, 0.25)
        blocks = list(opened.blocks(0.1))
    assert [len(block[names[0]]) for block in blocks] == [1_600, 1_600, 800]
    assert all(list(block) == names for block in blocks)
    if channels < 3:
        for n, name in enumerate(names):
            assert np.array_equal(np.concatenate([block[name] for block in blocks]), samples[:, n])


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file"), (b"hello" * 99, "not audio"), (b"", "not audio"), (b"silence", "0 seconds")],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "a.wav"
    if content == b"silence":
        soundfile.write(path, np.zeros((0, 1), np.int16), 8_000)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(Problem, match=reason) as problem, open_audio(path):
        pass
    assert str(path) in problem.value.vi
    with pytest.raises(Problem), open_audio(tmp_path):
        pass


def test_five_hours_are_too_long(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.record("caller", sound(0), told=5 * 3600 * 16_000)
    with place.voice("caller").open("r+b") as file:
        file.truncate(44 + 5 * 3600 * 16_000)
    with pytest.raises(Problem, match=r"5\.0 hours long"), open_audio(place.voice("caller")):
        pass
