"""An empty call log for a test, once on SQLite and once on a real PostgreSQL: the same promise, so the same tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pbx.record import CallRecord
from recordings.store import keep_calls
from recordings.tables import open_log, writing


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'log.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = open_log(url)
    yield engine
    engine.dispose()


def keep(engine: sa.Engine, *records: CallRecord) -> None:
    with writing(engine) as connection:
        keep_calls(connection, records)
