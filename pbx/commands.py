"""What the switchboard wants done, in the imperative: data, until the shell performs it.

A replay throws them away; the service hands them to `pbx.ami.actions`. They carry the channel's name because that is
how Asterisk is addressed, and the call's id because that is how people find out what happened.
"""

import msgspec

from pbx.record import CallRecord


class Play(msgspec.Struct, frozen=True):
    """Speak to a caller in the menu and take keys.

    `sounds` are names below the sounds directory, in the channel's language. With `max_keys` 0 it only speaks; else any key
    cuts the speech and up to `max_keys` keys are awaited for `timeout_ms` after it. The answer is a `CommandFinished` with the same
    `command_id`, which is the same on every replay of the same events.
    """

    call_id: str
    channel: str
    command_id: str
    sounds: tuple[str, ...]
    max_keys: int
    timeout_ms: int


class SetLanguage(msgspec.Struct, frozen=True):
    """Choose the language of all that is played to this caller from now on (`vi` or `en`)."""

    call_id: str
    channel: str
    command_id: str
    language: str


class EnterQueue(msgspec.Struct, frozen=True):
    """Send a caller from the menu to a queue of the dialplan."""

    call_id: str
    channel: str
    queue: str


class Adopt(msgspec.Struct, frozen=True):
    """Take back a caller whom an earlier run of the service left in the menu."""

    call_id: str
    channel: str


class HangUp(msgspec.Struct, frozen=True):
    """End a call politely, after its last prompt."""

    call_id: str
    channel: str


class Keep(msgspec.Struct, frozen=True):
    """Write a finished call to the log; the record is complete."""

    record: CallRecord


Command = Keep | Play | SetLanguage | EnterQueue | Adopt | HangUp
