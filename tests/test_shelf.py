"""Finished recordings on the shelf: whole or not at all, sealed, checked, still two voices; what cannot be is said clearly."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from dashboards.ranges import asked
from ivr.problem import Problem
from pbx.record import Stretch
from pbx.settings import HOUSE
from recordings import opus
from recordings.keyring import KeyMissing, Keyring, add_key
from recordings.room import RESERVE, judge
from recordings.shelf import Kept, Shelf, ShelfDamaged, ShelfMissing
from recordings.speed import Speed
from recordings.timeline import audio_s, gaps, quiet
from tests.hearing import RATE, loudness, tone, weaker_db

SPEECH = Path(__file__).with_name("speech")


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.open(tmp_path / "keys" / "recordings.key", tmp_path / "data")


@pytest.fixture
def shelf(tmp_path: Path, keyring: Keyring) -> Shelf:
    return Shelf(str(tmp_path / "data" / "recordings"), keyring)


# --- compressing ----------------------------------------------------------------------------------------------------


def both(place: Path, caller: np.ndarray, agent: np.ndarray) -> Path:  # type: ignore[type-arg]
    soundfile.write(place / "both.wav", np.stack([caller, agent], 1), RATE)
    return place / "both.wav"


def heard(ogg: Path) -> np.ndarray:  # type: ignore[type-arg]
    samples, rate = soundfile.read(ogg)
    assert rate == RATE
    return samples.T


def test_two_voices_stay_two_and_take_a_sixth_of_the_room(tmp_path: Path) -> None:
    speech, _ = soundfile.read(SPEECH / "call_1.wav", dtype="int16")
    wav = both(tmp_path, speech, np.zeros_like(speech))
    opus.encode(wav, tmp_path / "a.ogg")
    caller, agent = heard(tmp_path / "a.ogg")
    assert loudness(caller, 0, len(caller) / RATE) > 1000 * max(1e-9, loudness(agent, 0, len(agent) / RATE))
    assert (tmp_path / "a.ogg").stat().st_size < wav.stat().st_size / 5
    opus.encode(both(tmp_path, tone(400, 5), tone(1000, 5)), tmp_path / "b.ogg")
    caller, agent = heard(tmp_path / "b.ogg")
    assert weaker_db(caller, 400, 1000) > 40 and weaker_db(agent, 1000, 400) > 40


def test_numbers_are_silent_in_the_voice_that_said_them(tmp_path: Path) -> None:
    opus.encode(
        both(tmp_path, tone(400, 70), tone(1000, 70)),
        tmp_path / "a.ogg",
        [(2.0, 3.0, "caller"), (29.5, 30.5, "agent"), (60, 61, "?")],
    )
    caller, agent = heard(tmp_path / "a.ogg")
    assert loudness(caller, 2.05, 2.95) < 1e-3 < 0.1 < loudness(agent, 2.05, 2.95)
    assert loudness(agent, 29.55, 30.45) < 1e-3 < 0.1 < loudness(caller, 29.55, 30.45)
    assert loudness(agent, 60.05, 60.95) < 1e-3 and loudness(caller, 60.05, 60.95) < 1e-3, (
        "whose voice it was is not known"
    )
    assert loudness(caller, 1.0, 1.8) > 0.1 and loudness(caller, 3.2, 4.0) > 0.1


def test_back_to_what_a_recogniser_reads(tmp_path: Path) -> None:
    opus.encode(both(tmp_path, tone(400, 3), tone(1000, 3)), tmp_path / "a.ogg")
    opus.decode((tmp_path / "a.ogg").read_bytes(), tmp_path / "back.wav")
    assert soundfile.info(tmp_path / "back.wav").frames == 3 * RATE
    for nonsense in (b"", b"OggS", b"x" * 999):
        with pytest.raises(OSError, match="could not be read"):
            opus.decode(nonsense, tmp_path / "x.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(OSError, match="could not be compressed"):
        opus.encode(tmp_path / "text.wav", tmp_path / "x.ogg")


# --- sealing --------------------------------------------------------------------------------------------------------


def test_what_lies_there_is_sealed_and_a_new_key_opens_the_old(tmp_path: Path, shelf: Shelf) -> None:
    old = shelf.put("play/a.ogg", b"secret words")
    stored = (tmp_path / "data" / "recordings" / "play" / "a.ogg").read_bytes()
    assert b"secret" not in stored and stored.startswith(b"age-encryption.org/v1") and old.size == len(stored)
    file = tmp_path / "keys" / "recordings.key"
    new_id = add_key(file)
    again = Shelf(str(tmp_path / "data" / "recordings"), Keyring.open(file, tmp_path / "data"))
    new = again.put("play/b.ogg", b"more")
    assert again.get("play/a.ogg", old) == b"secret words" and new.key_id == new_id != old.key_id
    other = Keyring.open(tmp_path / "elsewhere" / "other.key", tmp_path / "data")
    with pytest.raises(KeyMissing, match=old.key_id):
        Shelf(str(tmp_path / "data" / "recordings"), other).get("play/a.ogg", old)


def test_keys_that_protect_nothing_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with pytest.raises(Problem, match="within the data directory"):
        Keyring.open(data / "keys" / "k", data)
    file = tmp_path / "k"
    Keyring.open(file, data)
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(Problem, match="chmod 600"):
        Keyring.open(file, data)
    file.chmod(0o600)
    for content, word in (
        ("AGE-SECRET-KEY-1NONSENSE\n", "no age key"),
        ("# nothing\n", "holds no key"),
        ("\x00\xff", "no age key"),
    ):
        file.write_text(content, "utf-8")
        with pytest.raises(Problem, match=word):
            Keyring.open(file, data)
    with pytest.raises(Problem, match="Put its copy back"):
        Keyring.open(tmp_path / "lost", data, sealed_before=True)
    with pytest.raises(Problem, match="SMARTPBX_KEY_FILE"):
        Keyring.open(Path("/proc/nowhere/k"), data)


# --- keeping --------------------------------------------------------------------------------------------------------


def test_what_was_changed_or_is_gone_is_not_given_out(tmp_path: Path, shelf: Shelf) -> None:
    kept = shelf.put("play/a.ogg", b"x" * 1000)
    fresh = Shelf(str(tmp_path / "data" / "recordings"), None)
    file = tmp_path / "data" / "recordings" / "play" / "a.ogg"
    data = bytearray(file.read_bytes())
    data[500] ^= 1
    file.write_bytes(data)
    with pytest.raises(ShelfDamaged):
        fresh.get("play/a.ogg", kept)
    shelf.delete("play/a.ogg")
    shelf.delete("play/a.ogg")
    with pytest.raises(ShelfMissing):
        shelf.get("play/a.ogg", kept)
    assert list(shelf.names()) == [] and shelf.used() == 0


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "../a",
        "play/../../etc/passwd",
        "/etc/passwd",
        "play/",
        "play/.hidden",
        "play/a/b",
        "other/a",
        "play/a\0b",
        "play/" + "a" * 200,
    ],
)
def test_nothing_outside_the_shelf_can_be_named(shelf: Shelf, name: str) -> None:
    for do in (lambda: shelf.put(name, b"x"), lambda: shelf.get(name), lambda: shelf.delete(name)):
        with pytest.raises(ValueError, match="not the name"):
            do()


def test_killed_in_the_middle_there_is_all_of_it_or_nothing(tmp_path: Path) -> None:
    place, at_random = tmp_path / "shelf", random.Random(5)
    code = (
        "import sys; from recordings.shelf import Shelf\n"
        "shelf = Shelf(sys.argv[1], None); data = bytes(8_000_000); print('go', flush=True)\n"
        "for n in range(10_000): shelf.put(f'play/{sys.argv[2]}-{n}.ogg', data)"
    )
    for run in range(12):
        writer = subprocess.Popen([sys.executable, "-c", code, str(place), str(run)], stdout=subprocess.PIPE, cwd=HOUSE)
        assert writer.stdout is not None
        with writer.stdout:
            writer.stdout.readline()
            time.sleep(at_random.uniform(0.005, 0.1))
            writer.send_signal(signal.SIGKILL)
        writer.wait()
    shelf = Shelf(str(place), None)
    whole = [name for name in shelf.names() if name.endswith(".ogg")]
    assert whole and all((place / name).stat().st_size == 8_000_000 for name in whole)


def test_a_full_disk_is_said_and_what_is_there_stays(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from recordings.shelf import Shelf\n"
        "shelf = Shelf(sys.argv[1], None); shelf.put('play/a.ogg', b'first')\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: shelf.put('play/a.ogg', bytes(1_000_000))\n"
        "except OSError as e: print(e)\n"
        "print(shelf.get('play/a.ogg'), list(shelf.names()))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "shelf")], capture_output=True, text=True, cwd=HOUSE, timeout=60
    )
    assert "could not be put into the store" in told.stdout and "b'first' ['play/a.ogg']" in told.stdout, told


def test_places_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for address in (str(tmp_path / "file"), "nonsense://x"):
        with pytest.raises(Problem, match="SMARTPBX_RECORDINGS"):
            Shelf(address, None)
    if os.geteuid() != 0:
        with pytest.raises(Problem):
            Shelf("/proc/shelf", None)


def test_an_s3_store_holds_the_same_promises(keyring: Keyring, s3: str) -> None:
    shelf = Shelf("s3://recordings/office", keyring, quota=10_000)
    kept = shelf.put("play/a.ogg", b"far away")
    assert shelf.get("play/a.ogg", kept) == b"far away" and list(shelf.names()) == ["play/a.ogg"]
    assert shelf.used() == kept.size and shelf.room().level == "ok"
    with pytest.raises(ShelfDamaged):
        Shelf("s3://recordings/office", keyring).get("play/a.ogg", Kept("play/a.ogg", 1, "0" * 64, keyring.key_id))
    shelf.delete("play/a.ogg")
    with pytest.raises(ShelfMissing):
        shelf.get("play/a.ogg", kept)


# --- small and pure -------------------------------------------------------------------------------------------------


def test_room_is_judged_by_what_is_left() -> None:
    giga = 1 << 30
    assert judge(1, 50 * giga, 100 * giga, 0).level == "ok"
    assert judge(1, 9 * giga, 100 * giga, 0).level == "low"
    assert judge(1, 3 * giga, 100 * giga, 0).level == "full"
    assert (
        judge(95 * giga, 500 * giga, 1000 * giga, 100 * giga).level == "low"
        and judge(99 * giga, 500 * giga, 1000 * giga, 100 * giga).level == "full"
    )
    assert judge(1, RESERVE, 10 * giga, 0).level == "full" and judge(5, 0, 0, 0).level == "ok"


@given(st.text(max_size=40), st.integers(1, 10_000))
def test_any_range_is_answered(header: str, length: int) -> None:
    for text in (header, f"bytes={header}", "bytes=" + "0-1," * 100_000):
        found = asked(text, length)
        assert found is None or found is False or (isinstance(found, tuple) and 0 <= found[0] < found[1] <= length)


def test_speed_tells_when_it_knows() -> None:
    speed = Speed(workers=2)
    assert speed.seconds_for(0) == 0 and speed.seconds_for(100) is None
    speed.add(100, 5)
    assert speed.seconds_for(1000) == pytest.approx(25)


def test_the_audio_knows_its_gaps() -> None:
    stretches = (Stretch("on", 0, 10_000), Stretch("hold", 2_000, 4_000), Stretch("mark", 5_000, 5_000), Stretch("on", 40_000, 50_000),
                 Stretch("paused", 42_000, 45_000))  # fmt: skip
    assert [(g.kind, g.start_s, g.end_s, g.lost_s) for g in gaps(stretches)] == [
        ("hold", 2, 4, 0), ("mark", 5, 5, 0), ("cut", 10, 10, 30), ("paused", 12, 15, 0),
    ]  # fmt: skip
    assert quiet(stretches) == ((2, 4), (12, 15)) and audio_s(stretches, 30_000) == 10 and audio_s((), 5) == 0
