"""What people at the desk may ask of the running house, beside looking: callbacks, blocks, forced hours.

Every change goes through the one inbox and the journal, as everything else does; what comes back at once says whether it will be done.
"""

import itertools
from collections.abc import Callable, Mapping

from ivr.hours import Opening
from pbx import events as e
from pbx.calibration import Calibration
from pbx.callbacks import Callback
from pbx.centre import Centre
from pbx.gate import Block
from pbx.numbers import dialable
from pbx.reception import Reception
from pbx.service import now_ms


class Desk:
    """`put` takes an event into the inbox."""

    def __init__(self, centre: Centre, reception: Reception, put: Callable[[e.AnyEvent], None]) -> None:
        self._centre = centre
        self._reception = reception
        self._put = put
        self._number = itertools.count(1)

    # --- callbacks --------------------------------------------------------------------------------------------

    def callbacks(self) -> tuple[Callback, ...]:
        return self._reception.callbacks.open()

    def ask_callback(self, number: str, queue: str, language: str, by: str) -> str:
        """`booked`, `later` (when the line opens), `exists`, `bad_number` or `refused` (no way to call out, or no such queue)."""
        wanted, at = dialable(number), now_ms()
        if wanted is None:
            return "bad_number"
        if not self._reception.can_call_back or self._centre.queue(queue) is None:
            return "refused"
        if self._reception.callbacks.find(wanted):
            return "exists"
        self._put(e.CallbackAsked(at, f"desk-{at}-{next(self._number)}", wanted, queue, language, by))
        return "booked" if self._reception.opening(queue, at).open else "later"

    def cancel_callback(self, callback_id: str, by: str) -> bool:
        if callback_id not in {callback.callback_id for callback in self.callbacks()}:
            return False
        self._put(e.CallbackCancelled(now_ms(), callback_id, by))
        return True

    # --- blocks -----------------------------------------------------------------------------------------------

    def blocks(self) -> tuple[Block, ...]:
        return self._reception.gate.blocks(now_ms())

    def block(self, number: str, until: int, reason: str, by: str) -> None:
        self._put(e.NumberBlocked(now_ms(), number, until, reason, by))

    def unblock(self, number: str, by: str) -> None:
        for block in self.blocks():
            if block.number == number:
                self._put(e.NumberBlocked(now_ms(), number, block.until, block.reason, by, lifted=True))

    # --- hours and waits --------------------------------------------------------------------------------------

    def hours(self) -> Mapping[str, Opening]:
        """Queue -> how it stands now; `''` is the whole line."""
        at = now_ms()
        return {
            name: self._reception.opening(name, at) for name in ("", *(queue.name for queue in self._centre.queues))
        }

    def set_hours(
        self,
        is_open: bool | None,
        until: int,
        reason: str,
        by: str,
        queues: tuple[str, ...] = (),
        announcement: str = "",
    ) -> None:
        self._put(e.HoursForced(now_ms(), until, is_open, reason, by, announcement, queues))

    def release_hours(self, by: str) -> None:
        at = now_ms()
        self._put(e.HoursForced(at, at, True, "", by))

    def calibration(self) -> Mapping[str, Calibration]:
        """Queue -> how true its told waits were."""
        return {queue.name: self._reception.waits.calibration(queue.name) for queue in self._centre.queues}
