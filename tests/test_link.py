"""The session with Asterisk and everything that has ever gone wrong with one, against a peer that misbehaves on a real socket."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.problem import Problem
from pbx.ami import actions
from pbx.ami.link import AmiLost, AmiRefused, AmiSlow, Link, Pace
from pbx.ami.outgoing import HEADERS, LINE_BYTES, check
from pbx.ami.probe import probe
from pbx.ami.translate import WANTED
from tests.fake_asterisk import BANNER, BOOTED, FakeAsterisk, Session, channel, event, fake_asterisk, message, recorded

QUICK = Pace(
    ping=0.1, patience=0.4, connect=1, login=1, booted=1, first_retry=0.01, longest_retry=0.05, refused_retry=0.1, settled=9
)  # fmt: skip
NO_PING = Pace(ping=60, patience=60, first_retry=0.01, longest_retry=0.05)
ORIGINATE = {
    "Action": "Originate",
    "Channel": "PJSIP/101",
    "Async": "true",
    "Context": "c",
    "Exten": "1",
    "Priority": "1",
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as peer:
        yield peer


class Owner:
    """Keeps what the link tells, and lets a test wait for it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []
        self.log: list[str] = []
        self.changed = asyncio.Condition()
        self.on_up: Callable[[], Awaitable[None]] | None = None

    def hear(self, message: dict[str, str]) -> None:
        self.messages.append(message)
        self._notify()

    async def up(self) -> None:
        self._note("up")
        if self.on_up is not None:
            await self.on_up()

    def lost(self, reason: str) -> None:
        self._note(reason)

    def _note(self, what: str) -> None:
        self.log.append(what)
        self._notify()

    def _notify(self) -> None:
        async def tell() -> None:
            async with self.changed:
                self.changed.notify_all()

        self._task = asyncio.get_running_loop().create_task(tell())

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(condition)

    async def ups(self, count: int) -> None:
        await self.until(lambda: self.log.count("up") >= count)

    async def told(self, reason: str) -> None:
        await self.until(lambda: reason in self.log)

    @property
    def events(self) -> list[str]:
        return [m["Event"] for m in self.messages if m["Event"] != "FullyBooted"]


@asynccontextmanager
async def linked(
    fake: FakeAsterisk, *, pace: Pace = NO_PING, secret: str = "right", owner: Owner | None = None, **options: object
) -> AsyncIterator[tuple[Link, Owner]]:
    """A running link; not waited for."""
    owner = owner or Owner()
    given = {"want_events": True, "on_message": owner.hear, "on_up": owner.up, "on_lost": owner.lost, "pace": pace}
    link = Link("127.0.0.1", fake.port, "smartpbx", secret, **given | options)  # type: ignore[arg-type]
    running = asyncio.create_task(link.run())
    try:
        yield link, owner
    finally:
        await link.stop()
        await running


async def until_gone(link: Link) -> None:
    async with asyncio.timeout(5):
        while link.state == "up":
            await asyncio.sleep(0)


# --- asking ---------------------------------------------------------------------------------------------------------


async def test_logs_in_and_hears_everything_in_order(fake: FakeAsterisk) -> None:
    async with linked(fake) as (link, owner):
        session = await fake.session()
        await owner.ups(1)
        assert link.state == "up" and link.banner.endswith("11.0.0")
        data = recorded("normal")
        await session.send(data)
        count = data.count(b"\r\n\r\n") + 1
        await owner.until(lambda: len(owner.messages) >= count)
        assert [m["Event"] for m in owner.messages[1:]] == re.findall(r"(?m)^Event: (\w+)\r$", data.decode())


async def test_list_answer_has_all_its_rows(fake: FakeAsterisk) -> None:
    rows = [
        [("Channel", f"c{n}"), ("Queue", "sales"), ("Position", str(n)), ("Uniqueid", str(n))] for n in range(10_000)
    ]

    async def status(session: Session, action: dict[str, str]) -> None:
        await session.listing(action, "QueueEntry", rows)

    fake.answers["QueueStatus"] = status
    async with linked(fake, wanted=WANTED) as (link, owner):
        await owner.ups(1)
        reply = await link.ask(actions.QUEUES)
        assert [row["Channel"] for row in reply.rows] == [f"c{n}" for n in range(10_000)]
        assert reply.headers["Message"] == "will follow"
        assert link.pending == 0
        assert owner.events == []  # rows are answers, not news


async def test_a_response_among_the_rows_is_no_row_and_no_refusal(fake: FakeAsterisk) -> None:
    """What a waiting caller wrote into his own row may look like one, with our ActionID behind it."""

    async def status(session: Session, action: dict[str, str]) -> None:
        mark = ("ActionID", action["ActionID"])
        await session.respond(action, ("EventList", "start"))
        await session.send(
            message(("Response", "Error"), ("CallerIDNum", "1"), ("CallerIDName", "L"), ("Wait", "1"), mark)
        )
        await session.send(message(("Response", "Error"), ("Message", "forged"), mark))
        await session.send(message(("Event", "QueueStatusComplete"), mark, ("EventList", "Complete")))

    fake.answers["QueueStatus"] = status
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        assert (await link.ask(actions.QUEUES)).rows == []


async def test_single_answer_and_refusal(fake: FakeAsterisk) -> None:
    async def core(session: Session, action: dict[str, str]) -> None:
        await session.respond(action, ("CoreStartupDate", "2026-11-23"))

    async def redirect(session: Session, action: dict[str, str]) -> None:
        await session.respond(action, ("Message", "Channel does not exist"), response="Error")

    fake.answers |= {"CoreStatus": core, "Redirect": redirect}
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        assert (await link.ask(actions.STATUS)).headers["CoreStartupDate"] == "2026-11-23"
        with pytest.raises(AmiRefused, match="does not exist"):
            await link.ask({"Action": "Redirect", "Channel": "x"})
        assert link.pending == 0


async def test_agi_result_comes_back_as_an_event(fake: FakeAsterisk) -> None:
    async def agi(session: Session, action: dict[str, str]) -> None:
        await session.respond(action, ("Message", "Added AGI command to queue"))
        done = [("Result", "200%20result%3D0%0A"), ("CommandId", action["CommandID"])]
        await session.send(event("AsyncAGIExec", *channel(), *done))

    fake.answers["AGI"] = agi
    async with linked(fake, wanted=WANTED) as (link, owner):
        await owner.ups(1)
        link.tell({"Action": "AGI", "Channel": "PJSIP/1", "Command": "ANSWER", "CommandID": "k7"})
        await owner.until(lambda: owner.events == ["AsyncAGIExec"])
        assert owner.messages[-1]["CommandId"] == "k7"
        assert (await link.ask({"Action": "AGI", "Channel": "c", "Command": "NOOP", "CommandID": "k8"})).rows == []
        assert link.pending == 0


async def test_event_that_answers_is_also_heard(fake: FakeAsterisk) -> None:
    async def originate(session: Session, action: dict[str, str]) -> None:
        await session.respond(action, ("Message", "Originate successfully queued"))
        await session.send(event("OriginateResponse", ("ActionID", action["ActionID"]), ("Response", "Failure")))

    fake.answers["Originate"] = originate
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        await link.ask(ORIGINATE)
        await owner.until(lambda: owner.events == ["OriginateResponse"])


async def test_refused_tell_is_logged_without_a_value(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    async def setvar(session: Session, action: dict[str, str]) -> None:
        await session.respond(action, ("Message", "No such channel PJSIP/0912345678"), response="Error")
        await session.send(event("PeerStatus"))

    fake.answers["Setvar"] = setvar
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        link.tell({"Action": "Setvar", "Variable": "V", "Value": "0912345678"})
        await owner.until(lambda: "PeerStatus" in owner.events)
    assert "ami_action_refused verb=Setvar" in caplog.text
    assert "0912345678" not in caplog.text


async def test_late_answers_leave_nothing_behind(fake: FakeAsterisk) -> None:
    asked: list[dict[str, str]] = []

    async def late(session: Session, action: dict[str, str]) -> None:
        asked.append(action)

    fake.answers["QueueStatus"] = late
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        for _ in range(50):
            with pytest.raises(AmiSlow):
                await link.ask(actions.QUEUES, deadline=0.001)
        cancelled = asyncio.create_task(link.ask(actions.QUEUES))
        session = await fake.session()
        await session.seen("QueueStatus", 51)
        cancelled.cancel()
        await asyncio.wait({cancelled})
        assert link.pending == 0
        for action in asked:
            await session.listing(
                action, "QueueEntry", [[("Queue", "q"), ("Position", "1"), ("Channel", "c"), ("Uniqueid", "u")]]
            )
        await session.send(event("PeerStatus"))
        await owner.until(lambda: "PeerStatus" in owner.events)
        assert link.pending == 0 and owner.events == ["PeerStatus"]


async def test_no_more_than_a_hundred_questions_at_once(fake: FakeAsterisk) -> None:
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        open_ones = [asyncio.create_task(link.ask({"Action": "X"})) for _ in range(100)]
        await (await fake.session()).seen("X", 100)
        with pytest.raises(AmiSlow):
            await link.ask({"Action": "X"})
        (await fake.session()).cut()
        assert {type(e) for e in await asyncio.gather(*open_ones, return_exceptions=True)} == {AmiLost}


# --- nothing gets out that should not ----------------------------------------------------------------------------------

HOSTILE = [
    "\r\nAction: Command",
    "\n",
    "\r",
    "\x00",
    "a\x1fb",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\ud800",
    "x" * LINE_BYTES,
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("as_key", [False, True])
async def test_nothing_that_could_be_another_line_reaches_the_socket(
    fake: FakeAsterisk, text: str, as_key: bool
) -> None:
    action = {"Action": "Setvar", **({f"Value{text}": "1"} if as_key else {"Value": text})}
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        with pytest.raises(ValueError, match="header"):
            link.tell(action)
        with pytest.raises(ValueError, match="header"):
            await link.ask(action)
        link.tell({"Action": "Setvar", "Value": "clean"})
        session = await fake.session()
        await session.seen("Setvar")
        assert len(session.raw) == 2 and len(session.of("Setvar")) == 1
        assert link.pending == 0


@given(st.dictionaries(st.text(max_size=50), st.text(max_size=1100), max_size=5))
def test_whatever_passes_is_one_action_of_whole_lines(fields: dict[str, str]) -> None:
    action = {"Action": "Setvar", **fields}
    try:
        check(action)
    except ValueError as error:
        assert not any(value in str(error) for value in fields.values() if len(value) > 12)
        return
    lines = "".join(f"{key}: {value}\r\n" for key, value in action.items())
    assert len(lines.splitlines()) == len(action)
    assert all(len(line.encode()) <= LINE_BYTES for line in lines.splitlines())


def test_too_many_headers_are_refused() -> None:
    with pytest.raises(ValueError, match="headers"):
        check({"Action": "X", **{f"H{n}": "" for n in range(HEADERS)}})
    with pytest.raises(ValueError, match="Action"):
        check({"Value": "1"})


def test_a_secret_that_would_break_out_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="Secret"):
        Link("127.0.0.1", 1, "u", "x\r\nAction: Command", want_events=False, on_message=lambda _: None)


async def test_vietnamese_goes_out_and_comes_in_whole(fake: FakeAsterisk) -> None:
    reason = "Nghỉ trưa"
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        link.tell({"Action": "QueuePause", "Reason": reason})
        session = await fake.session()
        assert (await session.seen("QueuePause"))["Reason"] == reason
        for byte in event("Newchannel", *channel(CallerIDName=reason)):
            await session.send(bytes([byte]))
        await owner.until(lambda: bool(owner.events))
        assert owner.messages[-1]["CallerIDName"] == reason


# --- losing it --------------------------------------------------------------------------------------------------------


async def test_originate_is_never_sent_twice(fake: FakeAsterisk) -> None:
    async with linked(fake) as (link, owner):
        for number in range(1, 6):
            await owner.ups(number)
            outcome = asyncio.create_task(link.ask(ORIGINATE))
            session = await fake.session(number)
            await session.seen("Originate")
            session.cut()
            with pytest.raises(AmiLost):
                await outcome
            await until_gone(link)
        await owner.ups(6)
        link.tell({"Action": "Marker"})
        last = await fake.session(6)
        await last.seen("Marker")
        assert [action["Action"] for action in last.actions] == ["Login", "Marker"]
        assert sum(len(session.of("Originate")) for session in fake.sessions) == 5


async def test_told_and_agi_commands_are_never_repeated(fake: FakeAsterisk) -> None:
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        link.tell({"Action": "AGI", "Channel": "c", "Command": "ANSWER", "CommandID": "1"})
        link.tell({"Action": "Command", "Command": "core show version"})
        first = await fake.session(1)
        await first.seen("Command")
        first.cut()
        await owner.ups(2)
        link.tell({"Action": "Marker"})
        second = await fake.session(2)
        await second.seen("Marker")
        assert [action["Action"] for action in second.actions] == ["Login", "Marker"]


async def test_nothing_is_kept_while_asterisk_is_away(fake: FakeAsterisk) -> None:
    port = fake.port
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        await fake.stop()
        await owner.told("closed")
        with pytest.raises(AmiLost):
            link.tell(ORIGINATE)
        with pytest.raises(AmiLost):
            await link.ask(ORIGINATE)
        await fake.start(port)
        await owner.ups(2)
        link.tell({"Action": "Marker"})
        await (await fake.session(2)).seen("Marker")
        assert not any(session.of("Originate") for session in fake.sessions)


async def test_half_a_list_then_loss_is_an_unknown_outcome(fake: FakeAsterisk) -> None:
    async def half(session: Session, action: dict[str, str]) -> None:
        rows = [[("Queue", "q"), ("Position", "1"), ("Channel", "c"), ("Uniqueid", "u")]] * 4
        await session.listing(action, "QueueEntry", rows, upto=2)
        session.writer.close()

    fake.answers["QueueStatus"] = half
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        with pytest.raises(AmiLost, match="unknown"):
            await link.ask(actions.QUEUES)
        assert link.pending == 0


def test_a_silence_is_noticed_within_six_seconds() -> None:
    assert Pace().ping + Pace().patience < 6.0
    assert Pace().patience >= 2 * Pace().ping  # three pings have gone unanswered


async def test_silent_peer_is_noticed_in_time_and_left(fake: FakeAsterisk) -> None:
    async with linked(fake, pace=QUICK) as (link, owner):
        await owner.ups(1)
        await (await fake.session()).seen("Ping", 3)
        assert link.state == "up"  # a peer that answers stays, however little it has to tell
        fake.answers_ping = False
        silent_since = link.last_heard
        await owner.told("silent")
        assert link.last_heard >= silent_since
        assert time.monotonic() - link.last_heard < 5 * (QUICK.ping + QUICK.patience)  # late only as this machine is
        fake.answers_ping = True
        await owner.ups(2)


async def test_a_peer_that_tells_but_does_not_answer_pings_is_alive(fake: FakeAsterisk) -> None:
    fake.answers_ping = False
    async with linked(fake, pace=QUICK) as (link, owner):
        await owner.ups(1)
        session = await fake.session()
        for count in range(1, 9):
            await session.seen("Ping", count)
            await session.send(event("PeerStatus"))
        assert owner.log == ["up"] and link.state == "up"


async def test_a_loop_that_was_blocked_does_not_blame_the_peer(fake: FakeAsterisk) -> None:
    """The answer lies in the socket when we wake: it is read before the clock is."""
    async with linked(fake, pace=QUICK) as (_, owner):
        await owner.ups(1)
        session = await fake.session()
        for count in (2, 4):
            await session.seen("Ping", count)
            time.sleep(1.5 * (QUICK.ping + QUICK.patience))  # blocks the loop: that is what is tested
        await session.seen("Ping", 6)
        assert owner.log == ["up"]


async def test_peer_that_accepts_and_says_nothing_is_left(fake: FakeAsterisk) -> None:
    gone = asyncio.Event()

    async def mute(session: Session) -> bool:
        if await session.reader.read() == b"":  # not the secret either
            gone.set()
        return True

    fake.at_connect = mute
    async with linked(fake, pace=Pace(login=0.05, first_retry=0.01)) as (_, owner):
        await owner.told("silent")
        await asyncio.wait_for(gone.wait(), 5)


async def test_half_a_message_then_silence(fake: FakeAsterisk) -> None:
    fake.answers_ping = False
    async with linked(fake, pace=QUICK) as (_, owner):
        await owner.ups(1)
        await (await fake.session()).send(b"Event: Newch")
        await owner.told("silent")
        assert owner.events == []


async def test_endless_line_ends_the_session_and_not_the_memory(fake: FakeAsterisk) -> None:
    async with linked(fake) as (_, owner):
        await owner.ups(1)
        session = await fake.session()
        await session.send(event("PeerStatus") + b"Event: ")
        with pytest.raises(ConnectionError):
            for _ in range(2000):
                await session.send(b"x" * 65536)
        await owner.told("oversize")
        assert owner.events == ["PeerStatus"]
        await owner.ups(2)


async def test_wrong_secret_is_not_hammered(fake: FakeAsterisk) -> None:
    assert Pace().refused_retry >= 30
    async with linked(fake, secret="wrong", pace=QUICK) as (link, owner):
        await owner.told("refused")
        assert link.state == "refused"
        begun = time.monotonic()
        await fake.session(3)
        assert time.monotonic() - begun >= 2 * QUICK.refused_retry * 0.95
        assert owner.log == ["refused"]  # once, not at every try
        fake.secret = "wrong"
        await owner.ups(1)


async def test_storm_of_closed_connections_is_met_slower_each_time(fake: FakeAsterisk) -> None:
    times: list[float] = []

    async def slam(session: Session) -> bool:
        times.append(time.monotonic())
        if len(times) % 2:
            session.cut()
        return len(times) <= 6

    fake.at_connect = slam
    async with linked(fake, pace=Pace(first_retry=0.01, longest_retry=0.2)) as (_, owner):
        await owner.ups(1)
        gaps = [b - a for a, b in pairwise(times)]
        assert gaps[-1] > gaps[0] and gaps[-1] >= 0.09
        assert owner.log == ["closed", "up"]


def test_retries_grow_to_five_seconds_and_are_jittered() -> None:
    link = Link("127.0.0.1", 1, "u", "s", want_events=False, on_message=lambda _: None)
    delays = [[link._delay("closed", attempt) for _ in range(50)] for attempt in range(12)]
    assert all(0.1 <= d <= 0.2 for d in delays[0])
    assert all(2.5 <= d <= 5.0 for d in delays[-1])
    assert all(len(set(some)) > 1 for some in delays)
    assert all(30 <= link._delay("refused", 1) <= 36 for _ in range(50))


async def test_no_connection_after_stop(fake: FakeAsterisk) -> None:
    async with linked(fake, pace=Pace(first_retry=30)) as (link, owner):
        await owner.ups(1)
        (await fake.session()).cut()
        await owner.told("closed")
        await link.stop()
        assert link.state == "stopped"
    assert len(fake.sessions) == 1
    await link.run()  # comes back at once
    assert len(fake.sessions) == 1


async def test_cancelling_the_run_ends_the_session(fake: FakeAsterisk) -> None:
    owner = Owner()
    link = Link(
        "127.0.0.1", fake.port, "u", "right", want_events=True, on_message=owner.hear, on_up=owner.up, pace=NO_PING
    )
    running = asyncio.create_task(link.run())
    await owner.ups(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert link.state == "stopped"
    with pytest.raises(AmiLost):
        link.tell({"Action": "Ping"})


async def test_unreachable_is_said_once_and_then_it_comes_up(fake: FakeAsterisk) -> None:
    port = fake.port
    await fake.stop()
    async with linked(fake) as (link, owner):
        await owner.told("unreachable")
        await fake.start(port)
        await owner.ups(1)
        assert owner.log == ["unreachable", "up"]
        assert repr(link) == f"<Link 127.0.0.1:{port} up>"


async def test_who_is_no_asterisk_is_not_told_the_secret(fake: FakeAsterisk) -> None:
    fake.greeting = b"SSH-2.0-OpenSSH_9.2\r\n"
    async with linked(fake) as (_, owner):
        await owner.told("not_ami")
        await fake.session(2)
        assert all(session.raw == [] for session in fake.sessions)


# --- the consumer ---------------------------------------------------------------------------------------------------------


async def test_failing_consumer_costs_neither_the_session_nor_the_next_event(
    fake: FakeAsterisk, caplog: pytest.LogCaptureFixture
) -> None:
    owner = Owner()

    def hear(message: dict[str, str]) -> None:
        owner.hear(message)
        raise ValueError("cannot take 0912345678")

    async with linked(fake, owner=owner, on_message=hear, tee=lambda data: hear({"Event": "FullyBooted"})) as (link, _):
        await owner.ups(1)
        session = await fake.session()
        await session.send(event("PeerStatus") + event("DeviceStateChange"))
        await owner.until(lambda: owner.events == ["PeerStatus", "DeviceStateChange"])
        assert link.state == "up" and len(fake.sessions) == 1
    assert "ami_consumer_failed error=ValueError" in caplog.text
    assert "0912345678" not in caplog.text


async def test_slow_consumer_does_not_stop_the_reader(fake: FakeAsterisk) -> None:
    """20,000 events go into the inbox while whoever empties it sleeps; the peer never has to wait for him."""
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    flood = event("PeerStatus", ("Peer", "x" * 200)) * 20_000
    async with linked(fake, on_message=inbox.put_nowait) as (link, owner):
        await owner.ups(1)
        session = await fake.session()
        async with asyncio.timeout(10):
            await session.send(flood)  # returns when the socket has taken it
            await link.ask({"Action": "Ping"})
        assert inbox.qsize() == 20_001
        assert link.state == "up" and len(fake.sessions) == 1


async def test_events_since_login_wait_until_the_owner_is_ready_for_them(fake: FakeAsterisk) -> None:
    fake.after_login = event("PeerStatus") + BOOTED + event("DeviceStateChange")
    owner = Owner()
    seen_at_up: list[int] = []

    async def up() -> None:
        seen_at_up.append(len(owner.messages))

    owner.on_up = up
    async with linked(fake, owner=owner) as _:
        await owner.until(lambda: len(owner.messages) == 3)
    assert seen_at_up == [0]
    assert owner.events == ["PeerStatus", "DeviceStateChange"]


async def test_owner_can_ask_while_coming_up(fake: FakeAsterisk) -> None:
    owner = Owner()
    async with linked(fake, owner=owner) as (link, _):

        async def up() -> None:
            await link.ask({"Action": "Ping"})
            owner._note("asked")

        owner.on_up = up
        await owner.told("asked")


async def test_owner_who_fails_to_come_up_gets_a_new_session(fake: FakeAsterisk) -> None:
    owner = Owner()

    async def fail() -> None:
        owner.on_up = None
        raise AmiRefused("no snapshot")

    owner.on_up = fail
    async with linked(fake, owner=owner) as (link, _):
        await owner.ups(2)
        assert owner.log == ["up", "not_ready", "up"]
        link.drop()
        await owner.ups(3)
        assert owner.log[-2:] == ["dropped", "up"]


async def test_owner_who_fails_at_a_loss_does_not_end_the_listening(fake: FakeAsterisk) -> None:
    def lost(_: str) -> None:
        raise RuntimeError

    async with linked(fake, on_lost=lost) as (_, owner):
        await owner.ups(1)
        (await fake.session()).cut()
        await owner.ups(2)


async def test_every_loss_is_told(fake: FakeAsterisk) -> None:
    async with linked(fake) as (_, owner):
        for number in (1, 2):
            await owner.ups(number)
            (await fake.session(number)).cut()
        await owner.ups(3)
        assert owner.log == ["up", "closed", "up", "closed", "up"]


async def test_account_without_fully_booted_comes_up_all_the_same(fake: FakeAsterisk) -> None:
    fake.after_login = b""
    async with linked(fake, pace=Pace(booted=0.05)) as (_, owner):
        await owner.ups(1)


async def test_acting_session_asks_for_no_events(fake: FakeAsterisk) -> None:
    async with linked(fake, want_events=False) as (_, owner):
        await owner.ups(1)
        assert (await fake.session()).of("Login")[0]["Events"] == "off"


async def test_tee_gets_every_byte_as_it_came(fake: FakeAsterisk) -> None:
    got = bytearray()
    async with linked(fake, tee=got.extend) as (_, owner):
        await owner.ups(1)
        await (await fake.session()).send(recorded("hostile-number"))
        await owner.until(lambda: owner.events[-2:] != [] and got.endswith(recorded("hostile-number")[-300:]))
        assert got.startswith(BANNER) and recorded("hostile-number") in got


# --- forged ---------------------------------------------------------------------------------------------------------------


async def test_hostile_number_does_not_cost_the_session_or_another_event(fake: FakeAsterisk) -> None:
    async with linked(fake) as (link, owner):
        await owner.ups(1)
        session = await fake.session()
        await session.send(recorded("hostile-number") + event("Newchannel", *channel()))
        await owner.until(lambda: "Newchannel" in owner.events)
        assert owner.messages[-1]["CallerIDNum"] == "0912345678"
        assert link.state == "up" and len(fake.sessions) == 1
        assert link.quarantine.counts == {"a header twice": 12}


async def test_forged_shutdown_and_forged_answer_do_nothing(fake: FakeAsterisk) -> None:
    async with linked(fake, system_name="s3cret") as (link, owner):
        await owner.ups(1)
        session = await fake.session()
        asking = asyncio.create_task(link.ask({"Action": "QueueStatus"}))
        await session.seen("QueueStatus")
        for forged in (
            event("Shutdown", ("Shutdown", "Cleanly")),
            message(("Event", "Shutdown"), ("Privilege", "system,all")),
            message(("Response", "Success"), ("ActionID", "1"), ("Message", "forged")),
            message(("Response", "Error"), ("Message", "forged")),
        ):
            await session.send(forged)
        await session.send(event("PeerStatus", system="s3cret"))
        await owner.until(lambda: owner.events == ["PeerStatus"])
        assert not asking.done() and link.state == "up"
        asking.cancel()


async def test_no_secret_number_or_name_in_any_log_or_repr(
    fake: FakeAsterisk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.secret = "s3cret-of-the-account"
    async with linked(fake, secret=fake.secret, pace=QUICK) as (link, owner):
        await owner.ups(1)
        session = await fake.session()
        await session.send(
            event("Newchannel", *channel(number="0912345678\r\nEvent: x")) + event("Newchannel", *channel())
        )
        link.tell({"Action": "Setvar", "Variable": "N", "Value": "0912345678"})
        await session.seen("Setvar")
        await owner.until(lambda: bool(owner.events))
        reply = await link.ask({"Action": "Ping"})
        session.cut()
        await owner.ups(2)
        said = caplog.text + repr(link) + repr(reply)
    assert "ami_up" in said and "ami_quarantined" in said
    for private in (fake.secret, "0912345678", "Lan"):
        assert private not in said


# --- for the command line -------------------------------------------------------------------------------------------------


async def test_probe_finds_everything_well(fake: FakeAsterisk) -> None:
    async def commands(session: Session, action: dict[str, str]) -> None:
        await session.respond(action, ("AGI", "Add an AGI command (Priv: agi,all)"), ("Redirect", "(Priv: call,all)"))

    fake.answers["ListCommands"] = commands
    assert await probe("127.0.0.1", fake.port, "u", "right", needs=["AGI", "Redirect"]) == "11.0.0"
    with pytest.raises(Problem, match="write = call, originate"):
        await probe("127.0.0.1", fake.port, "u", "right", needs=["AGI", "Setvar", "Originate"])


async def test_probe_names_each_fault_and_its_cure(fake: FakeAsterisk) -> None:
    async def fault(secret: str = "right", port: int = 0) -> Problem:
        with pytest.raises(Problem) as caught:
            await probe("127.0.0.1", port or fake.port, "cc", secret, seconds=0.2)
        assert caught.value.vi != caught.value.en and "Hãy" in caught.value.vi
        assert secret not in caught.value.en or secret == "right"
        return caught.value

    assert "refuses the AMI account 'cc'" in (await fault("wr0ng")).en
    assert "cannot be sent" in (await fault("a\nb")).en
    fake.greeting = b"220 mail\r\n"
    assert "does not speak AMI" in (await fault()).en
    fake.greeting = b""
    assert "does not speak AMI" in (await fault()).en
    fake.greeting = BANNER
    fake.answers["Login"] = lambda session, action: asyncio.sleep(0)
    assert "does not answer the login" in (await fault()).en
    port = fake.port
    await fake.stop()
    assert "Cannot reach Asterisk" in (await fault(port=port)).en
