"""The hours file -> rules. The only place that reads one; what is wrong is told with its line and the cure."""

import datetime
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import holidays
import yaml

from ivr.hours import ZONE, Calendar, Exceptional, Rules, Span
from ivr.problem import Problem

SHIPPED = Path(__file__).with_name("hours.yaml")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIELDS = frozenset(("week", "queues", "holidays", "swaps", "exceptions", "known", "always"))
YEARS_AHEAD = 3
_SPAN = re.compile(r"([0-2]?\d):([0-5]\d)\s*[-–]\s*([0-2]?\d):([0-5]\d)")


def load_hours(path: Path = SHIPPED, queues: Collection[str] = (), today: datetime.date | None = None) -> Calendar:
    """Read and check the file. `today` decides for which years the public holidays are laid out.

    Raises:
        Problem: it cannot be read, or something in it cannot be; names file, line and cure.
    """
    try:
        text = path.read_text("utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as e:
        reason = getattr(e, "strerror", None) or "not UTF-8"
        raise Problem(
            f"Không đọc được tệp giờ làm việc {path}: {reason}. Hãy kiểm tra đường dẫn và quyền đọc, hoặc đặt SMARTPBX_HOURS.",
            f"Cannot read the hours file {path}: {reason}. Check the path and its permissions, or set SMARTPBX_HOURS.",
        ) from e
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        vi, en = (
            "không đúng YAML, hãy sửa thụt dòng hoặc dấu ở đó",
            "not YAML: correct the indentation or the punctuation there",
        )
        _Reader(path.name, queues).fail(line, vi, en)
    day = today or datetime.datetime.now(ZONE).date()
    return Calendar(_Reader(path.name, queues).rules(node, day))


class _Reader:
    """Walks the nodes of the file, so that each fault can name its line."""

    def __init__(self, name: str, queues: Collection[str]) -> None:
        self._name = name
        self._queues = queues

    def fail(self, line: int, vi: str, en: str) -> NoReturn:
        raise Problem(f"{self._name}, dòng {line}: {vi}.", f"{self._name}, line {line}: {en}.")

    def rules(self, node: Any, today: datetime.date) -> Rules:
        fields = dict(self._fields(node, FIELDS))
        always = self._flag(fields.get("always"))
        week = self._week(fields.get("week"), ((),) * 7)
        if not always and not any(week):
            self.fail(
                _line(node),
                "chưa có giờ nào trong week, hãy thêm giờ hoặc đặt always: true",
                "week has no hours: add some, or set always: true",
            )
        swaps = list(self._swaps(fields.get("swaps")))
        public = self._public(fields.get("holidays"), today)
        off = {day: "Nghỉ hoán đổi" for day, _ in swaps}
        return Rules(
            week, dict(self._queue_weeks(fields.get("queues"), week)), {**public[0], **off},
            frozenset(public[1] | {day for _, day in swaps}), dict(self._exceptions(fields.get("exceptions"))),
            frozenset(self._years(fields.get("known"))), always,
        )  # fmt: skip

    # --- the week ---------------------------------------------------------------------------------------------

    def _week(self, node: Any, usual: tuple[tuple[Span, ...], ...]) -> tuple[tuple[Span, ...], ...]:
        days = dict(self._fields(node, frozenset(DAYS))) if node is not None else {}
        return tuple(self._spans(days[day]) if day in days else usual[n] for n, day in enumerate(DAYS))

    def _queue_weeks(self, node: Any, week: tuple[tuple[Span, ...], ...]) -> Iterator[tuple[str, Any]]:
        for name, days in self._fields(node, frozenset(self._queues) or None):
            yield name, self._week(days, week)

    def _spans(self, node: Any) -> tuple[Span, ...]:
        spans: list[Span] = []
        for item in self._list(node):
            spans.append(self._span(item))
            if len(spans) > 1 and spans[-1][0] < spans[-2][1]:
                self.fail(
                    _line(item),
                    f"khoảng «{item.value}» chồng lên hoặc đứng trước khoảng trước nó, hãy sửa giờ",
                    f"«{item.value}» overlaps the one before, or comes before it: correct the times",
                )
        return tuple(spans)

    def _span(self, item: Any) -> Span:
        found = _SPAN.fullmatch(str(item.value).strip()) if isinstance(item, yaml.ScalarNode) else None
        hours = [int(part) for part in found.groups()] if found else []
        start, end = (hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]) if hours else (0, 0)
        if not found or start >= 1440 or end > 1440:
            self.fail(
                _line(item),
                f"«{getattr(item, 'value', '')}» không phải một khoảng giờ, hãy viết như 07:30-11:30",
                f"«{getattr(item, 'value', '')}» is no span of time: write it like 07:30-11:30",
            )
        if start == end:
            self.fail(
                _line(item),
                f"«{item.value}» bắt đầu và kết thúc cùng lúc, hãy sửa giờ",
                f"«{item.value}» begins and ends at once: correct the times",
            )
        return start, end if end > start else end + 1440

    # --- single days ------------------------------------------------------------------------------------------

    def _public(self, node: Any, today: datetime.date) -> tuple[dict[datetime.date, str], set[datetime.date]]:
        kind = node.value if isinstance(node, yaml.ScalarNode) else "vietnam"
        if kind == "none":
            return {}, set()
        if kind != "vietnam":
            self.fail(
                _line(node),
                f"lịch nghỉ lễ «{kind}» chưa có, hãy chọn vietnam hoặc none",
                f"unknown holidays «{kind}»: choose vietnam or none",
            )
        found = holidays.country_holidays("VN", years=range(today.year - 1, today.year + YEARS_AHEAD), language="vi")
        days = dict(sorted(found.items()))
        saturdays = {
            day
            for year in range(today.year - 1, today.year + YEARS_AHEAD)
            for day in _weekends(year)
            if found.is_working_day(day)
        }
        return days, saturdays

    def _swaps(self, node: Any) -> Iterator[tuple[datetime.date, datetime.date]]:
        for item in self._list(node):
            fields = dict(self._fields(item, frozenset(("off", "work"))))
            if len(fields) != 2:
                self.fail(_line(item), "mỗi ngày hoán đổi cần off và work", "each swap needs off and work")
            yield self._date(fields["off"]), self._date(fields["work"])

    def _exceptions(self, node: Any) -> Iterator[tuple[datetime.date, Exceptional]]:
        seen: set[datetime.date] = set()
        for item in self._list(node):
            fields = dict(self._fields(item, frozenset(("day", "until", "hours", "title"))))
            if "day" not in fields:
                self.fail(_line(item), "ngày ngoại lệ cần day", "an exception needs day")
            first = self._date(fields["day"])
            last = self._date(fields["until"]) if "until" in fields else first
            if last < first or (last - first).days > 366:
                self.fail(
                    _line(item),
                    f"until {last} đứng trước day {first} hoặc quá xa, hãy sửa ngày",
                    f"until {last} comes before day {first}, or is too far: correct the date",
                )
            spans = self._spans(fields["hours"]) if "hours" in fields else ()
            for n in range((last - first).days + 1):
                day = first + datetime.timedelta(days=n)
                if day in seen:
                    self.fail(
                        _line(item),
                        f"ngày {day} đã có ngoại lệ khác, hãy gộp lại",
                        f"{day} has another exception already: join them",
                    )
                seen.add(day)
                yield day, Exceptional(spans, str(fields["title"].value) if "title" in fields else "")

    def _date(self, node: Any) -> datetime.date:
        try:
            return datetime.date.fromisoformat(str(node.value))
        except (ValueError, AttributeError):
            shown = getattr(node, "value", "")
            self.fail(
                _line(node),
                f"«{shown}» không phải một ngày có thật, hãy viết như 2026-12-31",
                f"«{shown}» is no date that exists: write it like 2026-12-31",
            )

    # --- pieces -----------------------------------------------------------------------------------------------

    def _years(self, node: Any) -> Iterator[int]:
        for item in self._list(node):
            if not str(item.value).isdecimal():
                self.fail(_line(item), f"«{item.value}» không phải một năm", f"«{item.value}» is no year")
            yield int(item.value)

    def _flag(self, node: Any) -> bool:
        if node is not None and node.value not in ("true", "false"):
            self.fail(_line(node), "always chỉ nhận true hoặc false", "always takes true or false")
        return node is not None and node.value == "true"

    def _list(self, node: Any) -> Iterable[Any]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.fail(_line(node), "ở đây cần một danh sách [ … ]", "a list [ … ] is needed here")
        items: list[Any] = node.value
        return items

    def _fields(self, node: Any, known: frozenset[str] | None) -> Iterator[tuple[str, Any]]:
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self.fail(_line(node), "ở đây cần các mục tên: giá trị", "fields name: value are needed here")
        seen: set[str] = set()
        for key, value in node.value:
            if (known is not None and key.value not in known) or key.value in seen:
                names = ", ".join(sorted(known or ()))
                self.fail(
                    _line(key),
                    f"mục «{key.value}» lạ hoặc viết hai lần, ở đây dùng được: {names}",
                    f"«{key.value}» is unknown or written twice; what can stand here: {names}",
                )
            seen.add(key.value)
            yield key.value, value


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1 if node is not None else 1


def _weekends(year: int) -> Iterator[datetime.date]:
    day = datetime.date(year, 1, 1)
    while day.year == year:
        if day.weekday() >= 5:
            yield day
        day += datetime.timedelta(days=1)
