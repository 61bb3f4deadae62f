"""Reads the witnesses' files from where the last reading ended. What they say is `pbx.witnesses`'s to tell.

The files are Asterisk's own and are only read. CEL lies in an SQLite database in WAL mode: in any other mode our reading would make
Asterisk lose rows.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pbx import events as e
from pbx.witnesses import CelRow, QueueLine, parse_queue_log, story

log = logging.getLogger(__name__)

OVERLAP_MS = 2000
"""How far before the last heard event the reading begins: queue_log knows whole seconds only."""
SKEW_MS = 50
"""How far CEL and AMI date the same thing apart."""

_COLUMNS = (
    "eventtime, eventtype, userdeftype, uniqueid, linkedid, channame, cid_num, cid_name, context, exten, appname, extra"
)


class Ledger:
    """Both files of one Asterisk. `interfaces`: agent's name -> phone."""

    def __init__(self, cel: Path, queue_log: Path, interfaces: Mapping[str, str]) -> None:
        self._cel = cel
        self._queue_log = queue_log
        self._interfaces = interfaces

    def read(self, since: int, last: e.LedgerRead | None) -> tuple[list[e.AnyEvent], e.LedgerRead]:
        """What happened since that moment (UTC ms; 0 for everything), and how far was read. Blocks: call it in a thread."""
        begin = since - OVERLAP_MS if since else 0
        rows, cel_id = self._rows(begin, last.cel_id if last else 0)
        lines, offset = self._lines(begin // 1000, last.queue_log_offset if last else 0)
        events = [event for event in story(rows, lines, self._interfaces) if event.at >= since - SKEW_MS]
        return events, e.LedgerRead(max([since, *(event.at for event in events)]), cel_id, offset)

    def _rows(self, begin: int, after: int) -> tuple[list[CelRow], int]:
        if not self._cel.exists():
            return [], after
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self._cel}?mode=ro", uri=True, timeout=5)) as db:
                newest = db.execute("SELECT coalesce(max(AcctId), 0) FROM cel").fetchone()[0]
                after = after if after <= newest else 0  # a fresh file after a reinstall
                found = db.execute(f"SELECT {_COLUMNS} FROM cel WHERE AcctId > ? ORDER BY AcctId", (after,)).fetchall()  # noqa: S608
        except sqlite3.Error:
            log.exception("cel_read_failed")
            return [], after
        rows = [CelRow(_moment(str(first)), *(str(value or "") for value in rest)) for first, *rest in found]
        return [row for row in rows if row.at >= begin], newest

    def _lines(self, begin_s: int, offset: int) -> tuple[list[QueueLine], int]:
        try:
            with self._queue_log.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(offset if offset <= size else 0)
                data = file.read()
                whole = data[: data.rfind(b"\n") + 1]
                offset = file.tell() - len(data) + len(whole)
        except OSError:
            return [], offset
        lines = parse_queue_log(whole.decode("utf-8", "replace"))
        return [line for line in lines if line.second >= begin_s], offset


def _moment(text: str) -> int:
    """CEL's `eventtime`: epoch seconds with a fraction, or a UTC date and time; 0 when it is neither."""
    try:
        return int(float(text) * 1000)
    except ValueError:
        pass
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return 0
