"""How much room recordings have left. Pure."""

import msgspec

LOW, FULL = 0.10, 0.03
"""Shares of the disk, or of the quota, that are left."""
RESERVE = 1 << 30
"""So many bytes are left to the telephone and its log in any case."""


class Room(msgspec.Struct, frozen=True):
    """Bytes. `total` 0: nobody can tell. `level`: ok, low or full. `days_left` at the use of the last days; None: not known."""

    used: int
    free: int
    total: int
    quota: int
    level: str
    days_left: float | None = None


def judge(used: int, free: int, total: int, quota: int) -> Room:
    """`free` and `total` of the disk; `quota` 0: none."""
    shares = [(free - RESERVE) / total] if total else []
    if quota:
        free = min(free, max(0, quota - used)) if total else max(0, quota - used)
        shares.append((quota - used) / quota)
    left = min(shares, default=1.0)
    level = "full" if left <= FULL else "low" if left <= LOW else "ok"
    return Room(used, free, total, quota, level)
