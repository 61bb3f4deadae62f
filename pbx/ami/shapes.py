"""How a genuine message is built, so that one which a caller has written into is told apart.

Asterisk writes a caller's number into its events as it came (22.10.1; names are escaped, numbers and dialled digits are not), so a
caller may add header lines to an event, or end it early and begin one of his own. He has 79 bytes, and the rest of the genuine
event always trails behind. Hence these rules look at the headers' names and their order: the signature comes before
everything a caller controls, a channel's description is one unbroken block, and what ends a list describes nobody (in the rows of
QueueStatus our own ActionID comes last, so it trails behind whatever the caller wrote).

Pure. Knows names and order; the values, the bytes and what was learned of the peer are the framer's.
"""

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

Keys = tuple[str, ...]


class Fault(StrEnum):
    """Why a message was set aside."""

    NO_KIND = "neither event nor response"
    TWO_KINDS = "a response that says it is an event"
    BROKEN_LINE = "a line that is no header"
    BARE_LINE_FEED = "a line feed inside a line"
    REPEATED = "a header twice"
    INCOMPLETE = "a required header is missing"
    BROKEN_BLOCK = "the description of a channel is broken up"
    UNSIGNED = "an event without privilege that nobody asked for"
    UNSTAMPED = "an event without a time"
    FOREIGN = "an event of another system"
    TORN = "the end of the capture is torn"


_CHANNEL = ("Channel", "Uniqueid", "Linkedid")
_IN_QUEUE = (*_CHANNEL, "Queue")
_OFFERED = (*_IN_QUEUE, "Interface", "MemberName")
_MEMBER = ("Queue", "MemberName", "Interface")

LIVE: dict[str, Keys] = {
    "Newchannel": (*_CHANNEL, "CallerIDNum", "Context", "Exten"),
    "Newstate": _CHANNEL,
    "Newexten": _CHANNEL,
    "Hangup": (*_CHANNEL, "Cause"),
    "HangupRequest": _CHANNEL,
    "SoftHangupRequest": _CHANNEL,
    "AsyncAGIStart": (*_CHANNEL, "Env"),
    "AsyncAGIExec": (*_CHANNEL, "Result"),
    "AsyncAGIEnd": _CHANNEL,
    "DTMFBegin": (*_CHANNEL, "Digit"),
    "DTMFEnd": (*_CHANNEL, "Digit"),
    "QueueCallerJoin": (*_IN_QUEUE, "Position"),
    "QueueCallerAbandon": _IN_QUEUE,
    "QueueCallerLeave": _IN_QUEUE,
    "AgentCalled": _OFFERED,
    "AgentRingNoAnswer": _OFFERED,
    "AgentConnect": _OFFERED,
    "AgentComplete": (*_OFFERED, "Reason"),
    "Hold": _CHANNEL,
    "Unhold": _CHANNEL,
    "MixMonitorStart": _CHANNEL,
    "MixMonitorStop": _CHANNEL,
    "MixMonitorMute": (*_CHANNEL, "Direction", "State"),
    "BlindTransfer": ("TransfererChannel", "TransfererUniqueid", "TransfererLinkedid", "Extension"),
    "AttendedTransfer": ("OrigTransfererChannel", "OrigTransfererUniqueid", "OrigTransfererLinkedid"),
    "QueueMemberAdded": _MEMBER,
    "QueueMemberStatus": _MEMBER,
    "QueueMemberPause": _MEMBER,
    "QueueMemberRinginuse": _MEMBER,
    "QueueMemberPenalty": _MEMBER,
    "QueueMemberRemoved": _MEMBER,
    "VarSet": ("Variable", "Value"),  # a global variable belongs to no channel
    "UserEvent": ("UserEvent",),
}
"""What each event must have. These tell what happens now: they are always signed, and an ActionID does not excuse them."""

ANSWERS: dict[str, Keys] = {
    "CoreShowChannel": (*_CHANNEL, "Duration"),
    "QueueParams": ("Queue",),
    "QueueMember": ("Queue", "Name"),
    "QueueEntry": ("Queue", "Position", "Channel", "Uniqueid"),
    "QueueStatusComplete": ("EventList",),
    "CoreShowChannelsComplete": ("EventList",),
}
"""Rows of lists that somebody asked for; Asterisk neither signs nor stamps these."""

_REQUIRED = LIVE | ANSWERS
_NOBODY = frozenset(("QueueParams", "QueueMember", "QueueMemberStatus", "QueueMemberPause"))
"""These describe no caller."""
_KEY = re.compile(r"[A-Za-z][^\s:]{0,79}")
_RAW = re.compile(r"(.*)(CallerIDNum|ConnectedLineNum)")
_NAMES = re.compile(r"(.*)(CallerIDName|ConnectedLineName)")
_CHAN_VARIABLE = re.compile(r".*ChanVariable(\(.*\))?")
_BLOCK = ("Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "Exten", "Uniqueid")


@dataclass(frozen=True, slots=True)
class Shape:
    """What follows from the names of a message's headers alone, whatever their values."""

    fault: Fault | None
    event: bool = False
    live: bool = False
    signed: bool = False
    stamped: bool = False
    named: bool = False
    asked: bool = False
    proof: bool = False
    """So complete that no caller can have made it up: how the peer signs may be learned from it."""
    escaped: Keys = ()
    """Headers whose values Asterisk has C-escaped."""


def repeatable(event: str, key: str) -> bool:
    """Whether Asterisk itself writes this header several times in one message. `event` is `''` for a response."""
    if _CHAN_VARIABLE.fullmatch(key):
        return True
    if event == "TestEvent":  # debug builds: its own State, then the tested one's
        return key == "State"
    return event not in LIVE and key in ("Output", "Variable")


def shape(event: str, keys: Keys) -> Shape:
    """Judge a message by its headers, in the order in which they came, each once. `event` is `''` for a response."""
    if keys[:1] not in (("Event",), ("Response",)):
        return Shape(Fault.NO_KIND)
    fault = _structure(keys) or _block(event, keys)
    if keys[0] == "Response":
        fault = fault or (Fault.TWO_KINDS if "Event" in keys else None)
        return Shape(fault, asked="ActionID" in keys)
    fault = fault or _incomplete(event, keys)
    signed = keys[1:2] == ("Privilege",)
    return Shape(
        fault,
        event=True,
        live=event in LIVE,
        signed=signed,
        stamped=keys[2:3] == ("Timestamp",),
        named="SystemName" in keys,
        asked="ActionID" in keys,
        proof=fault is None and signed and event in LIVE and "Linkedid" in keys,
        escaped=tuple(key for key in keys if _is_escaped(event, key, keys)),
    )


def _is_escaped(event: str, key: str, keys: Keys) -> bool:
    """Names are escaped where they are part of a channel's description; in the rows of QueueStatus they come as they are."""
    name = _NAMES.fullmatch(key)
    return (name is not None and name[1] + "Linkedid" in keys) or (event == "VarSet" and key == "Value")


def _structure(keys: Keys) -> Fault | None:
    if not all(_KEY.fullmatch(key) for key in keys):
        return Fault.BROKEN_LINE
    if max(Counter(key.lower() for key in keys).values()) > 1:
        return Fault.REPEATED
    return None


def _incomplete(event: str, keys: Keys) -> Fault | None:
    return None if set(_REQUIRED.get(event, ())) <= set(keys) else Fault.INCOMPLETE


def _block(event: str, keys: Keys) -> Fault | None:
    """A raw value is followed by its own successor, and a description's end has its beginning."""
    if ("EventList" in keys or event in _NOBODY) and any(_RAW.fullmatch(key) for key in keys):
        return Fault.BROKEN_BLOCK
    after = dict(zip(keys, (*keys[1:], ""), strict=True))
    before = {then: key for key, then in after.items()}
    present = set(keys)
    for key in keys:
        if (raw := _RAW.fullmatch(key)) and after[key] != f"{raw[1]}{raw[2].removesuffix('Num')}Name":
            return Fault.BROKEN_BLOCK
        if _NAMES.fullmatch(key) and before.get(key) != key.removesuffix("Name") + "Num":
            return Fault.BROKEN_BLOCK
        if key.endswith("Linkedid"):
            prefix = key.removesuffix("Linkedid")
            whole = {prefix + part for part in _BLOCK} <= present
            if not whole or after[prefix + "Exten"] != prefix + "Priority":
                return Fault.BROKEN_BLOCK
    return None
