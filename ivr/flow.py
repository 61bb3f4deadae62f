"""One caller in one menu: `(session, input) -> (session, outputs)`, and nothing else.

    begin ──► Say ──► Keyed / Spoken ──► advance ──► Say … ──► Enqueue ──► (Returned ──► advance …) ──► Finish

Every output that awaits something is answered by one input that carries its `step`; an input with another step is stale, for the
caller has moved on, and changes nothing. Silence alone leads to a person: every asking node has a way out, and misses are counted.
A single 0 leads to a person from every question. Knows no channel, no clock, no Asterisk: what it must know of the world it asks `Facts`.
"""

from collections.abc import Mapping
from typing import assert_never

from msgspec.structs import replace

from ivr import menu as m
from ivr.session import (
    NOTHING,
    Ask,
    Enqueue,
    Facts,
    Finish,
    Input,
    Keyed,
    Output,
    Record,
    Recorded,
    Returned,
    Say,
    Session,
    Spoken,
    Step,
    Told,
    Transfer,
    UseLanguage,
)  # fmt: skip
from ivr.spoken import sound, sounds_of

__all__ = ["NOTHING", "Ask", "Enqueue", "Facts", "Finish", "Input", "Keyed", "Output", "Record", "Recorded", "Returned", "Say",
           "Session", "Spoken", "Step", "Told", "Transfer", "UseLanguage", "advance", "begin", "resume", "sound"]  # fmt: skip

LONGEST_PATH = 50
"""Somebody who plays with the keys for an hour does not make an endless record."""
HIDDEN = "••••"
SILENT_HOPS = 40
"""More nodes than that without a word are a circle, which `check` refuses; at run time a person ends it."""
INSTANT_S = 0.05
"""How long a key is awaited after a speech that may be cut but asks nothing."""


def begin(
    menu: m.Menu, facts: Facts = NOTHING, start: str = "", values: Mapping[str, str] | None = None, language: str = ""
) -> Step:
    """A new caller; `start`, `values` and `language` when the call is one that we made."""
    first = start or menu.start
    return _enter(menu, facts, Session(first, language or menu.languages[0], values=values or {}), first)


def resume(menu: m.Menu, session: Session, facts: Facts = NOTHING) -> Step:
    """A caller whom an interruption left in the middle: the present node once more, without counting a miss."""
    return _act(menu, facts, replace(session, listening=False), again=True)


def advance(menu: m.Menu, session: Session, event: Input, facts: Facts = NOTHING) -> Step:
    """What follows from what the caller, the queue or a register did."""
    node = menu.node(session.node)
    match event:
        case Returned():
            return _returned(menu, facts, session, event.status)
        case Told():
            return _told(menu, facts, session, event)
        case Spoken() | Keyed() | Recorded() if event.step != session.step:
            return session, ()
        case Spoken():
            return _spoken(menu, facts, session, node)
        case Recorded():
            return _recorded(menu, facts, session, node, event.ms)
        case Keyed():
            return _keyed(menu, facts, session, node, event.keys)
        case _:
            assert_never(event)


# --- entering and acting ------------------------------------------------------------------------------------------


def _enter(menu: m.Menu, facts: Facts, session: Session, name: str, hops: int = 0) -> Step:
    node = menu.node(name)
    if isinstance(node, m.Back | m.Repeat):
        return _again(menu, facts, session, isinstance(node, m.Back), hops)
    trail = session.trail
    if isinstance(node, m.Asking) and trail[-1:] != (name,):
        trail = (*trail, name)[-LONGEST_PATH:]
    entered = replace(
        session, node=name, silences=0, wrongs=0, question=0, listening=False, asked=0, reply="", trail=trail,
        path=(*session.path, name)[-LONGEST_PATH:],
    )  # fmt: skip
    return _act(menu, facts, entered, hops=hops)


def _again(menu: m.Menu, facts: Facts, session: Session, back: bool, hops: int) -> Step:
    trail = session.trail[:-1] if back else session.trail
    name = trail[-1] if trail else menu.start
    return _enter(menu, facts, replace(session, trail=trail[:-1]), name, hops + 1)


def _act(
    menu: m.Menu, facts: Facts, session: Session, *, again: bool = False, first: tuple[str, ...] = (), hops: int = 0
) -> Step:
    """Say what the present node says; one that has nothing to say does its deed at once."""
    node = menu.node(session.node)
    if isinstance(node, m.Asking):
        return _question(facts, session, node, again, first)
    sounds = sounds_of(facts, session, node.prompts)
    match node:
        case m.Lookup():
            return _ask(facts, session, node, sounds)
        case m.Voicemail() | m.Petition():
            kind = "voicemail" if isinstance(node, m.Voicemail) else "petition"
            session = replace(session, step=session.step + 1)
            return session, (Record(session.step, sounds, kind, node.longest_s, node.silence_s),)
        case m.Play() if sounds and node.barge:
            return _say(session, sounds, 1, INSTANT_S)
    if sounds:
        return _say(session, sounds, 0, 0)
    return _spoken(menu, facts, session, node, hops)


def _question(facts: Facts, session: Session, node: m.Asking, again: bool, first: tuple[str, ...]) -> Step:
    slow = again or bool(session.silences or session.wrongs)
    spoken = node.questions[session.question].prompts if isinstance(node, m.Survey) else node.prompts
    if isinstance(node, m.Survey) and not session.question and not slow:
        spoken = (*node.prompts, *spoken)
    sounds = sounds_of(facts, session, (*first, *((node.again if slow else ()) or spoken)))
    if not node.barge and sounds:
        return _say(replace(session, listening=False), sounds, 0, 0)
    return _say(session, sounds, _keys_of(node), node.slow_wait_s if slow else node.wait_s)


def _keys_of(node: m.Asking) -> int:
    return node.longest if isinstance(node, m.Gather) else 1


def _say(session: Session, sounds: tuple[str, ...], max_keys: int, wait_s: float) -> Step:
    session = replace(session, step=session.step + 1)
    return session, (Say(session.step, sounds, max_keys, round(wait_s * 1000)),)


def _spoken(menu: m.Menu, facts: Facts, session: Session, node: m.Node, hops: int = 0) -> Step:
    """The node has said what it says: now its deed."""
    if hops > SILENT_HOPS:
        person = menu.node(menu.person)
        return _hand_over(session, Enqueue(person.queue) if isinstance(person, m.Enqueue) else Finish())
    hops += 1
    match node:
        case m.Play():
            return _enter(menu, facts, session, node.next, hops)
        case m.SetValues():
            return _enter(menu, facts, replace(session, values={**session.values, **node.values}), node.next, hops)
        case m.Branch():
            case = session.values.get(node.variable, "")
            return _enter(menu, facts, session, node.cases.get(case, node.otherwise), hops)
        case m.Hours():
            opened = facts.open("") and (not node.queue or facts.open(node.queue))
            session = replace(session, values={**session.values, "closed": "" if opened else "yes"})
            return _enter(menu, facts, session, node.open if opened else node.closed, hops)
        case m.Enqueue():
            return _enqueue(menu, facts, session, node, hops)
        case m.Callback():
            session = replace(session, step=session.step + 1, asked=session.step + 1, idle=True)
            values = {"number": session.values.get(node.number, ""), "queue": _queue(session, node.queue)}
            return session, (Ask(session.step, "callback", values),)
        case m.Lookup():
            return _looked(menu, facts, session, node)
        case m.Transfer():
            return _hand_over(session, Transfer(node.to))
        case m.HangUp():
            return _hand_over(session, Finish(node.blocked))
        case m.Asking():
            return _listen(session, node)
        case m.Voicemail() | m.Petition() | m.Back() | m.Repeat():
            return session, ()
        case _:
            assert_never(node)


def _listen(session: Session, node: m.Asking) -> Step:
    """After a speech that no key could cut."""
    if node.barge or session.listening:
        return session, ()
    slow = bool(session.silences or session.wrongs)
    return _say(replace(session, listening=True), (), _keys_of(node), node.slow_wait_s if slow else node.wait_s)


# --- queues -------------------------------------------------------------------------------------------------------


def _queue(session: Session, name: str) -> str:
    return session.values.get(name[1:], "") if name.startswith("$") else name


def _enqueue(menu: m.Menu, facts: Facts, session: Session, node: m.Enqueue, hops: int) -> Step:
    queue = _queue(session, node.queue)
    session = replace(session, queue_node=session.node, values={**session.values, "queue": queue})
    shut = "" if facts.open("") and facts.open(queue) else "CLOSED"
    refused = shut or ("OVERFLOW" if facts.overflows(node, queue) else "")
    if refused:
        session = replace(session, values={**session.values, "closed": "yes" if shut else ""})
        return _enter(menu, facts, session, node.returns.get(refused) or node.otherwise, hops)
    return _hand_over(session, Enqueue(queue, "CONTINUE" in node.returns))


def _hand_over(session: Session, output: Enqueue | Transfer | Finish) -> Step:
    """The call is in other hands now: what is still told of things said before must not hand it over a second time."""
    return replace(session, step=session.step + 1), (output,)


def _returned(menu: m.Menu, facts: Facts, session: Session, status: str) -> Step:
    node = menu.nodes.get(session.queue_node)
    if not isinstance(node, m.Enqueue):
        return _enter(menu, facts, session, menu.person)
    if status.startswith("KEY"):
        session = _pressed(session, session.queue_node, status[3:])
        if status not in node.returns:
            return _hand_over(session, Enqueue(_queue(session, node.queue), "CONTINUE" in node.returns))
    elif status == "CONTINUE" and status not in node.returns:
        return _hand_over(session, Finish())  # an agent has served this caller
    return _enter(menu, facts, session, node.returns.get(status) or node.otherwise)


# --- registers and messages ---------------------------------------------------------------------------------------


def _ask(facts: Facts, session: Session, node: m.Lookup, sounds: tuple[str, ...]) -> Step:
    session = replace(session, step=session.step + 1, asked=session.step + 1, idle=not sounds, reply="")
    asked = Ask(session.step, node.about, session.values)
    return session, (Say(session.step, sounds), asked) if sounds else (asked,)


def _told(menu: m.Menu, facts: Facts, session: Session, told: Told) -> Step:
    node = menu.node(session.node)
    if not session.asked or told.step != session.asked or not isinstance(node, m.Lookup | m.Callback):
        return session, ()
    known = {**session.values, **told.values}
    session = replace(session, reply=told.result, answer=told.sounds, values=known, asked=0)
    return _results(menu, facts, session, node) if session.idle else (session, ())


def _looked(menu: m.Menu, facts: Facts, session: Session, node: m.Lookup) -> Step:
    """What was said while the register was asked has ended."""
    if not session.asked and session.reply:
        return _results(menu, facts, session, node)
    sounds = sounds_of(facts, session, node.still)
    if not sounds:
        return replace(session, idle=True), ()
    return _say(session, sounds, 0, 0)


def _results(menu: m.Menu, facts: Facts, session: Session, node: m.Lookup | m.Callback) -> Step:
    return _enter(menu, facts, session, node.results.get(session.reply) or node.otherwise)


def _recorded(menu: m.Menu, facts: Facts, session: Session, node: m.Node, ms: int) -> Step:
    if not isinstance(node, m.Voicemail | m.Petition):
        return session, ()
    return _enter(menu, facts, session, node.saved if ms else node.empty)


# --- keys ---------------------------------------------------------------------------------------------------------


def _pressed(session: Session, node: str, keys: str) -> Session:
    before = session.path[:-1] if session.path[-1:] == (node,) else session.path
    return replace(session, path=(*before, f"{node}:{keys}")[-LONGEST_PATH:])


def _keyed(menu: m.Menu, facts: Facts, session: Session, node: m.Node, keys: str) -> Step:
    if isinstance(node, m.Play):
        return _enter(menu, facts, session, menu.person if keys == "0" else node.next)
    if not isinstance(node, m.Asking):
        return session, ()
    if keys:
        secret = isinstance(node, m.Gather) and node.secret and keys != "0"
        session = _pressed(session, session.node, HIDDEN if secret else keys)
    match node:
        case m.Language() if keys in node.keys:
            return _speak(menu, facts, session, node.keys[keys], node.next)
        case m.Choice() if keys in node.keys:
            return _enter(menu, facts, session, node.keys[keys])
        case _ if keys == "0":
            return _enter(menu, facts, session, menu.person)
        case m.Gather() if node.shortest <= len(keys) <= node.longest and keys.isdecimal():
            return _gathered(menu, facts, session, node, keys)
        case m.Survey() if keys in ("1", "2", "3", "4", "5"):
            return _scored(menu, facts, session, node, int(keys))
    return _missed(menu, facts, session, node, keys)


def _speak(menu: m.Menu, facts: Facts, session: Session, language: str, then: str) -> Step:
    session = replace(session, language=language, step=session.step + 1)
    chosen = UseLanguage(session.step, language)
    session, outputs = _enter(menu, facts, session, then)
    return session, (chosen, *outputs)


def _gathered(menu: m.Menu, facts: Facts, session: Session, node: m.Gather, keys: str) -> Step:
    secrets = session.secrets | {node.into} if node.secret else session.secrets
    session = replace(session, values={**session.values, node.into: keys}, secrets=secrets)
    return _enter(menu, facts, session, node.next)


def _scored(menu: m.Menu, facts: Facts, session: Session, node: m.Survey, value: int) -> Step:
    scores = (*session.scores, (node.questions[session.question].factor, value))
    session = replace(session, scores=scores, question=session.question + 1, silences=0, wrongs=0, listening=False)
    if session.question >= len(node.questions):
        return _enter(menu, facts, session, node.next)
    return _act(menu, facts, session)


def _missed(menu: m.Menu, facts: Facts, session: Session, node: m.Asking, keys: str) -> Step:
    if keys:
        session = replace(session, wrongs=session.wrongs + 1, listening=False)
        out, said = session.wrongs > node.wrongs, node.wrong_prompts
    else:
        session = replace(session, silences=session.silences + 1, listening=False)
        out, said = session.silences > node.silences, node.silence_prompts
    if out:
        # Who does not answer a survey is let go; everybody else is helped by a person.
        return _enter(menu, facts, session, node.way_out or (node.next if isinstance(node, m.Survey) else menu.person))
    return _act(menu, facts, session, first=said)
