"""Where one caller stands in a menu, what may come in and what may go out. Plain data; `flow` turns one into the other."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from ivr.menu import Enqueue as QueueNode


class Session(msgspec.Struct, frozen=True):
    """Where a caller stands. `step` is the number of the last thing said or asked."""

    node: str
    language: str
    path: tuple[str, ...] = ()
    step: int = 0
    silences: int = 0
    wrongs: int = 0
    queue_node: str = ""
    """The last node that sent the caller to a queue: it knows what follows when the queue gives the caller back."""
    trail: tuple[str, ...] = ()
    """The questions on the way here, the last one last."""
    values: Mapping[str, str] = {}
    """The variables of the call."""
    secrets: frozenset[str] = frozenset()
    """Which of them were keyed in confidence."""
    scores: tuple[tuple[str, int], ...] = ()
    """Factor and answer of each question of a survey."""
    question: int = 0
    listening: bool = False
    """The speech that no key may cut has ended; now keys count."""
    asked: int = 0
    """The step at which a register was asked, 0 when no answer is awaited."""
    idle: bool = False
    """All was said that is to be said until the answer comes."""
    reply: str = ""
    """The result that came while something was still being said."""
    answer: tuple[str, ...] = ()
    """The sounds of the last answer."""


class Keyed(msgspec.Struct, frozen=True):
    """The caller pressed these keys after that step; `''` is silence."""

    step: int
    keys: str


class Spoken(msgspec.Struct, frozen=True):
    """What was only spoken at that step has been heard to the end."""

    step: int


class Recorded(msgspec.Struct, frozen=True):
    """The caller's message of that step is kept; `ms` 0: there was none."""

    step: int
    ms: int


class Told(msgspec.Struct, frozen=True):
    """What was asked at that step is known; `sounds` say it."""

    step: int
    result: str
    sounds: tuple[str, ...] = ()
    values: Mapping[str, str] = {}


class Returned(msgspec.Struct, frozen=True):
    """A queue gave the caller back with this QUEUESTATUS."""

    status: str


Input = Keyed | Spoken | Recorded | Told | Returned


class Say(msgspec.Struct, frozen=True):
    """Speak; with `max_keys` > 0 take keys for `timeout_ms` after the speech, which a key cuts short."""

    step: int
    sounds: tuple[str, ...]
    max_keys: int = 0
    timeout_ms: int = 0


class UseLanguage(msgspec.Struct, frozen=True):
    """From now on this language. Needs no answer."""

    step: int
    language: str


class Ask(msgspec.Struct, frozen=True):
    """Find out something for this caller: `about` is dossier, petition or callback."""

    step: int
    about: str
    values: Mapping[str, str]


class Record(msgspec.Struct, frozen=True):
    """Speak, then record the caller: `kind` is voicemail or petition."""

    step: int
    sounds: tuple[str, ...]
    kind: str
    longest_s: int
    silence_s: int


class Enqueue(msgspec.Struct, frozen=True):
    """Hand the caller to this queue; `comes_back` when the menu goes on after the agent has hung up."""

    queue: str
    comes_back: bool = False


class Transfer(msgspec.Struct, frozen=True):
    """Ring this extension."""

    to: str


class Finish(msgspec.Struct, frozen=True):
    """End the call."""

    blocked: bool = False


Output = Say | UseLanguage | Ask | Record | Enqueue | Transfer | Finish
Step = tuple[Session, tuple[Output, ...]]


class Facts(Protocol):
    """What a menu may know of the world at this moment, about this caller."""

    def open(self, queue: str) -> bool:
        """Whether the line (`''`), or this queue, is open."""

    def spoken(self, name: str, session: Session) -> tuple[str, ...]:
        """The sounds of a prompt that begins with `$` and is not the session's own: `closed`, `wait`, `caller`."""

    def overflows(self, node: QueueNode, queue: str) -> bool:
        """Whether this caller must not be let into the queue."""


class Nothing:
    """Always open, never full, nothing to tell: for menus walked without a centre."""

    def open(self, queue: str) -> bool:
        return True

    def spoken(self, name: str, session: Session) -> tuple[str, ...]:
        return ()

    def overflows(self, node: QueueNode, queue: str) -> bool:
        return False


NOTHING = Nothing()
