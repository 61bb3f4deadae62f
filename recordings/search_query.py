"""What a person typed into the search -> what is looked for. Pure, never raises: whatever is typed is text, or nothing.

Words must all be there; «"several words"» in this order; `beginning*`; `-not this`.
"""

import re

import msgspec

from recordings.spoken import tokens

MOST_TERMS = 12
LONGEST = 400
"""Characters that are read."""
_PIECE = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')


class Term(msgspec.Struct, frozen=True):
    """Words in this order; the last is a beginning when `prefix`; must not be there when `without`."""

    words: tuple[str, ...]
    prefix: bool = False
    without: bool = False


class Query(msgspec.Struct, frozen=True):
    terms: tuple[Term, ...]

    @property
    def wanted(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if not term.without)

    @property
    def unwanted(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if term.without)


def parse(text: str) -> Query:
    found: list[Term] = []
    for minus, phrase, word in _PIECE.findall(text[:LONGEST].replace("“", '"').replace("”", '"')):
        words = tuple(tokens(phrase or word))
        if not words:
            continue
        prefix = not phrase and word.endswith("*")
        # «đất-đai» is one thing to whoever writes it so.
        found.append(Term(words, prefix, bool(minus)))
    return Query(tuple(found[:MOST_TERMS]))
