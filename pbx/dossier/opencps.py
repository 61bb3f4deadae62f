"""OpenCPS's REST shape: `GET dossiers?dossierNo=…`. From its public source; a province's own version may differ."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pbx.dossier.portal import Entry, PortalError, amount, ask, client, day_of, last_four, rows
from pbx.dossier.shapes import Agency, Standing

STATUSES = {
    "new": 1, "receiving": 1, "received": 2, "denied": 3, "processing": 4, "interoperating": 4, "waiting": 5, "paying": 6,
    "cancelled": 7, "cancelling": 7, "suspended": 8, "releasing": 9, "released": 9, "done": 10, "unresolved": 8, "expired": 8,
}  # fmt: skip
"""Its `dossierStatus` -> the national code."""


class OpenCps:
    """`token` is the one that the province's server gave this hotline; `group` its site."""

    def __init__(self, base: str, deadline_s: float, token: str = "", group: str = "") -> None:
        headers = {"Authorization": token and f"Bearer {token}", "groupId": group}
        self._http = client(base, deadline_s, {name: value for name, value in headers.items() if value})

    async def find(self, digits: str, agencies: Sequence[Agency]) -> list[Entry]:
        entries: dict[str, Entry] = {}
        for agency in agencies:
            code = agency.code(digits)
            answer = await ask(self._http, "GET", "dossiers", params={"dossierNo": code})
            if not isinstance(answer, dict) or "data" not in answer:
                raise PortalError("an answer of another form")
            for row in rows(answer["data"]):
                if str(row.get("dossierNo", "")) == code:
                    entries[code] = _entry(row, agency, code)
        return list(entries.values())

    async def close(self) -> None:
        await self._http.aclose()


def _entry(row: Mapping[str, Any], agency: Agency, code: str) -> Entry:
    standing = Standing(
        code, agency.prefix, STATUSES.get(str(row.get("dossierStatus", "")).lower(), 0), time.time_ns() // 1_000_000,
        day_of(row.get("dueDate")), day_of(row.get("finishDate")), amount(row.get("paymentFee")),
    )  # fmt: skip
    return Entry(standing, last_four(row.get("applicantIdNo"), row.get("contactTelNo")))
