"""One caller in one menu: `(session, input) -> (session, outputs)`, and nothing else.

    begin ──► Say ──► Keyed / Spoken ──► advance ──► Say … ──► Enqueue ──► (Returned ──► advance …) ──► Finish

Every `Say` is answered by exactly one input that carries its `step`; an input with another step is stale, for the caller has moved
on, and changes nothing. Silence alone leads to a person: every asking node has a way out, and misses are counted. Knows no
channel, no clock, no Asterisk.
"""

from typing import assert_never

import msgspec

from ivr import menu as m

LONGEST_PATH = 50
"""Somebody who plays with the keys for an hour does not make an endless record."""


class Session(msgspec.Struct, frozen=True):
    """Where a caller stands. `step` is the number of the last thing said; `left` prompts are still to come before the node's own act."""

    node: str
    language: str
    path: tuple[str, ...] = ()
    step: int = 0
    silences: int = 0
    wrongs: int = 0
    queue_node: str = ""
    """The last node that sent the caller to a queue: it knows what follows when the queue gives the caller back."""


class Keyed(msgspec.Struct, frozen=True):
    """The caller pressed these keys after that step; `''` is silence."""

    step: int
    keys: str


class Spoken(msgspec.Struct, frozen=True):
    """What was only spoken at that step has been heard to the end."""

    step: int


class Returned(msgspec.Struct, frozen=True):
    """A queue gave the caller back with this QUEUESTATUS."""

    status: str


Input = Keyed | Spoken | Returned


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


class Enqueue(msgspec.Struct, frozen=True):
    """Hand the caller to this queue."""

    queue: str


class Finish(msgspec.Struct, frozen=True):
    """End the call."""


Output = Say | UseLanguage | Enqueue | Finish
Step = tuple[Session, tuple[Output, ...]]


def begin(menu: m.Menu) -> Step:
    """A new caller."""
    return _enter(menu, Session(menu.start, menu.languages[0]), menu.start)


def resume(menu: m.Menu, session: Session) -> Step:
    """A caller whom an interruption left in the middle: the present node once more, without counting a miss."""
    return _act(menu, session, again=True)


def advance(menu: m.Menu, session: Session, event: Input) -> Step:
    """What follows from what the caller, or the queue, did."""
    node = menu.node(session.node)
    match event:
        case Returned():
            return _returned(menu, session, event.status)
        case Spoken() | Keyed() if event.step != session.step:
            return session, ()
        case Spoken():
            return _spoken(menu, session, node)
        case Keyed():
            return _keyed(menu, session, node, event.keys)
        case _:
            assert_never(event)


# --- entering and acting ------------------------------------------------------------------------------------------


def _enter(menu: m.Menu, session: Session, name: str) -> Step:
    entered = msgspec.structs.replace(
        session, node=name, silences=0, wrongs=0, path=(*session.path, name)[-LONGEST_PATH:]
    )
    return _act(menu, entered)


def _act(menu: m.Menu, session: Session, *, again: bool = False, first: tuple[str, ...] = ()) -> Step:
    """Say what the present node says; one that has nothing to say does its deed at once."""
    node = menu.node(session.node)
    if isinstance(node, m.Asking):
        slow = again or bool(session.silences or session.wrongs)
        spoken = (*first, *((node.again if slow else ()) or node.prompts))
        return _say(session, spoken, 1, node.slow_wait_s if slow else node.wait_s)
    if node.prompts:
        return _say(session, node.prompts, 0, 0)
    return _spoken(menu, session, node)


def _say(session: Session, prompts: tuple[str, ...], max_keys: int, wait_s: float) -> Step:
    session = msgspec.structs.replace(session, step=session.step + 1)
    return session, (Say(session.step, tuple(map(sound, prompts)), max_keys, round(wait_s * 1000)),)


def sound(prompt: str) -> str:
    """Where a sentence of the prompt pack lies below the sounds directory; a name with a directory is left as it is."""
    return prompt if "/" in prompt else f"smartpbx/{prompt}"


def _spoken(menu: m.Menu, session: Session, node: m.Node) -> Step:
    match node:
        case m.Play():
            return _enter(menu, session, node.next)
        case m.Enqueue():
            return msgspec.structs.replace(session, queue_node=session.node), (Enqueue(node.queue),)
        case m.HangUp():
            return session, (Finish(),)
        case m.Language() | m.Choice():
            return session, ()
        case _:
            assert_never(node)


# --- keys ---------------------------------------------------------------------------------------------------------


def _keyed(menu: m.Menu, session: Session, node: m.Node, keys: str) -> Step:
    if not isinstance(node, m.Asking):
        return session, ()
    if keys:
        pressed = f"{session.node}:{keys}"
        before = session.path[:-1] if session.path[-1:] == (session.node,) else session.path
        session = msgspec.structs.replace(session, path=(*before, pressed))
    match node:
        case m.Language() if keys in node.keys:
            return _speak(menu, session, node.keys[keys], node.next)
        case m.Choice() if keys in node.keys:
            return _enter(menu, session, node.keys[keys])
        case m.Choice() if keys == "0":
            return _enter(menu, session, menu.person)
    return _missed(menu, session, node, keys)


def _speak(menu: m.Menu, session: Session, language: str, then: str) -> Step:
    session = msgspec.structs.replace(session, language=language, step=session.step + 1)
    chosen = UseLanguage(session.step, language)
    session, outputs = _enter(menu, session, then)
    return session, (chosen, *outputs)


def _missed(menu: m.Menu, session: Session, node: m.Asking, keys: str) -> Step:
    if keys:
        session = msgspec.structs.replace(session, wrongs=session.wrongs + 1)
        out, said = session.wrongs > node.wrongs, node.wrong_prompts
    else:
        session = msgspec.structs.replace(session, silences=session.silences + 1)
        out, said = session.silences > node.silences, node.silence_prompts
    if out:
        return _enter(menu, session, node.way_out or menu.person)
    return _act(menu, session, first=said)


def _returned(menu: m.Menu, session: Session, status: str) -> Step:
    node = menu.nodes.get(session.queue_node)
    if not isinstance(node, m.Enqueue):
        return _enter(menu, session, menu.person)
    return _enter(menu, session, node.returns.get(status) or node.otherwise)
