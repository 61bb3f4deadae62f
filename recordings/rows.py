"""Rows of the call log -> records: the one way, for every reader."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from pbx.record import CallRecord
from recordings.tables import PARTS, calls

_CALL = [column for column in calls.c if column.name != "folded"]
_AT_ONCE = 500


def records_of(connection: sa.Connection, rows: Sequence[Any]) -> list[CallRecord]:
    """Rows of `calls` with all their parts, in the order given."""
    ids = [row[calls.c.call_id] for row in rows]
    parts = {name: _parts(connection, table, ids) for name, table in PARTS.items()}
    return [
        msgspec.convert(
            {str(c.name): row[c] for c in _CALL} | {name: found[row[calls.c.call_id]] for name, found in parts.items()},
            CallRecord,
        )
        for row in rows
    ]


def _parts(connection: sa.Connection, table: sa.Table, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Call -> its rows of this table in their order."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    columns = [column for column in table.c if column.name not in ("call_id", "position")]
    for first in range(0, len(ids), _AT_ONCE):
        query = sa.select(table).where(table.c.call_id.in_(ids[first : first + _AT_ONCE]))
        for row in connection.execute(query.order_by(table.c.call_id, table.c.position)).mappings():
            found[row["call_id"]].append({str(column.name): row[column.name] for column in columns})
    return found
