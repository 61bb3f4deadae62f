"""The demo's endless traffic: agents at their desks, citizens who keep calling, until told to stop.

Everything runs over the same SIP and RTP that real people use; nothing here knows the service. What is random follows the seed.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random

from pbx.centre import Centre
from pbx.demo import agents
from pbx.demo.call import Call, CallEndedError
from pbx.demo.citizens import answers, number_for, phone_up, pick
from pbx.demo.citizens import patient as patient_citizen
from pbx.demo.conversations import Conversation, conversation_of, conversations
from pbx.demo.phone import Phone
from pbx.demo.portal import shown
from pbx.demo.signalling import NoReplyError
from pbx.settings import Settings
from pbx.today import ZONE

BETWEEN_CALLS_S = (4.0, 8.0)
FIRST_CALLS_S = 1.5
"""The first ones come quickly: somebody is watching an empty page."""
STOPPING_S = 3.0
LINES = 20

Report = Callable[[str], None]


async def run(
    settings: Settings,
    centre: Centre,
    secrets: Mapping[str, str],
    *,
    calls_at_once: int = 4,
    seed: int = 1022,
    report: Report = print,
    stop: asyncio.Event,
) -> None:
    """Keep calls going until `stop` is set; then everybody hangs up and signs out within `STOPPING_S`.

    `secrets` are the agents' passwords by extension. The last agent of the centre stays away.
    """
    dice = Random(seed)  # noqa: S311 - play, nothing is guarded by it
    present = [agent for agent in centre.agents[:-1] or centre.agents if agent.extension in secrets]
    desks = [_desk(settings, agent.extension, secrets[agent.extension]) for agent in present]
    for phone in desks:
        await phone.open()
    tasks = [asyncio.create_task(agents.work(phone, Random(dice.random()))) for phone in desks]  # noqa: S311
    report(f"{len(desks)} cán bộ đã vào bàn trực")
    mobile = Phone(
        (settings.bind_address, settings.sip_port), "mobile", local_ip=settings.bind_address,
        local_port=mobile_port(settings), lines=LINES,
    )  # fmt: skip
    await mobile.open()
    desks.append(mobile)
    tasks.append(asyncio.create_task(_called_back(mobile, dice, report)))
    tasks.append(asyncio.create_task(_citizens(settings, centre.hotline, calls_at_once, dice, report)))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # nobody ends by himself: a mistake is shown, not lost
    finally:
        stopping.cancel()
        await _everybody_leaves(tasks, desks)
        report("Các cuộc gọi thử đã dừng")


def mobile_port(settings: Settings) -> int:
    """Where every call to a citizen arrives in the demo: one exchange for all their telephones."""
    return settings.sip_port + 1


def dial_out(settings: Settings) -> str:
    """How the demo's Asterisk calls a citizen."""
    return f"PJSIP/citizens/sip:{{number}}@{settings.bind_address}:{mobile_port(settings)}"


async def _called_back(mobile: Phone, dice: Random, report: Report) -> None:
    """Whoever asked for it is called back, and answers."""
    answering: set[asyncio.Task[None]] = set()
    try:
        while True:
            call = await mobile.next_call()
            conversation = conversation_of(call.dialled)
            report(f"Tổng đài gọi lại công dân: {conversation.topic}")
            task = asyncio.create_task(_answer(call, conversation, Random(dice.random())))  # noqa: S311
            answering.add(task)
            task.add_done_callback(answering.discard)
    finally:
        for task in answering:
            task.cancel()


async def _answer(call: Call, conversation: Conversation, dice: Random) -> None:
    with contextlib.suppress(CallEndedError, TimeoutError):
        await answers(call, conversation, dice)


def _desk(settings: Settings, extension: str, secret: str) -> Phone:
    server = (settings.bind_address, settings.sip_port)
    return Phone(server, extension, secret=secret, local_ip=settings.bind_address)


async def _everybody_leaves(tasks: list[asyncio.Task[None]], desks: list[Phone]) -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOPPING_S):
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(phone.close() for phone in desks))


async def _citizens(settings: Settings, hotline: str, calls_at_once: int, dice: Random, report: Report) -> None:
    """New callers, never more than so many at once, no two with the same number."""
    calling: dict[str, asyncio.Task[None]] = {}
    served = 0
    try:
        while True:
            calling = {number: task for number, task in calling.items() if not task.done()}
            if len(calling) < calls_at_once:
                number = _free_number(calling, dice)
                calling[number] = asyncio.create_task(
                    _one_call(settings, hotline, number, Random(dice.random()), report, first=not served)  # noqa: S311
                )
                served += 1
            await asyncio.sleep(FIRST_CALLS_S if served < calls_at_once else dice.uniform(*BETWEEN_CALLS_S))
    finally:
        for task in calling.values():
            task.cancel()
        await asyncio.gather(*calling.values(), return_exceptions=True)


def _free_number(taken: Mapping[str, object], dice: Random) -> str:
    while (number := number_for(dice.randrange(len(conversations())), dice)) in taken:
        pass
    return number


async def _one_call(
    settings: Settings, hotline: str, number: str, dice: Random, report: Report, *, first: bool
) -> None:
    conversation = conversation_of(number)
    behaviour = patient_citizen if first else pick(dice)
    report(f"Công dân gọi {hotline}: {conversation.topic}")
    server = (settings.bind_address, settings.sip_port)
    try:
        asked = dice.choice(shown(datetime.now(ZONE).date()))
        slip = ("".join(asked.code.split("-")[1:]), asked.id_number[-4:])
        await phone_up(
            server, hotline, number, conversation, behaviour, dice, local_ip=settings.bind_address, dossier=slip
        )
    except NoReplyError:
        report("Tổng đài không trả lời cuộc gọi thử")
