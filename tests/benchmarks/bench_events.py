"""Events per second through all of it: bytes -> messages -> events -> journal -> board, beside panoramisk's bare parser.

Both read the same bytes in turn, round by round, on one core, so that a noisy machine hurts them alike. Calls of the recorded streams are
multiplied under new ids, because a call that has ended is passed over. Counted are the AMI events in the stream.

    python -m tests.benchmarks.bench_events
"""

import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from panoramisk.ami_protocol import AMIProtocol

from pbx.ami.framing import Framer
from pbx.ami.translate import WANTED, translate
from pbx.asterisk.config import UNHEARD
from pbx.journal import Journal
from pbx.switchboard import Board

STREAMS = Path(__file__).parent.parent / "streams"
SCENARIOS = ("normal", "abandoned", "rna-then-other", "hold", "queue-timeout")
CHUNK = 16_384
ROUNDS = 7


def stream(calls: int, *, filtered: bool) -> bytes:
    """Many calls of the recorded scenarios, one after the other; `filtered` as our manager.conf sends them."""
    raw = [(STREAMS / f"{name}.ami").read_bytes() for name in SCENARIOS]
    bodies = [data[data.index(b"\r\n\r\n") + 4 :] for data in raw]
    if filtered:
        bodies = [_filtered(body) for body in bodies]
    numbered = itertools.islice(itertools.cycle(bodies), calls)
    renamed = (body.replace(b"ast1-1795", b"ast1-%d-1795" % number) for number, body in enumerate(numbered))
    return b"Asterisk Call Manager/11.0.0\r\n" + b"".join(renamed)


def _filtered(body: bytes) -> bytes:
    wanted = tuple(f"Event: {name}\r\n".encode() for name in WANTED - UNHEARD)
    return b"".join(m + b"\r\n\r\n" for m in body.split(b"\r\n\r\n") if m.startswith(wanted))


def chunks(data: bytes) -> list[bytes]:
    return [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]


def bare_panoramisk(pieces: list[bytes]) -> None:
    """Its parser and nothing behind it: messages are made and thrown away."""

    class Silent(AMIProtocol):
        def handle_message(self, message: object) -> None:
            pass

    protocol = Silent()
    protocol.connection_made(None)
    for piece in pieces:
        protocol.data_received(piece)


def framing_only(pieces: list[bytes]) -> None:
    framer = Framer(asked="")
    for piece in pieces:
        framer.feed(piece)


def everything(pieces: list[bytes]) -> None:
    framer, board = Framer(asked="", wanted=WANTED), Board()
    with tempfile.TemporaryDirectory() as place:
        journal = Journal(Path(place))
        journal.begin(0, None)
        for piece in pieces:
            events = [event for m in framer.feed(piece) if (event := translate(m, 0)) is not None]
            journal.append(events)
            for event in events:
                board.step(event)
        journal.close()
    assert len(board) == 0


def rate(run: Callable[[list[bytes]], None], pieces: list[bytes], events: int) -> float:
    begin = time.process_time()
    run(pieces)
    return events / (time.process_time() - begin)


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for title, filtered in (("all events of the stream", False), ("the events that our manager.conf sends", True)):
        data = stream(400 if filtered else 150, filtered=filtered)
        pieces, events = chunks(data), data.count(b"Event: ")
        runs = {
            "panoramisk, bare parser": bare_panoramisk,
            "ours, bare parser": framing_only,
            "ours, end to end": everything,
        }
        rates: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, run in runs.items():
                rates[name].append(rate(run, pieces, events))
        base = statistics.median(rates["panoramisk, bare parser"])
        print(f"{title}: {events} events, {len(data) / events:.0f} bytes each, median of {ROUNDS} rounds, one core")
        for name, seen in rates.items():
            middle = statistics.median(seen)
            print(
                f"  {name:<26} {middle:>10,.0f} events/s   x{middle / base:.2f}   [{min(seen):,.0f} – {max(seen):,.0f}]"
            )


if __name__ == "__main__":
    main()
