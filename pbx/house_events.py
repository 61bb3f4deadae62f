"""What happens inside the house, and not on the telephone: time goes by, registers answer, people at the desk decide.

They go through the same inbox and the same journal as Asterisk's events; `pbx.events` joins both kinds.
"""

import msgspec

from pbx.callbacks import Callback
from pbx.event import Event
from pbx.gate import Block


class LookupFinished(Event, frozen=True):
    """A register answered, or did not in time: `result` is a name that menus know, `sounds` say it, `values` become variables."""

    channel_id: str
    command_id: str
    result: str
    sounds: tuple[str, ...] = ()
    values: dict[str, str] = msgspec.field(default_factory=dict)


class Ticked(Event, frozen=True):
    """Time went by: what depends on it is looked at. About once a second while anybody waits."""


class CallbackAsked(Event, frozen=True):
    """A person at the desk wants this number called."""

    callback_id: str
    number: str
    queue: str
    language: str
    by: str


class CallbackDialled(Event, frozen=True):
    """We are about to make this attempt: written before it is made, so that it is never made twice."""

    callback_id: str
    attempt: int


class CallbackCancelled(Event, frozen=True):
    """A person at the desk took a callback off the list."""

    callback_id: str
    by: str


class NumberBlocked(Event, frozen=True):
    """A person blocked a number for a time, or (`lifted`) let it in again."""

    number: str
    until: int
    reason: str
    by: str
    lifted: bool = False


class HoursForced(Event, frozen=True):
    """A person opened or closed the line, or some queues, until a moment; `announcement` is a prompt to be heard first. `open` None: only
    that."""

    until: int
    open: bool | None
    reason: str
    by: str
    announcement: str = ""
    queues: tuple[str, ...] = ()


class MenuPublished(Event, frozen=True):
    """From now on callers meet this version of the menu; those who are in another one finish there."""

    version: str


class ReceptionKept(Event, frozen=True):
    """What outlasts a segment of the journal: told at the beginning of each, so that a restart needs no older one."""

    callbacks: tuple[Callback, ...] = ()
    blocks: tuple[Block, ...] = ()
    forced: tuple[HoursForced, ...] = ()
    menu: str = ""
