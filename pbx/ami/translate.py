"""AMI message -> event. One small function for each kind that matters; all others are nobody's business.

Pure. Knows Asterisk's names for things and nothing of what they mean together. What a caller controls is made harmless
here: a number that is not a number becomes `invalid`, a name loses control and direction marks. A message that lacks what
its kind must have gives None; the framer has refused most of those already.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar
from urllib.parse import unquote

from pbx import events as e

Message = Mapping[str, str]
_T = TypeVar("_T")

_NUMBER = re.compile(r"\+?[0-9*#]{1,20}")
_KEYS = re.compile(r"[0-9*#A-D]*")
_UNKNOWN = frozenset(("", "<unknown>", "unknown", "anonymous", "Anonymous"))
NAME_LENGTH = 80
SHORTEST_MESSAGE_MS = 2000
"""What is shorter was no message; Asterisk counts in whole seconds."""


def number(raw: str) -> str:
    """A caller's number as it may be stored and shown: digits, `''` when withheld, `invalid` when it is no number."""
    if _NUMBER.fullmatch(raw):
        return raw
    return "" if raw in _UNKNOWN else "invalid"


def name(raw: str) -> str:
    """A display name without control and direction characters, composed, at most 80 characters."""
    if raw in _UNKNOWN:
        return ""
    if not (raw.isascii() and raw.isprintable()):
        raw = "".join(c for c in unicodedata.normalize("NFC", raw) if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return raw[:NAME_LENGTH]


def translate(message: Message, received_at: int) -> e.AnyEvent | None:
    """The event that an AMI message tells, or None.

    `received_at` (UTC ms) stands in where Asterisk does not stamp its events (`timestampevents` off).
    """
    make = _KINDS.get(message.get("Event", ""))
    if make is None:
        return None
    try:
        return make(message, _at(message, received_at))
    except (KeyError, ValueError):
        return None


def _at(m: Message, received_at: int) -> int:
    stamp = m.get("Timestamp")
    return int(float(stamp) * 1000) if stamp else received_at


def _channel_opened(m: Message, at: int) -> e.AnyEvent:
    return e.ChannelOpened(
        at, m["Uniqueid"], m["Linkedid"], m["Channel"], number(m["CallerIDNum"]), name(m["CallerIDName"]),
        m["Context"], m["Exten"],
    )  # fmt: skip


def _channel_closed(m: Message, at: int) -> e.AnyEvent:
    return e.ChannelClosed(at, m["Uniqueid"], m["Linkedid"], int(m.get("Cause", "0") or 0))


def _hangup_asked(m: Message, at: int) -> e.AnyEvent:
    return e.HangupAsked(at, m["Uniqueid"])


def _control_started(m: Message, at: int) -> e.AnyEvent:
    context = m["Context"]
    return e.ControlStarted(
        at, m["Uniqueid"], m["Linkedid"], m["Channel"], number(m["CallerIDNum"]), name(m["CallerIDName"]), m["Exten"],
        context, resumed=context == "smartpbx-resume", reason=m["Exten"] if context == "smartpbx-return" else "",
    )  # fmt: skip


def _command_finished(m: Message, at: int) -> e.AnyEvent:
    failed = not agi_succeeded(unquote(m["Result"]))
    return e.CommandFinished(at, m["Uniqueid"], m["CommandId"], "", failed)


def agi_succeeded(line: str) -> bool:
    """Whether an AGI result tells of success: code 200 and a result that is not -1, which a hangup gives too.

    Some commands say `100 … Trying` first; the last line counts."""
    code, _, rest = line.strip().rpartition("\n")[2].partition(" result=")
    return code == "200" and rest.partition(" ")[0] != "-1"


def _key_pressed(m: Message, at: int) -> e.AnyEvent | None:
    if m.get("Direction") != "Received" or m["Digit"] not in "0123456789*#ABCD":
        return None
    return e.KeyPressed(at, m["Uniqueid"], m["Digit"])


def _queue_joined(m: Message, at: int) -> e.AnyEvent:
    return e.QueueJoined(
        at, m["Uniqueid"], m["Linkedid"], m["Channel"], number(m["CallerIDNum"]), name(m["CallerIDName"]), m["Queue"],
        int(m["Position"]),
    )  # fmt: skip


def _queue_abandoned(m: Message, at: int) -> e.AnyEvent:
    return e.QueueAbandoned(at, m["Uniqueid"], m["Queue"])


def _queue_left(m: Message, at: int) -> e.AnyEvent:
    return e.QueueLeft(at, m["Uniqueid"], m["Queue"])


def _agent_rang(m: Message, at: int) -> e.AnyEvent:
    return e.AgentRang(at, m["Uniqueid"], m["Queue"], m["Interface"], m["MemberName"], m.get("DestUniqueid", ""))


def _agent_missed(m: Message, at: int) -> e.AnyEvent:
    return e.AgentMissed(at, m["Uniqueid"], m["Queue"], m["Interface"], m["MemberName"], int(m.get("RingTime", "0")))


def _agent_answered(m: Message, at: int) -> e.AnyEvent:
    return e.AgentAnswered(
        at, m["Uniqueid"], m["Linkedid"], m["Channel"], number(m["CallerIDNum"]), name(m["CallerIDName"]), m["Queue"],
        m["Interface"], m["MemberName"], m.get("DestUniqueid", ""), int(m.get("HoldTime", "0")),
    )  # fmt: skip


def _agent_finished(m: Message, at: int) -> e.AnyEvent:
    return e.AgentFinished(at, m["Uniqueid"], m["Queue"], m["Interface"], m["MemberName"], m["Reason"])


def _hold_started(m: Message, at: int) -> e.AnyEvent:
    return e.HoldStarted(at, m["Uniqueid"], m["Linkedid"])


def _hold_ended(m: Message, at: int) -> e.AnyEvent:
    return e.HoldEnded(at, m["Uniqueid"], m["Linkedid"])


def _blind_transfer(m: Message, at: int) -> e.AnyEvent | None:
    if m.get("Result", "Success") != "Success":
        return None
    return e.CallTransferred(at, m["TransfereeUniqueid"], m["TransfereeLinkedid"], "blind", m["Extension"])


def _attended_transfer(m: Message, at: int) -> e.AnyEvent | None:
    if m.get("Result", "Success") != "Success":
        return None
    target = m.get("TransferTargetCallerIDNum") or m.get("DestApp") or m.get("SecondTransfererExten", "")
    return e.CallTransferred(at, m.get("TransfereeUniqueid", ""), m["OrigTransfererLinkedid"], "attended", target)


def _recording_started(m: Message, at: int) -> e.AnyEvent:
    return e.RecordingStarted(at, m["Uniqueid"])


def _recording_stopped(m: Message, at: int) -> e.AnyEvent:
    return e.RecordingStopped(at, m["Uniqueid"])


def _recording_muted(m: Message, at: int) -> e.AnyEvent | None:
    if m["Direction"] != "both":
        return None
    return e.RecordingMuted(at, m["Uniqueid"], m["State"] == "1")


def _member_changed(m: Message, at: int) -> e.MemberChanged:
    return e.MemberChanged(
        at, m["Queue"], m.get("Interface") or m["Location"], m.get("MemberName") or m["Name"], int(m["Status"]),
        m["Paused"] == "1", name(m.get("PausedReason", "")), m.get("InCall") == "1",
    )  # fmt: skip


def _member_removed(m: Message, at: int) -> e.AnyEvent:
    return e.MemberRemoved(at, m["Queue"], m["Interface"], m["MemberName"])


def _variable_set(m: Message, at: int) -> e.AnyEvent | None:
    # Other people's dialplans have no UserEvent of ours: Queue() still leaves its result in this variable.
    if m.get("Variable") != "QUEUESTATUS" or not m.get("Value"):
        return None
    return e.QueueReturned(at, m["Uniqueid"], "", m["Value"])


def _ours(m: Message, at: int) -> e.AnyEvent | None:
    match m.get("UserEvent"):
        case "SmartPbxArrived":
            return e.CallArrived(
                at, m["Uniqueid"], m["Linkedid"], m["Channel"], number(m["CallerIDNum"]), name(m["CallerIDName"]),
                m["Exten"],
            )  # fmt: skip
        case "SmartPbxSaid":
            keys = m.get("Keys", "")
            return e.CommandFinished(at, m["Uniqueid"], m["CommandID"], keys if _KEYS.fullmatch(keys) else "")
        case "SmartPbxRecorded":
            return e.MessageRecorded(at, m["Uniqueid"], m["CommandID"], _message_ms(m))
        case "SmartPbxRecordingKey":
            return e.RecordingKeyed(at, m["Uniqueid"], m["Linkedid"], m["Channel"], m.get("Wish", ""))
        case "SmartPbxQueueReturned":
            return e.QueueReturned(at, m["Uniqueid"], m["Queue"], m.get("Status", ""))
    return None


def _message_ms(m: Message) -> int:
    """About how long a message is: from the beep to its end, without the silence that ended it; 0 when nothing was said."""
    seconds, silence = m.get("Seconds", ""), m.get("Silence", "")
    if not seconds.isdecimal() or m.get("Status") == "ERROR":
        return 0
    quiet = int(silence) if silence.isdecimal() and m.get("Status") == "SILENCE" else 0
    ms = 1000 * (int(seconds) - quiet)
    return ms if ms >= SHORTEST_MESSAGE_MS else 0


_KINDS: dict[str, Callable[[Message, int], e.AnyEvent | None]] = {
    "Newchannel": _channel_opened,
    "Hangup": _channel_closed,
    "HangupRequest": _hangup_asked,
    "AsyncAGIStart": _control_started,
    "AsyncAGIExec": _command_finished,
    "DTMFEnd": _key_pressed,
    "QueueCallerJoin": _queue_joined,
    "QueueCallerAbandon": _queue_abandoned,
    "QueueCallerLeave": _queue_left,
    "AgentCalled": _agent_rang,
    "AgentRingNoAnswer": _agent_missed,
    "AgentConnect": _agent_answered,
    "AgentComplete": _agent_finished,
    "Hold": _hold_started,
    "Unhold": _hold_ended,
    "BlindTransfer": _blind_transfer,
    "AttendedTransfer": _attended_transfer,
    "MixMonitorStart": _recording_started,
    "MixMonitorStop": _recording_stopped,
    "MixMonitorMute": _recording_muted,
    "QueueMemberAdded": _member_changed,
    "QueueMemberStatus": _member_changed,
    "QueueMemberPause": _member_changed,
    "QueueMemberRinginuse": _member_changed,
    "QueueMemberPenalty": _member_changed,
    "QueueMemberRemoved": _member_removed,
    "VarSet": _variable_set,
    "UserEvent": _ours,
}

WANTED = frozenset(_KINDS)
"""The events that mean something to us; a framer may skip the rest unread."""


def snapshot(at: int, channels: Iterable[Message], queues: Iterable[Message]) -> e.SnapshotTaken:
    """What CoreShowChannels and QueueStatus answered, as one event; rows that lack something are left out."""
    return e.SnapshotTaken(
        at,
        tuple(_rows(_live_channel, channels, "CoreShowChannel", at)),
        tuple(_rows(_waiting, queues, "QueueEntry", at)),
        tuple(_rows(_member_changed, queues, "QueueMember", at)),
    )


def _rows(make: Callable[[Message, int], _T], messages: Iterable[Message], kind: str, at: int) -> Iterable[_T]:
    for m in messages:
        if m.get("Event") == kind:
            try:
                yield make(m, at)
            except (KeyError, ValueError):
                continue


def _live_channel(m: Message, at: int) -> e.LiveChannel:
    hours, minutes, seconds = (int(part) for part in m["Duration"].split(":"))
    return e.LiveChannel(
        m["Uniqueid"], m["Linkedid"], m["Channel"], number(m["CallerIDNum"]), name(m["CallerIDName"]), m["Context"],
        m["Exten"], m.get("Application", ""), at - 1000 * (3600 * hours + 60 * minutes + seconds),
    )  # fmt: skip


def _waiting(m: Message, at: int) -> e.Waiting:
    return e.Waiting(
        m["Uniqueid"], m["Channel"], number(m["CallerIDNum"]), name(m["CallerIDName"]), m["Queue"], int(m["Position"]),
        int(m["Wait"]),
    )  # fmt: skip
