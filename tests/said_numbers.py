"""Numbers as people read them out on the telephone, and what sounds like it and is none: made at random, from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from recordings.words import Word

ONES = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FILLERS = ("ờ", "à", "dạ", "rồi", "vâng", "là", "ừm", "tiếp là", "dạ rồi", "ờ là")
OPENINGS = {
    "id": (
        "số căn cước của tôi là",
        "căn cước công dân số",
        "chứng minh nhân dân cũ là",
        "em đọc số định danh nhé",
        "cccd",
        "",
    ),
    "phone": ("số điện thoại của tôi là", "anh gọi lại số", "số máy của cháu là", "liên hệ giúp em qua số", "zalo", ""),
    "account": ("số tài khoản là", "chuyển vào tài khoản", "tài khoản agribank", "stk", ""),
}
CLOSINGS = (
    "ạ",
    "nhé",
    "cảm ơn cán bộ",
    "anh ghi giúp em",
    "đúng không ạ",
    "",
    "tôi ở huyện lục ngạn",
    "để tôi kiểm tra lại",
)
LENGTHS = {"id": (12, 12, 12, 9), "phone": (10, 10, 11), "account": (9, 10, 12, 13, 14, 15)}


@dataclass
class Said:
    """An utterance; `secret` are the indexes of the words that say the number."""

    words: list[str]
    secret: set[int]
    kind: str = ""

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def timed(self, at_random: random.Random) -> list[Word]:
        """As a recogniser gives them: a third of a second a word, sometimes a longer pause."""
        at, made = 0.0, []
        for word in self.words:
            made.append(Word(word, at, at + 0.25, 0.9, "caller"))
            at += 0.35 + (at_random.random() < 0.1) * at_random.uniform(0.5, 4.0)
        return made


def two_digits(tens: int, ones: int, at_random: random.Random) -> list[str]:
    """`24` as «hai mươi tư», «hai mươi bốn» or «hai tư»."""
    if tens == 0:
        return ["không", ONES[ones]]
    if tens == 1:
        return ["mười", *([] if ones == 0 else ["lăm" if ones == 5 else ONES[ones]])]
    last = {1: ("mốt", "một"), 4: ("tư", "bốn"), 5: ("lăm", "nhăm")}.get(ones, (ONES[ones],))
    middle = ["mươi"] if at_random.random() < 0.5 else []
    if ones == 0:
        return [ONES[tens], *(middle or ["không"])]
    return [ONES[tens], *middle, at_random.choice(last)]


def three_digits(digits: str, at_random: random.Random) -> list[str]:
    hundreds, tens, ones = map(int, digits)
    if hundreds == 0:
        return ["không", *two_digits(tens, ones, at_random)]
    if tens == 0:
        return [ONES[hundreds], "trăm", *([at_random.choice(("linh", "lẻ")), ONES[ones]] if ones else [])]
    return [ONES[hundreds], "trăm", *two_digits(tens, ones, at_random)]


def read_out(digits: str, at_random: random.Random) -> list[str]:
    """One of the ways in which people say it."""
    way = at_random.randrange(7)
    if way == 0:
        return [digits]
    if way == 1:
        return (
            [digits[i : i + 3] for i in range(0, len(digits), 3)]
            if len(digits) % 3 == 0
            else [".".join((digits[:4], digits[4:7], digits[7:]))]
        )
    if way == 2:
        return [ENGLISH[int(d)] if d != "0" else at_random.choice(("zero", "oh")) for d in digits]
    said: list[str] = []
    at = 0
    while at < len(digits):
        size = at_random.choice((1, 1, 1, 2) if way < 5 else (2, 2, 3))
        chunk = digits[at : at + size]
        if len(chunk) == 3:
            said += three_digits(chunk, at_random)
        elif len(chunk) == 2:
            said += two_digits(int(chunk[0]), int(chunk[1]), at_random)
        else:
            said.append(chunk if way == 6 and at_random.random() < 0.4 else ONES[int(chunk)])
        at += len(chunk)
    return said


def number(at_random: random.Random) -> Said:
    """Somebody tells a number that must not be kept."""
    kind = at_random.choice(tuple(OPENINGS))
    length = at_random.choice(LENGTHS[kind])
    first = "0" if kind != "account" else str(at_random.randrange(1, 10))
    digits = first + "".join(str(at_random.randrange(10)) for _ in range(length - 1))
    words = at_random.choice(OPENINGS[kind]).split()
    secret: set[int] = set()
    said = read_out(digits, at_random)
    for place, word in enumerate(said):
        if place and at_random.random() < 0.15:
            words += at_random.choice(FILLERS).split()
        secret.add(len(words))
        words.append(word)
    return Said([*words, *at_random.choice(CLOSINGS).split()], secret, kind)


_HARMLESS = (
    "lệ phí là {money} đồng ạ", "tổng cộng hết {money} đồng", "anh cần {n} bản sao có chứng thực",
    "nộp {n} bộ hồ sơ và {n} ảnh ba nhân bốn",
    "hẹn ngày {day} tháng {month} năm hai nghìn không trăm hai mươi sáu", "tôi sinh ngày {day} tháng {month} năm một chín {yy}",
    "cháu năm nay {n} tuổi", "mở cửa từ bảy giờ ba mươi đến mười một giờ rưỡi",
    "nghị định một trăm hai mươi ba năm hai nghìn không trăm hai mươi mốt",
    "gọi số một không hai hai", "gọi một một ba nhé", "nhà số {n} ngõ {n} đường hùng vương", "thửa đất {n} tờ bản đồ số {n}",
    "diện tích {n} mét vuông giá {money}", "bấm phím {n} rồi phím {n}", "mã hồ sơ là {dossier}", "hồ sơ số {dossier} đến đâu rồi ạ",
    "giấy phép xây dựng {n} tầng", "tôi chờ {n} phút rồi không thấy ai nghe máy", "không tôi không biết ba tôi làm năm ngoái",
    "khoản {n} điều {n} luật đất đai", "xe {n} chỗ thuế {n} phần trăm", "kỳ hạn {n} tháng từ ngày {day} tháng {month}",
)  # fmt: skip


def harmless(at_random: random.Random) -> Said:
    """Somebody says figures that are nobody's number."""

    def small() -> str:
        return " ".join(two_digits(*divmod(at_random.randrange(1, 100), 10), at_random)).removeprefix("không ")

    def money() -> str:
        thousands = " ".join(three_digits(f"{at_random.randrange(1, 1000):03}", at_random)).removeprefix("không ")
        million = f"{ONES[at_random.randrange(1, 10)]} triệu " if at_random.random() < 0.4 else ""
        return f"{million}{thousands} nghìn"

    def dossier() -> str:
        day = f"{at_random.randrange(24, 28)}{at_random.randrange(1, 13):02}{at_random.randrange(1, 29):02}"
        digits = day + f"{at_random.randrange(10_000):04}"
        return digits if at_random.random() < 0.3 else " ".join(ONES[int(d)] for d in digits)

    text = at_random.choice(_HARMLESS)
    while "{" in text:
        for name, make in (
            ("money", money),
            ("n", small),
            ("day", small),
            ("month", small),
            ("yy", small),
            ("dossier", dossier),
        ):
            text = text.replace("{" + name + "}", make(), 1)
    return Said(text.split(), set())


def numbers(count: int, seed: int = 1022) -> Iterator[Said]:
    """Different ones."""
    at_random, seen = random.Random(seed), set[str]()
    while len(seen) < count:
        said = number(at_random)
        if said.text not in seen:
            seen.add(said.text)
            yield said
