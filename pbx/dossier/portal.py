"""What every portal must do, and the care that each answer from outside needs: time, size, form.

The two shapes that exist are in `national` and `opencps`. Both are taken from public client code of 2020, not from official documents:
before a centre relies on one, its portal's owner must confirm it.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import httpx2
import msgspec

from pbx.dossier.shapes import ZONE, Agency, Standing

LARGEST = 256 * 1024
"""Bytes of an answer; more is refused unread."""


class PortalError(Exception):
    """The portal cannot be used now. The message is for the log and quotes nothing that it answered."""


class Entry(msgspec.Struct, frozen=True):
    """A dossier as a portal gives it: its standing, and the last four digits of what proves who asks."""

    standing: Standing
    factors: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Entry({self.standing.status})"  # never the factors


class Portal(Protocol):
    """One register of dossiers."""

    async def find(self, digits: str, agencies: Sequence[Agency]) -> list[Entry]:
        """The dossiers of these agencies whose code ends so.

        Raises:
            PortalError: it did not answer, or not in its own form.
        """

    async def close(self) -> None:
        """Let go of its connections."""


def client(base: str, deadline_s: float, headers: Mapping[str, str] | None = None) -> httpx2.AsyncClient:
    """Goes where it is told, and nowhere else."""
    return httpx2.AsyncClient(
        base_url=base, timeout=deadline_s, follow_redirects=False, headers=dict(headers or {}), trust_env=False
    )


async def ask(http: httpx2.AsyncClient, method: str, path: str, **options: Any) -> Any:
    """One question; the JSON of the answer.

    Raises:
        PortalError: no answer, no success, too long, or no JSON.
    """
    try:
        async with http.stream(method, path, **options) as response:
            if response.status_code != 200:
                raise PortalError(f"HTTP {response.status_code}")
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise PortalError("an answer of more than 256 KiB")
        return msgspec.json.decode(bytes(body))
    except httpx2.HTTPError as e:
        raise PortalError(type(e).__name__) from e
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise PortalError("an answer that is not JSON") from e


def rows(found: Any) -> list[Mapping[str, Any]]:
    """The dossiers of a list, each once; what is no dossier is passed over."""
    listed = found if isinstance(found, list) else [found] if isinstance(found, dict) else []
    return [row for row in listed if isinstance(row, dict)]


def last_four(*values: Any) -> tuple[str, ...]:
    """The last four digits of each number that has so many."""
    digits = ("".join(c for c in str(value or "") if c.isascii() and c.isdigit()) for value in values)
    return tuple(number[-4:] for number in digits if len(number) >= 4)


def day_of(value: Any) -> datetime.date | None:
    """A day as portals write it: 20261124, 20261124083000, 24/11/2026 …, ISO, or milliseconds; None for anything else."""
    text = str(value or "").strip()
    try:
        if text.isdecimal() and len(text) == 13:
            return datetime.datetime.fromtimestamp(int(text) / 1000, ZONE).date()
        for form, length in (("%Y%m%d", 8), ("%d/%m/%Y", 10), ("%Y-%m-%d", 10)):
            try:
                return datetime.datetime.strptime(text[:length], form).replace(tzinfo=ZONE).date()
            except ValueError:
                continue
    except (OverflowError, OSError, ValueError):
        return None
    return None


def amount(value: Any) -> int:
    """A sum in dong; 0 for what is none."""
    text = str(value or "").replace(".", "").replace(",", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0
