"""The loop, and nothing but the loop.

    for ever:
        take what is in the inbox
        write it to the journal
        for each event: step the board, do what it commands
        tell whoever watches that the board changed

One inbox, one order: AMI messages, lost links and what the witnesses say all come as events. After every reconnect the board is
rebuilt from three sources in this order: the witnesses (what happened meanwhile), the snapshot (what is now), and what arrived
while these were being asked.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from pbx import commands as c
from pbx import events as e
from pbx.ami import actions
from pbx.ami.translate import translate
from pbx.journal import Journal
from pbx.switchboard import Board

log = logging.getLogger(__name__)

BATCH = 500
HEARTBEAT_S = 2.0
RENEW_EVERY = 4
"""Leases are renewed at every fourth heartbeat: three chances within `actions.LEASE_S`."""

Tell = Callable[[actions.Action], None]
KEEPS = c.Keep | c.KeepCallbacks | c.KeepBlock


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Service:
    """Owns the board. `tell` sends an action without waiting; `keep` takes what the log is to hold, and `look_up` what a register is to be
    asked; neither may block. `outgoing` says how a number is dialled."""

    def __init__(
        self, board: Board, journal: Journal, tell: Tell, keep: Callable[[KEEPS], None],
        look_up: Callable[[c.LookUp], None] = lambda _: None, outgoing: str = "",
    ) -> None:  # fmt: skip
        self.board = board
        self._look_up = look_up
        self._outgoing = outgoing
        self._journal = journal
        self._tell = tell
        self._keep = keep
        self._inbox: list[e.AnyEvent] = []
        self._arrived = asyncio.Event()
        self._held: list[e.AnyEvent] | None = None
        self._changed = asyncio.Event()
        self.link_up = False

    # --- before the loop --------------------------------------------------------------------------------------

    def recover(self) -> int:
        """Replay what the last run wrote; how many events that were. Records go out again: keeping is idempotent."""
        count = 0
        for event in self._journal.recover():
            count += 1
            for command in self.board.step(event):
                if isinstance(command, KEEPS):
                    self._keep(command)
        self.board.step(e.LinkLost(self.board.last_at, "restart"))
        self._new_segment()
        return count

    # --- the inbox --------------------------------------------------------------------------------------------

    def hear(self, message: dict[str, str]) -> None:
        """An AMI message; called from the link, in order."""
        event = translate(message, now_ms())
        if event is not None:
            self.put(event)

    def put(self, event: e.AnyEvent) -> None:
        if self._held is not None:
            self._held.append(event)
            return
        self._inbox.append(event)
        self._arrived.set()

    def hold(self) -> None:
        """From now on what arrives waits, until the past has been told."""
        self._held = self._held if self._held is not None else []

    def release(self, past: list[e.AnyEvent]) -> None:
        """The past first, then what waited for it."""
        held, self._held = self._held or [], None
        for event in [*past, *held]:
            self.put(event)

    # --- the loop ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._inbox:
                batch, self._inbox = self._inbox[:BATCH], self._inbox[BATCH:]
                self._write(batch)
                for event in batch:
                    self._take(event)
                self.announce()
                await asyncio.sleep(0)

    def _write(self, batch: list[e.AnyEvent]) -> None:
        try:
            if self._journal.full:
                self._new_segment()
            self._journal.append(batch)
        except OSError:
            # A full disk must not stop the telephone: CEL still witnesses what the journal now lacks.
            log.exception("journal_write_failed")

    def _take(self, event: e.AnyEvent) -> None:
        try:
            for command in self.board.step(event):
                self._perform(command)
        except Exception:  # one of the two edges: an event that cannot be taken must not take the others with it
            log.exception("event_failed kind=%s", type(event).__name__)

    def _perform(self, command: c.Command) -> None:
        match command:
            case c.Keep() | c.KeepCallbacks() | c.KeepBlock():
                self._keep(command)
            case c.LookUp():
                self._look_up(command)
            case c.DialCallback():
                self._dial(command)
            case _ if self.link_up:
                for action in actions.actions(command):
                    self._tell(action)

    def _dial(self, command: c.DialCallback) -> None:
        """Written first, made afterwards: whatever becomes of us in between, this attempt is never made again."""
        if not self.link_up or not self._outgoing:
            return
        dialled = e.CallbackDialled(now_ms(), command.callback_id, command.attempt)
        try:
            self._journal.append([dialled])
        except OSError:
            log.exception("journal_write_failed")
            return
        self._take(dialled)
        for action in actions.actions(command, self._outgoing):
            self._tell(action)

    def _new_segment(self) -> None:
        self._journal.begin(now_ms(), self.board.oldest_arrival)
        kept = self.board.kept(now_ms())
        if kept is not None:
            self._journal.append([kept])

    def tick(self) -> None:
        """Let the time be seen, when anything depends on it."""
        if self.board.wants_ticks:
            self.put(e.Ticked(now_ms()))

    def beat(self, count: int) -> None:
        """Say to the dialplan that we live, and let callers in the menu stay. A blocked loop says nothing, rightly."""
        self._tell(actions.heartbeat(now_ms()))
        if count % RENEW_EVERY == 0:
            for call in self.board.in_menu():
                self._tell(actions.renew_lease(call.channel))

    # --- watchers ---------------------------------------------------------------------------------------------

    def announce(self) -> None:
        """Wake whoever watches."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_changed(self, version: int) -> None:
        """Return as soon as the board is no longer the one of this version, or something else is worth another look."""
        if self.board.version == version:
            await self._changed.wait()
