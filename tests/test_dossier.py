"""How a dossier stands: both portals by one suite against a stand-in that can go wrong in every way, and the desk before them."""

import asyncio
import datetime
import logging
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.load import PROMPTS
from ivr.voice import sentences, text_of
from pbx.demo.portal import FAULTS, Dossier, Register
from pbx.dossier.desk import DossierDesk, Limits, Memory, load_agencies
from pbx.dossier.national import NationalPortal
from pbx.dossier.opencps import OpenCps
from pbx.dossier.portal import Portal, PortalError, amount, day_of, last_four
from pbx.dossier.shapes import (
    Ambiguous,
    Answer,
    BadCode,
    Found,
    NeedFactor,
    Standing,
    TooMany,
    Unavailable,
    Unknown,
    is_code,
    sounds,
)

AT = 1_795_400_000_000  # 2026-11-23
DAY = datetime.date(2026, 11, 30)
AGENCIES = load_agencies()
PROVINCE, COMMUNE = (agency.prefix for agency in AGENCIES)
DOSSIERS = [
    Dossier(f"{PROVINCE}-261120-0001", 4, "024085001234", "0912345678", DAY),
    Dossier(f"{PROVINCE}-261120-0002", 6, "024085002222", "0912345679", DAY, 150_000),
    Dossier(f"{PROVINCE}-261120-0003", 2, "024085003333", "0912340000", DAY),
    Dossier(f"{COMMUNE}-261120-0003", 9, "024085003333", "0912349999", DAY),
    Dossier(f"{PROVINCE}-261120-0004", 77, "024085004444", "", None),
]


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> int:
        return self.at


@pytest.fixture
async def register() -> AsyncIterator[Register]:
    made = Register(DOSSIERS)
    yield made
    await made.close()


@pytest.fixture(params=["national", "opencps"])
async def portal(request: pytest.FixtureRequest, register: Register) -> AsyncIterator[Portal]:
    where = await register.open()
    made: Portal = NationalPortal(where, 2.0) if request.param == "national" else OpenCps(where, 2.0)
    yield made
    await made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def desk_of(portal: Portal, clock: Clock, memory: Memory | None = None, **limits: float) -> DossierDesk:
    return DossierDesk(portal, AGENCIES, clock, memory or Memory(), Limits(**{"deadline_s": 0.7, **limits}))  # type: ignore[arg-type]


# --- both portals -----------------------------------------------------------------------------------------------------


async def test_a_dossier_is_found_by_its_digits(portal: Portal) -> None:
    (entry,) = await portal.find("2611200001", AGENCIES)
    standing = entry.standing
    assert (standing.code, standing.status, standing.due) == (f"{PROVINCE}-261120-0001", 4, DAY)
    assert entry.factors == ("1234", "5678") and "1234" not in repr(entry)


async def test_two_agencies_may_have_the_same_digits(portal: Portal) -> None:
    assert {entry.standing.agency for entry in await portal.find("2611200003", AGENCIES)} == {PROVINCE, COMMUNE}


async def test_what_is_not_there_is_not_found(portal: Portal) -> None:
    assert await portal.find("2611209999", AGENCIES) == []


async def test_what_is_told_twice_is_one_dossier(portal: Portal, register: Register) -> None:
    register.fault = "duplicate"
    assert len(await portal.find("2611200001", AGENCIES)) == 1


async def test_a_status_that_nobody_knows_is_none(portal: Portal) -> None:
    (entry,) = await portal.find("2611200004", AGENCIES)
    assert entry.standing.status in (0, 77) and sounds(Found(entry.standing), "vi") == ("smartpbx/dossier-status-0",)


@pytest.mark.parametrize("fault", ["malformed", "html", "empty", "huge", "redirect", "down", "other"])
async def test_an_answer_that_is_none_is_said_to_be_one(portal: Portal, register: Register, fault: str) -> None:
    register.fault = fault
    with pytest.raises(PortalError) as failed:
        await portal.find("2611200001", AGENCIES)
    assert "MaHo" not in str(failed.value) and "Bao tri" not in str(failed.value)


async def test_a_session_that_has_run_out_is_renewed_once() -> None:
    register = Register(DOSSIERS)
    portal = NationalPortal(await register.open(), 2.0)
    register.fault = "expired"
    assert len(await portal.find("2611200001", AGENCIES)) == 1 and register.signed_in == 2
    register.fault, register.signed_in = "", 0
    register._session = "another"  # as after a restart of the portal
    found = await asyncio.gather(*(portal.find("2611200001", AGENCIES) for _ in range(5)))
    assert [len(entries) for entries in found] == [1] * 5 and register.signed_in == 1
    await portal.close()
    await register.close()


# --- the desk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", ["1234", "5678"])
async def test_who_proves_it_is_told(portal: Portal, clock: Clock, factor: str) -> None:
    answer = await desk_of(portal, clock).ask(digits="2611200001", factor=factor, caller="0912345678", call_id="1")
    assert isinstance(answer, Found) and answer.standing.status == 4 and not answer.stale


async def test_a_wrong_factor_and_a_wrong_code_sound_the_same(portal: Portal, clock: Clock, register: Register) -> None:
    desk = desk_of(portal, clock)
    wrong = await desk.ask(digits="2611200001", factor="9999", call_id="1")
    nothing = await desk.ask(digits="2611209999", factor="9999", call_id="2")
    assert wrong == nothing == Unknown() and sounds(wrong, "vi") == sounds(nothing, "vi")


@pytest.mark.parametrize("digits", ["2611200001", "2611209999"])
@pytest.mark.parametrize("factor", ["", "12", "12345", "12a4", "１２３４"])
async def test_without_a_factor_nothing_is_asked_or_told(
    portal: Portal, clock: Clock, register: Register, digits: str, factor: str
) -> None:
    assert await desk_of(portal, clock).ask(digits=digits, factor=factor) == NeedFactor() and register.asked == 0


async def test_the_caller_chooses_between_agencies(portal: Portal, clock: Clock) -> None:
    desk = desk_of(portal, clock)
    ambiguous = await desk.ask(digits="2611200003", factor="3333", call_id="1")
    assert isinstance(ambiguous, Ambiguous) and [a.prefix for a in ambiguous.agencies] == [PROVINCE, COMMUNE]
    chosen = await desk.ask(digits="2611200003", factor="3333", agency="2", call_id="1")
    assert isinstance(chosen, Found) and chosen.standing.agency == COMMUNE
    assert await desk.ask(digits="2611200003", factor="3333", agency="7", call_id="1") == ambiguous
    only = await desk.ask(digits="2611200003", factor="9999", call_id="2")
    assert isinstance(only, Found) and only.standing.agency == COMMUNE, "the telephone is that of one agency only"


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_desk_always_answers_in_time(portal: Portal, clock: Clock, register: Register, fault: str) -> None:
    desk = desk_of(portal, clock)
    register.fault = fault
    began = asyncio.get_running_loop().time()
    answer = await desk.ask(digits="2611200001", factor="1234", call_id="1")
    assert asyncio.get_running_loop().time() - began < 1.5
    assert isinstance(answer, Found if fault in ("duplicate", "expired") else Unavailable), answer


async def test_the_last_good_answer_is_told_with_its_time(
    portal: Portal, clock: Clock, register: Register, tmp_path: Path
) -> None:
    file = tmp_path / "memory.json"
    good = await desk_of(portal, clock, Memory(file)).ask(digits="2611200001", factor="1234", call_id="1")
    register.fault = "down"
    later = desk_of(portal, clock, Memory(file))  # after a restart
    stale = await later.ask(digits="2611200001", factor="1234", call_id="2")
    assert isinstance(good, Found) and stale == Found(good.standing, stale=True)
    assert sounds(stale, "vi")[0] == "smartpbx/dossier-as-of"
    assert isinstance(await later.ask(digits="2611200001", factor="5678", call_id="2"), Unavailable), (
        "another factor proves nothing"
    )


async def test_the_memory_tells_nothing_to_who_finds_it(portal: Portal, clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    await desk_of(portal, clock, Memory(file)).ask(digits="2611200001", factor="1234", call_id="1")
    text = file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not any(secret in text for secret in ("024085001234", "0912345678", "Nguyễn", '"1234"', '"5678"'))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": "zz"}', '{"key": "00", "standings": {"a": {"code": 1}}}'])
async def test_a_damaged_memory_is_begun_anew(portal: Portal, clock: Clock, tmp_path: Path, damage: str) -> None:
    file = tmp_path / "memory.json"
    file.write_text(damage)
    answer = await desk_of(portal, clock, Memory(file)).ask(digits="2611200001", factor="1234", call_id="1")
    assert isinstance(answer, Found) and Memory(file).find("2611200001", "1234") == answer.standing


async def test_tries_are_counted_by_call_number_and_dossier(portal: Portal, clock: Clock) -> None:
    desk = desk_of(portal, clock, number=5, dossier=7, withheld=4)

    async def tries(call_id: str, caller: str, count: int, digits: str = "2611200001") -> list[Answer]:
        return [await desk.ask(digits=digits, factor="0000", caller=caller, call_id=call_id) for _ in range(count)]

    assert (await tries("a", "0912345678", 4))[2:] == [Unknown(), TooMany()]
    assert (await tries("b", "+84912345678", 3))[1:] == [Unknown(), TooMany()], "the same number in another form"
    assert (await tries("c", "0987654321", 3))[1:] == [Unknown(), TooMany()], "that dossier was tried too often"
    assert (await tries("d", "", 3, "2611200002")) == [Unknown()] * 3
    assert (await tries("e", "anonymous", 2, "2611200003"))[1] == TooMany(), "withheld numbers are one"
    clock.at += 3_601_000
    assert (await tries("f", "0912345678", 1)) == [Unknown()]


async def test_a_dead_portal_does_not_cost_every_caller_the_deadline(
    portal: Portal, clock: Clock, register: Register
) -> None:
    desk = desk_of(portal, clock, deadline_s=0.3)
    register.fault = "slow"
    for n in range(3):
        await desk.ask(digits="2611200001", factor="1234", call_id=str(n))
    began = asyncio.get_running_loop().time()
    assert isinstance(await desk.ask(digits="2611200001", factor="1234", call_id="9"), Unavailable)
    assert asyncio.get_running_loop().time() - began < 0.1
    register.fault = ""
    clock.at += 31_000
    assert isinstance(await desk.ask(digits="2611200001", factor="1234", call_id="10"), Found)


async def test_nothing_personal_stands_in_a_log(
    portal: Portal, clock: Clock, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    desk = desk_of(portal, clock)
    with caplog.at_level(logging.DEBUG, logger="pbx"):
        for fault in ("", "malformed", "html", "down"):
            register.fault = fault
            await desk.ask(digits="2611200001", factor="1234", caller="0912345678", call_id="1")
    assert not any(secret in caplog.text for secret in ("2611200001", "1234", "0912345678", "Nguyễn"))


# --- codes, values, words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digits", "good"),
    [
        ("2611200001", True), ("2611240001", True), ("2611250001", False), ("2613010001", False), ("2602300001", False),
        ("261120000", False), ("26112000011", False), ("26112000*1", False), ("261120000A", False), ("", False),
        ("２６１１２０0001", False), ("2402290001", True), ("2502290001", False),
    ],
)  # fmt: skip
def test_which_digits_can_be_a_code(digits: str, good: bool) -> None:
    assert is_code(digits, datetime.date(2026, 11, 23)) is good


async def test_a_wrong_code_asks_nobody(portal: Portal, clock: Clock, register: Register) -> None:
    assert await desk_of(portal, clock).ask(digits="9999999999", factor="1234") == BadCode() and register.asked == 0


def test_values_of_portals_are_read_or_left_out() -> None:
    assert [day_of(v) for v in ("20261130170000", "30/11/2026 17:00:00", "2026-11-30T17:00", "1795953600000")] == [
        datetime.date(2026, 11, 30)] * 3 + [datetime.date(2026, 11, 29)]  # fmt: skip
    assert [day_of(v) for v in (None, "", "x", "20269999", {}, "99999999999999999999")] == [None] * 6
    assert last_four("024085001234", "0912 345 678", None, "12", {}) == ("1234", "5678")
    assert [amount(v) for v in ("150.000", 150_000, None, "x", "-5", "9" * 30)] == [150_000, 150_000, 0, 0, 0, 0]


def test_every_answer_has_words_in_both_languages() -> None:
    standing = Standing("c", PROVINCE, 6, AT, DAY, None, 150_000)
    answers: list[Answer] = [
        Found(standing, stale=True),
        Ambiguous(AGENCIES),
        BadCode(),
        NeedFactor(),
        Unknown(),
        TooMany(),
        Unavailable("x"),
    ]
    for language, texts in sentences(PROMPTS).items():
        for answer in answers:
            assert all(sound in texts for sound in sounds(answer, language)), (language, answer)
    said = text_of(sounds(Found(standing), "vi"), sentences(PROMPTS)["vi"])
    assert "một trăm năm mươi nghìn đồng" in said and said.endswith("ngày ba mươi tháng mười một")
