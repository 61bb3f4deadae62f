"""All benchmarks, one after the other: `python -m tests.benchmarks`."""

import subprocess
import sys

for name in ("bench_parser", "bench_events", "bench_speech", "bench_menu", "bench_wait"):
    print(f"\n== {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=True)
