"""Fixtures that several tests share."""

from tests.call_logs import engine, url
from tests.postgres_fixture import postgres, postgres_url

__all__ = ["engine", "postgres", "postgres_url", "url"]
