"""Who is let in: numbers that people have blocked for a time, and numbers that call too often. Pure.

A block has an end and a reason, always; nobody is kept out for ever or in silence. Withheld numbers are never blocked or limited: many
people share them.
"""

from collections import deque

import msgspec

from pbx.numbers import same

REMEMBERED = 50_000


class Block(msgspec.Struct, frozen=True):
    """One number that is turned away from `since` until `until` (UTC ms). `lifted_at`: when a person ended it early."""

    number: str
    since: int
    until: int
    reason: str
    by: str
    lifted_at: int | None = None

    def holds(self, at: int) -> bool:
        return self.since <= at < self.until and self.lifted_at is None


class Limit(msgspec.Struct, frozen=True):
    """At most `calls` calls of one number within `seconds`; 0 calls: no limit."""

    calls: int = 10
    seconds: int = 600


class Gate:
    """Knows the blocks in force and the latest calls of each number."""

    def __init__(self, limit: Limit = Limit()) -> None:  # noqa: B008 - frozen
        self._limit = limit
        self._blocks: dict[str, Block] = {}
        self._calls: dict[str, deque[int]] = {}

    def block(self, block: Block) -> None:
        """Put a block in force, or end it when it says that it was lifted."""
        number = same(block.number)
        if block.lifted_at is not None:
            self._blocks.pop(number, None)
        elif number:
            self._blocks[number] = block

    def find(self, number: str) -> Block | None:
        """The block of this number."""
        return self._blocks.get(same(number))

    def turned_away(self, caller: str, at: int) -> str:
        """Note a call; why it must not come in (`blocked`, `rate`), '' when it may."""
        number = same(caller)
        if not number:
            return ""
        block = self._blocks.get(number)
        if block is not None:
            if block.holds(at):
                return "blocked"
            if at >= block.until:
                del self._blocks[number]
        return "rate" if self._too_often(number, at) else ""

    def _too_often(self, number: str, at: int) -> bool:
        if not self._limit.calls:
            return False
        calls = self._calls.pop(number, None) or deque(maxlen=self._limit.calls)
        # Only calls that were let in count: who waits long enough gets in, however often he tried.
        often = len(calls) == self._limit.calls and at - calls[0] < self._limit.seconds * 1000
        if not often:
            calls.append(at)
        self._calls[number] = calls  # the latest caller last: the oldest are forgotten first
        if len(self._calls) > REMEMBERED:
            del self._calls[next(iter(self._calls))]
        return often

    def blocks(self, at: int) -> tuple[Block, ...]:
        """Those in force now."""
        return tuple(block for block in self._blocks.values() if block.holds(at))
