"""Opening hours: open or closed at a moment, why, and when that changes. Pure."""

from collections.abc import Sequence

import msgspec


class Opening(msgspec.Struct, frozen=True):
    """The state at a moment, for the line or one queue. Times are UTC ms."""

    open: bool
    why: str = ""
    title: str = ""
    until: int | None = None
    opens_at: int | None = None
    announcement: str = ""


class Override(msgspec.Struct, frozen=True):
    """A local exception, or what a person forced."""

    start: int
    end: int
    open: bool
    reason: str = ""
    announcement: str = ""
    queues: tuple[str, ...] = ()


class Calendar:
    """All of it."""

    def at(self, moment: int, queue: str = "") -> Opening:
        return Opening(True)

    def with_overrides(self, overrides: Sequence[Override]) -> "Calendar":
        return self


def words(opening: Opening, now: int, language: str) -> tuple[str, ...]:
    return ()
