"""The national portal's shape: a session, then `TraCuuHoSo` for one code at a time. From public client code, not an official document."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pbx.dossier.portal import Entry, PortalError, amount, ask, client, day_of, last_four, rows
from pbx.dossier.shapes import Agency, Standing


class NationalPortal:
    """`dstcode` names the receiving system in the header that its gateway routes by."""

    def __init__(
        self,
        base: str,
        deadline_s: float,
        user: str = "",
        secret: str = "",
        dstcode: str = "VN:GOV:000.00.00.G22:vpcpapi",
    ) -> None:
        self._http = client(base, deadline_s, {"dstcode": dstcode})
        self._account = {"username": user, "password": secret}
        self._session = ""
        self._signing_in = asyncio.Lock()

    async def find(self, digits: str, agencies: Sequence[Agency]) -> list[Entry]:
        found = await asyncio.gather(*(self._of(agency, digits) for agency in agencies))
        return [entry for entries in found for entry in entries]

    async def close(self) -> None:
        await self._http.aclose()

    async def _of(self, agency: Agency, digits: str) -> list[Entry]:
        code = agency.code(digits)
        answer = await self._share(agency, code)
        entries = {}
        for row in rows(answer):
            if str(row.get("MaHoSo", "")) == code:
                entries[code] = _entry(row, agency, code)
        return list(entries.values())

    async def _share(self, agency: Agency, code: str) -> Any:
        """One question; a session that has run out is renewed once."""
        for attempt in (1, 2):
            session = self._session or await self._sign_in("")
            body = {"service": "TraCuuHoSo", "session": session, "madonvi": agency.unit, "mahoso": code}
            answer = await ask(self._http, "POST", "share", json=body)
            if not isinstance(answer, dict):
                raise PortalError("an answer of another form")
            if str(answer.get("error_code", "0")) == "0":
                return answer.get("result")
            if attempt == 1:
                await self._sign_in(session)
        raise PortalError("refused twice, with a fresh session")

    async def _sign_in(self, used: str) -> str:
        async with self._signing_in:
            if self._session and self._session != used:
                return self._session  # somebody else was faster
            answer = await ask(self._http, "POST", "auth", json=self._account)
            session = (
                answer.get("session") if isinstance(answer, dict) and str(answer.get("error_code")) == "0" else None
            )
            if not isinstance(session, str) or not session:
                raise PortalError("no session given")
            self._session = session
            return session


def _entry(row: Mapping[str, Any], agency: Agency, code: str) -> Entry:
    status = str(row.get("TrangThaiHoSo", ""))
    fees = sum(amount(fee.get("MucLePhi") or fee.get("SoTien")) for fee in rows(row.get("DanhSachLePhi")))
    standing = Standing(
        code, agency.prefix, int(status) if status.isdecimal() and len(status) < 3 else 0, time.time_ns() // 1_000_000,
        day_of(row.get("NgayHenTra")), day_of(row.get("NgayTra")), fees,
    )  # fmt: skip
    return Entry(standing, last_four(row.get("SoGiayTo"), row.get("SoDienThoai")))
