"""Callbacks, blocks, petitions, lost callers and the survey in the log, on SQLite and on a real PostgreSQL."""

import subprocess
import sys
from subprocess import PIPE
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from alembic import command

from pbx.callbacks import Attempt, Callback, CallbackState
from pbx.gate import Block
from pbx.record import CallRecord, Outcome, Score, ToldWait
from recordings.citizens import LOST, SERVED, LostCaller, blocks, open_callbacks
from recordings.queries import Log, Only
from recordings.store import keep_block, keep_callbacks, register_petition
from recordings.tables import open_log, writing
from tests.call_logs import keep
from tests.calls import DAY, call, visit

HOUR = 3_600_000


def callback(number: int = 1, **changed: Any) -> Callback:
    fields: dict[str, Any] = {
        "callback_id": f"c{number}", "call_id": f"pbx-17954.{number}", "number": f"09{number:08d}", "queue": "dat-dai", "language": "vi",
        "place_at": DAY + number, "asked_at": DAY + number, "not_before": DAY, "expires_at": DAY + 96 * HOUR,
    }  # fmt: skip
    return Callback(**{**fields, **changed})


def promise(engine: sa.Engine, *told: Callback) -> None:
    with writing(engine) as connection:
        keep_callbacks(connection, told)


def lost(number: int = 1, **changed: Any) -> CallRecord:
    return call(number, **{"outcome": Outcome.ABANDONED, "talk_ms": 0, "agent": "", **changed})


# --- calls --------------------------------------------------------------------------------------------------------


def test_what_a_citizen_was_told_left_and_answered_comes_back(engine: sa.Engine) -> None:
    told = call(
        survey=(Score("officer", 5), Score("result", 1)),
        told=(ToldWait(DAY, "dat-dai", 3, 2, 60, 240, ""), ToldWait(DAY + 9, "dat-dai", 2, 0, None, None, "thin")),
        kind="callback", callback_id="c1", dossier="2611230012", message="petition", message_ms=32_000, petition="261123-001",
        blocked="rate", favoured_s=180, favoured="cut_off",
    )  # fmt: skip
    for _ in range(2):
        keep(engine, told)
    assert Log(engine).records_between(0, 2 * DAY) == [told]
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM scores")).scalar() == 2
    keep(engine, msgspec.structs.replace(told, survey=(), ended_at=told.ended_at + 1))
    assert Log(engine).records_between(0, 2 * DAY)[0].survey == ()


def test_calls_are_found_by_what_is_behind_a_figure(engine: sa.Engine) -> None:
    keep(
        engine,
        call(1, caller="0912345678", survey=(Score("officer", 5), Score("result", 2)), petition="261123-001"),
        call(2, caller="+84912345678", message="voicemail"),
        call(3, caller="", survey=(Score("officer", 2),), message="petition"),
        call(4, caller="", callback_id="c1"),
        call(5, caller="anonymous"),
        call(6, caller="anonymous"),
    )
    log = Log(engine)

    def found(**only: Any) -> set[int]:
        return {int(row.record.call_id.rpartition(".")[2]) for row in log.calls(only=Only(**only))}

    assert found(caller_of=call(2).call_id) == {1, 2}
    assert found(caller_of=call(3).call_id) == {3}  # people without a number are not one person
    assert found(caller_of=call(5).call_id) == {5}
    assert found(caller_of="nobody") == set()
    assert found(factor="officer") == {1, 3}
    assert found(factor="officer", score=2) == {3}
    assert found(score=2) == {1, 3}
    assert found(message="any") == {2, 3}
    assert found(message="petition") == {3}
    assert found(callback="c1") == {4}
    assert found(since=call(2).arrived_at, until=call(4).arrived_at) == {2, 3}
    assert [row.record.call_id for row in log.calls(text="261123-001")] == [call(1).call_id]


# --- callbacks ----------------------------------------------------------------------------------------------------


def story() -> list[Callback]:
    """A callback's whole life, in order."""
    dialled, busy = Attempt(1, DAY + 5), Attempt(1, DAY + 5, DAY + 9, "busy")
    again, answered = Attempt(2, DAY + 20), Attempt(2, DAY + 20, DAY + 30, "answered")
    gave_up = Attempt(2, DAY + 20, DAY + 40, "hung_up_waiting")
    third = Attempt(3, DAY + 50, DAY + 60, "answered")
    state = CallbackState
    return [
        callback(),
        callback(state=state.DIALLING, attempts=(dialled,)),
        callback(state=state.WAITING, attempts=(busy,), not_before=DAY + 10),
        callback(state=state.DIALLING, attempts=(busy, again)),
        callback(state=state.REACHED, attempts=(busy, answered)),
        callback(state=state.WAITING, attempts=(busy, gave_up)),
        callback(state=state.REACHED, attempts=(busy, gave_up, third)),
        callback(state=state.DONE, attempts=(busy, gave_up, third), ended_at=DAY + 70),
    ]


def test_a_callback_goes_on_and_never_back(engine: sa.Engine) -> None:
    life = story()
    for later in range(len(life)):
        promise(engine, life[later])
        assert Log(engine).citizens.callback("c1") == life[later]
        for earlier in range(later):
            promise(engine, life[earlier])
        assert Log(engine).citizens.callback("c1") == life[later]


def test_accounts_that_come_at_once_leave_the_one_that_went_furthest(engine: sa.Engine) -> None:
    promise(engine, *reversed(story()), callback(2))
    assert Log(engine).citizens.callback("c1") == story()[-1]
    assert open_callbacks(engine) == [callback(2)]
    assert Log(engine).citizens.callback("c3") is None


def test_open_callbacks_stand_in_the_order_of_their_places(engine: sa.Engine) -> None:
    final = [state for state in CallbackState if state not in ("waiting", "dialling", "reached")]
    promise(
        engine,
        *(callback(n, state=state, ended_at=DAY + n) for n, state in enumerate(final, 10)),
        *(callback(n, state=state, place_at=DAY - n) for n, state in enumerate(("waiting", "dialling", "reached"), 1)),
    )
    assert [c.callback_id for c in open_callbacks(engine)] == ["c3", "c2", "c1"]
    assert [c.callback_id for c in Log(engine).citizens.callbacks(DAY + 11, DAY + 13)] == ["c12", "c11"]


# --- blocks -------------------------------------------------------------------------------------------------------


def test_only_the_latest_word_about_a_number_counts(engine: sa.Engine) -> None:
    def tell(*told: Block) -> None:
        for block in told:
            with writing(engine) as connection:
                keep_block(connection, block)

    first = Block("0912345678", DAY, DAY + HOUR, "quấy rối <b>", "trực ban")
    other = Block("0987654321", DAY + 1, DAY + HOUR, "đùa", "trực ban")
    tell(first, first, other)
    assert blocks(engine, DAY + 5) == [other, first]
    assert blocks(engine, DAY) == [first]
    assert blocks(engine, DAY + HOUR) == []
    again = msgspec.structs.replace(first, since=DAY + 10, until=DAY + 2 * HOUR)
    tell(again)
    assert blocks(engine, DAY + 20) == [again, other]
    tell(msgspec.structs.replace(again, lifted_at=DAY + 30), again)  # the second is an old account told again
    assert blocks(engine, DAY + 40) == [other], "the older block of the number must not come back"


# --- petitions ----------------------------------------------------------------------------------------------------


def register(engine: sa.Engine, call_id: str, day: str = "261123") -> str:
    with writing(engine) as connection:
        return register_petition(connection, call_id, day, DAY)


def test_petitions_are_numbered_by_the_day_and_once(engine: sa.Engine) -> None:
    assert [register(engine, c) for c in ("a", "b", "a")] == ["261123-001", "261123-002", "261123-001"]
    assert register(engine, "c", "261124") == "261124-001"
    assert register(engine, "a", "261124") == "261123-001"
    with pytest.raises(ValueError, match="yymmdd"):
        register(engine, "d", "26%123")


def test_after_999_comes_1000(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        numbers = [register_petition(connection, f"c{n}", "261123", DAY) for n in range(1, 1003)]
    assert numbers[-4:] == ["261123-999", "261123-1000", "261123-1001", "261123-1002"]


def test_processes_that_register_at_once_get_numbers_of_their_own(url: str) -> None:
    open_log(url).dispose()
    code = (
        "import sys; from recordings.tables import open_log, writing; from recordings.store import register_petition\n"
        "engine = open_log(sys.argv[1]); print(flush=True); input()\n"
        "for n in range(40):\n"
        "    for who in (f'{sys.argv[2]}.{n}', f'both.{n}'):\n"
        "        with writing(engine) as c: register_petition(c, who, '261123', 1)\n"
    )
    arguments = [sys.executable, "-c", code, url]
    together = [subprocess.Popen([*arguments, str(n)], stdin=PIPE, stdout=PIPE) for n in range(3)]
    for process in together:
        assert process.stdout is not None and process.stdout.readline() == b"\n"
    for process in together:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in together:
        process.communicate(timeout=60)
    assert [process.returncode for process in together] == [0] * 3
    engine = open_log(url)
    with engine.connect() as connection:
        given = sorted(connection.execute(sa.text("SELECT number FROM petitions")).scalars())
    engine.dispose()
    assert given == [f"261123-{n:03}" for n in range(1, 161)]


# --- lost callers -------------------------------------------------------------------------------------------------


def callers(engine: sa.Engine, **asked: Any) -> dict[str, LostCaller]:
    found = Log(engine).citizens.lost(DAY, DAY + 10 * HOUR, **asked).callers
    return {c.number: c for c in found}


def test_every_outcome_is_lost_or_served() -> None:
    other = {Outcome.VOICEMAIL, Outcome.CALLBACK, Outcome.BLOCKED}
    assert set(LOST) | set(SERVED) | other == set(Outcome) and not set(LOST) & (set(SERVED) | other)


def test_calls_of_one_number_are_one_caller(engine: sa.Engine) -> None:
    keep(
        engine,
        lost(1, caller="0912345678", wait_ms=5_000),
        lost(2, caller="+84912345678", outcome=Outcome.CLOSED, queue="", visits=(), complete_by="reconciled"),
        lost(3, caller="0084 912 345 678", outcome=Outcome.LEFT_IN_MENU, queue="", menu_path=("chao", "linh-vuc:2")),
        lost(4, caller="", outcome=Outcome.LEFT_IN_MENU),
        lost(5, caller="anonymous"),
        call(6),
        lost(7, caller="0911111111", outcome=Outcome.LEFT_IN_MENU, dossier="2611230012"),
        lost(8, caller="0922222222", kind="callback"),
        lost(11, caller="0955555555", outcome=Outcome.LEFT_IN_MENU, message="petition"),
        lost(9, caller="0933333333", outcome=Outcome.BLOCKED),
        lost(10, caller="0944444444", arrived_at=DAY - 1),
    )
    found = Log(engine).citizens.lost(DAY, DAY + HOUR)
    assert found.withheld == 2
    [caller] = found.callers
    assert (caller.number, caller.times, caller.closed, caller.down) == ("0912345678", 3, 1, 1)
    assert (caller.where, caller.node, caller.first_at, caller.last_at) == ("menu", "linh-vuc", DAY + 1000, DAY + 3000)
    assert (caller.state, caller.settled_at) == ("open", None)


@pytest.mark.parametrize(
    ("outcome", "queue", "where"),
    [
        ("abandoned", "dat-dai", "queue"), ("timeout", "dat-dai", "queue"), ("closed", "", "closed"), ("closed", "dat-dai", "closed"),
        ("left_in_menu", "", "menu"), ("failed", "", "line"), ("failed", "dat-dai", "queue"), ("full", "dat-dai", "queue"),
    ],
)  # fmt: skip
def test_where_a_caller_was_lost(engine: sa.Engine, outcome: str, queue: str, where: str) -> None:
    keep(engine, lost(1, outcome=Outcome(outcome), queue=queue))
    assert [c.where for c in callers(engine).values()] == [where]


def test_who_was_reached_since_and_how(engine: sa.Engine) -> None:
    keep(
        engine,
        *(lost(n, arrived_at=DAY + HOUR) for n in range(1, 11)),
        call(101, caller=lost(1).caller, arrived_at=DAY + 2 * HOUR),
        call(102, caller=lost(2).caller, arrived_at=DAY + HOUR - 1),  # before: does not count
        call(103, caller=lost(3).caller, arrived_at=DAY + 99 * HOUR),  # after the span: counts
        call(104, caller=lost(4).caller, arrived_at=DAY + 2 * HOUR, outcome=Outcome.VOICEMAIL),
        lost(106, caller=lost(10).caller, arrived_at=DAY + 2 * HOUR, outcome=Outcome.LEFT_IN_MENU, message="petition"),
        call(105, caller="+84" + lost(5).caller[1:], arrived_at=DAY + 2 * HOUR, kind="callback"),
    )
    ended = {"attempts": (Attempt(1, DAY, DAY, "answered"),)}
    promise(
        engine,
        callback(6),
        callback(7, state=CallbackState.DONE, ended_at=DAY + 3 * HOUR, **ended),
        callback(8, state=CallbackState.UNREACHED, ended_at=DAY + 3 * HOUR, **ended),
        callback(2, state=CallbackState.DONE, ended_at=DAY + HOUR - 1, **ended),
    )
    found = callers(engine, booked={lost(9).caller})
    states = {n: found[lost(n).caller].state for n in range(1, 11)}
    assert states == {
        1: "reached", 2: "open", 3: "reached", 4: "message", 5: "reached", 6: "booked", 7: "reached", 8: "open", 9: "booked",
        10: "message",
    }  # fmt: skip
    assert found[lost(7).caller].settled_at == DAY + 3 * HOUR
    order = [c.state for c in Log(engine).citizens.lost(DAY, DAY + 9 * HOUR).callers]
    assert order == ["open", "open", "open", "booked", "message", "message", "reached", "reached", "reached", "reached"]


def test_not_reached_stand_first_and_of_those_the_oldest(engine: sa.Engine) -> None:
    keep(engine, lost(3), lost(1), lost(2), call(4, caller=lost(1).caller))
    assert [c.last_at for c in Log(engine).citizens.lost(DAY, DAY + HOUR).callers] == [
        lost(n).arrived_at for n in (2, 3, 1)
    ]


@pytest.mark.parametrize("caller", ["' OR 1=1 --", "%", "<script>", "x" * 3000, "‮0912", "0912\x00345678"])
def test_hostile_numbers_are_only_numbers(engine: sa.Engine, caller: str) -> None:
    keep(engine, lost(1, caller=caller), lost(2))
    assert len(Log(engine).citizens.lost(DAY, DAY + HOUR).callers) == 2
    assert len(Log(engine).calls(only=Only(caller_of=lost(1).call_id))) == 1


# --- survey -------------------------------------------------------------------------------------------------------


def test_the_survey_counts_every_answer_once(engine: sa.Engine) -> None:
    keep(
        engine,
        call(1, survey=(Score("officer", 5), Score("result", 4))),
        call(2, survey=(Score("officer", 1),)),
        call(3, queue="ho-tich", visits=(visit("ho-tich"),), survey=(Score("officer", 5),)),
        call(4),
        call(5, outcome=Outcome.ABANDONED),
        call(6, arrived_at=DAY - 1, survey=(Score("officer", 5),)),
        call(7, outcome=Outcome.TRANSFERRED, survey=(Score("access", 9),)),
    )
    found = Log(engine).citizens.survey(DAY, DAY + HOUR)
    assert {(r.queue, r.factor): r.counts for r in found.ratings} == {
        ("dat-dai", "officer"): (1, 0, 0, 0, 1), ("dat-dai", "result"): (0, 0, 0, 1, 0), ("ho-tich", "officer"): (0, 0, 0, 0, 1),
    }  # fmt: skip
    assert (found.answered, found.rated) == ({"dat-dai": 4, "ho-tich": 1}, {"dat-dai": 3, "ho-tich": 1})


def test_a_log_of_the_version_before_is_carried_over(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _, real=command.upgrade: real(config, "0002"))
        old = open_log(url)
    names = "call_id, linkedid, caller, caller_name, dialled, language, arrived_at, ended_at, queue, outcome, wait_ms, ring_ms, talk_ms,"
    names += " hold_ms, agent, agent_interface, menu_path, transfers, cause, recorded, complete_by"
    values = "'c.1', 'c.1', '0912', '', '1022', 'vi', 1, 2, '', 'left_in_menu', 0, 0, 0, 0, '', '', '[]', '[]', 16, false, 'live'"
    with old.begin() as connection:
        connection.execute(sa.text(f"INSERT INTO calls ({names}) VALUES ({values})"))
    old.dispose()
    engine = open_log(url)
    [kept] = Log(engine).records_between(0, DAY)
    assert (kept.kind, kept.survey, kept.told, kept.message, kept.favoured_s) == ("inbound", (), (), "", 0)
    engine.dispose()
