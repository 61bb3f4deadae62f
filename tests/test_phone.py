"""The demo's telephone: its bytes against the standards' own examples, and two of them calling each other, losses included."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pbx.demo import digest, rtp, sdp, sip
from pbx.demo.call import CallEndedError, read_wav
from pbx.demo.phone import Phone
from pbx.demo.rtp import PCMA, PCMU, Samples
from pbx.demo.signalling import Signalling

INVITE = (
    b"INVITE sip:1022@127.0.0.1 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKone\r\nv: SIP/2.0/UDP 127.0.0.1:8\r\n"
    b'f: "A" <sip:0900000001@127.0.0.1;user=phone>;tag=abc\r\nt: <sip:1022@127.0.0.1>\r\ni: id-1\r\nCSeq: 7 INVITE\r\n\r\n'
)


def tone(seconds: float, hertz: float = 440.0) -> Samples:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 8000)) / 8000)).astype(np.int16)


def loudness(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


# --- bytes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_of_rfc_7616(algorithm: str, response: str) -> None:
    challenge = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    answer = digest.authorization(
        challenge, user="Mufasa", secret="Circle of Life", method="GET", uri="/dir/index.html", cnonce=cnonce
    )
    assert answer is not None
    assert digest.fields(answer)["response"] == response
    assert digest.fields(answer)["opaque"] == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def test_digest_without_quality_of_rfc_2069_and_with_an_unknown_algorithm() -> None:
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    who = {"user": "Mufasa", "secret": "CircleOfLife", "method": "GET", "uri": "/dir/index.html", "cnonce": "x"}
    answer = digest.authorization(challenge, **who)
    assert answer is not None
    assert digest.fields(answer)["response"] == "1949323746fe6a43ef61f9606e7febea"  # RFC 2069 with its errata
    assert digest.authorization(challenge + ", algorithm=SHA-512-256", **who) is None


def test_messages_are_read_in_short_form_and_answered_in_kind() -> None:
    invite = sip.parse(INVITE)
    assert invite is not None
    assert (invite.method, invite.code, invite.cseq, invite.branch) == ("INVITE", 0, 7, "z9hG4bKone")
    assert sip.user(invite.header("From")) == "0900000001"
    response = sip.parse(sip.response(invite, 486, tag="t1").encode())
    assert response is not None
    assert (response.code, response.method, len(response.all("Via"))) == (486, "INVITE", 2)
    assert sip.parameter(response.header("To"), "tag") == "t1"


@pytest.mark.parametrize(
    "noise", [b"", b"\r\n\r\n", b"\0\0", b"INVITE x SIP/2.0\r\n\r\n", INVITE.replace(b"7 INV", b"INV")]
)
def test_noise_is_no_message(noise: bytes) -> None:
    assert sip.parse(noise) is None


def test_no_value_breaks_out_of_its_line() -> None:
    with pytest.raises(ValueError, match="one line"):
        sip.request("INVITE", "sip:1022@127.0.0.1", [("From", "x\r\nTo: y")]).encode()


def test_the_cause_of_a_hang_up_is_read() -> None:
    bye = sip.request("BYE", "sip:a@b", [("Reason", 'Q.850;cause=16;text="Normal"')])
    assert bye.cause == 16


def test_what_is_described_is_understood() -> None:
    offer = sdp.understand(sdp.describe("127.0.0.1", 4000, codecs=(PCMU, PCMA), direction="sendonly"))
    assert offer == sdp.Agreed("127.0.0.1", 4000, PCMU, 101, "sendonly")
    assert sdp.understand("c=IN IP4 127.0.0.1\r\nm=audio 1 RTP/AVP 9\r\n") is None


@pytest.mark.parametrize("codec", [PCMA, PCMU])
def test_sound_survives_the_codec(codec: int) -> None:
    sound = tone(0.5)
    frames = rtp.encode(sound, codec)
    heard = np.concatenate([rtp.decode(frame, codec) for frame in frames])
    assert loudness(heard - sound) < loudness(sound) / 50
    assert rtp.is_loud(frames[3], codec)
    assert not rtp.is_loud(rtp.SILENCE[codec], codec)
    assert set(rtp.SILENCE[codec]) == {0xD5 if codec == PCMA else 0xFF}


def test_packets_survive_the_wire() -> None:
    packet = rtp.Packet(8, True, 65535, 2**32 - 1, 42, b"x" * 160)
    assert rtp.parse(packet.encode()) == packet
    assert rtp.parse(b"\x80\xc8" + b"\0" * 8) is None


def test_a_digit_is_what_rfc_4733_wants() -> None:
    payloads = rtp.press("#")
    assert [p[0] for p in payloads] == [11] * 8
    assert [bool(p[1] & 0x80) for p in payloads] == [False] * 5 + [True] * 3
    assert [int.from_bytes(p[2:]) for p in payloads] == [160, 320, 480, 640, 800, 960, 960, 960]
    with pytest.raises(ValueError):
        rtp.press("x")


# --- two phones ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def called() -> AsyncIterator[Phone]:
    async with Phone(("127.0.0.1", 9), "101") as phone:
        yield phone


@pytest.fixture
async def caller(called: Phone) -> AsyncIterator[Phone]:
    async with Phone(called.address, "0900000001", name="Công dân") as phone:
        yield phone


async def test_a_call_with_sound_digits_and_a_hold(caller: Phone, called: Phone) -> None:
    ours = await caller.call("101")
    theirs = await called.next_call()
    assert theirs.number == "0900000001"
    theirs.ring()
    theirs.answer()
    await ours.answered(2)
    listening = asyncio.create_task(theirs.hear_out(quiet=0.2, timeout=5))
    await ours.say(tone(0.4))
    await listening
    await ours.send_digits("15#")
    await ours.say(tone(0.2))
    assert theirs.keys_heard == "15#"
    began, heard = theirs.heard
    loud = np.flatnonzero(np.abs(heard) > rtp.LOUD)
    assert began > 0
    assert 0.35 < np.ptp(loud[loud < loud[0] + 6000]) / 8000 < 0.45
    assert await ours.hold()
    assert await ours.unhold()
    await theirs.hangup()
    assert (await ours.ended).by == "them"
    with pytest.raises(CallEndedError):
        await ours.say(tone(0.1))
    assert not caller.calls and not called.calls


async def test_packets_leave_on_time(caller: Phone, called: Phone) -> None:
    ours = await caller.call("101")
    theirs = await called.next_call()
    theirs.answer()
    await ours.answered(2)
    loop = asyncio.get_running_loop()
    began, (_, before) = loop.time(), ours.packets
    await ours.stay(1.0)
    _, after = ours.packets
    assert after - before == pytest.approx((loop.time() - began) * 50, abs=2)


async def test_refused_cancelled_and_busy(caller: Phone, called: Phone) -> None:
    refused = await caller.call("101")
    (await called.next_call()).reject(486)
    assert (await refused.ended).code == 486
    given_up = await caller.call("101")
    theirs = await called.next_call()
    theirs.ring()
    await given_up.hangup()
    assert (await theirs.ended).code == 487
    assert (await given_up.ended).by == "us"
    theirs.answer()
    assert not theirs.is_answered
    kept = await caller.call("101")
    (await called.next_call()).answer()
    await kept.answered(2)
    second = await caller.call("101")
    assert (await second.ended).code == 486


async def test_every_first_datagram_is_lost(monkeypatch: pytest.MonkeyPatch, caller: Phone, called: Phone) -> None:
    """Each message is dropped the first time it is sent, in both directions; the call still works."""
    seen: set[bytes] = set()
    send = Signalling._send

    def lossy(self: Signalling, data: bytes, to: Any) -> None:
        if data in seen:
            send(self, data, to)
        seen.add(data)

    monkeypatch.setattr(Signalling, "_send", lossy)
    ours = await caller.call("101")
    theirs = await asyncio.wait_for(called.next_call(), 5)
    theirs.answer()
    await ours.answered(10)
    await theirs.hangup()
    assert (await asyncio.wait_for(ours.ended, 5)).by == "them"


def test_only_telephone_sound_is_read(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 160)
    with pytest.raises(ValueError, match="8 kHz"):
        read_wav(tmp_path / "x.wav")
