"""What calls are about -> what pages show of it. Pure."""

from collections.abc import Sequence
from urllib.parse import urlencode

from dashboards.views import Tongue, View, clean, span
from recordings.labels import Count, Label
from recordings.topics import Because, Rules


def name(field: str, procedure: str, rules: Rules, say: Tongue) -> str:
    """A topic as people call it: the procedure where it is known, else the field."""
    known = rules.procedures.get(procedure)
    if known is not None:
        return known.title
    found = rules.fields.get(field)
    return clean(field) if found is None else found.title_en if say.language == "en" else found.title


def week(counts: Sequence[Count], rules: Rules, say: Tongue) -> list[View]:
    """A line for each topic of the week that anybody asked about, with how it compares."""
    return [
        {
            "name": name(c.field, c.procedure, rules, say),
            "calls": say.count(c.calls),
            "change": _change(c, say),
            "link": "/calls?" + urlencode({"topic": f"{c.field}/{c.procedure}" if c.procedure else c.field}),
        }
        for c in counts
        if c.calls
    ]


def _change(count: Count, say: Tongue) -> str:
    if not count.before:
        return say("topic_new")
    return say("topic_change", before=f"{count.before:.1f}".replace(".", ","))


def label(found: Label | None, rules: Rules, say: Tongue) -> View | None:
    """What one call is about, why, and what else it may be."""
    if found is None:
        return None
    return {
        "name": name(found.field, found.procedure, rules, say),
        "value": f"{found.field}/{found.procedure}",
        "by": say("topic_by", who=clean(found.by)) if found.by else say("topic_by_rules"),
        "because": [_because(b, say) for b in found.by_rules.because],
        "choices": choices(rules, say),
    }


def choices(rules: Rules, say: Tongue) -> list[tuple[str, list[tuple[str, str]]]]:
    """Fields, each with itself and its procedures, as a form offers them."""
    return [
        (
            name(field, "", rules, say),
            [
                (f"{field}/", say("topic_only_field")),
                *((f"{field}/{p}", known.title) for p, known in rules.procedures.items() if known.field == field),
            ],
        )
        for field in rules.fields
    ]


def _because(because: Because, say: Tongue) -> str:
    if because.kind == "said":
        return say("topic_said", what=clean(because.what), n=because.times, at=span(round(1000 * because.at_s)))
    return say(f"topic_{because.kind}" if f"topic_{because.kind}" in say else "topic_sent", what=clean(because.what))
