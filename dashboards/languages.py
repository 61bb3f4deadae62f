"""Which language a page is in: the one just asked for, else the one kept, else Vietnamese."""

from starlette.requests import Request

from dashboards.words import WORDS


def chosen(request: Request) -> str:
    """The language in `?lang=`; empty when there is none, or none of ours."""
    asked = request.query_params.get("lang", "")
    return asked if asked in WORDS else ""


def language_of(request: Request) -> str:
    kept = request.cookies.get("lang", "")
    return chosen(request) or (kept if kept in WORDS else "vi")
