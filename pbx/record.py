"""What is kept of a call when it is over: the row of the log and of `smartpbx replay --json`.

Plain data with one definition of each duration. The board makes it, the store keeps it, the pages show it; none of
them adds a meaning of its own.
"""

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How a visit to a queue, and so a call, ended. A closed set: offered = the sum of these + still waiting."""

    ANSWERED = "answered"
    """An agent and the caller were connected."""
    ABANDONED = "abandoned"
    """The caller hung up while waiting."""
    LEFT_IN_MENU = "left_in_menu"
    """The caller hung up, or was said good-bye to, before any queue."""
    TIMEOUT = "timeout"
    """The longest wait that the queue allows was reached."""
    KEY_EXIT = "key_exit"
    """The caller left the queue by a key."""
    FULL = "full"
    """The queue had no room."""
    JOIN_EMPTY = "join_empty"
    """Nobody served the queue when the caller came."""
    LEAVE_EMPTY = "leave_empty"
    """The last agent left while the caller waited."""
    WITHDRAWN = "withdrawn"
    """We took the caller out of the queue."""
    CLOSED = "closed"
    """Outside opening hours."""
    VOICEMAIL = "voicemail"
    """The caller left a message instead."""
    CALLBACK = "callback"
    """The caller asked to be called back instead."""
    BLOCKED = "blocked"
    """The number is blocked for a time, or called too often."""
    TRANSFERRED = "transferred"
    """The menu sent the caller straight to an extension."""
    FAILED = "failed"
    """Asterisk or the line broke off, or nobody could say how it ended."""


class Visit(msgspec.Struct, frozen=True):
    """One stay in one queue. Times are UTC ms; `outcome` is None while it lasts."""

    queue: str
    joined_at: int
    left_at: int | None
    outcome: Outcome | None
    wait_ms: int
    """From joining to the connection, or to leaving."""
    ring_ms: int
    """How long the phone rang that in the end answered (or rang last)."""
    agent: str
    missed: tuple[str, ...] = ()
    """Agents whose phones rang in vain, in order."""


class ToldWait(msgspec.Struct, frozen=True):
    """What a caller was told about the wait: the range in seconds from `at` on, or None and `why` it could not be told."""

    at: int
    queue: str
    ahead: int
    serving: int
    low_s: int | None
    high_s: int | None
    why: str = ""


class Score(msgspec.Struct, frozen=True):
    """One answer of the survey: a factor of SIPAS and 1 (worst) to 5 (best)."""

    factor: str
    value: int


class Stretch(msgspec.Struct, frozen=True):
    """A part of the time in which a call was recorded; UTC ms.

    `on`: audio was being written, one such stretch right after the other in the file. `paused`: silenced on purpose. `hold`: the agent had
    put the caller on hold. `mark`: a moment that the agent marked.
    """

    kind: str
    start: int
    end: int


class CallRecord(msgspec.Struct, frozen=True):
    """One call that reached the hotline. All times UTC ms; all durations ms.

    `wait_ms` is the sum over visits; `talk_ms` runs from the connection to the end of the caller's part, hold included, and ends at a
    transfer; `hold_ms` is the part of it on hold. `menu_path` has an entry a step: the node, or `node:keys`.
    """

    call_id: str
    linkedid: str
    caller: str
    caller_name: str
    dialled: str
    language: str
    arrived_at: int
    answered_at: int | None
    ended_at: int
    queue: str
    outcome: Outcome
    wait_ms: int
    ring_ms: int
    talk_ms: int
    hold_ms: int
    agent: str
    agent_interface: str
    menu_path: tuple[str, ...]
    transfers: tuple[str, ...]
    visits: tuple[Visit, ...]
    cause: int
    recorded: bool
    complete_by: str = "live"
    """`live`: seen as it happened; `reconciled`: parts taken from the witnesses; `unknown`: the end was never seen."""
    kind: str = "inbound"
    """`inbound`, or `callback` for a call that we made."""
    callback_id: str = ""
    """The callback that this call asked for, or that it is."""
    survey: tuple[Score, ...] = ()
    dossier: str = ""
    """The last ten digits of the code that the caller keyed."""
    told: tuple[ToldWait, ...] = ()
    message: str = ""
    """`voicemail` or `petition` when the caller left one; `message_ms` is its length."""
    message_ms: int = 0
    petition: str = ""
    """The number under which the petition is kept."""
    blocked: str = ""
    """Why the call was turned away."""
    stretches: tuple[Stretch, ...] = ()
    """What the recording holds and what it leaves out."""
    favoured_s: int = 0
    """Head start in the queue, in seconds, and the reason for it."""
    favoured: str = ""
