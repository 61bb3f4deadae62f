"""What people know better than the machine: what a call is about, and what was really said in it."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from dashboards.forms import fields
from dashboards.languages import language_of
from dashboards.live import now_ms
from dashboards.pages import BY, House, Pages, Reads, html
from dashboards.views import Tongue
from ivr.problem import Problem

TURN = 4_000
"""Characters of a turn that are read; each may take nine bytes, and there are two of them."""


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.post("/calls/{call_id}/topic")
    async def topic(request: Request, call_id: str) -> Response:
        field, _, procedure = (await fields(request)).get("topic", "").partition("/")
        rules = house.tapes.topics
        known = field in rules.fields and (
            not procedure or getattr(rules.procedures.get(procedure), "field", "") == field
        )
        if known:
            await asyncio.to_thread(house.tapes.correct_topic, call_id, field, procedure, BY, now_ms())
        return await back(call_id)

    @router.post("/calls/{call_id}/turns/{turn}")
    async def said(request: Request, call_id: str, turn: int) -> Response:
        sent = await fields(request, TURN, 30 * TURN)
        try:
            await asyncio.to_thread(
                house.tapes.correct, call_id, turn, sent.get("shown", ""), sent.get("said", ""), BY, now_ms()
            )
        except Problem as problem:
            language = language_of(request)
            text = problem.vi if language == "vi" else problem.en
            title = Tongue(language)("not_corrected")
            return html(pages.page("missing.html", language, title=title, text=text, here="calls"), status=409)
        return await back(call_id, f"#turn-{turn}")

    async def back(call_id: str, where: str = "") -> Response:
        found = await asyncio.to_thread(log.call, call_id)
        return RedirectResponse(f"/calls/{found.record.call_id}{where}" if found is not None else "/calls", 303)

    return router
