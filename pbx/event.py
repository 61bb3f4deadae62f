"""The base of all events."""

import msgspec


class Event(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Base of all events; `at` is UTC milliseconds."""

    at: int
