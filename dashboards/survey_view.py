"""What citizens answered -> the page of the survey, by the factors of SIPAS and by queue. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from dashboards.views import Titles, Tongue, View
from ivr.menu import FACTORS
from recordings.citizens import Ratings, Survey

FEW = 10
"""Fewer answers than this say little; the page says so."""


def survey(found: Survey, titles: Titles, say: Tongue, start: int, end: int, queue: str) -> View:
    """All of it; `queue` narrows the factors to one field."""
    behind = {"since": str(start), "until": str(end)}
    chosen = [r for r in found.ratings if not queue or r.queue == queue]
    answered = _sum(found.answered, queue)
    rated = _sum(found.rated, queue)
    return {
        "any": bool(found.ratings),
        "factors": [_factor(f, chosen, say, behind | ({"field": queue} if queue else {})) for f in FACTORS],
        "rate": _rate(rated, answered, say),
        "rate_note": say("response_of", rated=say.count(rated), answered=say.count(answered)),
        "queues": [_queue(name, found, titles, say, behind) for name in _queues(found, titles)],
        "names": [(factor, say(f"factor_{factor}")) for factor in FACTORS],
    }


def _sum(counts: Mapping[str, int], queue: str) -> int:
    return counts.get(queue, 0) if queue else sum(counts.values())


def _queues(found: Survey, titles: Titles) -> list[str]:
    known = [name for name in titles if found.answered.get(name)]
    return known + sorted(name for name in found.rated if name and name not in titles)


def _factor(factor: str, ratings: list[Ratings], say: Tongue, behind: dict[str, str]) -> View:
    counts = [sum(r.counts[n] for r in ratings if r.factor == factor) for n in range(5)]
    total = sum(counts)
    parts = []
    x = 0.0
    for score, n in enumerate(counts, 1):
        width = 100 * n / total if total else 0.0
        link = _link(behind | {"factor": factor, "score": str(score)})
        said = say("n_scores", n=say.count(n), score=score)
        parts.append({"score": score, "n": n, "x": round(x, 2), "width": round(width, 2), "link": link, "said": said})
        x += width
    return _mean(counts, say) | {
        "name": say(f"factor_{factor}"),
        "parts": parts,
        "link": _link(behind | {"factor": factor}),
    }


def _mean(counts: list[int], say: Tongue) -> View:
    total = sum(counts)
    mean = sum(score * n for score, n in enumerate(counts, 1)) / total if total else None
    text = "–" if mean is None else f"{mean:.2f}"
    return {
        "n": total,
        "n_text": say("n_answers", n=say.count(total)),
        "mean": text.replace(".", ",") if say.language == "vi" else text,
        "few": say("few") if 0 < total < FEW else "",
    }


def _queue(name: str, found: Survey, titles: Titles, say: Tongue, behind: dict[str, str]) -> View:
    cells: list[dict[str, Any]] = []
    for factor in FACTORS:
        counts = [0] * 5
        for r in found.ratings:
            if (r.queue, r.factor) == (name, factor):
                counts = list(r.counts)
        link = _link(behind | {"field": name, "factor": factor})
        cells.append(_mean(counts, say) | {"link": link, "factor": say(f"factor_{factor}")})
    rated, answered = found.rated.get(name, 0), found.answered.get(name, 0)
    return {
        "name": name,
        "title": titles.get(name) or name,
        "rate": _rate(rated, answered, say),
        "rated": say.count(rated),
        "answered": say.count(answered),
        "cells": cells,
    }


def _rate(rated: int, answered: int, say: Tongue) -> str:
    return f"{say.per_cent(100 * rated / answered)} %" if answered else "–"


def _link(asked: dict[str, str]) -> str:
    return "/calls?" + urlencode(asked)
