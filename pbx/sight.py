"""What the menu may know of the house while it speaks with one caller: hours, the state of the queue, the caller's own number."""

from ivr import say_moments
from ivr.hours_words import words
from ivr.menu import Enqueue
from ivr.session import Session
from pbx import wait_words
from pbx.calls import Call
from pbx.floor import Floor
from pbx.numbers import dialable
from pbx.reception import Reception
from pbx.wait import Told


class Sight:
    """`ivr.session.Facts` for one caller at one moment. What it tells of the wait is noted in the call."""

    def __init__(self, reception: Reception, floor: Floor, call: Call, at: int) -> None:
        self._reception, self._floor, self._call, self._at = reception, floor, call, at

    def open(self, queue: str) -> bool:
        return self._reception.opening(queue, self._at).open

    def spoken(self, name: str, session: Session) -> tuple[str, ...]:
        language = session.language
        match name:
            case "closed":
                return words(self._reception.opening(session.values.get("queue", ""), self._at), self._at, language)
            case "emergency":
                announcement = self._reception.opening("", self._at).announcement
                return (f"smartpbx/{announcement}",) if announcement else ()
            case "caller":
                return say_moments.phone(dialable(self._call.caller) or "", language)
            case "wait":
                return self._wait(self._queue(session), language)
            case "wait-keys":
                keys = wait_words.KEYS if self._reception.can_call_back else wait_words.COMFORT
                return (keys,) if self._told(self._queue(session)) is not None else ()
        return ()

    def _wait(self, queue: str, language: str) -> tuple[str, ...]:
        told = self._told(queue)
        if told is not None:
            return wait_words.sounds(self._reception.tell(self._call, told), language)
        return wait_words.SHORTLY if self._floor.free(queue) else ()

    def _told(self, queue: str) -> Told | None:
        """What to tell of the wait; None when there will be none, because an agent is free for this caller, or nobody is there to wait for:
        then every word is one too many."""
        told = estimate(self._reception, self._floor, self._call, queue, self._at)
        nobody = not told.serving and not self._reception.rules(queue).join_empty
        return None if nobody or told.ahead < len(self._floor.free(queue)) else told

    def _queue(self, session: Session) -> str:
        node = self._call.menu.nodes.get(session.node) if self._call.menu else None
        name = node.queue if isinstance(node, Enqueue) else session.values.get("queue", "")
        return session.values.get(name[1:], "") if name.startswith("$") else name

    def overflows(self, node: Enqueue, queue: str) -> bool:
        limits = node.overflow
        waiting = len(self._floor.waiting(queue))
        if not waiting or not (limits.waiting or limits.wait_s or limits.per_agent):
            return False
        told = estimate(self._reception, self._floor, self._call, queue, self._at)
        crowded = limits.per_agent and (waiting + 1) / max(1, told.serving) > limits.per_agent
        slow = limits.wait_s and told.high_s is not None and told.high_s > limits.wait_s
        return bool((limits.waiting and waiting >= limits.waiting) or slow or crowded)


def estimate(reception: Reception, floor: Floor, call: Call, queue: str, at: int) -> Told:
    """What this caller's wait in this queue looks like now, entered or not."""
    place = call.places.get(queue, at - 1000 * reception.favour(call, at))
    ahead = sum(1 for other in floor.waiting(queue) if other is not call and other.places.get(queue, at) <= place)
    note_serving(reception, floor, queue, at)
    waited = max(0, at - call.visit.joined_at) if call.visit is not None else 0
    return reception.waits.estimate(queue, call.call_id, at, ahead, waited)


def note_serving(reception: Reception, floor: Floor, queue: str, at: int) -> None:
    """Let the model of the wait know who serves now."""
    reception.waits.serving(queue, at, floor.serving(queue), floor.at_once(queue), floor.capacity(queue))
