"""What callers left: messages and petitions, with what a machine wrote down of them."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboards import call_view, views
from dashboards.calls import PAGE, cursor
from dashboards.languages import chosen, language_of
from dashboards.pages import House, Pages, Reads, html
from recordings.queries import Only

KINDS = ("voicemail", "petition")


def routes(pages: Pages, log: Reads, house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/messages")
    def messages(request: Request, kind: str = "", before: str = "") -> HTMLResponse:
        kind = kind if kind in KINDS else ""
        say = views.Tongue(language_of(request))
        titles = views.titles_of(house.centre, say)
        rows = log.calls(limit=PAGE + 1, before=cursor(before), only=Only(message=kind or "any"))
        kept = {"kind": kind} if kind else {}
        last = rows[PAGE - 1].record if len(rows) > PAGE else None
        older = kept | {"before": f"{last.arrived_at}~{last.call_id}"} if last else {}
        page = pages.page(
            "messages.html",
            say.language,
            rows=[call_view.message_row(r, titles, say) for r in rows[:PAGE]],
            kind=kind,
            kinds=KINDS,
            older="?" + urlencode(older) if older else "",
            first=not before,
            kept_query="&" + urlencode(kept) if kept else "",
            here="messages",
        )
        return html(page, chosen(request))

    return router
