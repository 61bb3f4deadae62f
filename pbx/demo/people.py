"""What citizens and agents have in common: they take turns, and nobody is as exact as a machine."""

from collections.abc import Sequence
from random import Random

from pbx.demo.call import Call
from pbx.demo.conversations import Turn

OTHER_IS_DONE_S = 0.8
"""So much quiet means that the other one has finished; longer than any pause inside a recorded sentence."""
PATIENCE_S = 25.0
"""How long one waits for an answer in the middle of a conversation: the other may have put us on hold."""


async def think(call: Call, dice: Random, shortest: float, longest: float) -> None:
    """Do nothing for a moment."""
    await call.stay(dice.uniform(shortest, longest))


async def listen(call: Call) -> None:
    """Let the other one speak."""
    await call.hear_out(OTHER_IS_DONE_S, PATIENCE_S)


async def converse(call: Call, turns: Sequence[Turn], dice: Random, *, is_agent: bool) -> None:
    """Say our part and hear out the other's."""
    for turn in turns:
        if turn.is_agent == is_agent:
            await think(call, dice, 0.1, 0.5)
            await call.say(turn.audio)
        else:
            await listen(call)
