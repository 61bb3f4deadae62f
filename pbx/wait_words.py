"""What a caller hears about the wait: how many are ahead, who serves, and how long it takes, or that nobody can tell. Pure."""

from ivr import say
from pbx.wait import Told, Why

KEYS = "smartpbx/wait-keys"
COMFORT = "smartpbx/wait-comfort"
SHORTLY = ("smartpbx/please-wait",)


def sounds(told: Told, language: str) -> tuple[str, ...]:
    """Sounds of the whole sentence; nothing when there is nothing true to say."""
    return (*_ahead(told.ahead, language), *_serving(told.serving, language), *_range(told, language))


def _ahead(ahead: int, language: str) -> tuple[str, ...]:
    match ahead:
        case 0:
            return ("smartpbx/wait-next",)
        case 1:
            return ("smartpbx/wait-ahead-one",)
        case _:
            return ("smartpbx/wait-ahead", *say.number(ahead, language), "smartpbx/wait-people")


def _serving(serving: int, language: str) -> tuple[str, ...]:
    if serving < 1:
        return ()
    if serving == 1:
        return ("smartpbx/wait-serving-one",)
    return ("smartpbx/wait-serving-lead", *say.number(serving, language), "smartpbx/wait-serving")


def _range(told: Told, language: str) -> tuple[str, ...]:
    if told.low_s is None or told.high_s is None:
        return ("smartpbx/wait-overdue" if told.why == Why.OVERDUE else "smartpbx/wait-unknown",)
    low, high = told.low_s // 60, max(1, -(-told.high_s // 60))
    most = (*say.number(high, language), "smartpbx/wait-minute" if high == 1 else "smartpbx/wait-minutes")
    if low < 1:
        return ("smartpbx/wait-under", *most)
    if low == high:
        return ("smartpbx/wait-about", *most)
    return ("smartpbx/wait-about", *say.number(low, language), "smartpbx/wait-range-to", *most)
