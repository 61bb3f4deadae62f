"""How many personal numbers are found, of those that people read out and of those that a recogniser heard:
`python -m tests.benchmarks.bench_masking [10000] [150]`."""

import random
import sys
import tempfile
import time
from pathlib import Path

from recordings.masking import find, mask
from tests.heard_numbers import spoken_and_heard
from tests.said_numbers import harmless, number


def main(many: int, spoken: int) -> None:
    at_random = random.Random(1023)
    said = [number(at_random) for _ in range(many)]
    plain = [harmless(at_random) for _ in range(many)]
    hit = 0
    for one in said:
        covered = {index for run in find(one.timed(at_random)) for index in range(run.first, run.last + 1)}
        hit += one.secret <= covered
    wrong = sum(bool(find(one.timed(at_random))) for one in plain)
    print(f"{many} numbers read out: recall {hit / many:.2%}; {many} harmless sentences: {wrong} masked; "
          f"precision {hit / max(1, hit + wrong):.2%}")  # fmt: skip
    talk = [word for one in said[:5000] for word in one.timed(at_random)]
    began = time.perf_counter()
    mask(talk)
    print(f"{len(talk) / (time.perf_counter() - began):,.0f} words a second")
    with tempfile.TemporaryDirectory() as place:
        heard = spoken_and_heard(spoken, Path(place))
    secret, others = [h for h in heard if h.secret], [h for h in heard if not h.secret]
    clean = sum(h.left == 0 for h in secret)
    print(f"{len(secret)} spoken by a synthetic voice and heard by the shipped model: nothing left of {clean} ({clean / len(secret):.1%}), "
          f"{sum(h.left for h in secret)} words for digits left in all; "
          f"harmless and masked: {sum(h.masked for h in others)} of {len(others)}")  # fmt: skip
    for h in secret:
        if h.left:
            print(f"  said:  {h.said}\n  heard: {h.heard}")


if __name__ == "__main__":
    sizes = [int(argument) for argument in sys.argv[1:]]
    main(sizes[0] if sizes else 10_000, sizes[1] if len(sizes) > 1 else 150)
