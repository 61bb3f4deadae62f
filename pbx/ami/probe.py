"""One try at Asterisk's manager port, for a person at a command line: what is wrong, and what to do about it."""

import asyncio
import ssl
from collections.abc import Collection

from ivr.problem import Problem
from pbx.ami.outgoing import AmiError, AmiRefused, check
from pbx.ami.wire import Wire

SECONDS = 5.0

_CLASS = {
    "AGI": "agi",
    "Redirect": "call",
    "Setvar": "call",
    "Hangup": "call",
    "Originate": "originate",
    "QueuePause": "agent",
    "CoreShowChannels": "reporting",
    "CoreStatus": "reporting",
}
"""The `write` class that manager.conf must give an account for it to use the action."""


class Unreachable(Problem):
    """Nobody answers there, yet: an Asterisk that is starting is no mistake of a person's."""


async def probe(
    host: str,
    port: int,
    user: str,
    secret: str,
    *,
    needs: Collection[str] = (),
    tls: ssl.SSLContext | None = None,
    seconds: float = SECONDS,
) -> str:
    """Log in, see whether the account may use the actions in `needs`, and leave. Returns the version that the peer names, like `11.0.0`.

    Raises:
        Unreachable: nobody listens there, or nobody answers.
        Problem: it is not AMI, the login is refused, or the account lacks a class.
    """
    login = {"Action": "Login", "Username": user, "Secret": secret, "Events": "off"}
    try:
        check(login)
    except ValueError as error:
        raise Problem(
            f"Tên hoặc mật khẩu AMI của {user!r} có ký tự không dùng được. Hãy sửa SMARTPBX_AMI_…_SECRET.",
            f"The AMI name or secret of {user!r} cannot be sent ({error}). Correct SMARTPBX_AMI_…_SECRET.",
        ) from None
    try:
        async with asyncio.timeout(seconds):
            loop = asyncio.get_running_loop()
            _, wire = await loop.create_connection(lambda: Wire(hear=_nobody), host, port, ssl=tls)
    except (OSError, TimeoutError) as error:
        raise Unreachable(
            f"Không kết nối được Asterisk tại {host}:{port}. Hãy khởi động Asterisk, hoặc sửa SMARTPBX_AMI_HOST và _PORT.",
            f"Cannot reach Asterisk at {host}:{port} ({type(error).__name__}). Start it, or correct SMARTPBX_AMI_HOST and _PORT.",
        ) from None
    try:
        return await _look(wire, f"{host}:{port}", user, login, needs, seconds)
    finally:
        wire.lose("probed")


async def _look(
    wire: Wire, where: str, user: str, login: dict[str, str], needs: Collection[str], seconds: float
) -> str:
    await asyncio.wait({wire.greeted, wire.lost}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if not wire.framer.banner:
        raise Problem(
            f"{where} không phải cổng AMI của Asterisk. Hãy sửa SMARTPBX_AMI_PORT cho đúng mục port trong manager.conf.",
            f"{where} does not speak AMI. Correct SMARTPBX_AMI_PORT: it is `port` in manager.conf.",
        )
    try:
        await wire.ask(login, seconds)
        missing = await _missing(wire, needs, seconds)
    except AmiRefused:
        raise Problem(
            f"Asterisk tại {where} từ chối tài khoản AMI {user!r}. Hãy kiểm tra tên và mật khẩu trong manager.conf.",
            f"Asterisk at {where} refuses the AMI account {user!r}. Check name, secret and permit in manager.conf.",
        ) from None
    except AmiError as error:
        raise Unreachable(
            f"Asterisk tại {where} không trả lời đăng nhập. Hãy thử lại; nếu vẫn vậy, kiểm tra authlimit trong manager.conf.",
            f"Asterisk at {where} does not answer the login ({type(error).__name__}). Try again, then look at authlimit in manager.conf.",
        ) from None
    if missing:
        classes = ", ".join(sorted({_CLASS.get(action, "?") for action in missing}))
        actions = ", ".join(sorted(missing))
        raise Problem(
            f"Tài khoản AMI {user!r} không được dùng: {actions}. Hãy thêm write = {classes} trong manager.conf.",
            f"The AMI account {user!r} may not use {actions}. Add write = {classes} to it in manager.conf.",
        )
    return wire.framer.banner.rpartition("/")[2]


async def _missing(wire: Wire, needs: Collection[str], seconds: float) -> set[str]:
    if not needs:
        return set()
    # Lists exactly the actions that this account may use (manager.c, action_listcommands).
    allowed = (await wire.ask({"Action": "ListCommands"}, seconds)).headers
    return set(needs) - set(allowed)


def _nobody(_: dict[str, str]) -> None:
    """Nobody listens."""
