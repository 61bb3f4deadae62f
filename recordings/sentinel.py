"""Listens to a finished recording for what is wrong with the line: one voice missing, clipping, long silence, lost packets. No words.

Each voice is looked at in frames of 20 ms. Who speaks is told by loudness against the quietest that the voice ever is, because lines hum
and offices murmur. Knows samples and seconds, not calls and phones.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from recordings.audio import SIDES, Audio

FRAME_S = 0.02
NOTHING = -65.0
"""dBFS below which nobody and nothing is there: G.711's idle pattern, or digital silence."""
SPEECH = -58.0
ABOVE_NOISE = 9.0
"""Speech is at least so loud, and so much louder than the line itself."""
WORST_FLOOR = -36.0
"""Whoever never pauses has no floor of their own."""
HANGOVER = 12
"""Frames after which a pause is one: words have gaps of a quarter of a second."""
FULL_SCALE = 32_000
DEAD_AIR_S = 20.0
ONE_WAY_S = 12.0
"""So long without anything from one voice, while the other speaks for `SPEAKS_S` of it."""
SPEAKS_S = 4.0
CLIPPED = 0.02
QUIET, LOUD = -42.0, -20.0
"""A good line brings speech at about −30 dBFS in the median."""
NOISY = -43.0
DROPOUTS_A_MINUTE = 6

Levels = np.ndarray[tuple[int], np.dtype[np.float32]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


class Side(msgspec.Struct, frozen=True):
    """One voice. `level` is the median loudness of its speech in dBFS, `noise` of the rest; None when there was none."""

    speech_s: float
    level: float | None
    noise: float | None
    clipped: float
    """Share of the speech that is at full scale for several samples in a row."""


class Finding(msgspec.Struct, frozen=True):
    """What is wrong: `one_way`, `clipping`, `dead_air`, `missing_leg`, `too_quiet`, `too_loud`, `noise` or `dropout`; whose voice
    ('' for both), and where."""

    kind: str
    side: str
    start_s: float
    end_s: float


class Listening(msgspec.Struct, frozen=True):
    """What was heard of a recording. `talk_ratio` is the caller's share of all speech."""

    seconds: float
    caller: Side
    agent: Side
    talk_ratio: float
    overlap_s: float
    silence_s: float
    findings: tuple[Finding, ...]


class _Voice:
    """All that is kept of a voice: a few bytes a frame."""

    def __init__(self, frames: Sequence[Levels], clipped: Sequence[Flags], zero: Sequence[Flags]) -> None:
        self.level: Levels = np.concatenate(frames) if frames else np.zeros(0, np.float32)
        self.clipped: Flags = np.concatenate(clipped) if clipped else np.zeros(0, bool)
        self.zero: Flags = np.concatenate(zero) if zero else np.zeros(0, bool)
        heard = self.level[self.level > NOTHING]
        self.floor = float(np.percentile(heard, 5)) if len(heard) else NOTHING
        limit = max(SPEECH, min(self.floor, WORST_FLOOR) + ABOVE_NOISE)
        self.speech: Flags = _bridged(self.level > limit)
        self.loud: Flags = self.level > limit


def listen(audio: Audio, quiet: Sequence[tuple[float, float]] = (), flaws: Sequence[str] = ()) -> Listening:
    """`quiet`: spans in seconds in which silence is right, or music is no speech. `flaws`: what was wrong with the files already.

    Raises:
        Problem: it is not audio.
    """
    voices = _heard(audio)
    caller = voices.get("caller") or voices.get("mono") or _Voice([], [], [])
    agent = voices.get("agent") or _Voice([], [], [])
    length = max(len(caller.level), len(agent.level))
    expected = _expected(length, quiet)
    spoken = {name: _padded(voice.speech, length) & expected for name, voice in (("caller", caller), ("agent", agent))}
    total = float(spoken["caller"].sum() + spoken["agent"].sum())
    return Listening(
        seconds=audio.seconds,
        caller=_side(caller),
        agent=_side(agent),
        talk_ratio=float(spoken["caller"].sum()) / total if total else 0.0,
        overlap_s=float((spoken["caller"] & spoken["agent"]).sum()) * FRAME_S,
        silence_s=float((~spoken["caller"] & ~spoken["agent"] & expected).sum()) * FRAME_S,
        findings=tuple(_findings({"caller": caller, "agent": agent}, spoken, expected, flaws)),
    )


def _heard(audio: Audio) -> dict[str, _Voice]:
    size = round(audio.rate * FRAME_S)
    parts: dict[str, tuple[list[Levels], list[Flags], list[Flags]]] = {name: ([], [], []) for name in audio.channels}
    for block in audio.blocks(30.0):
        for name, samples in block.items():
            count = len(samples) // size
            frames = samples[: count * size].reshape(count, size).astype(np.float32)
            power = np.sqrt(np.mean(frames**2, axis=1)) / 32768
            level, clipped, zero = parts[name]
            level.append((20 * np.log10(np.maximum(power, 1e-6))).astype(np.float32))
            at_limit = np.abs(frames) >= FULL_SCALE
            clipped.append(np.asarray((at_limit[:, :-2] & at_limit[:, 1:-1] & at_limit[:, 2:]).any(axis=1)))
            zero.append(np.asarray(~frames.any(axis=1)))
    return {name: _Voice(*found) for name, found in parts.items()}


def _expected(length: int, quiet: Sequence[tuple[float, float]]) -> Flags:
    """Frames in which somebody is expected to be heard."""
    expected = np.ones(length, bool)
    for start, end in quiet:
        expected[max(0, round(start / FRAME_S)) : max(0, round(end / FRAME_S))] = False
    return expected


def _side(voice: _Voice) -> Side:
    rest = voice.level[~voice.speech & (voice.level > NOTHING)]
    return Side(
        speech_s=float(voice.speech.sum()) * FRAME_S,
        level=float(np.median(voice.level[voice.loud])) if voice.loud.any() else None,
        noise=float(np.median(rest)) if len(rest) else None,
        clipped=float(voice.clipped.sum() / max(1, voice.loud.sum())),
    )


# --- what is wrong ------------------------------------------------------------------------------------------------


def _findings(
    voices: dict[str, _Voice], spoken: dict[str, Flags], expected: Flags, flaws: Sequence[str]
) -> Iterator[Finding]:
    length = len(expected)
    for side, other in zip(SIDES, reversed(SIDES), strict=True):
        if any(flaw.startswith(f"{side}:") for flaw in flaws):
            yield Finding("missing_leg", side, 0.0, length * FRAME_S)
            continue
        yield from _one_way(side, voices[side], spoken[other], expected)
        yield from _of_voice(side, voices[side], length)
    nobody = ~spoken["caller"] & ~spoken["agent"] & expected
    for start, end in _runs(nobody):
        if (end - start) * FRAME_S >= DEAD_AIR_S:
            yield Finding("dead_air", "", start * FRAME_S, end * FRAME_S)


def _one_way(side: str, voice: _Voice, other: Flags, expected: Flags) -> Iterator[Finding]:
    nothing = _padded(voice.level <= NOTHING, len(expected), missing=True) & expected
    for start, end in _runs(nothing):
        if (end - start) * FRAME_S >= ONE_WAY_S and other[start:end].sum() * FRAME_S >= SPEAKS_S:
            yield Finding("one_way", side, start * FRAME_S, end * FRAME_S)


def _of_voice(side: str, voice: _Voice, length: int) -> Iterator[Finding]:
    whole = (0.0, length * FRAME_S)
    heard = _side(voice)
    if heard.speech_s < SPEAKS_S or heard.level is None:
        return
    if heard.clipped > CLIPPED:
        yield Finding("clipping", side, *whole)
    if heard.level < QUIET:
        yield Finding("too_quiet", side, *whole)
    if heard.level > LOUD:
        yield Finding("too_loud", side, *whole)
    if heard.noise is not None and heard.noise > NOISY:
        yield Finding("noise", side, *whole)
    lost = [run for run in _runs(voice.zero) if run[1] - run[0] <= 15 and _amid(voice.loud, *run)]
    if len(lost) > DROPOUTS_A_MINUTE * max(1.0, heard.speech_s / 60):
        yield Finding("dropout", side, lost[0][0] * FRAME_S, lost[-1][1] * FRAME_S)


def _amid(loud: Flags, start: int, end: int) -> bool:
    """Whether speech stops dead at the one end and goes on at the other: nobody pauses in digital zeros."""
    return bool(loud[max(0, start - 2) : start].any() and loud[end : end + 2].any())


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """Start and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _bridged(loud: Flags) -> Flags:
    """With the short gaps between words and syllables filled."""
    filled = loud.copy()
    for start, end in _runs(~loud):
        if start > 0 and end < len(loud) and end - start <= HANGOVER:
            filled[start:end] = True
    return filled


def _padded(flags: Flags, length: int, *, missing: bool = False) -> Flags:
    return np.concatenate([flags, np.full(length - len(flags), missing)])
