"""Command -> AMI action, and the few actions that the service asks on its own account.

Pure. Every action is plain headers; the link refuses values that could break out of a line. Class needed of the account: `agi` for
AGI, `call` for Redirect, Setvar and Hangup, `reporting` for the snapshot.
"""

from typing import assert_never

from pbx import commands as c

Action = dict[str, str]

HEARTBEAT_VARIABLE = "SMARTPBX_ALIVE"
"""Global variable of the dialplan: the epoch second at which the service last said that it lives."""
LEASE_S = 30
"""How long a caller stays in the menu of a service that has fallen silent, before the dialplan takes over."""


def action(command: c.Play | c.SetLanguage | c.EnterQueue | c.Adopt | c.HangUp) -> Action:
    """How Asterisk is told to do it."""
    match command:
        case c.Play():
            return _agi(command.channel, command.command_id, _speech(command))
        case c.SetLanguage():
            line = f"SET VARIABLE CHANNEL(language) {command.language}"
            return _agi(command.channel, command.command_id, line)
        case c.EnterQueue():
            # A redirect, not EXEC Queue: the call then needs nobody but Asterisk, whatever becomes of us.
            return _redirect(command.channel, "smartpbx-queue", command.queue)
        case c.Adopt():
            return _redirect(command.channel, "smartpbx-resume", "s")
        case c.HangUp():
            return {"Action": "Hangup", "Channel": command.channel, "Cause": "16"}
        case _:
            assert_never(command)


def _speech(play: c.Play) -> str:
    sounds = "&".join(play.sounds)
    if not play.max_keys:
        return f"EXEC Playback {sounds}"
    return f"GET DATA {sounds} {play.timeout_ms} {play.max_keys}"


def _agi(channel: str, command_id: str, line: str) -> Action:
    return {"Action": "AGI", "Channel": channel, "Command": line, "CommandID": command_id}


def _redirect(channel: str, context: str, exten: str) -> Action:
    return {"Action": "Redirect", "Channel": channel, "Context": context, "Exten": exten, "Priority": "1"}


def heartbeat(now_ms: int) -> Action:
    """Tell the dialplan that the service lives."""
    return {"Action": "Setvar", "Variable": HEARTBEAT_VARIABLE, "Value": str(now_ms // 1000)}


def renew_lease(channel: str) -> Action:
    """Let a caller stay in the menu for another lease."""
    return {"Action": "Setvar", "Channel": channel, "Variable": "TIMEOUT(absolute)", "Value": str(LEASE_S)}


CHANNELS: Action = {"Action": "CoreShowChannels"}
QUEUES: Action = {"Action": "QueueStatus"}
STATUS: Action = {"Action": "CoreStatus"}
