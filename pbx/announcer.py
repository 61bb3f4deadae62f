"""When a waiting caller is told something more: at once when the place improves, else from time to time, never too often. Pure.

What is told goes out as a whisper over the music, so that it never keeps an agent from the caller; a whisper ends when the call is
connected. One whisper at a time: the next is due so long after the end of the one before.
"""

from collections.abc import Iterator

import msgspec

from pbx import commands as c
from pbx import wait_words
from pbx.calls import Call
from pbx.floor import Floor
from pbx.reception import Reception
from pbx.sight import estimate

KEYS_EVERY = 3
"""The keys are told with the first announcement and with every third one: long sentences that one knows tire."""
LONGEST_MS = 60_000
"""A whisper of whose end nothing was heard so long is over."""
_PREFIX = "wh-"


class _Said(msgspec.Struct):
    """`at`: when the last sentence ended, UTC ms; while one is spoken, when it began."""

    at: int
    ahead: int
    count: int = 0
    whisper_id: str = ""
    """Of what is being said now."""


class Announcer:
    """Remembers what each waiting caller was told last."""

    def __init__(self, reception: Reception, floor: Floor) -> None:
        self._reception = reception
        self._floor = floor
        self._said: dict[str, _Said] = {}

    def tick(self, waiting: list[Call], at: int) -> Iterator[c.Command]:
        """Whom to tell what now."""
        for call in waiting:
            visit = call.visit
            if visit is None:
                continue
            rules = self._reception.rules(visit.queue)
            said = self._said.get(call.call_id)
            if said is None:
                ahead = call.told[-1].ahead if call.told else -1
                # What was said before the queue has only just ended.
                said = self._said[call.call_id] = _Said(visit.joined_at, ahead)
            pause = LONGEST_MS if said.whisper_id else rules.announce_gap_s * 1000
            if not rules.announce_s or at - said.at < pause:
                continue
            told = estimate(self._reception, self._floor, call, visit.queue, at)
            if told.ahead < said.ahead or at - said.at >= rules.announce_s * 1000:
                yield self._whisper(
                    call, said, told.ahead, at, wait_words.sounds(self._reception.tell(call, told), call.language)
                )

    def _whisper(self, call: Call, said: _Said, ahead: int, at: int, sounds: tuple[str, ...]) -> c.Command:
        said.at, said.ahead, said.count = at, ahead, said.count + 1
        said.whisper_id = f"{_PREFIX}{call.call_id}-{said.count}"
        keys = self._reception.can_call_back and said.count % KEYS_EVERY == 1
        last = wait_words.KEYS if keys else wait_words.COMFORT
        return c.Whisper(call.call_id, call.channel, said.whisper_id, (*sounds, last), call.language)

    def closed(self, channel_id: str, at: int) -> None:
        """A channel is gone that was no call: perhaps a whisper that is over."""
        said = self._said.get(channel_id.removeprefix(_PREFIX).rpartition("-")[0])
        if said is not None and said.whisper_id == channel_id:
            said.at, said.whisper_id = at, ""

    def stop(self, call: Call) -> Iterator[c.Command]:
        """The caller waits no longer."""
        said = self._said.pop(call.call_id, None)
        if said is not None and said.whisper_id:
            yield c.Hush(call.call_id, said.whisper_id)
