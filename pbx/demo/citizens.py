"""Citizens who call the hotline: most know what they want, some press a wrong key, some give up.

Each behaviour is the list of what one person does. They know the menu only by its keys, and that the line falls silent when a prompt
is over; that an agent has answered they hear, as people do: the music stops, somebody greets, and then it is quiet.
"""

import contextlib
from collections.abc import Awaitable, Callable
from random import Random

import msgspec

from pbx.demo.call import Call, CallEndedError
from pbx.demo.conversations import Conversation, conversations
from pbx.demo.people import converse, think
from pbx.demo.phone import Phone
from pbx.demo.signalling import Address

KEYS = {"ho-tich": "1", "dat-dai": "3", "kinh-doanh": "4", "lao-dong": "6"}
"""The key of the menu of fields that leads to a queue; who wants another one asks for a person."""
FIELDS, DOSSIER, PETITION = "123"
"""The keys of the main menu."""
OFFICER, PERSON = "20"
NO_MEANING = "7*"
RATES, RATES_NOT = "12"
CALL_BACK, MESSAGE = "12"
"""The keys of those who wait."""
THIS_NUMBER = "1"
PROMPT_OVER_S = 0.9
"""Longer than any pause inside a prompt."""
KNOWS_ITS_KEY = 0.4
"""How many press their key before the main menu has ended."""
GREETED_S = 1.2
"""The music never pauses so long, so after so much quiet somebody has picked up and greeted."""
LONGEST_PROMPT_S = 40.0
NUMBERS = "0900000{:03}"
"""No subscriber in Viet Nam has such a number."""


class Citizen(msgspec.Struct, frozen=True):
    """Somebody with a question, on the line. `patience_s` is how long the queue may take."""

    call: Call
    conversation: Conversation
    dice: Random
    patience_s: float
    dossier: tuple[str, str] = ("2611200001", "1234")
    """The last ten digits of a code, and the second factor."""

    @property
    def key(self) -> str:
        return KEYS.get(self.conversation.queue, PERSON)


Behaviour = Callable[[Citizen], Awaitable[None]]


# --- what people do -----------------------------------------------------------------------------------------------


async def patient(citizen: Citizen) -> None:
    """Vietnamese, the right key, waits, speaks."""
    await _press_after_prompt(citizen, "1")
    await _reach_a_queue(citizen)
    await _be_served(citizen)


async def english(citizen: Citizen) -> None:
    """Prefers the menu in English."""
    await _press_after_prompt(citizen, "2")
    await _reach_a_queue(citizen)
    await _be_served(citizen)


async def wrong_key(citizen: Citizen) -> None:
    """Presses a key that means nothing, listens again, then the right one."""
    await _press_after_prompt(citizen, "1")
    await _choose(citizen, citizen.dice.choice(NO_MEANING))
    await _reach_a_queue(citizen)
    await _be_served(citizen)


async def silent(citizen: Citizen) -> None:
    """Presses nothing and says nothing, as from a pocket."""
    await think(citizen.call, citizen.dice, 15.0, 45.0)


async def in_a_hurry(citizen: Citizen) -> None:
    """Knows the menu and does not listen to it: a person, at once."""
    await citizen.call.wait_for_sound(LONGEST_PROMPT_S)
    await _press_after_prompt(citizen, "1")
    await citizen.call.wait_for_sound(LONGEST_PROMPT_S)
    await think(citizen.call, citizen.dice, 0.3, 1.0)
    await citizen.call.send_digits(PERSON)
    await _be_served(citizen)


async def leaves_menu(citizen: Citizen) -> None:
    """Hangs up while the menu speaks."""
    await citizen.call.wait_for_sound(LONGEST_PROMPT_S)
    await think(citizen.call, citizen.dice, 2.0, 9.0)


async def leaves_queue(citizen: Citizen) -> None:
    """Waits a little and gives up, unless somebody answers in time."""
    impatient = msgspec.structs.replace(citizen, patience_s=citizen.dice.uniform(8.0, 18.0))
    await patient(impatient)


async def rates(citizen: Citizen) -> None:
    """Agrees to the survey, and answers it when the agent has hung up."""
    await _press_after_prompt(citizen, "1")
    await _reach_a_queue(citizen, RATES)
    await _be_served(citizen)
    for _ in range(3):
        await _press_after_prompt(citizen, citizen.dice.choice("34555"))
    await citizen.call.ended


async def asks_to_be_called(citizen: Citizen) -> None:
    """Does not want to wait: presses the key for a call back, and hangs up when it is promised."""
    await _press_after_prompt(citizen, "1")
    await _reach_a_queue(citizen)
    await think(citizen.call, citizen.dice, 14.0, 20.0)
    await citizen.call.send_digits(CALL_BACK)
    await _press_after_prompt(citizen, THIS_NUMBER)
    await citizen.call.ended


async def leaves_a_message(citizen: Citizen) -> None:
    """Has a petition, and says it to the machine."""
    await _press_after_prompt(citizen, "1")
    await _choose(citizen, PETITION)
    await citizen.call.hear_out(PROMPT_OVER_S, LONGEST_PROMPT_S)
    await citizen.call.say(citizen.conversation.turns[1].audio)
    await citizen.call.send_digits("#")
    await citizen.call.ended


async def asks_for_a_dossier(citizen: Citizen) -> None:
    """Keys the code from the slip of paper and the second factor, and listens."""
    await _press_after_prompt(citizen, "1")
    await _choose(citizen, DOSSIER)
    for digits in citizen.dossier:
        await _press_after_prompt(citizen, digits)
    await citizen.call.hear_out(3.0, LONGEST_PROMPT_S)


async def answers(call: Call, conversation: Conversation, dice: Random) -> None:
    """Picks up when called back, asks for the officer, and is served."""
    await think(call, dice, 1.0, 4.0)
    call.answer()
    citizen = Citizen(call, conversation, dice, 60.0)
    await _press_after_prompt(citizen, "1")
    await _be_served(citizen)
    await call.hangup()


MIX: tuple[tuple[Behaviour, int], ...] = (
    (patient, 38),
    (english, 8),
    (wrong_key, 8),
    (silent, 4),
    (in_a_hurry, 8),
    (leaves_menu, 4),
    (leaves_queue, 6),
    (rates, 8),
    (asks_to_be_called, 6),
    (leaves_a_message, 4),
    (asks_for_a_dossier, 6),
)
"""How often each is met, in percent."""


async def _press_after_prompt(citizen: Citizen, key: str) -> None:
    """Hear the menu out, find the key, press it."""
    await citizen.call.hear_out(PROMPT_OVER_S, LONGEST_PROMPT_S)
    await think(citizen.call, citizen.dice, 0.1, 0.9)
    await citizen.call.send_digits(key)


async def _choose(citizen: Citizen, key: str) -> None:
    """Press a key of the main menu, after it or, by who knows it, into it."""
    if citizen.dice.random() > KNOWS_ITS_KEY:
        await _press_after_prompt(citizen, key)
        return
    await citizen.call.wait_for_sound(LONGEST_PROMPT_S)
    await think(citizen.call, citizen.dice, 1.5, 7.0)
    await citizen.call.send_digits(key)


async def _reach_a_queue(citizen: Citizen, rating: str = RATES_NOT) -> None:
    """From the main menu to the queue: straight to a person, or through the field, its officer and the invitation to rate."""
    if citizen.key == PERSON:
        await _choose(citizen, PERSON)
        return
    for key in (FIELDS, citizen.key, OFFICER):
        await _choose(citizen, key)
    await _press_after_prompt(citizen, rating)


async def _be_served(citizen: Citizen) -> None:
    """Wait for an agent, as long as patience lasts, and tell what one wants."""
    await citizen.call.hear_out(GREETED_S, citizen.patience_s)
    await converse(citizen.call, citizen.conversation.turns[1:], citizen.dice, is_agent=False)
    await think(citizen.call, citizen.dice, 0.3, 3.0)


# --- a whole call -------------------------------------------------------------------------------------------------


def pick(dice: Random) -> Behaviour:
    """One of the behaviours, as often as each is met."""
    return dice.choices([b for b, _ in MIX], [weight for _, weight in MIX])[0]


def number_for(conversation: int, dice: Random) -> str:
    """A made-up number that tells both sides to have that conversation."""
    known = len(conversations())
    return NUMBERS.format(conversation % known + known * dice.randrange((1000 - conversation % known - 1) // known + 1))


async def phone_up(
    server: Address,
    hotline: str,
    number: str,
    conversation: Conversation,
    behaviour: Behaviour,
    dice: Random,
    *,
    local_ip: str = "127.0.0.1",
    dossier: tuple[str, str] = ("2611200001", "1234"),
) -> None:
    """Call, behave, hang up. Whatever the other side does, this ends quietly and leaves no call behind."""
    async with Phone(server, number, local_ip=local_ip) as phone:
        call = await phone.call(hotline)
        with contextlib.suppress(CallEndedError, TimeoutError):
            await call.answered(10)
            await behaviour(Citizen(call, conversation, dice, dice.uniform(45, 120), dossier))
        await call.hangup()
