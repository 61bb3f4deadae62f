"""Personal numbers in what was said: found, and taken out. Pure. (minimal)"""

from collections.abc import Sequence

from recordings.words import Word

MASK = "▮▮▮▮"
_DIGITS = frozenset(
    ["không", "một", "mốt", "hai", "ba", "bốn", "tư", "năm", "lăm", "nhăm", "sáu", "bảy", "bẩy", "tám", "chín"]
)
LONG = 9


def mask(words: Sequence[Word]) -> tuple[tuple[Word, ...], tuple[tuple[float, float, str], ...]]:
    out: list[Word] = []
    run: dict[str, list[Word]] = {}

    def close(channel: str) -> None:
        got = run.pop(channel, [])
        if len(got) >= LONG:
            out.append(Word(MASK, got[0].start, got[-1].end, 1.0, channel))
        else:
            out.extend(got)

    for word in words:
        if word.word in _DIGITS:
            run.setdefault(word.channel, []).append(word)
        else:
            close(word.channel)
            out.append(word)
    for channel in list(run):
        close(channel)
    out.sort(key=lambda w: (w.start, w.channel))
    return tuple(out), tuple((w.start, w.end, w.channel) for w in out if w.word == MASK)
