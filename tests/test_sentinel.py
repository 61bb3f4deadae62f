"""What is wrong with a line is heard in its recording, and nothing is heard of a line that is well."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from recordings.audio import open_audio
from recordings.sentinel import Listening, listen
from recordings.tables import writing
from recordings.voices import TRUNK, heard_of, keep_listening, listened, troubles
from tests.call_logs import engine, keep, url  # noqa: F401 - fixtures
from tests.calls import call
from tests.hearing import RATE
from tests.made_calls import KINDS, spoilt, talk, write

EACH = 8


def heard(path: Path, quiet: tuple[tuple[float, float], ...] = (), flaws: tuple[str, ...] = ()) -> Listening:
    with open_audio(path) as audio:
        return listen(audio, quiet, flaws)


def test_each_fault_is_found_and_a_good_line_is_left_alone(tmp_path: Path) -> None:
    at_random, hits = random.Random(1022), Counter[str]()
    for kind in ("", *KINDS):
        for _ in range(EACH):
            caller, agent = spoilt(kind, *talk(at_random), at_random)
            found = {(f.kind, f.side) for f in heard(write(tmp_path / "a.wav", caller, agent)).findings}
            hits[kind] += not found if not kind else (kind, "" if kind == "dead_air" else "caller") in found
    assert hits[""] == EACH, "a good line was blamed"
    assert all(hits[kind] >= EACH - 1 for kind in KINDS), hits


def test_who_spoke_how_much(tmp_path: Path) -> None:
    speech = 6000 * np.sin(np.arange(40 * RATE) / 3)
    caller, agent = speech.copy(), speech.copy()
    caller[20 * RATE :] = 0
    agent[: 10 * RATE] = 0
    agent[30 * RATE :] = 0
    told = heard(write(tmp_path / "a.wav", caller, agent))
    assert told.talk_ratio == pytest.approx(0.5, abs=0.02) and told.overlap_s == pytest.approx(10, abs=0.3)
    assert told.silence_s == pytest.approx(10, abs=0.3) and told.caller.level == pytest.approx(-17.7, abs=1)


def test_silence_on_hold_or_while_paused_is_right(tmp_path: Path) -> None:
    caller, agent = spoilt("dead_air", *talk(random.Random(3)), random.Random(3))
    path = write(tmp_path / "a.wav", caller, agent)
    (found,) = (f for f in heard(path).findings if f.kind == "dead_air")
    assert not [f for f in heard(path, ((found.start_s - 1, found.end_s + 1),)).findings if f.kind == "dead_air"]


def test_a_voice_that_was_never_written_is_missing_and_nothing_else(tmp_path: Path) -> None:
    caller, _ = talk(random.Random(4))
    told = heard(write(tmp_path / "a.wav", caller, np.zeros(len(caller))), flaws=("agent: not recorded",))
    assert {(f.kind, f.side) for f in told.findings if f.side == "agent"} == {("missing_leg", "agent")}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30_000), st.sampled_from([0, 1, 300, 32_767, -32_768]), st.integers(0, 2**31), st.integers(1, 2))
def test_no_samples_break_it(
    tmp_path_factory: pytest.TempPathFactory, length: int, size: int, seed: int, voices: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.wav"
    rng = np.random.default_rng(seed)
    samples = (
        np.full((length, voices), size) if size % 2 else rng.integers(-abs(size) - 1, abs(size) + 1, (length, voices))
    )
    soundfile.write(path, samples.astype(np.int16), RATE)
    told = heard(path, ((0.5, 0.2), (-3, 9999)))
    assert 0 <= told.talk_ratio <= 1 and told.silence_s >= 0


# --- by phone -----------------------------------------------------------------------------------------------------


def test_troubles_lead_to_the_phone_that_makes_them(engine: sa.Engine, tmp_path: Path) -> None:  # noqa: F811
    at_random = random.Random(9)
    fine = heard(write(tmp_path / "a.wav", *talk(at_random)))
    caller, agent = talk(at_random)
    deaf = heard(write(tmp_path / "b.wav", caller, np.zeros(len(agent))))
    for number in range(8):
        phone = "PJSIP/102" if number < 4 else "PJSIP/101"
        keep(engine, record := call(number, recorded=True, agent_interface=phone, arrived_at=1000 + number))
        with writing(engine) as connection:
            for _ in range(2):  # heard again, it is one call still
                keep_listening(connection, record.call_id, deaf if number < 3 else fine, 5)
    (trouble,) = troubles(engine, 0, 10_000)
    assert (trouble.phone, trouble.kind, trouble.bad, trouble.calls, trouble.first_at) == (
        "PJSIP/102",
        "one_way",
        3,
        4,
        1000,
    )
    assert trouble.newest == tuple(call(n).call_id for n in (2, 1, 0)) and trouble.share == 0.75
    assert listened(engine, 0, 10_000) == 8 and troubles(engine, 5000, 9000) == [] and trouble.phone != TRUNK
    assert heard_of(engine, call(0).call_id) == deaf and heard_of(engine, "nobody") is None
