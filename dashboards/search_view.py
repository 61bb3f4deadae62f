"""What a search found -> what the page shows of it. Pure."""

from dashboards.views import Titles, Tongue, View, clean, clock, date, masked, span
from recordings.search import Hit, Snippet


def hit(found: Hit, titles: Titles, say: Tongue) -> View:
    """A call with the sentences that were found in it."""
    c = found.record
    return {
        "id": c.call_id,
        "at": clock(c.arrived_at, seconds=False),
        "date": date(c.arrived_at),
        "who": masked(c.caller, say),
        "queue": titles.get(c.queue) or clean(c.queue),
        "agent": clean(c.agent),
        "talk": span(c.talk_ms),
        "near": ("", say("found_folded"), say("found_near"))[found.rank],
        "sentences": [_sentence(snippet, say) for snippet in found.snippets],
    }


def _sentence(snippet: Snippet, say: Tongue) -> View:
    known = snippet.channel if snippet.channel in ("caller", "agent") else "mono"
    return {
        "start": round(snippet.start_s, 2),
        "at": span(round(snippet.start_s * 1000)),
        "who": say(f"speaker_{known}"),
        "words": [(clean(word, 40), marked) for word, marked in snippet.words],
    }
