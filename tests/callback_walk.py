"""Random lives of a callback desk, and a checker that knows only what was seen, not how the scheduler thinks.

Everything may happen in any order: bookings, live callers, agents who come and go, calls that are answered or not, late and doubled
reports, closing time, clocks that stand or leap, and a crash after which only what was written down is left.
"""

import random
from collections.abc import Callable

from pbx.callbacks import FINAL, Callback, Callbacks, CallbackState, Dial, Refusal, Rules, Sight

RULES = Rules(max_attempts=3, retry_after_s=(5, 20), ring_s=10, expires_h=1)
QUEUES = ("a", "b")


class Desk:
    """One life. `history` is what the checker reads: every dial with what was visible at that moment, and every end."""

    def __init__(self, seed: int, make: Callable[[Rules], Callbacks] = Callbacks) -> None:
        self.dice = random.Random(seed)
        self.make = make
        self.desk = make(RULES)
        self.at = 1_795_400_000_000
        self.live: dict[str, list[int]] = {queue: [] for queue in QUEUES}
        self.members = {"x": {"a"}, "y": {"b"}, "z": {"a", "b"}}
        self.free: set[str] = set()
        self.open = dict.fromkeys(QUEUES, True)
        self.written: dict[str, Callback] = {}
        self.ringing: set[tuple[str, int]] = set()
        self.dialled: list[tuple[str, int]] = []
        self.booked: dict[str, Callback] = {}
        self.final: dict[str, Callback] = {}
        self.count = 0

    # --- what happens -----------------------------------------------------------------------------------------

    def step(self) -> None:
        self.at += self.dice.choice((0, 1, 500, 1000, 3000, 20_000)) if self.dice.random() > 0.005 else 3_700_000
        self.dice.choices(
            (
                self.book,
                self.tick,
                self.join,
                self.leave,
                self.agent,
                self.report,
                self.crash,
                self.call_again,
                self.cancel,
                self.hours,
            ),
            (6, 20, 5, 5, 8, 14, 1, 1, 1, 1),
        )[0]()
        self.check()

    def keep(self, *changed: Callback | None) -> None:
        for callback in changed:
            if callback is not None:
                self.written[callback.callback_id] = callback

    def book(self) -> None:
        self.count += 1
        again = self.booked and self.dice.random() < 0.1
        callback_id = self.dice.choice(list(self.booked)) if again else f"c-{self.count}"
        number = f"09{self.dice.randint(0, 14):08d}"
        place = self.at - self.dice.randint(0, 60_000)
        not_before = self.at + self.dice.choice((0, 0, 0, 30_000))
        booked = self.desk.book(
            callback_id=callback_id, call_id=callback_id, number=number, queue=self.dice.choice(QUEUES), language="vi",
            place_at=place, at=self.at, not_before=not_before, asked_by="caller",
        )  # fmt: skip
        if not isinstance(booked, Refusal):
            self.booked.setdefault(booked.callback_id, booked)
            self.keep(booked)

    def tick(self) -> None:
        sights = {
            q: Sight(q, self.open[q], tuple(self.live[q]), frozenset(a for a in self.free if q in self.members[a]))
            for q in QUEUES
        }
        before = {c.callback_id: c for c in self.desk.open()}
        dials, changed = self.desk.due(self.at, sights)
        self.keep(*changed)
        self.check_dials(dials, sights, {**before, **{c.callback_id: c for c in changed}})
        for dial in dials:
            written = self.desk.dialled(dial.callback_id, dial.attempt, self.at)
            if written is None:
                continue
            self.keep(written)
            if self.dice.random() < 0.02:
                self.crash()  # written down, never made
                return
            self.dialled.append((dial.callback_id, dial.attempt))
            self.ringing.add((dial.callback_id, dial.attempt))
            if self.dice.random() < 0.05:
                assert self.desk.dialled(dial.callback_id, dial.attempt, self.at) is None

    def join(self) -> None:
        self.live[self.dice.choice(QUEUES)].append(self.at - self.dice.choice((0, 0, 30_000)))

    def leave(self) -> None:
        queue = self.live[self.dice.choice(QUEUES)]
        if queue:
            queue.pop(self.dice.randrange(len(queue)))

    def agent(self) -> None:
        who = self.dice.choice("xyz")
        self.free.symmetric_difference_update({who})

    def report(self) -> None:
        """Of an attempt that rings, or of any other one, late."""
        pool = list(self.ringing) if self.ringing and self.dice.random() < 0.8 else self.dialled
        if not pool:
            return
        callback_id, attempt = self.dice.choice(pool)
        what = self.dice.random()
        if what < 0.35:
            self.ringing.discard((callback_id, attempt))
            result = self.dice.choice(("busy", "no_answer", "failed"))
            self.keep(self.desk.failed(callback_id, attempt, self.at, result))
        elif what < 0.75:
            self.keep(self.desk.answered(callback_id, attempt, self.at))
        elif what < 0.9:
            self.ringing.discard((callback_id, attempt))
            self.keep(self.desk.connected(callback_id, self.at))
        else:
            self.ringing.discard((callback_id, attempt))
            self.keep(self.desk.hung_up(callback_id, self.at))

    def crash(self) -> None:
        """Only what was written down is left, and some of the channels."""
        self.desk = self.make(RULES)
        self.desk.restore(list(self.written.values()))
        self.ringing = {one for one in self.ringing if self.dice.random() < 0.5}
        self.keep(
            *self.desk.restored({f"cb-{callback_id}-{attempt}" for callback_id, attempt in self.ringing}, self.at)
        )

    def call_again(self) -> None:
        self.keep(*self.desk.caller_back(f"09{self.dice.randint(0, 14):08d}", self.at))

    def cancel(self) -> None:
        if self.booked:
            self.keep(self.desk.cancel(self.dice.choice(list(self.booked)), self.at, "desk"))

    def hours(self) -> None:
        queue = self.dice.choice(QUEUES)
        self.open[queue] = not self.open[queue]

    # --- what must hold ---------------------------------------------------------------------------------------

    def check_dials(self, dials: list[Dial], sights: dict[str, Sight], seen: dict[str, Callback]) -> None:
        on_the_way = [c for c in seen.values() if c.state in (CallbackState.DIALLING, CallbackState.REACHED)]
        wanted = [c.queue for c in on_the_way]
        new = [seen[dial.callback_id].queue for dial in dials]
        free = {queue: sight.agents for queue, sight in sights.items()}
        assert served(wanted + new, free) == served(wanted, free) + len(new), "more callbacks than free agents"
        for n, dial in enumerate(dials):
            callback = seen[dial.callback_id]
            sight = sights[callback.queue]
            assert (dial.callback_id, dial.attempt) not in self.dialled, "an attempt twice"
            assert callback.state is CallbackState.WAITING and dial.attempt == len(callback.attempts) + 1
            assert sight.open and self.at >= callback.not_before and self.at < callback.expires_at, "outside its time"
            assert not callback.attempts or self.at >= (callback.attempts[-1].ended_at or 0) + 5000, "too soon again"
            older = sum(place <= callback.place_at for place in sight.waiting)
            same_queue = [c for c in on_the_way if c.queue == callback.queue]
            earlier = [seen[d.callback_id] for d in dials[:n] if seen[d.callback_id].queue == callback.queue]
            assert len(sight.agents) > older + len(same_queue) + len(earlier) - 1, "an older live caller was overtaken"
            assert len(sight.agents) >= older + len(same_queue) + len(earlier) + 1, "an older live caller was overtaken"
            assert all(c.place_at <= callback.place_at for c in earlier), "a younger place first"
        numbers = [dial.number for dial in dials]
        assert len(set(numbers)) == len(numbers)

    def check(self) -> None:
        open_ = self.desk.open()
        assert len({c.number for c in open_}) == len(open_), "two promises for one number"
        for callback_id, before in self.final.items():
            now = self.desk.get(callback_id)
            assert now is None or now == before, "an end that changed"
        for callback_id in self.booked:
            now = self.desk.get(callback_id)
            if now is not None and now.state in FINAL:
                self.final.setdefault(callback_id, now)
            assert callback_id in self.final or (now is not None and now in open_), "a callback is lost"
            if now is not None:
                assert len(now.attempts) <= RULES.max_attempts
                assert [a.number for a in now.attempts] == list(range(1, len(now.attempts) + 1))
                assert now.state is CallbackState.DIALLING or all(a.ended_at is not None for a in now.attempts)
                assert all(a.result for a in now.attempts if a.ended_at is not None), (
                    "an attempt that ended, nobody knows how"
                )


def served(queues: list[str], free: dict[str, frozenset[str]]) -> int:
    """How many of these wishes, each for an agent of a queue, the free agents can meet: the largest matching."""
    taken: dict[str, int] = {}

    def place(n: int, tried: set[str]) -> bool:
        for agent in free[queues[n]] - tried:
            tried.add(agent)
            if agent not in taken or place(taken[agent], tried):
                taken[agent] = n
                return True
        return False

    return sum(place(n, set()) for n in range(len(queues)))


def walk(seed: int, steps: int, make: Callable[[Rules], Callbacks] = Callbacks) -> Desk:
    """One life of so many steps; raises AssertionError at the first thing that must not be."""
    desk = Desk(seed, make)
    for _ in range(steps):
        desk.step()
    return desk
