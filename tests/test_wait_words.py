"""What a caller is told about the wait, as it is heard in both languages."""

import pytest

from ivr.load import PROMPTS
from ivr.voice import sentences, text_of
from pbx.wait import Told, Why
from pbx.wait_words import sounds

TEXTS = sentences(PROMPTS)


@pytest.mark.parametrize(
    ("ahead", "serving", "low", "high", "vi", "en"),
    [
        (
            3, 4, 120, 300,
            "Trước quý vị còn ba người. Hiện có bốn cán bộ đang tiếp dân. Thời gian chờ khoảng hai đến năm phút.",
            "Ahead of you there are three people. There are now four officers answering calls. The wait is about two to five minutes.",
        ),
        (
            1, 1, 0, 60,
            "Trước quý vị còn một người. Hiện có một cán bộ đang tiếp dân. Thời gian chờ dưới một phút.",
            "There is one person ahead of you. One officer is answering calls now. The wait is less than one minute.",
        ),
        (0, 0, 60, 60, "Quý vị là người tiếp theo. Thời gian chờ khoảng một phút.", "You are next in line. The wait is about one minute."),
        (
            21, 2, 0, 1500,
            "Trước quý vị còn hai mươi mốt người. Hiện có hai cán bộ đang tiếp dân. Thời gian chờ dưới hai mươi lăm phút.",
            "Ahead of you there are twenty one people. There are now two officers answering calls. "
            "The wait is less than twenty five minutes.",
        ),
    ],
)  # fmt: skip
def test_the_told_wait_in_words(ahead: int, serving: int, low: int, high: int, vi: str, en: str) -> None:
    told = Told(0, "q", ahead, serving, low, high)
    assert (text_of(sounds(told, "vi"), TEXTS["vi"]), text_of(sounds(told, "en"), TEXTS["en"])) == (vi, en)


@pytest.mark.parametrize(
    ("why", "vi"),
    [
        (Why.THIN, "Hiện chưa thể ước lượng thời gian chờ."),
        (Why.NOBODY, "Hiện chưa thể ước lượng thời gian chờ."),
        (Why.MUTED, "Hiện chưa thể ước lượng thời gian chờ."),
        (Why.OVERDUE, "Xin lỗi quý vị, thời gian chờ lâu hơn dự kiến."),
    ],
)
def test_when_nothing_can_be_told_that_is_said(why: Why, vi: str) -> None:
    told = Told(0, "q", 0, 0, None, None, why)
    assert text_of(sounds(told, "vi"), TEXTS["vi"]) == f"Quý vị là người tiếp theo. {vi}"


def test_whatever_is_told_has_its_sounds() -> None:
    for language in ("vi", "en"):
        for ahead in range(41):
            for serving in (0, 1, 2, 30):
                for low, high in ((None, None), (0, 60), (60, 60), (60, 120), (1200, 2700)):
                    heard = sounds(Told(0, "q", ahead, serving, low, high), language)
                    assert heard and all((PROMPTS / language / f"{sound}.wav").exists() for sound in heard)
