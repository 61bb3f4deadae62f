"""A register of dossiers for the demo and the tests, in the shapes of both portals, and with everything that can go wrong with one.

A stand-in, not a portal: it knows the few dossiers that it is given, and answers as public client code of the real ones expects.
"""

import asyncio
import contextlib
import datetime
import json
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec


class Dossier(msgspec.Struct, frozen=True):
    """One dossier. `status`: national code; `due` is a day."""

    code: str
    status: int
    id_number: str
    telephone: str
    due: datetime.date | None = None
    fee_dong: int = 0


OPENCPS = {
    1: "new",
    2: "received",
    3: "denied",
    4: "processing",
    5: "waiting",
    6: "paying",
    7: "cancelled",
    8: "suspended",
    9: "released",
    10: "done",
}
FAULTS = ("slow", "expired", "malformed", "html", "empty", "huge", "redirect", "down", "duplicate", "other")


class Register:
    """Serves both shapes on one port. `fault` changes how it answers from now on; `asked` counts questions about dossiers."""

    def __init__(self, dossiers: Sequence[Dossier]) -> None:
        self.dossiers = list(dossiers)
        self.fault = ""
        self.asked = 0
        self.signed_in = 0
        self._session = ""
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def open(self, address: str = "127.0.0.1", port: int = 0) -> str:
        """Begin to serve; the address of it."""
        self._server = await asyncio.start_server(self._began, address, port)
        where = self._server.sockets[0].getsockname()
        return f"http://{where[0]}:{where[1]}/"

    async def close(self) -> None:
        """Stop serving, in the middle of answers too."""
        if self._server is not None:
            self._server.close()
        serving = dict(self._serving)
        for task, writer in serving.items():
            task.cancel()
            writer.close()
        await asyncio.gather(*serving, return_exceptions=True)

    def _began(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving[task] = writer
        task.add_done_callback(lambda done: self._serving.pop(done, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
                await self._serve_one(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if self.fault == "slow":
            await asyncio.sleep(60)
        status, kind, answer = self._answer(method, target, body)
        extra = "Location: http://127.0.0.1:9/elsewhere\r\n" if status == 302 else ""
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(answer)}\r\nConnection: close\r\n\r\n".encode()
        )
        writer.write(answer)
        await writer.drain()

    def _answer(self, method: str, target: str, body: bytes) -> tuple[int, str, bytes]:
        match self.fault:
            case "malformed":
                return 200, "application/json", b'{"error_code": 0, "result": [{"MaHo'
            case "html":
                return 200, "text/html", b"<html><body>Bao tri</body></html>"
            case "empty":
                return 200, "application/json", b""
            case "huge":
                return 200, "application/json", b"[" + b'"x",' * 1_000_000 + b'"x"]'
            case "redirect":
                return 302, "text/plain", b""
            case "down":
                return 503, "text/plain", b"down"
            case "other":
                return 200, "application/json", b"[1, 2, 3]"
        path = urlsplit(target)
        if method == "GET":
            found = self._opencps(parse_qs(path.query).get("dossierNo", [""])[0])
        else:
            found = self._national(path.path, json.loads(body))
        return 200, "application/json", json.dumps(found).encode()

    def _of(self, code: str) -> list[Dossier]:
        self.asked += 1
        found = [dossier for dossier in self.dossiers if dossier.code == code]
        return found * 2 if self.fault == "duplicate" else found

    def _national(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("auth"):
            self.signed_in += 1
            self._session = secrets.token_hex(8)
            return {"error_code": 0, "session": self._session}
        if asked.get("session") != self._session or (self.fault == "expired" and self.signed_in < 2):
            return {"error_code": 3, "message": "session expired"}
        return {
            "error_code": 0,
            "result": [_national_row(dossier) for dossier in self._of(str(asked.get("mahoso", "")))],
        }

    def _opencps(self, code: str) -> dict[str, Any]:
        found = [_opencps_row(dossier) for dossier in self._of(code)]
        return {"total": len(found), "data": found}


def _national_row(dossier: Dossier) -> dict[str, Any]:
    return {
        "MaHoSo": dossier.code, "TrangThaiHoSo": str(dossier.status), "SoGiayTo": dossier.id_number,
        "SoDienThoai": dossier.telephone, "ChuHoSo": "Nguyễn Văn A", "TenTTHC": "Thủ tục thử",
        "NgayHenTra": dossier.due.strftime("%Y%m%d170000") if dossier.due else "",
        "DanhSachLePhi": [{"TenPhi": "Lệ phí", "MucLePhi": str(dossier.fee_dong)}] if dossier.fee_dong else [],
    }  # fmt: skip


def _opencps_row(dossier: Dossier) -> dict[str, Any]:
    return {
        "dossierNo": dossier.code, "dossierStatus": OPENCPS.get(dossier.status, "strange"),
        "applicantIdNo": dossier.id_number, "contactTelNo": dossier.telephone, "applicantName": "Nguyễn Văn A",
        "dueDate": dossier.due.strftime("%d/%m/%Y 17:00:00") if dossier.due else "", "paymentFee": dossier.fee_dong,
    }  # fmt: skip


def shown(today: datetime.date) -> list[Dossier]:
    """The dossiers of the demo, filed three days ago: something of every kind to ask for."""
    day = (today - datetime.timedelta(days=3)).strftime("%y%m%d")
    due = today + datetime.timedelta(days=4)
    province, commune = "000.00.01.H29", "000.12.34.H29"
    return [
        Dossier(f"{province}-{day}-0001", 4, "024085001234", "0900000001", due),
        Dossier(f"{province}-{day}-0002", 5, "024085002345", "0900000002", due),
        Dossier(f"{province}-{day}-0003", 6, "024085003456", "0900000003", due, 150_000),
        Dossier(f"{province}-{day}-0004", 9, "024085004567", "0900000004", due),
        Dossier(f"{province}-{day}-0005", 10, "024085005678", "0900000005"),
        Dossier(f"{province}-{day}-0006", 2, "024085006789", "0900000006", due),
        Dossier(f"{commune}-{day}-0006", 9, "024085006789", "0900000006", due),
        Dossier(f"{commune}-{day}-0007", 3, "024085007890", "0900000007"),
    ]
