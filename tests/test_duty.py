"""What the house does of its own accord, as a story with a clock: who is told what when, closing time, calling back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import menu as m
from ivr.hours import Calendar, Rules
from pbx import commands as c
from pbx import events as e
from pbx.announcer import LONGEST_MS
from pbx.callbacks import CallbackState
from pbx.centre import Agent, Centre, Queue
from pbx.reception import Reception
from pbx.switchboard import Board
from pbx.wait_words import COMFORT, KEYS, SHORTLY
from tests.tables import START, events_of

ALWAYS = Rules(week=((),) * 7, always=True)
MENU = m.Menu(
    start="chờ",
    person="chờ",
    languages=("vi", "en"),
    nodes={
        "chờ": m.Enqueue(prompts=("$wait", "$wait-keys"), queue="tong-hop", otherwise="thôi"),
        "thôi": m.HangUp(),
    },
)


class House:
    """A board with a clock that ticks each second of the story, and what it wants done."""

    def __init__(self, **rules: object) -> None:
        queue = Queue("tong-hop", "Chung", "General", announce_s=30, announce_gap_s=10, **rules)  # type: ignore[arg-type]
        agents = (Agent("101", "Ánh", ("tong-hop",)), Agent("102", "Thắng", ("tong-hop",)))
        centre = Centre("Thử", "Văn phòng", "1022", "tong-hop", (queue,), agents)
        self.reception = Reception(centre, Calendar(ALWAYS), can_dial=True)
        self.board = Board(MENU, centre, self.reception)
        self.at = START
        self.said: list[tuple[float, c.Command]] = []

    def take(self, *events: e.AnyEvent) -> None:
        for event in events:
            self._pass(event.at)
            self._note(event.at, self.board.step(event))

    def story(self, table: str) -> None:
        self.take(*events_of(table))

    def until(self, second: float) -> None:
        self._pass(START + round(second * 1000))

    def member(self, second: float, status: int, extension: str = "101") -> None:
        at = START + round(second * 1000)
        self.take(e.MemberChanged(at, "tong-hop", f"PJSIP/{extension}", extension, status, False, ""))

    def _pass(self, at: int) -> None:
        while self.at + 1000 <= at:
            self.at += 1000
            self._note(self.at, self.board.step(e.Ticked(self.at)))

    def _note(self, at: int, commands: list[c.Command]) -> None:
        self.said += [((at - START) / 1000, command) for command in commands if not isinstance(command, c.Keep)]

    def of(self, kind: type[c.Command]) -> list[tuple[float, c.Command]]:
        return [(at, command) for at, command in self.said if isinstance(command, kind)]

    def whispers(self) -> list[float]:
        return [at for at, _ in self.of(c.Whisper)]


def over(whisper: c.Command, second: float) -> e.ChannelClosed:
    assert isinstance(whisper, c.Whisper)
    return e.ChannelClosed(START + round(second * 1000), whisper.whisper_id, whisper.whisper_id, 16)


# --- before the queue -------------------------------------------------------------------------------------------------


def sounds_before(house: House) -> tuple[str, ...]:
    (played,) = house.of(c.Play)
    assert isinstance(played[1], c.Play)
    return played[1].sounds


def test_who_meets_a_free_agent_hears_one_short_sentence() -> None:
    house = House()
    house.member(0, 1)
    house.story("1 A calls\n 1 A menu")
    assert sounds_before(house) == SHORTLY


def test_where_nobody_serves_nothing_is_told_and_the_queue_itself_says_so() -> None:
    house = House()
    house.story("1 A calls\n 1 A menu")
    assert not house.of(c.Play) and len(house.of(c.EnterQueue)) == 1


def test_who_will_wait_hears_how_it_stands_and_what_one_may_press() -> None:
    house = House()
    house.member(0, 1)
    house.story("1 A calls\n 2 A joins tong-hop\n 3 A rings 101\n 4 B calls\n 4 B menu")
    said = sounds_before(house)
    assert said[0] == "smartpbx/wait-ahead-one" and said[-1] == KEYS and SHORTLY[0] not in said


# --- announcements ----------------------------------------------------------------------------------------------------


def test_the_next_announcement_is_due_so_long_after_the_end_of_the_last() -> None:
    house = House()
    house.story("0 A calls\n 1 A joins tong-hop")
    house.until(31)
    assert house.whispers() == [31]
    house.take(over(house.said[-1][1], 45))
    house.until(74)
    assert house.whispers() == [31], "spoken again too soon"
    house.until(75)
    assert house.whispers() == [31, 75]


def test_two_announcements_are_never_spoken_at_once() -> None:
    house = House()
    house.story("0 A calls\n 1 A joins tong-hop")
    house.until(90)
    assert house.whispers() == [31]
    house.until(31 + LONGEST_MS // 1000)
    assert house.whispers() == [31, 91], "one of whose end nothing was heard silences the caller for ever"


def test_the_keys_are_told_first_and_then_every_third_time() -> None:
    house = House()
    house.story("0 A calls\n 1 A joins tong-hop")
    for _ in range(7):
        house.until((house.at - START) / 1000 + 31)
        house.take(over(house.of(c.Whisper)[-1][1], (house.at - START) / 1000))
    ends = [command.sounds[-1] for _, command in house.of(c.Whisper) if isinstance(command, c.Whisper)]
    assert ends[:7] == [KEYS, COMFORT, COMFORT, KEYS, COMFORT, COMFORT, KEYS]


def test_who_moves_up_hears_it_at_once_but_not_within_the_gap() -> None:
    house = House()
    house.story("0 A calls\n 1 A joins tong-hop\n 2 B calls\n 3 B joins tong-hop")
    house.story("5 A abandons\n 5 A leaves\n 5 A hangs-up")
    house.until(40)
    assert house.whispers()[0] == 33, "nothing was told before, so no place can have improved"
    (first,) = house.of(c.Whisper)
    house.take(over(first[1], 40))
    house.story("41 C calls\n 42 C joins tong-hop")
    house.until(60)
    assert len(house.whispers()) == 1


def test_an_announcement_ends_when_an_agent_is_there() -> None:
    house = House()
    house.story("0 A calls\n 1 A joins tong-hop\n 2 A rings 101")
    house.until(32)
    (told,) = house.of(c.Whisper)
    house.story("33 A leaves\n 33 A gets 101 tong-hop")
    (hushed,) = house.of(c.Hush)
    assert isinstance(told[1], c.Whisper) and isinstance(hushed[1], c.Hush)
    assert hushed[1].whisper_id == told[1].whisper_id and hushed[0] == 33
    house.until(200)
    assert len(house.whispers()) == 1


# --- closing time -----------------------------------------------------------------------------------------------------


def closed(second: float) -> e.HoursForced:
    at = START + round(second * 1000)
    return e.HoursForced(at, at + 3_600_000, False, "Mất điện", "trực ban")


def test_at_closing_time_each_who_waits_is_asked_once() -> None:
    house = House()
    house.story("0 A calls\n 1 A joins tong-hop\n 2 B calls\n 3 B joins tong-hop")
    house.take(closed(10))
    house.until(12)
    asked = house.of(c.Withdraw)
    assert [(at, command.call_id) for at, command in asked if isinstance(command, c.Withdraw)] == [
        (11, "pbx-1.A"), (11, "pbx-1.B"),
    ]  # fmt: skip
    house.story("13 A leaves\n 13 A returned tong-hop WITHDRAW\n 20 A joins tong-hop")
    house.until(60)
    assert len(house.of(c.Withdraw)) == 2, "who chose to stay is asked again"


def test_nobody_is_asked_while_an_agent_s_phone_rings_for_him_and_then_he_is() -> None:
    house = House()
    house.story("0 A calls\n 1 A joins tong-hop\n 9 A rings 101")
    house.take(closed(10))
    house.until(20)
    assert not house.of(c.Withdraw)
    house.story("21 A misses 101 12")
    house.until(22)
    assert [at for at, _ in house.of(c.Withdraw)] == [22]


def test_a_queue_that_serves_to_the_end_asks_nobody() -> None:
    house = House(at_closing="serve")
    house.story("0 A calls\n 1 A joins tong-hop")
    house.take(closed(10))
    house.until(60)
    assert not house.of(c.Withdraw)


# --- calling back -----------------------------------------------------------------------------------------------------


def asked(house: House, second: float, number: str = "0912345678", name: str = "desk-1") -> None:
    house.take(e.CallbackAsked(START + round(second * 1000), name, number, "tong-hop", "vi", "trực ban"))


def test_a_promise_is_kept_when_an_agent_is_free_and_nobody_older_waits() -> None:
    house = House()
    house.story("0 A calls\n 1 A joins tong-hop")
    asked(house, 2)
    house.until(5)
    assert not house.of(c.DialCallback)
    house.member(6, 1)
    house.until(8)
    assert not house.of(c.DialCallback), "the only free agent belongs to the caller who waits longer"
    house.member(9, 1, "102")
    house.until(10)
    (dial,) = house.of(c.DialCallback)
    assert isinstance(dial[1], c.DialCallback) and dial[1].number == "0912345678" and dial[1].attempt == 1


def test_an_attempt_that_was_written_down_is_not_made_again() -> None:
    house = House()
    house.member(0, 1)
    asked(house, 1)
    house.until(2)
    (dial,) = house.of(c.DialCallback)
    house.take(e.CallbackDialled(START + 2000, "desk-1", 1))
    house.until(40)
    assert [at for at, _ in house.of(c.DialCallback)] == [dial[0]]
    house.take(e.ChannelClosed(START + 40_000, "cb-desk-1-1", "cb-desk-1-1", 17))
    (callback,) = house.reception.callbacks.open()
    assert callback.state is CallbackState.WAITING and callback.attempts[0].result == "busy"


def test_who_calls_meanwhile_is_not_called_and_has_the_older_place() -> None:
    house = House()
    asked(house, 1, "0900000065")
    house.story("20 A calls\n 20 A arrives")
    (kept,) = [command for _, command in house.of(c.KeepCallbacks) if isinstance(command, c.KeepCallbacks)][1:]
    assert kept.callbacks[0].state is CallbackState.CANCELLED and kept.callbacks[0].why == "called_again"
    house.member(21, 1)
    house.until(60)
    assert not house.of(c.DialCallback)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ABCD"), st.integers(0, 5)), max_size=40))
def test_whatever_happens_nobody_hears_two_announcements_at_once(moves: list[tuple[int, str, int]]) -> None:
    house, second, spoken = House(), 0.0, dict[str, tuple[float, str]]()
    words = ("calls", "joins tong-hop", "rings 101", "misses 101 1", "leaves", "hangs-up")
    for pause, who, word in moves:
        second += pause
        house.story(f"{second} {who} {words[word]}")
    house.until(second + 120)
    for at, command in house.said:
        if isinstance(command, c.Whisper):
            assert command.call_id not in spoken or at - spoken[command.call_id][0] >= LONGEST_MS / 1000
            spoken[command.call_id] = at, command.whisper_id
        if isinstance(command, c.Hush):
            assert spoken.pop(command.call_id)[1] == command.whisper_id, "something else is silenced"


@pytest.mark.parametrize("kind", [c.Whisper, c.Withdraw, c.DialCallback])
def test_an_empty_house_does_nothing(kind: type[c.Command]) -> None:
    house = House()
    house.until(600)
    assert not house.of(kind) and not house.board.wants_ticks
