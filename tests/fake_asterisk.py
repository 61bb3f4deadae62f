"""A peer on a real socket that speaks AMI as Asterisk does, and misbehaves on demand.

Only for faults and for what must be exact to the byte; how the real Asterisk behaves is tested on the real one.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

STREAMS = Path(__file__).parent / "streams"
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"

Action = dict[str, str]
Answer = Callable[["Session", Action], Awaitable[None]]


def event(name: str, *headers: tuple[str, str], system: str = "ast1", at: str = "1795406991.248343") -> bytes:
    """A stamped event as manager.c writes it."""
    signed = [("Event", name), ("Privilege", "call,all"), ("Timestamp", at), ("SystemName", system)]
    return message(*signed, *headers)


def message(*headers: tuple[str, str]) -> bytes:
    return "".join(f"{key}: {value}\r\n" for key, value in headers).encode() + b"\r\n"


def channel(name: str = "PJSIP/trunk-00000001", number: str = "0912345678", **extra: str) -> list[tuple[str, str]]:
    """The description of a channel, whole and in its order."""
    fields = {
        "Channel": name, "ChannelState": "4", "ChannelStateDesc": "Ring", "CallerIDNum": number, "CallerIDName": "Lan",
        "ConnectedLineNum": "<unknown>", "ConnectedLineName": "<unknown>", "Language": "vi", "AccountCode": "",
        "Context": "from-trunk", "Exten": "1022", "Priority": "1", "Uniqueid": "ast1-1.0", "Linkedid": "ast1-1.0",
    }  # fmt: skip
    return list((fields | extra).items())


class Session:
    """One client, as the fake sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.actions: list[Action] = []
        self.raw: list[bytes] = []
        self.arrived = asyncio.Condition()

    async def next_action(self) -> Action:
        data = await self.reader.readuntil(b"\r\n\r\n")
        self.raw.append(data)
        lines = data.decode().split("\r\n")[:-2]
        return dict(line.split(": ", 1) for line in lines)  # type: ignore[misc]

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def respond(self, action: Action, *headers: tuple[str, str], response: str = "Success") -> None:
        await self.send(message(("Response", response), ("ActionID", action["ActionID"]), *headers))

    async def listing(
        self, action: Action, name: str, rows: list[list[tuple[str, str]]], *, upto: int | None = None
    ) -> None:
        """A list answer as Asterisk gives it: unsigned rows between the markers; `upto` rows and no end, if given."""
        mark = ("ActionID", action["ActionID"])
        await self.respond(action, ("EventList", "start"), ("Message", "will follow"))
        for row in rows[:upto]:
            await self.send(message(("Event", name), mark, *row))
        if upto is None:
            await self.send(
                message(("Event", f"{name}sComplete"), mark, ("EventList", "Complete"), ("ListItems", str(len(rows))))
            )

    def cut(self) -> None:
        self.writer.transport.abort()

    async def seen(self, verb: str, count: int = 1) -> Action:
        """Wait until the client has asked this so many times; the last of them."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.of(verb)) >= count)
        return self.of(verb)[count - 1]

    def of(self, verb: str) -> list[Action]:
        return [action for action in self.actions if action.get("Action") == verb]


class FakeAsterisk:
    """Listens on 127.0.0.1; `answer` handles what is not login or ping. Every client is kept in `sessions`."""

    def __init__(self) -> None:
        self.secret = "right"
        self.greeting = BANNER
        self.after_login = BOOTED
        self.answers_ping = True
        self.answers: dict[str, Answer] = {}
        self.at_connect: Callable[[Session], Awaitable[bool]] | None = None
        """Called with each new client; True: it has dealt with it."""
        self.sessions: list[Session] = []
        self.connected = asyncio.Condition()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for session in self.sessions:
            session.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def session(self, number: int = 1) -> Session:
        """The n-th client that ever came; waits for it."""
        async with self.connected:
            await self.connected.wait_for(lambda: len(self.sessions) >= number)
        return self.sessions[number - 1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        session = Session(reader, writer)
        try:
            async with self.connected:
                self.sessions.append(session)
                self.connected.notify_all()
            if self.at_connect is None or not await self.at_connect(session):
                await self._serve(session)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _serve(self, session: Session) -> None:
        await session.send(self.greeting)
        while True:
            action = await session.next_action()
            async with session.arrived:
                session.actions.append(action)
                session.arrived.notify_all()
            await self._answer(session, action)

    async def _answer(self, session: Session, action: Action) -> None:
        verb = action["Action"]
        if verb in self.answers:
            await self.answers[verb](session, action)
        elif verb == "Login" and action["Secret"] != self.secret:
            await session.respond(action, ("Message", "Authentication failed"), response="Error")
        elif verb == "Login":
            await session.respond(action, ("Message", "Authentication accepted"))
            if action["Events"] == "on":
                await session.send(self.after_login)
        elif verb == "Ping" and self.answers_ping:
            await session.respond(action, ("Ping", "Pong"))


@asynccontextmanager
async def fake_asterisk() -> AsyncIterator[FakeAsterisk]:
    fake = FakeAsterisk()
    await fake.start()
    try:
        yield fake
    finally:
        await fake.stop()


def recorded(name: str, *, without_login: bool = True) -> bytes:
    """The bytes of a recorded stream; without the banner and the reply to the login, unless wanted."""
    data = (STREAMS / f"{name}.ami").read_bytes()
    return re.sub(rb"\AAsterisk.*?\r\n\r\n", b"", data, count=1, flags=re.DOTALL) if without_login else data
