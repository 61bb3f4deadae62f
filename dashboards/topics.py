"""What a call is about, corrected by a person."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from dashboards.forms import fields
from dashboards.live import now_ms
from dashboards.pages import BY, House, Pages, Reads


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.post("/calls/{call_id}/topic")
    async def correct(request: Request, call_id: str) -> Response:
        field, _, procedure = (await fields(request)).get("topic", "").partition("/")
        rules = house.tapes.topics
        known = field in rules.fields and (
            not procedure or getattr(rules.procedures.get(procedure), "field", "") == field
        )
        if known:
            await asyncio.to_thread(house.tapes.correct_topic, call_id, field, procedure, BY, now_ms())
        found = await asyncio.to_thread(log.call, call_id)
        return RedirectResponse(f"/calls/{found.record.call_id}" if found is not None else "/calls", 303)

    return router
