"""What we ask Asterisk and what comes of it: the shapes of an answer, the ways to fail, and what may be said at all.

Pure. Knows the limits of Asterisk's reader; not how anything is sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

LINE_BYTES = 1000
"""Asterisk reads an action into lines of 1,024 bytes and cuts what is longer (manager.c, `inbuf`)."""
HEADERS = 120
"""Asterisk keeps 128 headers of an action and forgets the others (manager.h, AST_MAX_MANHEADERS)."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
# C0, DEL, C1, line and paragraph separator, lone surrogates: whatever could end a line here or there.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class AmiError(Exception):
    """An action that did not succeed."""


class AmiLost(AmiError):
    """There is no session, or it ended before the answer came: then the outcome is unknown. Ask what became of it, never repeat it."""


class AmiRefused(AmiError):
    """Asterisk answered no. The message is Asterisk's own."""


class AmiSlow(AmiError, TimeoutError):
    """No answer in time. The outcome is unknown."""


@dataclass(frozen=True)
class Reply:
    """The answer to an action: the headers of the response, and the rows where it was a list (without the end marker)."""

    headers: dict[str, str] = field(repr=False)
    rows: list[dict[str, str]] = field(default_factory=list, repr=False)


def check(action: Mapping[str, str]) -> None:
    """Let nothing pass that could become another header, another action, or be cut.

    Raises:
        ValueError: says which header, never its value.
    """
    if "Action" not in action:
        raise ValueError("an action without its Action header")
    if len(action) > HEADERS:
        raise ValueError(f"an action of {len(action)} headers; Asterisk takes {HEADERS}")
    for key, value in action.items():
        if not _KEY.fullmatch(key):
            raise ValueError("a header's name that is no name")
        if not isinstance(value, str) or _CONTROL.search(value):
            raise ValueError(f"a control character in the header {key}")
        if len(key) + 2 + len(value.encode()) > LINE_BYTES:
            raise ValueError(f"the header {key} is longer than {LINE_BYTES} bytes")
