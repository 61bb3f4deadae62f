"""What CEL and queue_log saw, told as events: the story of the time when nobody listened.

Pure. CEL knows channels and moments to the microsecond but no agents; queue_log knows agents but only whole seconds. Each of its lines is
given the moment of the CEL row that must have been written with it, where there is one, so that a reconstructed call agrees with one
that was heard.
"""

import json
from collections.abc import Iterable, Mapping

import msgspec

from pbx import events as e
from pbx.ami.translate import name, number

CONTEXT = "smartpbx-"


class CelRow(msgspec.Struct, frozen=True):
    """A row of CEL that we read; `at` is UTC ms."""

    at: int
    kind: str
    user_kind: str
    channel_id: str
    linkedid: str
    channel: str
    caller: str
    caller_name: str
    context: str
    exten: str
    application: str
    extra: str


class QueueLine(msgspec.Struct, frozen=True):
    """A line of queue_log: `second|call|queue|agent|VERB|data…`."""

    second: int
    call_id: str
    queue: str
    agent: str
    verb: str
    data: tuple[str, ...]


def parse_queue_log(text: str) -> list[QueueLine]:
    """Strictly: a line that is not one of Asterisk's (a caller may smuggle a line end in) is left out."""
    lines = []
    for line in text.split("\n"):
        parts = line.split("|")
        if len(parts) >= 5 and parts[0].isdecimal() and parts[4].isupper():
            lines.append(QueueLine(int(parts[0]), parts[1], parts[2], parts[3], parts[4], tuple(parts[5:])))
    return lines


def story(rows: Iterable[CelRow], lines: Iterable[QueueLine], interfaces: Mapping[str, str]) -> list[e.AnyEvent]:
    """Both witnesses as one story in order of time. `interfaces` says which phone an agent's name belongs to."""
    rows = sorted(rows, key=lambda row: row.at)
    moments = _Moments(rows)
    told: list[tuple[int, int, e.AnyEvent]] = []
    for row in rows:
        if (event := _of_row(row)) is not None:
            # What ends a call comes after everything else of the same moment.
            told.append((event.at, 2 if isinstance(event, e.ChannelClosed) else 0, event))
    for line in lines:
        told += [(event.at, 1, event) for event in _of_line(line, moments, interfaces)]
    told.sort(key=lambda item: item[:2])
    return [event for _, _, event in told]


def _of_row(row: CelRow) -> e.AnyEvent | None:
    first = row.channel_id == row.linkedid
    # CEL writes a user-defined event's own name as its type, too.
    match row.kind, row.user_kind:
        case "CHAN_START", _ if first and row.context.startswith(CONTEXT):
            return e.ChannelOpened(
                row.at,
                row.channel_id,
                row.linkedid,
                row.channel,
                number(row.caller),
                name(row.caller_name),
                row.context,
                row.exten,
            )
        case "CHAN_END", _ if first:
            return e.ChannelClosed(row.at, row.channel_id, row.linkedid)
        case _, "SMARTPBX_ARRIVED":
            return e.CallArrived(
                row.at, row.channel_id, row.linkedid, row.channel, number(row.caller), name(row.caller_name), row.exten
            )
        case _, "SMARTPBX_QUEUE_RETURNED":
            queue, _, status = _user_text(row.extra).partition(":")
            return e.QueueReturned(row.at, row.channel_id, queue, status)
        case (("BLINDTRANSFER" | "ATTENDEDTRANSFER"), _):
            kind = "blind" if row.kind == "BLINDTRANSFER" else "attended"
            return e.CallTransferred(row.at, "", row.linkedid, kind, str(_extra(row.extra).get("extension", "")))
    return None


def _extra(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _user_text(text: str) -> str:
    # CELGenUserEvent's text stands in the extra field as {"extra": text}.
    return str(_extra(text).get("extra", text))


class _Moments:
    """The exact moments that CEL knows, by channel."""

    def __init__(self, rows: Iterable[CelRow]) -> None:
        self._by_channel: dict[str, list[CelRow]] = {}
        for row in rows:
            self._by_channel.setdefault(row.channel_id, []).append(row)

    def near(self, channel_id: str, second: int, kind: str, application: str = "") -> int | None:
        """When this kind of row was written for the channel within that second, or the two beside it."""
        for row in self._by_channel.get(channel_id, ()):
            fits = row.kind == kind and (not application or row.application == application)
            if fits and abs(row.at - second * 1000 - 500) <= 1500:
                return row.at
        return None


def _of_line(line: QueueLine, moments: _Moments, interfaces: Mapping[str, str]) -> list[e.AnyEvent]:
    at, call, queue = line.second * 1000, line.call_id, line.queue
    phone = interfaces.get(line.agent, line.agent)
    left = moments.near(call, line.second, "APP_END", "Queue") or moments.near(call, line.second, "HANGUP") or at
    match line.verb, line.data:
        case "ENTERQUEUE", (_, caller, *_):
            at = moments.near(call, line.second, "APP_START", "Queue") or at
            return [e.QueueJoined(at, call, call, "", number(caller), "", queue, 0)]
        case "CONNECT", (hold_s, agent_channel, *ring):
            at = moments.near(agent_channel, line.second, "ANSWER") or at
            rang_at = moments.near(agent_channel, line.second - _whole(ring[:1]), "CHAN_START") or at - 1000 * _whole(
                ring[:1]
            )
            return [
                e.AgentRang(rang_at, call, queue, phone, line.agent, agent_channel),
                e.AgentAnswered(at, call, call, "", "", "", queue, phone, line.agent, agent_channel, _whole([hold_s])),
                e.RecordingStarted(at, call),
            ]
        case (("COMPLETEAGENT" | "COMPLETECALLER"), _):
            at = moments.near(call, line.second, "BRIDGE_EXIT") or at
            return [e.AgentFinished(at, call, queue, phone, line.agent, line.verb.removeprefix("COMPLETE").lower())]
        case "RINGNOANSWER", data:
            return [e.AgentMissed(at, call, queue, phone, line.agent, _whole(data[:1]))]
        case "ABANDON", _:
            return [e.HangupAsked(left, call), e.QueueAbandoned(left, call, queue), e.QueueLeft(left, call, queue)]
        case "EXITWITHTIMEOUT", _:
            return [e.QueueReturned(left, call, queue, "TIMEOUT")]
        case "EXITEMPTY", _:
            return [e.QueueReturned(left, call, queue, "LEAVEEMPTY")]
        case "EXITWITHKEY", _:
            return [e.QueueLeft(left, call, queue)]
        case "WITHDRAW", _:
            return [e.QueueReturned(left, call, queue, "WITHDRAW")]
    return []


def _whole(data: Iterable[str]) -> int:
    """The first of these as a whole number, 0 when there is none."""
    return next((int(text) for text in data if text.isdecimal()), 0)
