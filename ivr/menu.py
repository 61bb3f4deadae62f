"""What a menu is: nodes that speak, ask, send to a queue or hang up, each naming the next.

Data only. How a caller walks through it is `flow`'s, whether it may be published is `check`'s.
"""

from collections.abc import Mapping

import msgspec

KEYS = frozenset("0123456789*#")


class _Node(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Base: `prompts` are names of sentences in the prompt pack, spoken in order."""

    prompts: tuple[str, ...] = ()


class Play(_Node, frozen=True, tag="play"):
    """Speaks, then goes on."""

    next: str = ""


class Asking(_Node, frozen=True):
    """What is common to nodes that await a key. Times are seconds.

    Silence and a wrong key have their own prompts and their own limits: an old caller who says nothing needs more time, one who
    mistypes needs another try. After the last miss the caller goes to `way_out`.
    """

    wait_s: float = 6.0
    slow_wait_s: float = 10.0
    """Used after the first miss."""
    again: tuple[str, ...] = ()
    """A shorter form of `prompts`, spoken after a miss; empty: the same."""
    silence_prompts: tuple[str, ...] = ("no-key",)
    wrong_prompts: tuple[str, ...] = ("wrong-key",)
    silences: int = 2
    """So many misses are forgiven; the next one leads out."""
    wrongs: int = 2
    way_out: str = ""


class Language(Asking, frozen=True, tag="language"):
    """Chooses the language of all that follows; silence leads to `way_out` with the first language."""

    keys: dict[str, str] = {}
    next: str = ""


class Choice(Asking, frozen=True, tag="menu"):
    """Offers keys; each leads to a node. `0` leads to a person even where it is not listed."""

    keys: dict[str, str] = {}


class Enqueue(_Node, frozen=True, tag="queue"):
    """Says that somebody will come, then hands the caller to a queue; `returns` says what follows each QUEUESTATUS."""

    queue: str = ""
    returns: dict[str, str] = {}
    otherwise: str = ""


class HangUp(_Node, frozen=True, tag="hangup"):
    """Says good-bye and ends the call."""


Node = Play | Language | Choice | Enqueue | HangUp


class Menu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole tree. `person` is the node behind key 0 of every menu."""

    start: str
    person: str
    languages: tuple[str, ...]
    nodes: Mapping[str, Node]

    def node(self, name: str) -> Node:
        return self.nodes[name]
