"""Who is let in and when: opening and closing by hand, blocked numbers, and whether the told waits were true."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards import lost_view, reception_view, views
from dashboards.forms import fields
from dashboards.languages import chosen, language_of
from dashboards.live import now_ms
from dashboards.pages import BY, House, Pages, Reads, html
from dashboards.spans import DAY_MS, end_problem, moment, typed
from pbx.numbers import dialable, same

LONGEST_FORCED_DAYS = 31
LONGEST_BLOCK_DAYS = 366
USUAL_FORCED_MS = 2 * 3_600_000
USUAL_BLOCK_MS = 7 * DAY_MS
ANNOUNCEMENT = "emergency"
"""The prompt that is heard first; record a file of this name to say what happened."""
Values = dict[str, str]


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    desk = Desk(pages, log, house)
    router.add_api_route("/reception", desk.show, methods=["GET"])
    router.add_api_route("/reception/hours", desk.force, methods=["POST"])
    router.add_api_route("/reception/release", desk.release, methods=["POST"])
    router.add_api_route("/reception/block", desk.block, methods=["POST"])
    router.add_api_route("/reception/lift", desk.lift, methods=["POST"])
    return router


class Desk:
    """The page, and what its forms ask of the house. What is wrong is said at its field, with all that was typed."""

    def __init__(self, pages: Pages, log: Reads, house: House) -> None:
        self._pages = pages
        self._log = log
        self._house = house

    async def show(self, request: Request, done: str = "", call: str = "") -> HTMLResponse:
        caller = await self._caller(call)
        block = _fresh_block(now_ms()) | {"call": call if caller else ""}
        return self._page(request, done, block=block, chosen_caller=_shown(request, caller))

    async def force(self, request: Request) -> Response:
        sent = _sent(await fields(request), "state", "queue", "announce", "until", "reason")
        announced = bool(sent["announce"])
        possible = {"open": True, "closed": False} | ({"calendar": None} if announced else {})
        problems = {} if sent["state"] in possible else {"force_state": "bad_state"}
        if sent["queue"] and self._house.centre.queue(sent["queue"]) is None:
            problems["force_queue"] = "bad_queue"
        problems |= _problems("force", sent, now_ms(), LONGEST_FORCED_DAYS)
        until = moment(sent["until"])
        if problems or until is None:
            return self._page(request, status=422, force=sent, problems=problems)
        queues = (sent["queue"],) if sent["queue"] else ()
        self._house.set_hours(
            possible[sent["state"]], until, sent["reason"], BY, queues, ANNOUNCEMENT if announced else ""
        )
        return _back("forced")

    async def release(self) -> Response:
        self._house.release_hours(BY)
        return _back("released")

    async def block(self, request: Request) -> Response:
        sent = _sent(await fields(request), "number", "call", "until", "reason")
        caller = await self._caller(sent["call"])
        number = caller if caller and not sent["number"] else dialable(sent["number"])
        problems = {} if number else {"block_number": "bad_number"}
        problems |= _problems("block", sent, now_ms(), LONGEST_BLOCK_DAYS)
        until = moment(sent["until"])
        if problems or number is None or until is None:
            return self._page(request, status=422, block=sent, problems=problems, chosen_caller=_shown(request, caller))
        if (number, until, sent["reason"]) not in {(b.number, b.until, b.reason) for b in self._house.blocks()}:
            self._house.block(number, until, sent["reason"], BY)  # a form that is sent twice blocks once
        return _back("blocked")

    async def lift(self, request: Request) -> Response:
        key = (await fields(request)).get("block", "")
        found = [b for b in self._house.blocks() if reception_view.block_key(b) == key]
        for b in found:
            self._house.unblock(b.number, BY)
        return _back("lifted" if found else "not_blocked")

    def _page(self, request: Request, done: str = "", status: int = 200, **forms: Any) -> HTMLResponse:
        say, now = views.Tongue(language_of(request)), now_ms()
        titles = views.titles_of(self._house.centre, say)
        hours = self._house.hours()
        fresh = {"force": _fresh_force(now), "block": _fresh_block(now), "problems": {}, "chosen_caller": ""}
        page = self._pages.page(
            "reception.html",
            say.language,
            openings=reception_view.openings(hours, titles, say, now),
            forced=reception_view.forced(hours, titles, say, now),
            fields=[(queue.name, titles[queue.name]) for queue in self._house.centre.queues],
            blocks=reception_view.block_rows(self._house.blocks(), say, now),
            calibrations=reception_view.calibrations(self._house.calibration(), titles, say),
            notice=lost_view.notice(done, "", say),
            longest={"force": LONGEST_FORCED_DAYS, "block": LONGEST_BLOCK_DAYS},
            here="reception",
            **(fresh | forms),
        )
        return html(page, chosen(request), status)

    async def _caller(self, call_id: str) -> str:
        """The number behind a call; `''` when there is none, or nobody's."""
        found = await asyncio.to_thread(self._log.call, call_id) if call_id else None
        return same(found.record.caller) if found is not None else ""


def _shown(request: Request, caller: str) -> str:
    return views.masked(caller, views.Tongue(language_of(request))) if caller else ""


def _back(done: str) -> RedirectResponse:
    return RedirectResponse(f"/reception?done={done}", 303)


def _fresh_force(now: int) -> Values:
    return {"state": "", "queue": "", "announce": "", "until": typed(now + USUAL_FORCED_MS), "reason": ""}


def _fresh_block(now: int) -> Values:
    return {"number": "", "call": "", "until": typed(now + USUAL_BLOCK_MS), "reason": ""}


def _sent(values: Values, *names: str) -> Values:
    return {name: values.get(name, "") for name in names}


def _problems(form: str, sent: Values, now: int, longest_days: int) -> dict[str, str]:
    """Field -> the words for what is wrong with it."""
    until = end_problem(sent["until"], now, longest_days)
    reason = "" if views.clean(sent["reason"]).strip() else "bad_reason"
    return {f"{form}_{name}": wrong for name, wrong in (("until", until), ("reason", reason)) if wrong}
