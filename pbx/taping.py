"""The recording of one call: when audio is written, when it is silenced, what the agent marked. Pure.

What Asterisk says counts, not what was asked of it: a pause begins when Asterisk writes silence, and only then is the agent told so.
"""

from collections.abc import Iterator

from pbx import commands as c
from pbx import events as e
from pbx.record import Stretch


class Taping:
    """Changed by the call's events; every change brings its moment, UTC ms."""

    __slots__ = ("_asked_by", "_done", "_since")

    def __init__(self) -> None:
        self._done: list[Stretch] = []
        self._since: dict[str, int] = {}
        """Kind -> since when a stretch of it lasts."""
        self._asked_by = ""
        """The channel of the agent who waits to hear what became of a key."""

    @property
    def running(self) -> bool:
        return "on" in self._since

    # --- what happens to it -----------------------------------------------------------------------------------

    def start(self, at: int) -> None:
        self._since.setdefault("on", at)

    def stop(self, at: int) -> None:
        """A recording that is begun anew is not muted."""
        for kind in ("paused", "on"):
            self._end(kind, at)

    def hold(self, at: int) -> None:
        self._since.setdefault("hold", at)

    def unhold(self, at: int) -> None:
        self._end("hold", at)

    def keyed(self, event: e.RecordingKeyed, call_id: str, channel: str) -> Iterator[c.Command]:
        """What an agent's key asks for; `channel` is the caller's, whose audio is written."""
        if not self.running or event.wish not in ("pause", "mark"):
            yield c.AnswerKey(call_id, event.channel, "failed")
        elif event.wish == "mark":
            self._done.append(Stretch("mark", event.at, event.at))
            yield c.AnswerKey(call_id, event.channel, "marked")
        else:
            self._asked_by = event.channel
            yield c.MuteRecording(call_id, channel, "paused" not in self._since)

    def muted(self, muted: bool, at: int, call_id: str) -> Iterator[c.Command]:
        if muted:
            self._since.setdefault("paused", at)
        else:
            self._end("paused", at)
        asked_by, self._asked_by = self._asked_by, ""
        if asked_by:
            yield c.AnswerKey(call_id, asked_by, "paused" if muted else "resumed")

    def _end(self, kind: str, at: int) -> None:
        since = self._since.pop(kind, None)
        if since is not None:
            self._done.append(Stretch(kind, since, max(since, at)))

    # --- what it was ------------------------------------------------------------------------------------------

    def stretches(self, at: int) -> tuple[Stretch, ...]:
        """All of them in order of time, those that last ended at `at`; nothing when nothing was recorded."""
        lasting = [Stretch(kind, since, max(since, at)) for kind, since in self._since.items()]
        every = sorted([*self._done, *lasting], key=lambda s: (s.start, s.kind))
        return tuple(every) if any(s.kind == "on" for s in every) else ()
