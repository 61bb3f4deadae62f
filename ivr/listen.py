"""Listens to a prompt by measuring: loudness, clipping, silence around and within, and whether its length fits its text.

Pure arithmetic on samples; every finding names the figure, what it should be and the cure, in two languages.
"""

import msgspec
import numpy as np

from ivr.wav import RATE, Samples

_FRAME = RATE // 50
QUIETEST_DB, LOUDEST_DB = -26.0, -14.0
"""Of speech: outside, a caller would reach for the volume between one sentence and the next."""
LONGEST_S = 30.0
LONGEST_EDGE_S = 0.6
LONGEST_GAP_S = 1.5
"""A caller takes a longer silence for a line that has gone dead."""
CLIPPED_SHARE = 0.001
FASTEST_S, SLOWEST_S = 0.14, 1.0
"""A word of speech: outside, the recording says more or less than its text."""
_ABRUPT_DB = -30.0
_WORDS_TO_JUDGE = 4

Fault = tuple[str, str]
"""What is wrong, with its cure: Vietnamese, English."""


class Heard(msgspec.Struct, frozen=True):
    """Measures of one prompt: seconds, and dB below full scale; `level_db` is of the speech alone, −inf when there is none."""

    seconds: float
    level_db: float
    clipped: float
    lead_s: float
    tail_s: float
    gap_s: float
    first_db: float
    last_db: float


def measure(samples: Samples) -> Heard:
    """Speech is what is within 30 dB of the loudest 20 ms and above −50 dBFS."""
    power = _power(samples)
    gate = max(power.max() / 1000, 1e-5)
    loud = np.flatnonzero(power > gate)
    ends = 40  # 5 ms
    if not len(loud):
        return Heard(len(samples) / RATE, -np.inf, 0.0, 0.0, 0.0, 0.0, -np.inf, -np.inf)
    return Heard(
        seconds=len(samples) / RATE,
        level_db=_db(float(power[loud].mean())),
        clipped=_clipped(samples),
        lead_s=int(loud[0]) * _FRAME / RATE,
        tail_s=(len(power) - 1 - int(loud[-1])) * _FRAME / RATE,
        gap_s=(int(np.diff(loud).max(initial=1)) - 1) * _FRAME / RATE,
        first_db=_db(float(np.mean(samples[:ends] ** 2))),
        last_db=_db(float(np.mean(samples[-ends:] ** 2))),
    )


def _power(samples: Samples) -> Samples:
    count = -(-len(samples) // _FRAME)
    frames = np.zeros(count * _FRAME)
    frames[: len(samples)] = samples
    power: Samples = np.mean(frames.reshape(count, _FRAME) ** 2, axis=1)
    return power


def _db(power: float) -> float:
    return 10 * float(np.log10(power)) if power > 0 else -np.inf


def _clipped(samples: Samples) -> float:
    """Share of samples at the ceiling that have a neighbour there too: one alone is a peak, two are a flat top."""
    at_ceiling = np.abs(samples) > 0.998
    return float(np.mean(at_ceiling[1:] & at_ceiling[:-1])) if len(samples) > 1 else 0.0


def faults(heard: Heard, text: str) -> list[Fault]:
    """What a caller would hear as wrong; a prompt without text is a pause and may be silent."""
    if heard.seconds > LONGEST_S:
        return [(
            f"dài {heard.seconds:.0f} giây, tối đa {LONGEST_S:.0f}. Hãy rút gọn câu",
            f"lasts {heard.seconds:.0f} s, at most {LONGEST_S:.0f}. Shorten the sentence",
        )]  # fmt: skip
    if not text:
        return []
    if heard.level_db == -np.inf:
        return [("không có tiếng nói. Hãy thu lại", "has no voice. Record it again")]
    return [*_loudness(heard), *_silences(heard), *_length(heard, text)]


def _loudness(heard: Heard) -> list[Fault]:
    found = []
    want = f"{QUIETEST_DB:.0f} … {LOUDEST_DB:.0f} dBFS"
    if heard.clipped > CLIPPED_SHARE:
        found.append((
            f"vỡ tiếng ở {100 * heard.clipped:.1f} % thời gian. Hãy thu lại, nói xa micro hơn",
            f"is clipped for {100 * heard.clipped:.1f} % of its time. Record it again, further from the microphone",
        ))  # fmt: skip
    elif heard.level_db > LOUDEST_DB:
        found.append((
            f"quá to: {heard.level_db:.0f} dBFS, cần {want}. Hãy giảm âm lượng",
            f"is too loud: {heard.level_db:.0f} dBFS, should be {want}. Lower its volume",
        ))  # fmt: skip
    if heard.level_db < QUIETEST_DB:
        found.append((
            f"quá nhỏ: {heard.level_db:.0f} dBFS, cần {want}. Hãy tăng âm lượng",
            f"is too quiet: {heard.level_db:.0f} dBFS, should be {want}. Raise its volume",
        ))  # fmt: skip
    return found


def _silences(heard: Heard) -> list[Fault]:
    found = []
    for seconds, first_db, vi, en in (
        (heard.lead_s, heard.first_db, "đầu", "start"), (heard.tail_s, heard.last_db, "cuối", "end"),
    ):  # fmt: skip
        if seconds > LONGEST_EDGE_S:
            found.append((
                f"lặng {seconds:.1f} giây ở {vi} câu, tối đa {LONGEST_EDGE_S} giây. Hãy cắt bớt",
                f"is silent for {seconds:.1f} s at its {en}, at most {LONGEST_EDGE_S} s. Cut it shorter",
            ))  # fmt: skip
        elif first_db > _ABRUPT_DB:
            found.append((
                f"bị cắt sát tiếng ở {vi} câu. Hãy để lại khoảng 0,1 giây lặng",
                f"is cut into the voice at its {en}. Leave about 0.1 s of silence",
            ))  # fmt: skip
    if heard.gap_s > LONGEST_GAP_S:
        found.append((
            f"lặng {heard.gap_s:.1f} giây ở giữa câu, tối đa {LONGEST_GAP_S} giây. Hãy cắt bớt",
            f"is silent for {heard.gap_s:.1f} s in the middle, at most {LONGEST_GAP_S} s. Cut it shorter",
        ))  # fmt: skip
    return found


def _length(heard: Heard, text: str) -> list[Fault]:
    words = len(text.split())
    a_word = (heard.seconds - heard.lead_s - heard.tail_s - heard.gap_s) / words
    if words < _WORDS_TO_JUDGE or FASTEST_S <= a_word <= SLOWEST_S:
        return []
    return [(
        f"dài {heard.seconds:.1f} giây cho {words} chữ, không khớp lời. Hãy nghe lại: «{text}»",
        f"lasts {heard.seconds:.1f} s for {words} words, which does not fit. Listen again: «{text}»",
    )]  # fmt: skip
