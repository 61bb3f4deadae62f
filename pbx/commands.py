"""What the switchboard wants done, in the imperative: data, until the shell performs it.

A replay throws them away; the service hands them to `pbx.ami.actions`. They carry the channel's name because that is
how Asterisk is addressed, and the call's id because that is how people find out what happened.
"""

import msgspec

from pbx.callbacks import Callback
from pbx.gate import Block
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


class RecordMessage(msgspec.Struct, frozen=True):
    """Speak, then record what the caller says until #, silence or the longest time. The answer is a `MessageRecorded`."""

    call_id: str
    channel: str
    command_id: str
    sounds: tuple[str, ...]
    longest_s: int
    silence_s: int


class LookUp(msgspec.Struct, frozen=True):
    """Ask a register (`dossier` or `petition`) for a caller. The answer is a `LookupFinished`."""

    call_id: str
    command_id: str
    about: str
    caller: str
    language: str
    values: dict[str, str]


class EnterQueue(msgspec.Struct, frozen=True):
    """Send a caller from the menu to a queue of the dialplan.

    `position` from 1; 0: behind all others. `comes_back`: the menu goes on after the agent has hung up.
    """

    call_id: str
    channel: str
    queue: str
    position: int = 0
    comes_back: bool = False


class RingExtension(msgspec.Struct, frozen=True):
    """Send a caller from the menu straight to one extension."""

    call_id: str
    channel: str
    extension: str


class Withdraw(msgspec.Struct, frozen=True):
    """Take a waiting caller out of a queue, back into the menu."""

    call_id: str
    channel: str
    queue: str


class Whisper(msgspec.Struct, frozen=True):
    """Say something to a caller who waits, over the music, without app_queue knowing: an agent who becomes free meanwhile is connected
    at once."""

    call_id: str
    channel: str
    whisper_id: str
    sounds: tuple[str, ...]
    language: str


class Hush(msgspec.Struct, frozen=True):
    """End a whisper: the caller is being connected."""

    call_id: str
    whisper_id: str


class DialCallback(msgspec.Struct, frozen=True):
    """Make one attempt of a callback. Whoever carries it out writes `CallbackDialled` first."""

    callback_id: str
    attempt: int
    channel_id: str
    number: str
    language: str
    ring_s: int
    shown: str
    """The number that the citizen sees: the hotline's."""


class KeepCallbacks(msgspec.Struct, frozen=True):
    """Write how these callbacks stand to the log."""

    callbacks: tuple[Callback, ...]


class KeepBlock(msgspec.Struct, frozen=True):
    """Write a block, or its end, to the log."""

    block: Block


class MuteRecording(msgspec.Struct, frozen=True):
    """Write silence instead of both voices, or their voices again; the answer is a `RecordingMuted`."""

    call_id: str
    channel: str
    muted: bool


class AnswerKey(msgspec.Struct, frozen=True):
    """Tell an agent what has become of the key: `paused`, `resumed`, `marked`, or `failed`."""

    call_id: str
    channel: str
    answer: str


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


Spoken = (
    Play
    | SetLanguage
    | RecordMessage
    | EnterQueue
    | RingExtension
    | Withdraw
    | Whisper
    | Hush
    | Adopt
    | HangUp
    | DialCallback
    | MuteRecording
    | AnswerKey
)
"""What Asterisk is told."""
Command = Spoken | Keep | KeepCallbacks | KeepBlock | LookUp
