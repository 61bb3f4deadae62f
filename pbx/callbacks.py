"""Callbacks: who is to be called back, when, and how it went. Pure."""

from enum import StrEnum

import msgspec


class CallbackState(StrEnum):
    """How a callback stands; the last four are final."""

    WAITING = "waiting"
    DIALLING = "dialling"
    REACHED = "reached"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNREACHED = "unreached"


class Attempt(msgspec.Struct, frozen=True):
    """One time that the number was dialled; `result` is '' while it lasts."""

    number: int
    dialled_at: int
    ended_at: int | None = None
    result: str = ""


class Callback(msgspec.Struct, frozen=True):
    """A promise to call somebody back. Times are UTC ms."""

    callback_id: str
    call_id: str
    number: str
    queue: str
    language: str
    place_at: int
    asked_at: int
    not_before: int
    expires_at: int
    state: CallbackState = CallbackState.WAITING
    attempts: tuple[Attempt, ...] = ()
    asked_by: str = "caller"
    menu_path: tuple[str, ...] = ()
    dossier: str = ""
    ended_at: int | None = None
    why: str = ""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often and how long."""

    max_attempts: int = 3
    retry_after_s: tuple[int, ...] = (120, 900)
    ring_s: int = 25
    expires_h: int = 96


class Refusal(msgspec.Struct, frozen=True):
    """Why it was not booked."""

    why: str


class Dial(msgspec.Struct, frozen=True):
    """An attempt to make now."""

    callback_id: str
    attempt: int
    number: str
    language: str
    ring_s: int


class Sight(msgspec.Struct, frozen=True):
    """What the scheduler sees of a queue."""

    queue: str
    open: bool
    opens_at: int | None
    waiting: tuple[int, ...]
    agents: frozenset[str]


def channel_id(callback_id: str, attempt: int) -> str:
    return f"cb-{callback_id}-{attempt}"


def parse_channel_id(channel: str) -> tuple[str, int] | None:
    prefix, _, rest = channel.partition("-")
    callback, _, attempt = rest.rpartition("-")
    return (callback, int(attempt)) if prefix == "cb" and callback and attempt.isdecimal() else None


class Callbacks:
    """To be written."""

    def __init__(self, rules: Rules = Rules()) -> None:  # noqa: B008
        self.rules = rules

    def open(self) -> tuple[Callback, ...]:
        return ()

    def find(self, number: str) -> list[Callback]:
        return []

    def caller_back(self, number: str, at: int) -> list[Callback]:
        return []

    def due(self, at: int, sights: object) -> tuple[list[Dial], list[Callback]]:
        return [], []

    def restored(self, alive: object, at: int) -> list[Callback]:
        return []
