"""How many events a second come out of the bytes: our framer beside panoramisk's own parser, in one run on one core.

    python -m tests.benchmarks.bench_parser [rounds]

The recorded streams, joined, in chunks of 64 KiB. panoramisk: its protocol's `data_received`, with no listener and its logger off,
so neither dispatch nor formatting is counted. Ours: every event taken apart and judged; and, as the service runs it, with
events that mean nothing to us framed and skipped. Rounds are interleaved so that a noisy machine is noisy for all; medians
are printed.
"""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from statistics import median

from panoramisk.ami_protocol import AMIProtocol

from pbx.ami.framing import Framer
from pbx.ami.translate import WANTED

STREAMS = Path(__file__).parent.parent / "streams"
CHUNK = 1 << 16
REPEAT = 4


class _Nobody:
    """What panoramisk calls its factory: takes events and does nothing."""

    save_stream = None

    def dispatch(self, event: object) -> None: ...

    def connection_lost(self, exc: object) -> None: ...


def streams() -> tuple[list[bytes], int]:
    """All recorded streams that panoramisk survives, in chunks, and how many messages they hold."""
    bodies = []
    for path in sorted(STREAMS.glob("*.ami")):
        if path.stem != "hostile-number":  # a repeated Event header makes panoramisk raise
            bodies.append(path.read_bytes().split(b"\r\n\r\n", 1)[1])
    data = b"".join(bodies) * REPEAT
    return [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)], data.count(b"\r\n\r\n")


def panoramisk(chunks: list[bytes]) -> None:
    protocol = AMIProtocol()
    protocol.queue, protocol.responses, protocol.factory = deque(), {}, _Nobody()
    protocol.version, protocol.closed, protocol.encoding = "11.0.0", False, "utf8"
    protocol.log = logging.Logger("off", logging.CRITICAL)
    for chunk in chunks:
        protocol.data_received(chunk)


def ours(chunks: list[bytes]) -> None:
    _frame(Framer(asked="x"), chunks)


def ours_wanted(chunks: list[bytes]) -> None:
    _frame(Framer(asked="x", wanted=WANTED), chunks)


def _frame(framer: Framer, chunks: list[bytes]) -> None:
    for chunk in chunks:
        framer.feed(chunk)
    assert not framer.quarantined, framer.quarantined


def measure(rounds: int) -> dict[str, float]:
    """Median events a second of each."""
    chunks, count = streams()
    parsers: dict[str, Callable[[list[bytes]], None]] = {
        "panoramisk": panoramisk,
        "ours": ours,
        "ours, wanted events only": ours_wanted,
    }
    rates: dict[str, list[float]] = {name: [] for name in parsers}
    for _ in range(rounds):
        for name, parse in parsers.items():
            begun = time.perf_counter()
            parse(chunks)
            rates[name].append(count / (time.perf_counter() - begun))
    return {name: median(some) for name, some in rates.items()}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    rates = measure(rounds)
    for name, rate in rates.items():
        print(f"{name:26} {rate:10,.0f} events/s   {rate / rates['panoramisk']:5.2f} x")


if __name__ == "__main__":
    main()
