"""The stream as Asterisk sends it, as TCP cuts it, and as a hostile caller bends it."""

import random
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ivr.problem import Problem
from pbx.ami.framing import KEPT, Framer, Oversize, read_capture, unescape
from pbx.ami.shapes import Fault, shape
from pbx.ami.translate import WANTED
from tests.fake_asterisk import BANNER, STREAMS, channel, event, message, recorded

NAMES = sorted(path.stem for path in STREAMS.glob("*.ami"))
NEWCHANNEL = event("Newchannel", *channel())
HANGUP = event("Hangup", *channel(), ("Cause", "16"), ("Cause-txt", "Normal Clearing"))


def frame(*parts: bytes, **options: object) -> tuple[list[dict[str, str]], Framer]:
    framer = Framer(**options)  # type: ignore[arg-type]
    return [m for part in (BANNER, *parts) for m in framer.feed(part)], framer


def kinds(messages: list[dict[str, str]]) -> list[str]:
    return [m.get("Event", m.get("Response", "")) for m in messages]


# --- recorded streams -----------------------------------------------------------------------------------------


def test_streams_are_all_here() -> None:
    assert len(NAMES) == 15


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_message_comes_out_whole(name: str) -> None:
    data = recorded(name, without_login=False)
    framer = Framer(asked="")
    messages = list(read_capture(data, framer=framer))
    assert framer.banner == "Asterisk Call Manager/11.0.0"
    assert len(messages) + sum(framer.quarantined.values()) == data.count(b"\r\n\r\n")
    assert framer.quarantined == ({"a header twice": 12} if name == "hostile-number" else {})


def test_of_the_hostile_number_only_its_own_events_are_set_aside() -> None:
    data = recorded("hostile-number", without_login=False)
    framer = Framer(asked="")
    came = Counter(kinds(list(read_capture(data, framer=framer))))
    assert came == {"Success": 1, "FullyBooted": 1, "SuccessfulAuth": 1, "TestEvent": 2, "DeviceStateChange": 2}
    assert all(b"Event: x" in raw for fault, raw in framer.quarantine.raw if fault is Fault.REPEATED)


def test_escaped_name_is_unescaped_once() -> None:
    data = recorded("hostile-name")
    assert rb"CallerIDName: a\\\"b\\\\" in data
    assert r"a\"b\\" in {m.get("CallerIDName") for m in read_capture(data)}
    assert unescape(r"O\'Brien \\n \"x\" \n") == 'O\'Brien \\n "x" \n'
    twice, _ = frame(event("Newchannel", *channel(CallerIDName=r"a\\\\n")))
    assert twice[0]["CallerIDName"] == r"a\\n"
    asis, _ = frame(message(("Event", "QueueEntry"), *queue_row(CallerIDName=r"a\\n")), asked="mine")
    assert asis[0]["CallerIDName"] == r"a\\n"


@pytest.mark.parametrize("name", NAMES)
def test_wanted_events_are_the_same_with_and_without_the_short_cut(name: str) -> None:
    data = recorded(name, without_login=False)
    every = [m for m in read_capture(data) if m.get("Event") in WANTED or "Response" in m]
    framer = Framer(asked="", wanted=WANTED)
    assert list(read_capture(data, framer=framer)) == every
    assert framer.skipped > 0


@pytest.mark.parametrize("name", NAMES)
def test_capture_may_begin_anywhere_and_end_anywhere(name: str) -> None:
    data = recorded(name, without_login=False)
    whole = [tuple(m.items()) for m in read_capture(data)]
    for cut in range(0, len(data), max(1, len(data) // 40)):
        framer = Framer(asked="")
        try:
            tail = [tuple(m.items()) for m in read_capture(data[cut:], framer=framer)]
        except Problem:
            assert b"\nEvent: " not in data[cut:] and not data[cut:].startswith(b"Event: ")
            continue
        assert tail == whole[len(whole) - len(tail) :]
        head = [tuple(m.items()) for m in read_capture(data[: cut + 200])]
        assert head == whole[: len(head)]


def test_torn_end_is_counted() -> None:
    framer = Framer(asked="")
    assert len(list(read_capture(BANNER + NEWCHANNEL + HANGUP[:-20], framer=framer))) == 1
    assert framer.quarantined == {"the end of the capture is torn": 1}


@pytest.mark.parametrize("data", [b"", b"\x7fELF\x02\x01", b'{"calls": []}\n', b"hello\r\n\r\n", b"\r\n" * 50])
def test_what_is_no_capture_says_so_at_once(data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_capture(data, name="day.bin")
    assert "day.bin" in caught.value.vi and "day.bin" in caught.value.en


def test_endless_line_in_a_capture_is_a_problem_and_what_came_before_is_kept() -> None:
    reading = read_capture(BANNER + NEWCHANNEL + b"Event: " + b"x" * (1 << 21))
    assert next(reading)["Event"] == "Newchannel"
    with pytest.raises(Problem, match="1 MiB"):
        list(reading)


# --- bytes ------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NAMES), st.integers(0, 2**32))
def test_no_cutting_into_chunks_makes_a_difference(name: str, seed: int) -> None:
    rng = random.Random(seed)
    data = recorded(name, without_login=False)[:20_000]
    whole = Framer(asked="")
    expected = whole.feed(data)
    cut = Framer(asked="")
    came, at = [], 0
    while at < len(data):
        size = rng.choice((1, 2, 3, 7, 400, 1448))
        came += cut.feed(data[at : at + size])
        at += size
    assert came == expected
    assert cut.quarantined == whole.quarantined


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"Event: a", b"Privilege: p", b"k: v", b"\xff"]), max_size=40),
    st.data(),
)
def test_no_cutting_makes_a_difference_to_odd_line_ends_either(parts: list[bytes], draw: st.DataObject) -> None:
    data = BANNER + b"".join(parts)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=10)))
    one, many = Framer(), Framer()
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert one.feed(data) == [m for piece in pieces for m in many.feed(piece)]
    assert one.quarantined == many.quarantined


def test_vietnamese_names_survive_a_cut_at_every_byte() -> None:
    name = "Nguyễn Thị Hường"
    data = BANNER + event("Newchannel", *channel(CallerIDName=name))
    for cut in range(len(data)):
        framer = Framer()
        came = framer.feed(data[:cut]) + framer.feed(data[cut:])
        assert came[0]["CallerIDName"] == name


def test_bytes_that_are_no_letters_are_replaced_and_counted() -> None:
    came, framer = frame(NEWCHANNEL.replace(b": Lan\r", b": Nguy\xff\xfen \xc3\r"))
    assert came[0]["CallerIDName"] == "Nguy��n �"
    assert framer.damaged == 1


@pytest.mark.parametrize("blank", [b"\r\n\r\n", b"\r\n\n", b"\n\n", b"\n\r\n", b"\r\n\r\n\r\n\r\n"])
def test_any_blank_line_ends_a_message(blank: bytes) -> None:
    came, _ = frame(NEWCHANNEL.removesuffix(b"\r\n\r\n") + blank + HANGUP)
    assert kinds(came) == ["Newchannel", "Hangup"]


def test_a_peer_that_ends_its_lines_with_line_feeds_is_read_too() -> None:
    framer = Framer()
    assert kinds(framer.feed((BANNER + NEWCHANNEL + HANGUP).replace(b"\r\n", b"\n"))) == ["Newchannel", "Hangup"]


def test_endless_line_is_given_up_soon_and_costs_its_length_once() -> None:
    framer = Framer(max_message=1 << 20)
    framer.feed(BANNER)
    with pytest.raises(Oversize):
        for _ in range(100_000):
            framer.feed(b"x" * 20)
    with pytest.raises(Oversize) as caught:
        Framer(max_message=600).feed(BANNER + NEWCHANNEL + b"y" * 700 + b"\r\n\r\n" + HANGUP)
    assert kinds(caught.value.messages) == ["Newchannel"]


def test_the_banner_is_known_before_any_message() -> None:
    framer = Framer()
    framer.feed(BANNER[:10])
    assert framer.banner is None
    framer.feed(BANNER[10:])
    assert framer.banner == "Asterisk Call Manager/11.0.0"
    other = Framer()
    other.feed(b"SSH-2.0-OpenSSH_9.2\r\n")
    assert other.banner == ""


def test_a_hundred_thousand_broken_messages_raise_nothing_and_cost_no_other_message() -> None:
    rng = random.Random(1022)
    framer = Framer()
    framer.feed(BANNER + NEWCHANNEL)
    bits = [
        b"\r\n",
        b"\n",
        b"\r",
        b": ",
        b":",
        b"\x00",
        b"\xff",
        b"Event: x",
        b"ActionID: 1",
        b"Response: Error",
        b" ",
        b"",
    ]
    after = event("Hangup", *channel(Uniqueid="ast1-9.9"), ("Cause", "16"))
    survived = 0
    for _ in range(50):
        broken = bytearray()
        for _ in range(2_000):
            one = bytearray(rng.choice((NEWCHANNEL, HANGUP)))
            for _ in range(rng.randint(1, 3)):
                at = rng.randrange(len(one))
                one[at : at + rng.randint(0, 4)] = rng.choice(bits)
            broken += one + b"\r\n\r\n" + after
        came = framer.feed(bytes(broken))
        survived += sum(m.get("Uniqueid") == "ast1-9.9" for m in came)
    assert survived == 100_000
    assert sum(framer.quarantined.values()) > 50_000
    assert len(framer.quarantine.raw) == KEPT


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([None, "", "me"]), st.booleans())
def test_no_bytes_whatever_raise(data: bytes, asked: str | None, choosy: bool) -> None:
    framer = Framer(asked=asked, wanted=WANTED if choosy else None)
    framer.feed(data)
    framer.feed(data + b"\r\n\r\n" + data)
    framer.end()


# --- what is set aside --------------------------------------------------------------------------------------------

SIGNED = [("Event", "DeviceStateChange"), ("Privilege", "call,all")]
STAMP = ("Timestamp", "1795406991.248343")

FORGED = {
    "a header twice": event("Newchannel", *channel(number="0\r\nEvent: x")),
    "neither event nor response": message(("Channel", "x"), ("Event", "Hangup")),
    "a line that is no header": event("Hangup", *channel(), ("Cause", "16")).replace(b"Priority: 1", b"Priority"),
    "a line feed inside a line": event("Newchannel", *channel(number="0\nFoo: x")),
    "a required header is missing": event("Hangup", *channel()),
    "the description of a channel is broken up": event("Newchannel", *channel(number="0\r\nFoo: x")),
    "an event without privilege that nobody asked for": message(("Event", "Shutdown"), ("Shutdown", "Cleanly")),
    "an event without a time": message(*SIGNED, ("Device", "PJSIP/101"), ("State", "INUSE")),
    "an event of another system": event("DeviceStateChange", ("Device", "x"), system="evil"),
}


@pytest.mark.parametrize("fault", sorted(FORGED))
def test_each_kind_of_forgery_is_set_aside_and_the_rest_goes_on(fault: str) -> None:
    came, framer = frame(NEWCHANNEL, FORGED[fault], HANGUP)
    assert kinds(came) == ["Newchannel", "Hangup"]
    assert framer.quarantined == {fault: 1}
    assert framer.quarantine.raw[0][1] == FORGED[fault].removesuffix(b"\r\n\r\n")


def test_a_forged_shutdown_is_one_more_message_set_aside() -> None:
    forged = event("Newchannel", *channel(number="0\r\n\r\nEvent: Shutdown"))
    came, framer = frame(NEWCHANNEL, forged, HANGUP)
    assert kinds(came) == ["Newchannel", "Hangup"]
    assert sum(framer.quarantined.values()) == 2  # the head that lost its end, and the forged one


def test_a_secret_system_name_is_asked_for_from_the_first_event() -> None:
    came, framer = frame(NEWCHANNEL, event("Newchannel", *channel(), system="s3cret"), system_name="s3cret")
    assert [m["SystemName"] for m in came] == ["s3cret"]
    assert framer.quarantined == {"an event of another system": 1}


def test_peers_that_do_not_stamp_or_name_are_heard() -> None:
    plain = [("Event", "Newchannel"), ("Privilege", "call,all"), *channel()]
    came, framer = frame(message(*plain), message(*SIGNED, ("Device", "x")))
    assert len(came) == 2
    assert framer.quarantined == {}


def test_what_the_peer_signs_with_is_not_learned_from_a_caller() -> None:
    poison = event("Newchannel", *channel(number="0\r\n\r\nEvent: a\r\nPrivilege: b\r\nSystemName: evil"))
    came, _ = frame(poison, NEWCHANNEL, HANGUP)
    assert kinds(came)[-2:] == ["Newchannel", "Hangup"]


def test_what_the_peer_signs_with_is_not_learned_from_the_row_of_a_list() -> None:
    """These rows are unsigned and hold the number as it came, and what trails behind it describes no channel."""
    number = "0\r\n\r\nEvent: a\r\nPrivilege: b\r\nSystemName: c\r\nCallerIDNum: 1"
    mark = (("Event", "QueueEntry"), ("ActionID", "mine-1"))
    place = (("Queue", "sales"), ("Position", "1"), ("Channel", "c"), ("Uniqueid", "u"))
    row = message(*mark, *place, ("CallerIDNum", number), ("CallerIDName", "L"), ("Wait", "3"))
    came, _ = frame(row, NEWCHANNEL, HANGUP, asked="mine")
    assert kinds(came)[-2:] == ["Newchannel", "Hangup"]


def test_a_tiny_first_message_may_be_cut_anywhere_too() -> None:
    data = BANNER + b"Response: x\r\n\r\n"
    for cut in range(len(data)):
        framer = Framer()
        assert framer.feed(data[:cut]) + framer.feed(data[cut:]) == [{"Response": "x"}]


HEAD = ("Event", "Privilege", "Timestamp", "SystemName")
BLOCK = tuple(key for key, _ in channel())


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ((*HEAD, *BLOCK), None),
        ((*HEAD, *BLOCK, *(f"Dest{key}" for key in BLOCK), "DestChanVariable"), None),
        ((*HEAD, *BLOCK, "uniqueid"), Fault.REPEATED),
        ((*HEAD, *BLOCK[4:]), Fault.BROKEN_BLOCK),  # the tail that trails behind a forged beginning
        ((*HEAD, "CallerIDName"), Fault.BROKEN_BLOCK),
        ((*HEAD, "ConnectedLineName", "ConnectedLineNum"), Fault.BROKEN_BLOCK),
        ((*HEAD, *BLOCK[:4]), Fault.BROKEN_BLOCK),  # the head that lost its end
        ((*HEAD, *BLOCK[:4], "Foo", *BLOCK[4:]), Fault.BROKEN_BLOCK),
        ((*HEAD, *BLOCK[:11], "Foo", *BLOCK[11:]), Fault.BROKEN_BLOCK),
        ((*HEAD, "CallerIDNum", *BLOCK[4:]), Fault.BROKEN_BLOCK),
        ((*HEAD, *BLOCK, "DestLinkedid"), Fault.BROKEN_BLOCK),
        ((*HEAD, "a b"), Fault.BROKEN_LINE),
        ((*HEAD, "a\nb"), Fault.BROKEN_LINE),
        (("Channel", "Event"), Fault.NO_KIND),
        ((), Fault.NO_KIND),
    ],
)
def test_order_of_headers_tells_the_genuine_from_the_forged(keys: tuple[str, ...], fault: Fault | None) -> None:
    assert shape("PeerStatus", keys).fault is fault


def test_the_signature_stands_before_all_that_a_caller_controls() -> None:
    genuine = shape("Newstate", (*HEAD, *BLOCK))
    assert genuine.signed and genuine.stamped and genuine.proof
    assert not shape("PeerStatus", ("Event", "Peer", "Privilege")).signed
    assert not shape("PeerStatus", ("Event", "Privilege", "Peer", "Timestamp")).stamped
    assert not shape("PeerStatus", HEAD).proof
    came, framer = frame(NEWCHANNEL, event("PeerStatus", at="1.248343"), event("PeerStatus", at=".248343"))
    assert kinds(came) == ["Newchannel"] and framer.quarantined == {"an event without a time": 2}


def test_rows_of_a_list_need_the_number_of_our_question() -> None:
    row = (
        ("Queue", "sales"),
        ("Position", "1"),
        ("Channel", "c"),
        ("Uniqueid", "u"),
        ("CallerIDNum", "1"),
        ("CallerIDName", "L"),
    )
    mine, other = (message(("Event", "QueueEntry"), ("ActionID", a), *row) for a in ("mine-1", "other-1"))
    came, framer = frame(mine, other, asked="mine", wanted=frozenset())
    assert [m["ActionID"] for m in came] == ["mine-1"]
    assert framer.quarantined == {"an event without privilege that nobody asked for": 1}
    live = message(("Event", "Hangup"), ("ActionID", "mine-2"), *channel(), ("Cause", "16"))
    assert frame(live, asked="mine")[0] == []


def test_headers_that_asterisk_repeats_are_joined() -> None:
    reply = message(("Response", "Success"), ("ActionID", "1"), ("Output", "a"), ("Output", "b: c"))
    variables = event("Newchannel", *channel(), ("ChanVariable", "a=1"), ("ChanVariable", "b=2"))
    came, _ = frame(reply, variables)
    assert came[0]["Output"] == "a\nb: c"
    assert came[1]["ChanVariable"] == "a=1\nb=2"


def test_headers_without_the_space_are_read() -> None:
    own = event("UserEvent", ("UserEvent", "SmartPbxArrived")).replace(b"\r\n\r\n", b"\r\nQueue:sales\r\n\r\n")
    assert frame(own)[0][0]["Queue"] == "sales"


def queue_row(**changed: str) -> list[tuple[str, str]]:
    """A waiting caller as QueueStatus of 22.10.1 lists him: nothing escaped, and our ActionID last."""
    fields = {
        "Queue": "sales", "Position": "1", "Channel": "PJSIP/trunk-1", "Uniqueid": "u-1", "CallerIDNum": "0912", "CallerIDName": "L",
        "ConnectedLineNum": "unknown", "ConnectedLineName": "unknown", "Wait": "2", "Priority": "0", "ActionID": "mine-1",
    }  # fmt: skip
    return list((fields | changed).items())


FRAGMENTS = [
    "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", "Event: Hangup", "Event: Shutdown", "Event:Hangup", "Event: UserEvent",
    "Event: VarSet", "Response: Success", "Privilege: a", "Timestamp: 1.1", "Timestamp: 1795406991.248343",
    "SystemName: ast1", "Channel: x", "ChannelState: 6", "ChannelStateDesc: Up", "CallerIDNum: 1", "CallerIDName: L",
    "Exten: 1", "Priority: 1", "Uniqueid: y", "Linkedid: y", "Queue: sales", "UserEvent: SmartPbxArrived", "ActionID: mine-1",
    "Event: QueueEntry", "Event:QueueEntry", "Queue:q", "Position:1", "Channel:c", "Uniqueid:u", "CallerIDNum:1", "EventList: Complete",
    "Event: QueueStatusComplete", "Event: QueueMember", "Name: x", "Status: 1", "Paused: 0", "Location: x",
    "Response: Error", "Cause: 16", "Variable: QUEUESTATUS", "Value: FULL", "0", "912", ": ", "ChanVariable: a=b",
]  # fmt: skip

numbers = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=9).map(lambda parts: "".join(parts)[:79])


@settings(max_examples=1500, deadline=None)
@given(
    st.lists(numbers, min_size=1, max_size=3),
    st.sampled_from(["CallerIDNum", "ConnectedLineNum", "Exten"]),
    st.booleans(),
)
def test_no_number_of_a_caller_makes_asterisk_say_what_it_did_not_say(
    hostile: list[str], header: str, first: bool
) -> None:
    """Asterisk keeps 79 bytes of a number. Whatever they are, what comes out are genuine events, with an odd number at most."""
    queue = [("Queue", "sales"), ("Position", "1")]
    genuine = []
    for number in hostile:
        described = channel(**{header: number})
        genuine += [
            event("Newchannel", *described),
            event("QueueCallerJoin", *described, *queue),
            event("Hangup", *described, ("Cause", "16"), ("Cause-txt", "x")),
        ]
    said = {(m["Event"], *m) for m in frame(NEWCHANNEL, event("QueueCallerJoin", *channel(), *queue), HANGUP)[0]}
    came, _ = frame(*([] if first else [NEWCHANNEL]), *genuine, HANGUP, asked="mine")
    for m in came:
        if "Event" not in m:
            continue  # a response that nobody asked for is nobody's
        assert (m["Event"], *m) in said
        assert m["Uniqueid"] == "ast1-1.0" and m["SystemName"] == "ast1"
    assert kinds(came)[-1] == "Hangup"


ROW_FRAGMENTS = [f for f in FRAGMENTS if f[0] != "L"]
row_numbers = st.lists(st.sampled_from(ROW_FRAGMENTS), min_size=1, max_size=8).map(
    lambda parts: "\r\n".join(parts)[:79]
)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(numbers, row_numbers), st.sampled_from(["CallerIDNum", "CallerIDName", "ConnectedLineNum"]))
@example("\r\n\r\nEvent: QueueStatusComplete\r\nEventList: Complete\r\nCallerIDNum: 1", "CallerIDNum")
@example("\r\n\r\nEvent:QueueEntry\r\nQueue:q\r\nPosition:1\r\nChannel:\r\nUniqueid:u\r\nCallerIDNum:1", "CallerIDNum")
@example("\r\n\r\nEvent: QueueMember\r\nQueue: sales\r\nName: x\r\nCallerIDNum: 1", "CallerIDNum")
@example("\r\n\r\nEvent: QueueStatusComplete", "CallerIDName")
@example("\r\n\r\nResponse: Success\r\nEvent: QueueEntry", "CallerIDName")
def test_no_waiting_caller_writes_himself_another_row_or_the_end_of_the_list(hostile: str, header: str) -> None:
    """His number and his name stand before our ActionID, so what he makes of the row carries it."""
    row, other = (message(("Event", "QueueEntry"), *queue_row(**{header: text})) for text in (hostile, "0912"))
    end = message(
        ("Event", "QueueStatusComplete"), ("ActionID", "mine-1"), ("EventList", "Complete"), ("ListItems", "2")
    )
    came = [
        m for m in frame(row, other, end, asked="mine")[0] if m.get("ActionID") == "mine-1" and m.get("Event") in MEANT
    ]
    assert [m["Event"] for m in came[-2:]] == ["QueueEntry", "QueueStatusComplete"]
    assert all(m["Event"] == "QueueEntry" and m["Uniqueid"] == "u-1" for m in came[:-1])
    assert "EventList" not in {key for m in came[:-1] for key in m}


MEANT = ("QueueEntry", "QueueMember", "QueueParams", "CoreShowChannel", "QueueStatusComplete")
