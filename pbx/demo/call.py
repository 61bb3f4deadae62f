"""One call as the person with the handset sees it: it rings, is answered, one speaks, listens, presses keys, hangs up.

Everything that takes time ends with `CallEndedError` when the other side hangs up, so a behaviour reads as a list of what a person does.
"""

import asyncio
import functools
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import numpy as np

from pbx.demo.dialog import Dialog
from pbx.demo.media import Media
from pbx.demo.rtp import RATE, Samples
from pbx.demo.signalling import Address, NoReplyError
from pbx.demo.sip import Headers, Message

T = TypeVar("T")
GAVE_UP = 487


class Ended(msgspec.Struct, frozen=True):
    """`code` is a refusal's SIP status or 0; `cause` is the Q.850 number that the other side gave, or 0."""

    by: Literal["us", "them", "refused", "lost"]
    code: int = 0
    cause: int = 0


class CallEndedError(Exception):
    """The call was over before what was waited for happened."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(f"the call was ended: {ended.by} {ended.code or ''}".strip())
        self.ended = ended


class Call:
    """Made by a `Phone`. `number` is the other side's; `ended` resolves once, whoever ends it."""

    def __init__(self, dialog: Dialog, media: Media, number: str, forget: Callable[[str], None]) -> None:
        self._dialog, self._media, self._forget = dialog, media, forget
        self._is_ringing = asyncio.Event()
        self._is_answered = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None
        self._hung_up = False
        self.number = number
        self.dialled = ""
        """Of a call that comes in: whom it is for."""
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    @property
    def call_id(self) -> str:
        """SIP's name of the call."""
        return self._dialog.call_id

    @property
    def is_answered(self) -> bool:
        return self._is_answered.is_set()

    @property
    def heard(self) -> tuple[float, Samples]:
        """Loop time of the first packet, and all sound since as int16 at 8 kHz, the last two minutes at most."""
        return self._media.heard()

    @property
    def keys_heard(self) -> str:
        """The digits that the other side pressed."""
        return self._media.keys_heard

    @property
    def packets(self) -> tuple[int, int]:
        """Audio packets received, and packets sent."""
        return self._media.received, self._media.sent

    # --- what the caller does ---------------------------------------------------------------------------------

    def dial(self, headers: Headers = ()) -> None:
        """Begin to ask; `answered` tells what became of it."""
        self._asking = asyncio.create_task(self._dial(headers))

    async def _dial(self, headers: Headers) -> None:
        try:
            final = await self._dialog.invite(self._is_ringing.set, headers)
        except NoReplyError:
            self._end(Ended("lost"))
            return
        if final.code >= 300:
            self._end(Ended("us" if self._hung_up else "refused", final.code, final.cause))
        elif self._hung_up:  # the answer crossed our CANCEL
            await self._bye()
        elif agreed := self._dialog.agreed(final):
            self._media.connect(agreed)
            self._is_answered.set()
        else:
            await self._bye()

    async def answered(self, timeout: float | None = None) -> None:
        """Wait until the other side picks up.

        Raises:
            CallEndedError: it did not.
            TimeoutError: not yet.
        """
        await self._while_alive(self._is_answered.wait(), timeout)

    # --- what the called one does -----------------------------------------------------------------------------

    def ring(self) -> None:
        """Tell the caller that somebody is being called to the phone."""
        if self._may_answer:
            self._dialog.respond(180)

    def answer(self) -> None:
        """Pick up. Nothing happens when the caller has gone."""
        if not self._may_answer:
            return
        agreed = self._dialog.accept()
        if agreed is None:
            self._end(Ended("us", 488))
            return
        self._media.connect(agreed)
        self._is_answered.set()

    def reject(self, code: int = 486) -> None:
        """Refuse: 486 busy, 603 declined. Nothing happens when the caller has gone."""
        if self._may_answer:
            self._dialog.respond(code)
            self._end(Ended("us", code))

    @property
    def _may_answer(self) -> bool:
        return not self.ended.done() and not self.is_answered and self._asking is None

    # --- what both do -----------------------------------------------------------------------------------------

    async def say(self, sound: Path | Samples) -> None:
        """Speak: an 8 kHz mono 16-bit WAV, or samples. Returns when it is said."""
        samples = read_wav(sound) if isinstance(sound, Path) else sound
        self._check_alive()
        await self._while_alive(self._media.say(samples))

    async def send_digits(self, keys: str) -> None:
        """Press keys, 100 ms each."""
        self._check_alive()
        await self._while_alive(self._media.press(keys))

    async def wait_for_sound(self, timeout: float | None = None) -> None:
        """Until something is heard, from now on.

        Raises:
            TimeoutError: nothing was.
        """
        await self._while_alive(self._media.sound(), timeout)

    async def wait_for_quiet(self, seconds: float = 0.8, timeout: float | None = None) -> None:
        """Until nothing was heard for so long: a prompt or a sentence is over.

        Raises:
            TimeoutError: it went on.
        """
        await self._while_alive(self._media.quiet(seconds), timeout)

    async def hear_out(self, quiet: float = 0.8, timeout: float | None = None) -> None:
        """Listen to a whole sentence: sound, then quiet.

        Raises:
            TimeoutError: nothing was said, or it went on.
        """
        async with asyncio.timeout(timeout):
            await self.wait_for_sound()
            await self.wait_for_quiet(quiet)

    async def stay(self, seconds: float) -> None:
        """Remain on the line."""
        await asyncio.wait({self.ended}, timeout=seconds)
        self._check_alive()

    async def hold(self) -> bool:
        """Put the other side on hold; whether it accepted."""
        return await self._renegotiate("sendonly")

    async def unhold(self) -> bool:
        """Take it back; whether it accepted."""
        return await self._renegotiate("sendrecv")

    async def _renegotiate(self, direction: str) -> bool:
        self._check_alive()
        final = await self._while_alive(self._dialog.invite(self._is_ringing.set, direction=direction))
        if agreed := self._dialog.agreed(final):
            self._media.connect(agreed)
        return final.code < 300

    async def hangup(self) -> None:
        """End it, at whatever stage; returns when the other side knows. A second time does nothing."""
        if self.ended.done() or self._hung_up:
            return
        if self._may_answer:
            self.reject(603)
            return
        self._hung_up = True
        if self.is_answered:
            await self._bye()
        else:
            await self._cancel()

    def drop(self) -> None:
        """Put the handset away without telling anybody: the other side, or the network, is not there."""
        if self._asking:
            self._asking.cancel()
        self._end(Ended("us"))

    async def _bye(self) -> None:
        self._end(Ended("us"))
        await self._dialog.bye()

    async def _cancel(self) -> None:
        """A CANCEL may follow a provisional response only; the INVITE then ends with 487, or was answered meanwhile."""
        if self._asking is None:
            return
        ringing = asyncio.ensure_future(self._is_ringing.wait())
        await asyncio.wait({ringing, self._asking}, return_when=asyncio.FIRST_COMPLETED)
        ringing.cancel()
        if not self._asking.done():
            await self._dialog.cancel()
        await self._asking

    # --- what comes from the other side -----------------------------------------------------------------------

    def received(self, request: Message, addr: Address) -> None:
        """A request inside this call."""
        match request.method:
            case "BYE":
                self._dialog.reply(request, 200, addr)
                self._end(Ended("them", 0, request.cause))
            case "CANCEL":
                self._dialog.reply(request, 200, addr)
                if self._may_answer:
                    self._dialog.respond(GAVE_UP)
                    self._end(Ended("them", GAVE_UP, request.cause))
            case "INVITE":
                if agreed := self._dialog.reinvited(request):
                    self._media.connect(agreed)
            case "UPDATE" | "INFO" | "NOTIFY" | "OPTIONS" | "MESSAGE":
                self._dialog.reply(request, 200, addr)
            case _:
                self._dialog.reply(request, 405, addr)

    # --- inside -----------------------------------------------------------------------------------------------

    def _end(self, ended: Ended) -> None:
        if not self.ended.done():
            self._media.close()
            self.ended.set_result(ended)
            self._forget(self.call_id)

    def _check_alive(self) -> None:
        if self.ended.done():
            raise CallEndedError(self.ended.result())

    async def _while_alive(self, what: Awaitable[T], timeout: float | None = None) -> T:
        """Wait for it, but not longer than the call lasts."""
        waiting = asyncio.ensure_future(what)
        either: set[asyncio.Future[T] | asyncio.Future[Ended]] = {waiting, self.ended}
        try:
            async with asyncio.timeout(timeout):
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            self._check_alive()
            return waiting.result()
        finally:
            if isinstance(waiting, asyncio.Task):
                waiting.cancel()


@functools.lru_cache(maxsize=256)
def read_wav(path: Path) -> Samples:
    """The samples of an 8 kHz mono 16-bit WAV.

    Raises:
        ValueError: it is something else.
    """
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path} is not 8 kHz mono 16-bit")
        return np.frombuffer(file.readframes(file.getnframes()), np.dtype("<i2"))
