"""What a menu is: nodes that speak, ask, look up, record, send to a queue or hang up, each naming the next.

Data only. How a caller walks through it is `flow`'s, whether it may be published is `check`'s.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

KEYS = frozenset("0123456789*#")
FACTORS = ("access", "procedure", "officer", "result", "feedback")
"""The five factors of SIPAS, the index of citizens' satisfaction: access to the service, procedures, officers, results, feedback."""


class _Node(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Base: `prompts` are names of sentences in the prompt pack, spoken in order. A name that begins with `$` stands for what is only
    known when it is said: `$closed`, `$wait`, `$wait-keys`, `$answer`, `$caller`, `$emergency`, or a variable read out: as a telephone
    number `$number:NAME`, as a code `$code:NAME`."""

    prompts: tuple[str, ...] = ()


class Play(_Node, frozen=True, tag="play"):
    """Speaks, then goes on. With `barge` a key cuts the speech, and 0 leads to a person."""

    next: str = ""
    barge: bool = False


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
    barge: bool = True
    """Whether a key cuts the speech; without it keys count only after the last word."""


class Language(Asking, frozen=True, tag="language"):
    """Chooses the language of all that follows; silence leads to `way_out` with the first language."""

    keys: dict[str, str] = {}
    next: str = ""


class Choice(Asking, frozen=True, tag="menu"):
    """Offers keys; each leads to a node. `0` leads to a person even where it is not listed."""

    keys: dict[str, str] = {}


class Gather(Asking, frozen=True, tag="digits"):
    """Takes `shortest` to `longest` digits, ended by # or by silence, into the variable `into`. A single 0 leads to a person."""

    into: str = ""
    shortest: int = 1
    longest: int = 10
    secret: bool = False
    """What is keyed here appears in no path, no log and no page."""
    next: str = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question of a survey, answered by a key from 1 (worst) to 5 (best)."""

    factor: Literal["access", "procedure", "officer", "result", "feedback"]
    prompts: tuple[str, ...]


class Survey(Asking, frozen=True, tag="survey"):
    """Asks its questions one after the other; who stays silent, or mistypes once too often, is thanked and let go."""

    questions: tuple[Question, ...] = ()
    next: str = ""


class SetValues(_Node, frozen=True, tag="set"):
    """Notes variables."""

    values: dict[str, str] = {}
    next: str = ""


class Branch(_Node, frozen=True, tag="branch"):
    """Goes where a variable says."""

    variable: str = ""
    cases: dict[str, str] = {}
    otherwise: str = ""


class Hours(_Node, frozen=True, tag="hours"):
    """Open or closed now? `queue` empty: the whole line. A closed line comes before a closed queue."""

    queue: str = ""
    open: str = ""
    closed: str = ""


class Lookup(_Node, frozen=True, tag="lookup"):
    """Asks a register outside, with the variables of the call; `prompts` are spoken meanwhile, `still` when it takes long.

    `results` says what follows each result; `otherwise` follows all others. The sentences of the result are said by `$answer`.
    """

    about: Literal["dossier", "petition"] = "dossier"
    still: tuple[str, ...] = ()
    results: dict[str, str] = {}
    otherwise: str = ""


class Voicemail(_Node, frozen=True, tag="voicemail"):
    """Records what the caller says after the prompts, until #, silence, or the longest time."""

    longest_s: int = 120
    silence_s: int = 6
    saved: str = ""
    empty: str = ""


class Petition(_Node, frozen=True, tag="petition"):
    """Records a petition like a message; the call is marked as one, and a `lookup` about `petition` gives it its number."""

    longest_s: int = 180
    silence_s: int = 6
    saved: str = ""
    empty: str = ""


class Callback(_Node, frozen=True, tag="callback"):
    """Books a call back to the number in the variable `number` (empty: the caller's own), keeping the place in the queue.

    `results`: booked, later (after opening), exists, bad_number, refused.
    """

    number: str = ""
    queue: str = ""
    """For callers who have not been in a queue."""
    results: dict[str, str] = {}
    otherwise: str = ""


class Overflow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When not to let somebody wait: seconds told, callers waiting, or callers for each agent. 0: no limit. Checked at entry, never when
    nobody waits."""

    wait_s: int = 0
    waiting: int = 0
    per_agent: float = 0


class Enqueue(_Node, frozen=True, tag="queue"):
    """Says that somebody will come, then hands the caller to a queue; `returns` says what follows each QUEUESTATUS.

    Besides those of app_queue: KEY1 … when a key was pressed while waiting (a key that is not listed leads back to the same place in
    the queue), CLOSED and OVERFLOW before the queue is entered, WITHDRAW at closing time, and CONTINUE when the agent has hung up.
    """

    queue: str = ""
    """A queue's name, or `$NAME`: the one in that variable."""
    overflow: Overflow = Overflow()
    returns: dict[str, str] = {}
    otherwise: str = ""


class Transfer(_Node, frozen=True, tag="transfer"):
    """Rings one extension; nobody there: the general queue."""

    to: str = ""


class Back(_Node, frozen=True, tag="back"):
    """To the question before the last one."""


class Repeat(_Node, frozen=True, tag="repeat"):
    """The last question once more, from its beginning."""


class HangUp(_Node, frozen=True, tag="hangup"):
    """Says good-bye and ends the call."""

    blocked: bool = False
    """The call counts as turned away."""


Node = (
    Play | Language | Choice | Gather | Survey | SetValues | Branch | Hours | Lookup | Voicemail | Petition | Callback | Enqueue
    | Transfer | Back | Repeat | HangUp
)  # fmt: skip


class Menu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole tree. `person` is the node behind key 0 of every menu; `callback` where a citizen begins who was called back;
    `blocked` where those begin whose number is turned away."""

    start: str
    person: str
    languages: tuple[str, ...]
    nodes: Mapping[str, Node]
    callback: str = ""
    blocked: str = ""
    notice: tuple[str, ...] = ()
    """Prompts that tell of the recording: who reaches a queue has heard one of them to the end. Empty: nothing is recorded."""
    presses: int = 4
    """A person is reached with at most so many keys from the start."""

    def node(self, name: str) -> Node:
        return self.nodes[name]
