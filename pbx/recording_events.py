"""What happens to the recording of a call. `pbx.events` joins all kinds."""

from pbx.event import Event


class RecordingStarted(Event, frozen=True):
    """Audio is being written; `path` is what the files begin with, '' when Asterisk does not say."""

    channel_id: str
    path: str = ""


class RecordingStopped(Event, frozen=True):
    """No more audio of this caller is written (MixMonitorStop)."""

    channel_id: str


class RecordingMuted(Event, frozen=True):
    """From now on silence is written instead of both voices, or no longer (MixMonitorMute)."""

    channel_id: str
    muted: bool


class RecordingKeyed(Event, frozen=True):
    """An agent asked by key for the recording to be paused or taken up again (`pause`), or for a `mark` (UserEvent SmartPbxRecordingKey).

    `channel` is the agent's."""

    channel_id: str
    linkedid: str
    channel: str
    wish: str
