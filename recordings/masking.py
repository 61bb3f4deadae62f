"""Personal numbers in what was said: identity cards, telephones, accounts, found by how they are read out, and taken out. Pure.

A run is a number read out piece by piece: words for digits with fillers, hesitations and at most one foreign word between them, by one
speaker. What leads in («căn cước», «mã hồ sơ») decides where the length alone does not. When in doubt a long run is masked: a
price that is hidden annoys, an identity that is kept harms.
"""

from collections.abc import Iterator, Sequence

import msgspec

from recordings.number_words import TENS, Kind, look, plain
from recordings.words import Word, fold

MASK = "▮▮▮▮"
LONG = 8
"""So many digits are a personal number whatever leads in: nine, and one that was not recognised."""
LED = 4
"""So many are, when the words before say whose number it is: the last four of a card open a dossier."""
GAP_S = 6.0
LEAD = 8
"""How many words before a run may say what it is."""
PIECE = 2
"""So many digits on both sides of a word that was not recognised are one number."""
FILLED = 4
"""So many fillers may follow each other."""
NEAR = 12
"""A piece of three digits so near to a masked one is part of it."""

_STOP = frozenset((
    "ngày", "tháng", "giờ", "phút", "tuổi", "đồng", "phần", "bản", "bộ", "người", "mét", "cây", "khoản", "điều", "điểm", "mục",
    "quý", "tuần", "thứ", "khu", "phố", "đường", "ngõ", "tổ", "thôn", "xã", "phường", "lần", "lượt", "trang", "tờ", "thửa", "con",
    "cái", "căn", "tầng", "phòng", "bàn", "quầy", "số", "cccd", "cmnd", "cmt", "stk", "sđt", MASK,
))  # fmt: skip
"""What follows such a word, or stands before it, is another number."""
_PERSONAL = (
    ("id", ("can cuoc", "cccd", "chung minh", "cmnd", "dinh danh", "cmt", "identity", "id number")),
    ("phone", ("dien thoai", "so may", "di dong", "so phone", "zalo", "sdt", "phone", "mobile", "goi lai so")),
    (
        "account",
        ("tai khoan", "so the", "the ngan hang", "so bao hiem", "ma so bao hiem", "ma so thue", "account", "stk"),
    ),
)
_LAST = ("so cuoi", "last four", "last digits", "chu so cuoi")
_DOSSIER = ("ho so", "bien nhan", "phieu hen", "ma hen", "dossier", "application number", "application code")


class Masked(msgspec.Struct, frozen=True):
    """A run of words that must not be kept: indexes of the first and the last, and what it is (id, phone, account, number)."""

    first: int
    last: int
    kind: str


class _Run(msgspec.Struct):
    """Indexes of the words that are part of a number, how many digits they stand for, and those that are told (`?`: not told)."""

    at: list[int]
    weight: int = 0
    digits: str = ""


def find(words: Sequence[Word]) -> tuple[Masked, ...]:
    """Runs in the words of one speaker, in order of time."""
    runs = [piece for run in _runs(words) for piece in _without_amounts(run, words)]
    found = {run.at[0]: Masked(run.at[0], run.at[-1], kind) for run in runs if (kind := _kind(run, words))}
    for run in runs:
        near = any(abs(run.at[0] - m.last) <= NEAR or abs(m.first - run.at[-1]) <= NEAR for m in found.values())
        if run.at[0] not in found and near and run.weight >= 3 and "?" not in run.digits and not _dossier(run, words):
            found[run.at[0]] = Masked(run.at[0], run.at[-1], "number")
    return tuple(found[at] for at in sorted(found))


def mask(words: Sequence[Word]) -> tuple[tuple[Word, ...], tuple[tuple[float, float, str], ...]]:
    """The words with one `MASK` in place of each run, and what to silence: start and end in seconds, and whose voice."""
    out: list[Word] = []
    for channel in dict.fromkeys(word.channel for word in words):
        out += _masked([word for word in words if word.channel == channel])
    out.sort(key=lambda word: (word.start, word.channel))
    return tuple(out), tuple((w.start, w.end, w.channel) for w in out if w.word == MASK)


def mask_text(text: str) -> str:
    """The same for what people typed; spaces stay as they are where nothing is masked."""
    parts = text.split(" ")
    found = find([Word(part, 0.0, 0.0, 1.0, "") for part in parts])
    for m in reversed(found):
        parts[m.first : m.last + 1] = [MASK]
    return " ".join(parts)


def _masked(mine: Sequence[Word]) -> Iterator[Word]:
    at = 0
    for m in find(mine):
        yield from mine[at : m.first]
        first, last = mine[m.first], mine[m.last]
        yield Word(MASK, first.start, max(first.end, last.end), 1.0, first.channel)
        at = m.last + 1
    yield from mine[at:]


# --- runs ---------------------------------------------------------------------------------------------------------


def _runs(words: Sequence[Word]) -> Iterator[_Run]:
    """Pieces; those on both sides of one foreign word are one run, when each is enough to be part of a number."""
    run: _Run | None = None
    for piece in _pieces(words):
        if run is not None and min(run.weight, piece.weight) >= PIECE and _one_word(words, run.at[-1], piece.at[0]):
            run = _run(words, [*run.at, *piece.at])
            continue
        if run is not None:
            yield run
        run = piece
    if run is not None:
        yield run


def _pieces(words: Sequence[Word]) -> Iterator[_Run]:
    """Digits and parts of numbers with nothing but fillers between, said without a long pause."""
    at: list[int] = []
    fillers = 0
    for index, word in enumerate(words):
        kind = look(word.word)[0]
        if at and (kind is Kind.OTHER or fillers > FILLED or _paused(words, index)):
            yield _run(words, at)
            at = []
        if kind in (Kind.DIGIT, Kind.PART, Kind.BIG):
            at.append(index)
            fillers = 0
        fillers += kind is Kind.FILLER
    if at:
        yield _run(words, at)


def _run(words: Sequence[Word], at: Sequence[int]) -> _Run:
    """A run of these words. «Chín mươi, mười» are four digits: tens that no digit follows end in a nought."""
    looks = [look(words[index].word) for index in at]
    round_tens = sum(
        plain(words[index].word) in TENS and (place + 1 == len(at) or looks[place + 1][0] is not Kind.DIGIT)
        for place, index in enumerate(at)
    )
    return _Run(list(at), sum(weight for _, weight, _ in looks) + round_tens, "".join(digits for _, _, digits in looks))


def _paused(words: Sequence[Word], index: int) -> bool:
    return words[index].start - words[index - 1].end > GAP_S


def _one_word(words: Sequence[Word], last: int, first: int) -> bool:
    """Whether one word that means nothing in a number is all that parts two pieces."""
    foreign = [plain(word.word) for word in words[last + 1 : first] if look(word.word)[0] is Kind.OTHER]
    together = not any(_paused(words, index) for index in range(last + 1, first + 1))
    return together and len(foreign) == 1 and foreign[0] not in _STOP


def _without_amounts(run: _Run, words: Sequence[Word]) -> Iterator[_Run]:
    """What is left of a run without its amounts and years: a big word takes up to three digits on both sides with it."""
    looks = [look(words[index].word) for index in run.at]
    taken: set[int] = set()
    for place, (kind, _, _) in enumerate(looks):
        if kind is Kind.BIG:
            taken |= {place, *_beside(looks, range(place - 1, -1, -1)), *_beside(looks, range(place + 1, len(looks)))}
    left: list[int] = []
    for place, index in enumerate(run.at):
        if place not in taken:
            left.append(index)
        elif left:
            yield _run(words, left)
            left = []
    if left:
        yield _run(words, left)


def _beside(looks: Sequence[tuple[Kind, int, str]], places: range) -> Iterator[int]:
    left = 3
    for place in places:
        kind, weight, _ = looks[place]
        if kind is Kind.BIG or weight > left:
            return
        left -= weight
        yield place


# --- what it is ---------------------------------------------------------------------------------------------------


def _kind(run: _Run, words: Sequence[Word]) -> str:
    """'' when it may be kept."""
    if run.weight < LED:
        return ""
    before = fold(" ".join(plain(word.word) for word in words[max(0, run.at[0] - LEAD) : run.at[0]]))
    led, where = max(((kind, before.rfind(sign)) for kind, signs in _PERSONAL for sign in signs), key=lambda s: s[1])
    if _dossier(run, words) and max((before.rfind(sign) for sign in _DOSSIER), default=-1) > where:
        return ""
    if where >= 0:
        return led
    if any(sign in before for sign in _LAST):
        return "number"
    return _by_length(run) if run.weight >= LONG else ""


def _by_length(run: _Run) -> str:
    return {9: "id", 12: "id", 10: "phone", 11: "phone"}.get(run.weight, "number")


def _dossier(run: _Run, words: Sequence[Word]) -> bool:
    """Whether it can be the code of a dossier: it ends in a day (yymmdd) and a number of four, and something before says so."""
    before = fold(" ".join(plain(word.word) for word in words[max(0, run.at[0] - LEAD) : run.at[0]]))
    if not any(sign in before for sign in _DOSSIER):
        return False
    if run.weight < 8 or "?" in run.digits:
        return run.weight < 8
    day = run.digits[-10:-4]
    return len(day) == 6 and "15" <= day[:2] <= "39" and "01" <= day[2:4] <= "12" and "01" <= day[4:] <= "31"
