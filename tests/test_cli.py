"""Bad input at the command line: one message that names the thing and the cure, in both languages, and nothing half-done."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pbx.settings import HOUSE
from tests.world import free_ports

STREAMS = Path(__file__).with_name("streams")
MENU = (HOUSE / "ivr" / "menus" / "hotline.yaml").read_text("utf-8")


def smartpbx(place: Path, *words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "SMARTPBX_DATA_DIR": str(place / "var"),
        **{f"SMARTPBX_{k.upper()}": str(v) for k, v in settings.items()},
    }
    command = [sys.executable, "-m", "pbx", *words]
    return subprocess.run(command, cwd=HOUSE, env=environment, capture_output=True, text=True, timeout=60, check=False)


def nobody_there() -> dict[str, object]:
    """Accounts of an Asterisk that does not answer yet, which is no reason not to start."""
    return {"ami_events_secret": "x", "ami_commands_secret": "x", "ami_port": free_ports(1)[0]}


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """What was said, after making sure that it was said as it should be."""
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert done.stderr.startswith("✗ ") and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("✗") == 1 and "\n  " in done.stderr, "Vietnamese first, English below"
    return done.stderr


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (("next: ngôn ngữ", "next: đi đâu"), "«đi đâu»"),
        (("prompts: [welcome,", "prompts: [xin-chao,"), "xin-chao"),
        (("queue: dat-dai", "queue: khong-co"), "«khong-co»"),
        (("kind: language", "kind: langage"), "langage"),
        (("    keys: {\"1\": vi", "   keys: {\"1\": vi"), "line"),
        (("kind: language", "kind: [language"), "line"),
        (("    wait_s: 4", "    wait_seconds: 4"), "wait_seconds"),
        (('"9": nghe lại', '"A": nghe lại'), "«A»"),
    ],
)  # fmt: skip
def test_a_menu_that_cannot_be_used(tmp_path: Path, change: tuple[str, str], names: str) -> None:
    broken = tmp_path / "menu.yaml"
    assert change[0] in MENU
    broken.write_text(MENU.replace(*change), "utf-8")
    assert names in complaint(smartpbx(tmp_path, "menu", "check", str(broken)))


def test_a_menu_saved_half_way(tmp_path: Path) -> None:
    for cut in range(100, len(MENU), 211):
        (tmp_path / "menu.yaml").write_text(MENU[:cut], "utf-8")
    complaint(smartpbx(tmp_path, "menu", "check", str(tmp_path / "menu.yaml")))
    complaint(smartpbx(tmp_path, "menu", "check", str(tmp_path / "nowhere.yaml")))


def test_a_capture_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.ami").write_bytes(b"\x00\x01\x02 not a capture")
    assert "x.ami" in complaint(smartpbx(tmp_path, "replay", str(tmp_path / "x.ami")))
    assert "none.ami" in complaint(smartpbx(tmp_path, "replay", str(tmp_path / "none.ami")))


def test_speech_without_a_model_or_without_sound(tmp_path: Path) -> None:
    sound = HOUSE / "ivr" / "prompts" / "vi" / "smartpbx" / "goodbye.wav"
    assert "SMARTPBX_SPEECH_MODEL" in complaint(
        smartpbx(tmp_path, "transcribe", str(sound), speech_model=tmp_path / "none")
    )
    assert "am/final.mdl" in complaint(smartpbx(tmp_path, "transcribe", str(sound), speech_model=tmp_path))
    (tmp_path / "x.wav").write_bytes(b"RIFF....")
    assert "x.wav" in complaint(smartpbx(tmp_path, "transcribe", str(tmp_path / "x.wav")))


def test_a_wrong_setting(tmp_path: Path) -> None:
    assert "web_port" in complaint(smartpbx(tmp_path, "menu", "check", web_port="eighty"))


def test_a_service_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    assert "smartpbx asterisk provision" in complaint(smartpbx(tmp_path, "run", web_port=free_ports(1)[0]))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in complaint(smartpbx(tmp_path, "run", web_port=port, **nobody_there()))


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file is in the way")
    complaint(smartpbx(tmp_path, "run", web_port=free_ports(1)[0]))


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    with sqlite3.connect(tmp_path / "var" / "smartpbx.sqlite") as db:
        db.execute("CREATE TABLE alembic_version (version_num TEXT)")
        db.execute("INSERT INTO alembic_version VALUES ('9999')")
    db.close()
    assert "9999" in complaint(smartpbx(tmp_path, "run", web_port=free_ports(1)[0], **nobody_there()))


def test_wrong_ami_secrets(tmp_path: Path) -> None:
    nobody = nobody_there()
    assert str(nobody["ami_port"]) in complaint(smartpbx(tmp_path, "record", str(tmp_path / "out.ami"), **nobody))
    assert not (tmp_path / "out.ami").exists()


def test_replay_prints_calls_and_figures(tmp_path: Path) -> None:
    files = [str(STREAMS / f"{name}.ami") for name in ("normal", "abandoned", "queue-timeout")]
    shown = json.loads(smartpbx(tmp_path, "replay", *files, "--json").stdout)
    assert [call["outcome"] for call in shown["calls"]] == ["answered", "abandoned", "timeout"]
    assert (shown["queues"]["sales"]["offered"], shown["queues"]["sales"]["service_level"]) == (3, 33.3)
    table = smartpbx(tmp_path, "replay", *files).stdout
    assert "answered" in table and "service level 33.3 %" in table
    assert not (tmp_path / "var").exists(), "a replay writes nothing"


def test_transcribe_prints_words_with_times(tmp_path: Path) -> None:
    sound = HOUSE / "ivr" / "prompts" / "vi" / "smartpbx" / "office-hours.wav"
    shown = json.loads(smartpbx(tmp_path, "transcribe", str(sound), "--json").stdout)
    assert "làm việc từ thứ hai đến thứ sáu" in shown["text"]
    assert {"word", "start", "end", "conf", "channel"} == set(shown["words"][0]) and shown["words"][0][
        "channel"
    ] == "mono"


def test_menu_and_prompts(tmp_path: Path) -> None:
    assert "không có lỗi" in smartpbx(tmp_path, "menu", "check").stdout
    assert smartpbx(tmp_path, "menu", "draw").stdout.startswith("flowchart TD")
    assert "all prompts are well" in smartpbx(tmp_path, "prompts", "check").stdout
