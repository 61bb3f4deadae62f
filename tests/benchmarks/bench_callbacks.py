"""100,000 random lives of the callback desk, each checked after every step: `python -m tests.benchmarks.bench_callbacks [lives]`."""

import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.callback_walk import walk

STEPS = 40
SHARE = 500


def lives(first: int) -> Counter[str]:
    """So many lives from this seed on; what they came to."""
    found: Counter[str] = Counter()
    for seed in range(first, first + SHARE):
        life = walk(seed, STEPS)
        found.update(callback.state.value for callback in life.final.values())
        found.update(
            booked=len(life.booked), dialled=len(life.dialled), twice=len(life.dialled) - len(set(life.dialled))
        )
    return found


def main(count: int) -> None:
    began, total = time.perf_counter(), Counter[str]()
    with ProcessPoolExecutor(2) as pool:
        for found in pool.map(lives, range(1_000_000, 1_000_000 + count, SHARE)):
            total.update(found)
    seconds = time.perf_counter() - began
    print(f"{count:,} lives of {STEPS} steps in {seconds:.0f} s: every rule held after every step")
    print("  ".join(f"{name} {n:,}" for name, n in sorted(total.items())))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
