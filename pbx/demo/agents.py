"""Agents who answer: they let it ring a little, pick up, say their part, now and then put the caller on hold to look something up.

Which conversation it is they know by the caller's number. They know nothing of queues: the telephone rings, or it does not.
"""

import asyncio
import contextlib
import logging
from random import Random

import msgspec

from pbx.demo.call import Call, CallEndedError
from pbx.demo.conversations import Turn, conversation_of
from pbx.demo.people import converse, think
from pbx.demo.phone import AGAIN_S, Phone, RegistrationError
from pbx.demo.signalling import NoReplyError

log = logging.getLogger(__name__)


class Manner(msgspec.Struct, frozen=True):
    """How somebody works: seconds, and chances between 0 and 1."""

    rings_s: tuple[float, float] = (1.0, 6.0)
    misses: float = 0.05
    holds: float = 0.15
    hold_s: tuple[float, float] = (3.0, 7.0)
    hangs_up_first: float = 0.3


async def work(phone: Phone, dice: Random, manner: Manner | None = None) -> None:
    """Sign the phone in and take calls until cancelled."""
    await _sign_in(phone)
    while True:
        call = await phone.next_call()
        with contextlib.suppress(CallEndedError, TimeoutError):
            await take(call, dice, manner or Manner())
        with contextlib.suppress(NoReplyError):
            await call.hangup()


async def _sign_in(phone: Phone) -> None:
    while True:
        try:
            await phone.register()
            return
        except (RegistrationError, NoReplyError) as e:
            log.warning("phone %s cannot sign in yet: %s", phone.user, e)
            await asyncio.sleep(AGAIN_S)


async def take(call: Call, dice: Random, manner: Manner) -> None:
    """One call, from the first ring to the goodbye."""
    call.ring()
    if dice.random() < manner.misses:
        await call.ended  # away from the desk: it rings out
        return
    await think(call, dice, *manner.rings_s)
    call.answer()
    turns = conversation_of(call.number).turns
    pause = _place_for_a_hold(turns, dice) if dice.random() < manner.holds else len(turns)
    await converse(call, turns[:pause], dice, is_agent=True)
    if turns[pause:]:
        await _look_it_up(call, dice, manner)
        await converse(call, turns[pause:], dice, is_agent=True)
    if dice.random() >= manner.hangs_up_first:
        await think(call, dice, 4.0, 6.0)  # the caller hangs up, as a rule
    await think(call, dice, 0.3, 1.0)


def _place_for_a_hold(turns: tuple[Turn, ...], dice: Random) -> int:
    """Before one of the agent's answers, not before the greeting."""
    return dice.choice([at for at, turn in enumerate(turns) if turn.is_agent and at])


async def _look_it_up(call: Call, dice: Random, manner: Manner) -> None:
    if await call.hold():
        await think(call, dice, *manner.hold_s)
        await call.unhold()
