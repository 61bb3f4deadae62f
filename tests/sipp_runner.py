"""SIPp as the independent witness: it calls, presses keys, speaks, and counts for itself what became of each call."""

import asyncio
import csv
import os
import shutil
import string
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from pbx.asterisk.provision import installed
from pbx.demo.call import read_wav
from pbx.demo.conversations import conversations
from pbx.demo.media import Media
from pbx.demo.rtp import PCMA, RATE
from pbx.demo.sdp import EVENT, Agreed
from pbx.settings import Settings
from tests.sipp import make_pcap

SCENARIO = Path(__file__).parent / "sipp" / "caller.xml"
BEFORE_SPEECH_MS = 500
STEP = '<pause milliseconds="{wait}"/><nop><action><exec play_pcap_audio="{file}"/></action></nop>'


class Citizen(msgspec.Struct, frozen=True):
    """What one SIPp does: `keys` are (ms since the last thing, key); then speech, if any, after `before_speech_ms`, and keys `after`
    it, the first (ms since the speech began); then `stay_s` on the line."""

    number: str
    keys: tuple[tuple[int, str], ...] = ()
    stay_s: float = 30.0
    speech: Path | None = None
    before_speech_ms: int = BEFORE_SPEECH_MS
    after: tuple[tuple[int, str], ...] = ()
    calls: int = 1
    calls_at_once: int = 1


class Counted(msgspec.Struct, frozen=True):
    """What SIPp counted. `setup_ms` is the mean from INVITE to 200."""

    created: int
    successful: int
    failed: int
    they_hung_up: int
    we_hung_up: int
    retransmissions: int
    setup_ms: float
    length_ms: float


class SippError(Exception):
    """SIPp could not run: its own words."""


def answered(number: str, *keys: tuple[int, str], stay_s: float = 60.0) -> Citizen:
    """Chooses, speaks, and stays until the agent hangs up or the time is over."""
    return Citizen(number, keys, stay_s, conversations()[0].turns[1].audio)


def abandons(number: str, *keys: tuple[int, str], after_s: float) -> Citizen:
    """Chooses and gives up in the queue."""
    return Citizen(number, keys, after_s)


def leaves_menu(number: str, after_s: float) -> Citizen:
    return Citizen(number, (), after_s)


def silent(number: str, stay_s: float = 90.0) -> Citizen:
    """Presses nothing."""
    return Citizen(number, (), stay_s)


def command(settings: Settings) -> list[str]:
    """The private tree's SIPp, or the system's.

    Raises:
        SippError: there is none.
    """
    found = installed(settings)
    if found and found.private and Path(found.root, "usr/bin/sipp").exists():
        return found.command("usr/bin/sipp")
    system = shutil.which("sipp")
    if system is None:
        raise SippError("SIPp is missing: install the package sip-tester")
    return [system]


async def run(settings: Settings, citizen: Citizen, place: Path, *, hotline: str = "1022") -> Counted:
    """Let it call and wait for the end. `place` is an empty directory for its files.

    Raises:
        SippError: SIPp broke off. A call that failed is counted, not raised.
    """
    place.mkdir(parents=True, exist_ok=True)
    # SIPp plays captures through a raw socket. Whoever is not root gets the sound from a socket of ours, and SIPp says where it is.
    voice = None if os.geteuid() == 0 else Voice(settings.bind_address, citizen)
    _write_scenario(citizen, place, voice)
    started = [*command(settings), *_arguments(settings, citizen, hotline)]
    process = await asyncio.create_subprocess_exec(
        *started,
        cwd=place,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await process.communicate()
    finally:
        if voice:
            voice.close()
        if process.returncode is None:
            process.kill()
            await process.wait()
    # 0: all succeeded, 1: some call failed; anything else is SIPp's own trouble.
    if process.returncode not in (0, 1):
        raise SippError(f"exit {process.returncode}: {errors.decode('utf-8', 'replace')[-500:]}")
    return counted(place / "counts.csv")


def _write_scenario(citizen: Citizen, place: Path, voice: "Voice | None") -> None:
    """The scenario and its sounds, side by side: SIPp looks for them there."""
    steps = [] if voice else _captures(citizen, place)
    text = string.Template(SCENARIO.read_text("utf-8")).substitute(
        steps="\n  ".join(steps),
        media_port=voice.port if voice else "[auto_media_port]",
        stay=round((citizen.stay_s + (voice.lasts_s if voice else 0)) * 1000),
    )
    (place / "caller.xml").write_text(text, "utf-8")


def _captures(citizen: Citizen, place: Path) -> list[str]:
    steps = [_key(place, n, *key) for n, key in enumerate(citizen.keys)]
    if citizen.speech:
        make_pcap.speech(place / "speech.pcap", read_wav(citizen.speech), len(citizen.keys))
        steps.append(STEP.format(wait=citizen.before_speech_ms, file="speech.pcap"))
    return steps + [_key(place, n, *key) for n, key in enumerate(citizen.after, len(steps))]


def _key(place: Path, n: int, wait: int, key: str) -> str:
    make_pcap.digits(place / f"key_{n}.pcap", key, n)
    return STEP.format(wait=wait, file=f"key_{n}.pcap")


class Voice:
    """Keys and speech from a socket of our own, sent to wherever the first sound comes from."""

    def __init__(self, ip: str, citizen: Citizen) -> None:
        self._media, self._citizen = Media(ip), citizen
        self._speech = read_wav(citizen.speech) if citizen.speech else np.zeros(0, np.int16)
        self._task = asyncio.create_task(self._follow())
        self.port = self._media.port
        keys = (*citizen.keys, *citizen.after)
        self.lasts_s = sum(wait / 1000 + 0.2 for wait, _ in keys) + len(self._speech) / RATE

    async def _follow(self) -> None:
        await self._media.sound()
        self._media.connect(Agreed(*self._media.source, PCMA, EVENT, "sendrecv"))
        await self._press(self._citizen.keys)
        await asyncio.sleep(self._citizen.before_speech_ms / 1000)
        await self._media.say(self._speech)
        await self._press(self._citizen.after)

    async def _press(self, keys: Sequence[tuple[int, str]]) -> None:
        for wait, key in keys:
            await asyncio.sleep(wait / 1000)
            await self._media.press(key)

    def close(self) -> None:
        self._task.cancel()
        self._media.close()


def _arguments(settings: Settings, citizen: Citizen, hotline: str) -> Sequence[str]:
    return [
        f"{settings.bind_address}:{settings.sip_port}", "-i", settings.bind_address, "-mi", settings.bind_address,
        "-sf", "caller.xml", "-s", hotline, "-key", "caller", citizen.number,
        "-m", str(citizen.calls), "-l", str(citizen.calls_at_once), "-r", str(citizen.calls_at_once),
        "-nostdin", "-timeout", "280", "-timeout_error",
        "-trace_stat", "-stf", "counts.csv", "-fd", "1", "-trace_err", "-error_file", "errors.log",
    ]  # fmt: skip


def counted(path: Path) -> Counted:
    """The last line of SIPp's statistics: cumulative counts."""
    with path.open(encoding="utf-8", newline="") as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    return Counted(
        created=int(last["TotalCallCreated"]),
        successful=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        they_hung_up=int(last["GenericCounter1(C)"]),
        we_hung_up=int(last["GenericCounter2(C)"]),
        retransmissions=int(last["Retransmissions(C)"]),
        setup_ms=_milliseconds(last["ResponseTimesetup(C)"]),
        length_ms=_milliseconds(last["CallLength(C)"]),
    )


def _milliseconds(clock: str) -> float:
    """SIPp's `hh:mm:ss:uuuuuu`."""
    hours, minutes, seconds, micros = clock.split(":")
    return (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1000 + int(micros) / 1000
