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


def actions(command: c.Play | c.SetLanguage | c.EnterQueue | c.Adopt | c.HangUp) -> list[Action]:
    """How Asterisk is told to do it; several actions are carried out one after the other."""
    match command:
        case c.Play():
            return _speech(command)
        case c.SetLanguage():
            line = f"SET VARIABLE CHANNEL(language) {command.language}"
            return [_agi(command.channel, command.command_id, line)]
        case c.EnterQueue():
            # Out of AGI and into the dialplan: the call then needs nobody but Asterisk, whatever becomes of us.
            goto = f"EXEC Goto smartpbx-queue,{command.queue},1"
            return [_agi(command.channel, "goto", goto), _agi(command.channel, "break", "ASYNCAGI BREAK")]
        case c.Adopt():
            return [_redirect(command.channel, "smartpbx-resume", "s")]
        case c.HangUp():
            return [{"Action": "Hangup", "Channel": command.channel, "Cause": "16"}]
        case _:
            assert_never(command)


def _speech(play: c.Play) -> list[Action]:
    # Through a subroutine of the dialplan, which tells what was pressed and lingers for the answer: AsyncAGI by itself looks for
    # the next command only when a frame comes, 20 ms later.
    sounds = "&".join(play.sounds)
    keys = f"keys 1 {play.command_id},{sounds},{play.max_keys},{play.timeout_ms / 1000:g}"
    speech = f"speech 1 {play.command_id},{sounds}"
    return [_agi(play.channel, play.command_id, f"GOSUB smartpbx-say {keys if play.max_keys else speech}")]


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
