"""The list of calls, one call, and its audio."""

from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboards import call_view, tapes_view, topics_view, views
from dashboards.languages import chosen, language_of
from dashboards.pages import BY, House, Pages, Reads, html
from pbx.record import Outcome
from recordings.queries import CallRow, Cursor, Only

PAGE = 50
LONGEST = 100
"""Characters of a search."""


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/calls")
    def calls(request: Request, q: str = "", outcome: str = "", queue: str = "", before: str = "") -> HTMLResponse:
        language = language_of(request)
        say = views.Tongue(language)
        titles = views.titles_of(house.centre, say)
        asked = _asked(q, outcome, queue, titles)
        only, narrowed = only_asked(request.query_params)
        rows = log.calls(
            limit=PAGE + 1, before=cursor(before), text=asked["q"], outcome=asked["outcome"], queue=asked["queue"], only=only
        )  # fmt: skip
        kept = {key: value for key, value in asked.items() if value} | narrowed
        page = pages.page(
            "calls.html",
            language,
            rows=[call_view.row(r, titles, say) for r in rows[:PAGE]],
            **asked,
            outcomes=list(Outcome),
            titles=titles,
            only=call_view.only_words(only, rows[0].record.caller if rows else "", titles, say),
            narrowed=narrowed,
            newest=urlencode(kept),
            first=not before,
            older=_older(rows, kept),
            kept_query=_query(kept | ({"before": before} if before else {})),
            here="calls",
        )
        return html(page, chosen(request))

    @router.get("/calls/{call_id}")
    def call(request: Request, call_id: str) -> HTMLResponse:
        language = language_of(request)
        found = log.call(call_id)
        if found is None:
            return html(pages.missing(language, "call"), chosen(request), 404)
        say = views.Tongue(language)
        if found.words:
            house.audit.note(BY, "read", found.record.call_id)
        heard = house.tapes.heard(call_id)
        page = pages.page(
            "call.html", language, audio=found.play is not None,
            call=call_view.detail(found, house.centre, say, house.tapes.corrected(call_id, found.model)),
            topic=topics_view.label(house.tapes.topic(call_id), house.tapes.topics, say),
            ears=tapes_view.findings(heard, say), shares=tapes_view.shares(heard, say), here="calls",
        )  # fmt: skip
        return html(page, chosen(request))

    return router


def cursor(text: str) -> Cursor | None:
    """`1795400000000~pbx-1` -> where the next page begins; None for anything else."""
    at, _, call_id = text.partition("~")
    return (int(at), call_id) if at.isdecimal() and len(at) < 16 and call_id else None


_NARROWING = ("since", "until", "same", "callback", "message", "factor", "score", "field", "topic")


def only_asked(sent: Mapping[str, str]) -> tuple[Only, dict[str, str]]:
    """What links from other pages narrow the list to, and the same for the links of this one."""
    asked = {name: sent[name][:LONGEST] for name in _NARROWING if sent.get(name, "").strip()}
    for name, most in (("since", 13), ("until", 13), ("score", 1)):
        if name in asked and not (asked[name].isascii() and asked[name].isdecimal() and len(asked[name]) <= most):
            del asked[name]
    only = Only(
        since=int(asked.get("since", 0)),
        until=int(asked.get("until", 0)),
        caller_of=asked.get("same", ""),
        callback=asked.get("callback", ""),
        message=asked.get("message", ""),
        factor=asked.get("factor", ""),
        score=int(asked.get("score", 0)),
        queue=asked.get("field", ""),
        topic=asked.get("topic", ""),
    )
    return only, asked


def _asked(q: str, outcome: str, queue: str, titles: views.Titles) -> views.View:
    """What may be asked of the log; anything else is not asked for."""
    return {
        "q": q.strip()[:LONGEST],
        "outcome": outcome if outcome in list(Outcome) else "",
        "queue": queue if queue in titles else "",
    }


def _older(rows: list[CallRow], kept: dict[str, str]) -> str:
    if len(rows) <= PAGE:
        return ""
    last = rows[PAGE - 1].record
    return "?" + urlencode(kept | {"before": f"{last.arrived_at}~{last.call_id}"})


def _query(kept: dict[str, str]) -> str:
    return "&" + urlencode(kept) if kept else ""
