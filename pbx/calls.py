"""One call, from the first sign of the caller to the last: what it has been through and how that is summed up.

A call is changed by the switchboard alone. Every change is safe to see twice, because the link and the witnesses may both
report it. Knows no agents' states, no menu's meaning, no clock: each change brings its moment.
"""

from ivr.flow import Session
from ivr.menu import Menu
from pbx.picture import CallNow, Phase
from pbx.record import CallRecord, Outcome, Score, ToldWait, Visit
from pbx.taping import Taping

QUEUE_STATUS = {
    "TIMEOUT": Outcome.TIMEOUT,
    "FULL": Outcome.FULL,
    "JOINEMPTY": Outcome.JOIN_EMPTY,
    "JOINUNAVAIL": Outcome.JOIN_EMPTY,
    "LEAVEEMPTY": Outcome.LEAVE_EMPTY,
    "LEAVEUNAVAIL": Outcome.LEAVE_EMPTY,
    "WITHDRAW": Outcome.WITHDRAWN,
}
"""QUEUESTATUS of app_queue -> outcome. CONTINUE and the empty status mean that an agent had answered."""

SAME_MS = 1500
"""Two witnesses may date one thing this far apart: queue_log knows whole seconds only."""


class OpenVisit:
    """A stay in a queue while it lasts; the first outcome that is certain stands."""

    __slots__ = ("agent", "answered_at", "interface", "joined_at", "left_at", "maybe_abandoned", "missed", "outcome",
                 "queue", "ring_ms", "ringing")  # fmt: skip

    def __init__(self, queue: str, joined_at: int) -> None:
        self.queue = queue
        self.joined_at = joined_at
        self.left_at: int | None = None
        self.answered_at: int | None = None
        self.outcome: Outcome | None = None
        self.agent = ""
        self.interface = ""
        self.ring_ms = 0
        self.ringing: dict[str, int] = {}
        self.missed: list[str] = []
        self.maybe_abandoned = False

    def end(self, outcome: Outcome, at: int) -> None:
        if self.outcome is None:
            self.outcome = outcome
            self.left_at = self.left_at if self.left_at is not None else at
            if self.ringing and outcome is not Outcome.ANSWERED:
                self.ring_ms = max(0, self.left_at - min(self.ringing.values()))
        self.ringing.clear()

    def reopen(self) -> None:
        self.outcome = self.left_at = None
        self.maybe_abandoned = False

    @property
    def quiet_end(self) -> Outcome:
        """What a visit was that ended without a word while the caller stayed on the line."""
        return Outcome.TIMEOUT if self.maybe_abandoned else Outcome.KEY_EXIT

    def frozen(self) -> Visit:
        until = self.answered_at if self.answered_at is not None else self.left_at
        return Visit(
            queue=self.queue, joined_at=self.joined_at, left_at=until, outcome=self.outcome,
            wait_ms=max(0, (until or self.joined_at) - self.joined_at), ring_ms=self.ring_ms, agent=self.agent,
            missed=tuple(self.missed),
        )  # fmt: skip


class Call:
    """A call in progress. `session` is where its menu stands, None when nobody of ours speaks to it."""

    __slots__ = ("arrived_at", "awaits", "blocked", "call_id", "callback_id", "caller", "caller_name", "channel", "complete_by",
                 "dialled", "favoured", "favoured_s", "hold_ms", "hold_since", "keys", "kind", "language", "linkedid", "menu",
                 "message", "message_ms", "petition", "phase", "places", "recorded", "sent_to", "session", "settled", "since",
                 "talk_ms", "talk_since", "taping", "told", "transfers", "visits", "wants_out")  # fmt: skip

    def __init__(
        self, call_id: str, linkedid: str, channel: str, caller: str, caller_name: str, dialled: str, at: int
    ) -> None:
        self.call_id = call_id
        self.linkedid = linkedid
        self.channel = channel
        self.caller = caller
        self.caller_name = caller_name
        self.dialled = dialled
        self.language = "vi"
        self.arrived_at = at
        self.phase = Phase.ARRIVED
        self.since = at
        self.session: Session | None = None
        self.menu: Menu | None = None
        """The version of the menu that this caller met; a later one is for later callers."""
        self.awaits = ""
        """What the last thing said asks for: `keys`, a message of this kind, or nothing."""
        self.keys = ""
        self.visits: list[OpenVisit] = []
        self.talk_since: int | None = None
        self.talk_ms = 0
        self.hold_since: int | None = None
        self.hold_ms = 0
        self.transfers: list[str] = []
        self.recorded = False
        self.taping = Taping()
        self.wants_out = False
        """The caller's end hung up; what Asterisk still says of the channel are last words."""
        self.complete_by = "live"
        self.kind = "inbound"
        self.callback_id = ""
        self.blocked = ""
        self.sent_to = ""
        self.settled: Outcome | None = None
        """How the call ended without an agent, when that is more than how the last visit did."""
        self.places: dict[str, int] = {}
        """Queue -> since when the caller's place in it counts, UTC ms: it is kept while the caller is asked something, and a head start
        lies before the arrival."""
        self.favoured_s, self.favoured = 0, ""
        self.told: list[ToldWait] = []
        self.message, self.message_ms, self.petition = "", 0, ""

    @property
    def visit(self) -> OpenVisit | None:
        """The visit whose outcome is still open."""
        return self.visits[-1] if self.visits and self.visits[-1].outcome is None else None

    def enter(self, phase: Phase, at: int) -> None:
        if phase is not self.phase:
            self.phase = phase
            self.since = at

    # --- the queue --------------------------------------------------------------------------------------------

    def has_joined(self, queue: str, at: int) -> bool:
        """Whether joining this queue at about this moment has been told before."""
        return any(v.queue == queue and abs(v.joined_at - at) < SAME_MS for v in self.visits)

    def was_answered(self, at: int) -> bool:
        """Whether being answered at about this moment has been told before."""
        return any(v.answered_at is not None and abs(v.answered_at - at) < SAME_MS for v in self.visits)

    def join(self, queue: str, at: int) -> None:
        if (open_visit := self.visit) is not None:
            if open_visit.queue == queue and open_visit.left_at is None:
                return
            open_visit.end(open_visit.quiet_end, at)
        if self.talk_since is not None:
            return
        if self.visits and self.visits[-1].queue == queue and self.visits[-1].outcome is Outcome.KEY_EXIT:
            self.visits[-1].reopen()  # the caller pressed a key, listened, and waits on in the same place
        else:
            self.visits.append(OpenVisit(queue, at))
        self.places.setdefault(queue, at)
        self.enter(Phase.WAITING, at)

    def still_there(self, at: int) -> None:
        """The channel lives on after app_queue called it abandoned: then it was the longest wait that ended."""
        if (v := self.visit) is not None and v.left_at is not None and not self.wants_out:
            v.end(v.quiet_end, v.left_at)

    def maybe_abandon(self, at: int) -> None:
        if (v := self.visit) is not None:
            v.maybe_abandoned = True

    def leave(self, at: int) -> None:
        if (v := self.visit) is not None:
            v.left_at = at

    def returned(self, queue: str, status: str, at: int) -> None:
        status = status.upper()
        outcome = Outcome.KEY_EXIT if status.startswith("KEY") else QUEUE_STATUS.get(status)
        if status == "CONTINUE":
            self.stop_talking(at, Phase.MENU)
        if outcome is None:
            return
        if (v := self.visit) is not None:
            v.end(outcome, at)
        elif outcome in (Outcome.FULL, Outcome.JOIN_EMPTY):
            refused = OpenVisit(queue, at)
            refused.end(outcome, at)
            self.visits.append(refused)
        self.enter(Phase.MENU, at)

    def ring(self, interface: str, at: int) -> None:
        if (v := self.visit) is not None:
            v.ringing.setdefault(interface, at)
            self.enter(Phase.RINGING, at)

    def miss(self, interface: str, agent: str, ring_ms: int, at: int) -> None:
        if (v := self.visit) is None:
            return
        v.ringing.pop(interface, None)
        v.ring_ms = ring_ms
        v.missed.append(agent)
        if not v.ringing:
            self.enter(Phase.WAITING, at)

    def answer(self, interface: str, agent: str, at: int) -> None:
        v = self.visit
        if v is None or self.talk_since is not None:
            return
        v.ring_ms = max(0, at - v.ringing.get(interface, at))
        v.answered_at, v.agent, v.interface, v.left_at = at, agent, interface, at
        v.end(Outcome.ANSWERED, at)
        self.talk_since = at
        self.enter(Phase.TALKING, at)

    def settle(self, outcome: Outcome) -> None:
        """The caller was served, or turned away, without an agent: so ended the stay that led there, too."""
        self.settled = outcome
        if self.visits and self.visits[-1].outcome in (Outcome.KEY_EXIT, Outcome.WITHDRAWN):
            self.visits[-1].outcome = outcome

    # --- talking ----------------------------------------------------------------------------------------------

    def hold(self, at: int) -> None:
        if self.talk_since is not None and self.hold_since is None:
            self.hold_since = at
            self.taping.hold(at)
            self.enter(Phase.HOLD, at)

    def unhold(self, at: int) -> None:
        if self.hold_since is not None:
            self.hold_ms += max(0, at - self.hold_since)
            self.hold_since = None
            self.taping.unhold(at)
            if self.talk_since is not None:
                self.enter(Phase.TALKING, at)

    def stop_talking(self, at: int, phase: Phase) -> None:
        self.unhold(at)
        if self.talk_since is not None:
            self.talk_ms += max(0, at - self.talk_since)
            self.talk_since = None
            self.enter(phase, at)

    # --- the end ----------------------------------------------------------------------------------------------

    def close(self, at: int, cause: int, *, seen: bool) -> CallRecord:
        """The call is over: the record of it. `seen` is False when only its absence was noticed."""
        at = max(at, self.arrived_at)
        self.stop_talking(at, Phase.LEAVING)
        if (v := self.visit) is not None:
            v.end(self._open_end(v) if seen else Outcome.FAILED, at)
        if not seen:
            self.complete_by = "unknown"
        return self._record(at, cause, seen)

    def _open_end(self, v: OpenVisit) -> Outcome:
        # QueueCallerLeave without an answer, an abandon or a status is what a key that leaves the queue looks like.
        left_by_key = v.left_at is not None and not v.maybe_abandoned and not self.wants_out
        return Outcome.KEY_EXIT if left_by_key else Outcome.ABANDONED

    def _record(self, at: int, cause: int, seen: bool) -> CallRecord:
        visits = tuple(v.frozen() for v in self.visits)
        answered = next((v for v in reversed(self.visits) if v.answered_at is not None), None)
        deciding = answered or (self.visits[-1] if self.visits else None)
        session = self.session
        return CallRecord(
            call_id=self.call_id, linkedid=self.linkedid, caller=self.caller, caller_name=self.caller_name,
            dialled=self.dialled, language=self.language, arrived_at=self.arrived_at,
            answered_at=answered.answered_at if answered else None, ended_at=at,
            queue=deciding.queue if deciding else "",
            outcome=self._outcome(deciding, seen),
            wait_ms=sum(v.wait_ms for v in visits), ring_ms=deciding.ring_ms if deciding else 0,
            talk_ms=self.talk_ms, hold_ms=self.hold_ms, agent=deciding.agent if deciding else "",
            agent_interface=deciding.interface if deciding else "", menu_path=self.menu_path,
            transfers=tuple(self.transfers), visits=visits, cause=cause, recorded=self.recorded,
            complete_by=self.complete_by, kind=self.kind, callback_id=self.callback_id,
            survey=tuple(Score(factor, value) for factor, value in session.scores) if session else (),
            dossier=session.values.get("code", "") if session else "", told=tuple(self.told), message=self.message,
            message_ms=self.message_ms, petition=self.petition, blocked=self.blocked, favoured_s=self.favoured_s,
            favoured=self.favoured, stretches=self.taping.stretches(at),
        )  # fmt: skip

    def _outcome(self, deciding: OpenVisit | None, seen: bool) -> Outcome:
        if deciding is not None and deciding.outcome is Outcome.ANSWERED:
            return Outcome.ANSWERED
        if self.settled is not None:
            return self.settled
        if deciding is not None:
            return deciding.outcome or Outcome.FAILED
        if self.sent_to:
            return Outcome.TRANSFERRED
        if not seen:
            return Outcome.FAILED
        closed = self.session is not None and self.session.values.get("closed") == "yes"
        return Outcome.CLOSED if closed else Outcome.LEFT_IN_MENU

    @property
    def menu_path(self) -> tuple[str, ...]:
        """The way through our menu; in somebody else's, just the keys that were pressed."""
        if self.session is not None:
            return self.session.path
        return (self.keys,) if self.keys else ()

    def now(self) -> CallNow:
        v = self.visits[-1] if self.visits else None
        return CallNow(
            call_id=self.call_id, caller=self.caller, phase=self.phase, since=self.since, arrived_at=self.arrived_at,
            joined_at=v.joined_at if v else None, queue=v.queue if v else "", agent=v.agent if v else "",
            menu_path=self.menu_path, language=self.language,
        )  # fmt: skip
