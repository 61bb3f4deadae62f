"""The board as it is shown: one frozen picture of now, taken by the switchboard, painted by the dashboards.

It holds moments (UTC ms), never running durations, so that a picture stays true for as long as nothing happens. Names and
numbers in it may come from callers; whoever paints escapes and masks them.
"""

from enum import StrEnum

import msgspec


class AgentState(StrEnum):
    """What an agent is doing; the words that people read are the painter's."""

    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    HOLD = "hold"
    WRAPUP = "wrapup"
    PAUSED = "paused"
    BUSY = "busy"
    """On the phone, but not for a queue."""
    AWAY = "away"
    """The phone is not registered, or nobody is signed in at it."""


class Phase(StrEnum):
    """Where a call in progress is."""

    ARRIVED = "arrived"
    MENU = "menu"
    WAITING = "waiting"
    RINGING = "ringing"
    TALKING = "talking"
    HOLD = "hold"
    TRANSFERRED = "transferred"
    LEAVING = "leaving"


class CallNow(msgspec.Struct, frozen=True):
    """A call in progress; `since` is when its phase began, `joined_at` when it entered its queue (None before)."""

    call_id: str
    caller: str
    phase: Phase
    since: int
    arrived_at: int
    joined_at: int | None
    queue: str
    agent: str
    menu_path: tuple[str, ...]
    language: str


class AgentNow(msgspec.Struct, frozen=True):
    """An agent; `reason` is the pause reason, `call_id` and `queue` those of the present call ('' for none)."""

    interface: str
    name: str
    state: AgentState
    since: int
    reason: str
    queues: tuple[str, ...]
    queue: str
    call_id: str


class QueueNow(msgspec.Struct, frozen=True):
    """A queue; `waiting` are call ids in the order of service. Agents are counted once for each queue they serve."""

    name: str
    title: str
    waiting: tuple[str, ...]
    ready: int
    talking: int
    wrapup: int
    paused: int
    away: int


class Picture(msgspec.Struct, frozen=True):
    """All of it. `stale_since` is None while Asterisk is heard, else the moment up to which the picture is true."""

    version: int
    at: int
    stale_since: int | None
    queues: tuple[QueueNow, ...]
    calls: tuple[CallNow, ...]
    agents: tuple[AgentNow, ...]
