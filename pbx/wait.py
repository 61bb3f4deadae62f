"""The told wait. Pure."""

import msgspec


class Told(msgspec.Struct, frozen=True):
    """What a caller was told."""

    at: int
    queue: str
    ahead: int
    serving: int
    low_s: int | None
    high_s: int | None
    why: str = ""


class WaitModel:
    """Fed by the switchboard."""

    def serving(self, queue: str, at: int, agents: int) -> None: ...

    def joined(self, queue: str, call_id: str, at: int) -> None: ...

    def connected(self, queue: str, call_id: str, at: int) -> None: ...

    def left(self, queue: str, call_id: str, at: int) -> None: ...

    def finished(self, queue: str, at: int, handle_ms: int) -> None: ...

    def estimate(self, queue: str, call_id: str, at: int, ahead: int, waited_ms: int) -> Told:
        return Told(at, queue, ahead, 0, None, None)

    def told(self, call_id: str, told: Told) -> None: ...
