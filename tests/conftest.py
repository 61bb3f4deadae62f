"""Fixtures that several tests share."""

from tests.postgres_fixture import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]
