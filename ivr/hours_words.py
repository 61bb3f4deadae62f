"""Opening hours in words: as sounds for who calls when the line is closed, and as text for people at a screen. Pure."""

import datetime
from collections.abc import Mapping

from ivr import say_moments as say
from ivr.hours import ZONE, Calendar, Opening, Why

REASONS = {
    Why.HOLIDAY: "closed-holiday", Why.LUNCH: "closed-lunch", Why.FORCED: "closed-now", Why.EXCEPTION: "closed-now",
    Why.NIGHT: "closed-hours", Why.WEEKEND: "closed-hours",
}  # fmt: skip
TITLES = {
    Why.HOLIDAY: "nghỉ lễ", Why.LUNCH: "nghỉ trưa", Why.FORCED: "theo lệnh của trực ban", Why.EXCEPTION: "lịch riêng của trung tâm",
    Why.NIGHT: "ngoài giờ làm việc", Why.WEEKEND: "ngày nghỉ cuối tuần",
}  # fmt: skip


def words(opening: Opening, now: int, language: str) -> tuple[str, ...]:
    """Sounds: an announcement if there is one, why it is closed, and the next opening, by day and time."""
    first = (f"smartpbx/{opening.announcement}",) if opening.announcement else ()
    if opening.open:
        return first
    reason = f"smartpbx/{REASONS.get(Why(opening.why), 'closed-now')}"
    if opening.opens_at is None:
        return (*first, reason, "smartpbx/opens-unknown")
    return (*first, reason, "smartpbx/opens-next", *moment(opening.opens_at, now, language))


def moment(at: int, now: int, language: str) -> tuple[str, ...]:
    """«bảy giờ ba mươi sáng, hôm nay / ngày mai / thứ hai, ngày hai mươi tư tháng mười một»."""
    then, today = _local(at), _local(now).date()
    clock = say.clock(then.hour, then.minute, language)
    ahead = (then.date() - today).days
    if ahead in (0, 1):
        return (*clock, ("time/today", "time/tomorrow")[ahead])
    return (*clock, *say.weekday(then.date(), language), *say.date(then.date(), language))


def _local(at: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at / 1000, ZONE)


def describe(calendar: Calendar, at: int, queue: str, texts: Mapping[str, str]) -> str:
    """What `smartpbx hours at` prints: how it stands, why, until when, and what a caller would hear. `texts`: sound -> Vietnamese."""
    line = calendar.at(at)
    opening = calendar.at(at, queue) if queue and line.open else line
    why = ""
    if opening.why:
        why = f" ({opening.title or TITLES[Why(opening.why)]})"
    lines = [f"{_shown(at)}{f' · {queue}' if queue else ''}: {'MỞ' if opening.open else 'ĐÓNG'}{why}"]
    if opening.until is not None:
        lines.append(f"  đến {_shown(opening.until)}")
    if opening.opens_at is not None:
        lines.append(f"  mở lại {_shown(opening.opens_at)}")
    heard = " ".join(texts.get(sound, "") for sound in words(opening, at, "vi")).strip()
    if heard:
        lines.append(f"  Người gọi nghe: «{' '.join(heard.split())}»")
    lines += [f"  ⚠ {warning.vi}" for warning in calendar.warnings(at)]
    return "\n".join(lines)


def _shown(at: int) -> str:
    local = _local(at)
    day = ("thứ hai", "thứ ba", "thứ tư", "thứ năm", "thứ sáu", "thứ bảy", "chủ nhật")[local.weekday()]
    return f"{local:%H:%M} {day} {local:%d/%m/%Y}"
