"""How things are said: small pure forms, each by examples."""

from itertools import pairwise

import pytest

from dashboards.call_view import ribbon
from dashboards.trend import STEP_MS, Sample, Trend
from dashboards.views import Tongue, clean, date_time, level, masked, sort_key, span, threshold
from pbx.picture import AgentNow, AgentState
from tests.test_pages_in_browser import finished

VI, EN = Tongue("vi"), Tongue("en")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("0912345678", "0912•••678"), ("+84912345678", "+849•••678"), ("12345678", "12•••678"), ("101", "101"), ("1022", "1022"),
        ("", "Số ẩn"), ("invalid", "Số không hợp lệ"), ("9" * 300, "9999•••999"), ("0912\u202e345678", "0912•••678"),
    ],
)  # fmt: skip
def test_numbers_are_masked(number: str, shown: str) -> None:
    assert masked(number, VI) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Nguyễn Thị Ổn", "Nguyễn Thị Ổn"), ("Nguyê\u0303n", "Nguyễn"), ("\u202egnoul\u2066", "gnoul"), ("a\x00b\r\nc\x1b[31m", "abc[31m"),
        ("\u2028\u2029\ufeff\ud800", ""), ("e" + "\u0301" * 200, "é" + "\u0301" * 3), ("x" * 300, "x" * 119 + "…"), ("😀<b>", "😀<b>"),
    ],
)  # fmt: skip
def test_what_others_wrote_is_disarmed(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_names_stand_in_the_order_of_the_alphabet() -> None:
    names = ["Ánh", "Ẩn", "Bình", "Dung", "Đạt", "Hương", "Ổn", "Quyết", "Thắng", "Tuấn", "Vi", "Yến", "Zoë"]
    shuffled = names[::-1]
    assert sorted(shuffled, key=sort_key) == names


def test_durations_moments_and_figures() -> None:
    assert [span(ms) for ms in (-5, 999, 7_000, 192_500, 3_729_000)] == ["0:00", "0:00", "0:07", "3:12", "1:02:09"]
    assert date_time(1_795_400_000_000) == "23/11/2026 09:13:20"
    assert (VI.per_cent(81.25), EN.per_cent(81.0), VI.per_cent(None)) == ("81,2", "81.0", "–")
    assert (VI.count(1234567), EN.count(1234567)) == ("1.234.567", "1,234,567")
    assert [threshold(s * 1000) for s in (59, 60, 179, 180)] == ["ok", "warn", "warn", "over"]
    assert [level(value) for value in (None, 80.0, 79.9, 69.9)] == ["none", "ok", "warn", "over"]


def test_the_ribbon_is_the_whole_call_and_no_more() -> None:
    parts = ribbon(finished(), VI)
    assert [part["kind"] for part in parts] == ["menu", "wait", "ring", "talk"]
    assert [part["time"] for part in parts] == ["0:09", "0:01", "0:04", "0:30"]
    assert parts[0]["x"] == 0 and all(abs(a["x"] + a["share"] - b["x"]) < 0.02 for a, b in pairwise(parts))
    assert abs(parts[-1]["x"] + parts[-1]["share"] - 100) < 0.02
    odd = ribbon(finished(talk_ms=10_000_000), VI)
    assert sum(part["share"] for part in odd) <= 100.01


def test_every_state_has_an_icon_in_the_sprite() -> None:
    from pathlib import Path

    from dashboards.board_view import STATE_ICONS

    sprite = Path("dashboards/templates/_icons.html").read_text()
    assert set(STATE_ICONS) == {state.value for state in AgentState}
    assert all(f'id="i-{icon}"' in sprite for icon in STATE_ICONS.values())


def test_agents_are_sorted_by_given_name() -> None:
    from dashboards.board_view import _by_given_name

    agents = [
        AgentNow(name, name, AgentState.READY, 0, "", (), "", "")
        for name in ("Lục Thị Yến", "Vi Văn Thắng", "Đỗ Thị Ngọc Ánh", "")
    ]
    assert [a.name for a in sorted(agents, key=_by_given_name)] == [
        "",
        "Đỗ Thị Ngọc Ánh",
        "Vi Văn Thắng",
        "Lục Thị Yến",
    ]


def test_a_line_is_an_hour_long_and_has_gaps_where_nobody_looked() -> None:
    trend = Trend()
    assert trend.lines() == {}
    start = 1_795_400_000_000
    for n in range(400):
        if not 300 <= n < 310:
            trend.add(Sample(start + n * STEP_MS, n % 2, 60_000, None if n < 390 else 50.0, 1))
    lines = trend.lines()
    assert [len(line.strokes) for line in lines.values()] == [2, 2, 1, 2]
    first, *_, last = lines["waiting"].strokes[0].split() + lines["waiting"].strokes[1].split()
    assert first.startswith("0.0,") and last.startswith("600.0,")
    assert lines["longest"].strokes[1].count(" ") == 1, "a level stretch is two points"
    assert lines["longest"].limit == 6.5 and lines["ready"].limit is None
    trend.add(Sample(start, 0, 0, None, 0))
    assert trend.lines() == {}, "the clock was set back"
