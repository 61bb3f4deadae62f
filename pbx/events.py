"""Everything that can happen, in the past tense.

The board changes through these and through nothing else, so the journal of them is the day. An event
says what was seen, not what it means: the switchboard decides that. `at` is UTC in milliseconds since the
epoch, taken from Asterisk's own stamp wherever there is one. `channel_id` is Asterisk's Uniqueid, `linkedid` its
Linkedid; a call's id is the Uniqueid of the caller's channel. Strings that a caller controls (`caller`,
`caller_name`, `keys`) arrive here already normalised by the translator.

msgspec structures, because the journal needs each of them encoded and read back with types checked, tens of
thousands a second. This module knows no socket, no clock and no meaning.
"""

import msgspec

from pbx.event import Event
from pbx.house_events import (
    CallbackAsked,
    CallbackCancelled,
    CallbackDialled,
    HoursForced,
    LookupFinished,
    MenuPublished,
    NumberBlocked,
    ReceptionKept,
    Ticked,
)  # fmt: skip
from pbx.recording_events import RecordingKeyed, RecordingMuted, RecordingStarted, RecordingStopped

# --- channels -------------------------------------------------------------------------------------------------


class ChannelOpened(Event, frozen=True):
    """A channel came into being (AMI Newchannel, CEL CHAN_START)."""

    channel_id: str
    linkedid: str
    channel: str
    """Asterisk's name for it, such as `PJSIP/trunk-00000001`; actions are addressed to it."""
    caller: str
    caller_name: str
    context: str
    exten: str


class HangupAsked(Event, frozen=True):
    """The far end of a channel hung up (HangupRequest); what Asterisk still does to the channel comes after."""

    channel_id: str


class ChannelClosed(Event, frozen=True):
    """A channel is gone (AMI Hangup, CEL CHAN_END); `cause` is the Q.850 code, 0 when unknown."""

    channel_id: str
    linkedid: str
    cause: int = 0


class CallArrived(Event, frozen=True):
    """Our dialplan answered a caller and cleaned the number (UserEvent SmartPbxArrived)."""

    channel_id: str
    linkedid: str
    channel: str
    caller: str
    caller_name: str
    exten: str


# --- the menu -------------------------------------------------------------------------------------------------


class ControlStarted(Event, frozen=True):
    """A caller was handed to us through AsyncAGI; `resumed` when our own redirect brought the caller back."""

    channel_id: str
    linkedid: str
    channel: str
    caller: str
    caller_name: str
    exten: str
    context: str
    resumed: bool = False
    reason: str = ""
    """Why the dialplan hands the caller over: empty for a new call, else the QUEUESTATUS it returns with."""


class CommandFinished(Event, frozen=True):
    """What we asked of a channel is done: our dialplan said so (SmartPbxSaid), or AGI itself (AsyncAGIExec), which for speech
    comes later and tells no keys.

    `keys` are what the caller pressed, `''` for silence, `#` when nothing else was pressed; `failed` when the command could not be
    carried out, which is what it also says when the caller hung up meanwhile."""

    channel_id: str
    command_id: str
    keys: str = ""
    failed: bool = False


class MessageRecorded(Event, frozen=True):
    """The caller's message is kept (UserEvent SmartPbxRecorded); `ms` 0: the caller said nothing."""

    channel_id: str
    command_id: str
    ms: int


class KeyPressed(Event, frozen=True):
    """The caller pressed a key (DTMFEnd, Direction Received); only streams of other people's dialplans need it."""

    channel_id: str
    key: str


# --- the queue ------------------------------------------------------------------------------------------------


class QueueJoined(Event, frozen=True):
    """A caller entered a queue (QueueCallerJoin, queue_log ENTERQUEUE)."""

    channel_id: str
    linkedid: str
    channel: str
    caller: str
    caller_name: str
    queue: str
    position: int


class QueueAbandoned(Event, frozen=True):
    """app_queue said QueueCallerAbandon, which it also says for a time-out: never believed alone."""

    channel_id: str
    queue: str


class QueueLeft(Event, frozen=True):
    """A caller is no longer in the queue, for whatever reason (QueueCallerLeave)."""

    channel_id: str
    queue: str


class QueueReturned(Event, frozen=True):
    """Queue() gave the caller back to the dialplan with this QUEUESTATUS (upper case: TIMEOUT, FULL, JOINEMPTY, LEAVEEMPTY,
    JOINUNAVAIL, LEAVEUNAVAIL, CONTINUE, WITHDRAW, KEY …). FULL and JOINEMPTY are told nowhere else."""

    channel_id: str
    queue: str
    status: str


class AgentRang(Event, frozen=True):
    """An agent's phone was called for this caller (AgentCalled)."""

    channel_id: str
    queue: str
    interface: str
    agent: str
    agent_channel_id: str


class AgentMissed(Event, frozen=True):
    """An agent's phone rang out, was rejected or was busy (AgentRingNoAnswer, queue_log RINGNOANSWER)."""

    channel_id: str
    queue: str
    interface: str
    agent: str
    ring_ms: int


class AgentAnswered(Event, frozen=True):
    """An agent and the caller were connected (AgentConnect, queue_log CONNECT).

    `waited_s` is Asterisk's own count in whole seconds: used only when nobody saw the caller join."""

    channel_id: str
    linkedid: str
    channel: str
    caller: str
    caller_name: str
    queue: str
    interface: str
    agent: str
    agent_channel_id: str
    waited_s: int = 0


class AgentFinished(Event, frozen=True):
    """The agent's part is over (AgentComplete, queue_log COMPLETE*); `reason` is caller, agent or transfer."""

    channel_id: str
    queue: str
    interface: str
    agent: str
    reason: str


class HoldStarted(Event, frozen=True):
    """A channel put its peer on hold."""

    channel_id: str
    linkedid: str


class HoldEnded(Event, frozen=True):
    """A channel took its peer off hold."""

    channel_id: str
    linkedid: str


class CallTransferred(Event, frozen=True):
    """A talking call was sent on (BlindTransfer, AttendedTransfer); `channel_id` is the transferee, '' if not told."""

    channel_id: str
    linkedid: str
    kind: str
    """`blind` or `attended`."""
    target: str


# --- agents ---------------------------------------------------------------------------------------------------


class MemberChanged(Event, frozen=True):
    """What app_queue says of a member (QueueMemberAdded, …Status, …Pause, …Penalty, …Ringinuse, QueueMember of a snapshot)."""

    queue: str
    interface: str
    agent: str
    status: int
    """Device state: 1 idle, 2 in use, 3 busy, 4 invalid, 5 unavailable, 6 ringing, 7 ringing in use, 8 on hold, 0 unknown."""
    paused: bool
    paused_reason: str
    in_call: bool = False


class MemberRemoved(Event, frozen=True):
    """A member left a queue."""

    queue: str
    interface: str
    agent: str


# --- the link -------------------------------------------------------------------------------------------------


class LiveChannel(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row of a snapshot: a channel that exists now (CoreShowChannel). `since` is when it was made, UTC ms."""

    channel_id: str
    linkedid: str
    channel: str
    caller: str
    caller_name: str
    context: str
    exten: str
    application: str
    since: int


class Waiting(msgspec.Struct, frozen=True):
    """One row of a snapshot: a caller in a queue now (QueueEntry), with the wait so far in seconds."""

    channel_id: str
    channel: str
    caller: str
    caller_name: str
    queue: str
    position: int
    waited_s: int


class LinkUp(Event, frozen=True):
    """Logged in to Asterisk; `boot` names this run of Asterisk (its start time), so that a restart is seen."""

    boot: str


class SnapshotTaken(Event, frozen=True):
    """What Asterisk said it holds right after `LinkUp`. Calls on the board that are not in it are over."""

    channels: tuple[LiveChannel, ...]
    waiting: tuple[Waiting, ...]
    members: tuple[MemberChanged, ...] = ()


class LinkLost(Event, frozen=True):
    """Asterisk is not heard any more. What the board shows is as old as `at`."""

    reason: str


class LedgerRead(Event, frozen=True):
    """How far the witnesses have been read, so that the next gap begins where this one ended."""

    cel_id: int
    queue_log_offset: int


AnyEvent = (
    ChannelOpened
    | HangupAsked
    | ChannelClosed
    | CallArrived
    | ControlStarted
    | CommandFinished
    | KeyPressed
    | QueueJoined
    | QueueAbandoned
    | QueueLeft
    | QueueReturned
    | AgentRang
    | AgentMissed
    | AgentAnswered
    | AgentFinished
    | HoldStarted
    | HoldEnded
    | CallTransferred
    | RecordingStarted
    | RecordingStopped
    | RecordingMuted
    | RecordingKeyed
    | MemberChanged
    | MemberRemoved
    | LinkUp
    | SnapshotTaken
    | LinkLost
    | LedgerRead
    | MessageRecorded
    | LookupFinished
    | Ticked
    | CallbackAsked
    | CallbackDialled
    | CallbackCancelled
    | NumberBlocked
    | HoursForced
    | MenuPublished
    | ReceptionKept
)
