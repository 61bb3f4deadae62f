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


def actions(command: c.Spoken, outgoing: str = "") -> list[Action]:
    """How Asterisk is told to do it; several actions are carried out one after the other. `outgoing` says how a number is dialled."""
    match command:
        case c.Play():
            return _speech(command)
        case c.SetLanguage():
            line = f"SET VARIABLE CHANNEL(language) {command.language}"
            return [_agi(command.channel, command.command_id, line)]
        case c.EnterQueue():
            return [*_queue_variables(command), *_leave(command.channel, f"smartpbx-queue,{command.queue},1")]
        case c.RingExtension():
            return _leave(command.channel, f"smartpbx-ring,{command.extension},1")
        case c.RecordMessage():
            return [_recording(command)]
        case c.Withdraw():
            return [{"Action": "QueueWithdrawCaller", "Queue": command.queue, "Caller": command.channel}]
        case c.Whisper():
            return [_whisper(command)]
        case c.Hush():
            return [{"Action": "Hangup", "Channel": command.whisper_id}]
        case c.DialCallback():
            return [_dial(command, outgoing)] if outgoing else []
        case c.MuteRecording():
            return [_mute(command)]
        case c.AnswerKey():
            return [_set(command.channel, "SMARTPBX_RECORDING", command.answer)]
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


def _recording(message: c.RecordMessage) -> Action:
    sounds = "&".join(message.sounds)
    line = f"GOSUB smartpbx-say record 1 {message.command_id},{sounds},{message.longest_s},{message.silence_s}"
    return _agi(message.channel, message.command_id, line)


def _queue_variables(command: c.EnterQueue) -> list[Action]:
    """Set from outside, which is at once; an AGI command each would keep the caller for 20 ms more."""
    wanted = {"SMARTPBX_POSITION": str(command.position or ""), "SMARTPBX_AFTER": "1" if command.comes_back else ""}
    return [_set(command.channel, name, value) for name, value in wanted.items() if value]


def _set(channel: str, name: str, value: str) -> Action:
    return {"Action": "Setvar", "Channel": channel, "Variable": name, "Value": value}


def _mute(command: c.MuteRecording) -> Action:
    state = "1" if command.muted else "0"
    return {"Action": "MixMonitorMute", "Channel": command.channel, "Direction": "both", "State": state}


def _leave(channel: str, where: str) -> list[Action]:
    """Out of AGI and into the dialplan: the call then needs nobody but Asterisk, whatever becomes of us."""
    return [_agi(channel, "goto", f"EXEC Goto {where}"), _agi(channel, "break", "ASYNCAGI BREAK")]


def _whisper(whisper: c.Whisper) -> Action:
    variables = {
        "__SMARTPBX_TARGET": whisper.channel,
        "__SMARTPBX_SOUNDS": "&".join(whisper.sounds),
        "__SMARTPBX_LANGUAGE": whisper.language,
    }
    return {
        "Action": "Originate", "Channel": "Local/say@smartpbx-whisper/n", "Context": "smartpbx-whisper", "Exten": "mix",
        "Priority": "1", "Async": "true", "ChannelId": whisper.whisper_id, "OtherChannelId": f"{whisper.whisper_id}-2",
        "Variable": ",".join(f"{name}={value}" for name, value in variables.items()),
    }  # fmt: skip


def _dial(attempt: c.DialCallback, outgoing: str) -> Action:
    """Asterisk refuses a second channel of the same id: what was told twice is dialled once."""
    return {
        "Action": "Originate", "Channel": outgoing.replace("{number}", attempt.number),
        "Context": "smartpbx-callback", "Exten": "s", "Priority": "1", "Async": "true", "ChannelId": attempt.channel_id,
        "Timeout": str(attempt.ring_s * 1000), "CallerID": f"<{attempt.shown}>",
        "Variable": f"SMARTPBX_CALLBACK={attempt.callback_id},SMARTPBX_NUMBER={attempt.number},CHANNEL(language)={attempt.language}",
    }  # fmt: skip


def _agi(channel: str, command_id: str, line: str) -> Action:
    return {"Action": "AGI", "Channel": channel, "Command": line, "CommandID": command_id}


def _redirect(channel: str, context: str, exten: str) -> Action:
    return {"Action": "Redirect", "Channel": channel, "Context": context, "Exten": exten, "Priority": "1"}


def heartbeat(now_ms: int) -> Action:
    """Tell the dialplan that the service lives."""
    return {"Action": "Setvar", "Variable": HEARTBEAT_VARIABLE, "Value": str(now_ms // 1000)}


def renew_lease(channel: str) -> Action:
    """Let a caller stay in the menu for another lease."""
    return _set(channel, "TIMEOUT(absolute)", str(LEASE_S))


CHANNELS: Action = {"Action": "CoreShowChannels"}
QUEUES: Action = {"Action": "QueueStatus"}
STATUS: Action = {"Action": "CoreStatus"}
