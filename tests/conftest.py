"""Fixtures that several tests share."""

from tests.call_logs import engine, url
from tests.postgres_fixture import postgres, postgres_url
from tests.s3_fixture import s3

__all__ = ["engine", "postgres", "postgres_url", "s3", "url"]
