"""So many recordings are put into words while the worker and its recogniser are killed at random moments:
`python -m tests.benchmarks.bench_kills [200]`. Each must have exactly one transcript and lie on the shelf once."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pbx.settings import HOUSE
from recordings.queries import Log
from recordings.store import keep_calls
from recordings.tables import open_log, writing
from tests.calls import call
from tests.transcriber import open_shelf

SPEECH = Path(__file__).parent.parent / "speech"


def main(count: int) -> None:
    at_random = random.Random(1022)
    clips = sorted(SPEECH.glob("t*.wav"))
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, "work")
        (place / "spool").mkdir(parents=True)
        engine = open_log(f"sqlite:///{place / 'smartpbx.sqlite'}")
        log = Log(engine)
        for number in range(count):
            record = call(number, recorded=True)
            for side in ("caller", "agent"):
                shutil.copy(at_random.choice(clips), place / "spool" / f"{record.call_id}-{side}.wav")
            with writing(engine) as connection:
                keep_calls(connection, [record])
        began, kills, child_kills = time.monotonic(), 0, 0
        while log.unfinished():
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.transcriber", place], stdout=subprocess.DEVNULL, cwd=HOUSE
            )
            try:
                if at_random.random() < 0.4:
                    time.sleep(at_random.uniform(2, 5))
                    child_kills += _kill_children(worker.pid)
                worker.wait(at_random.uniform(1, 12))
            except subprocess.TimeoutExpired:
                worker.kill()
                kills += 1
            worker.wait()
        took = time.monotonic() - began
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT call_id, state FROM transcripts").all()
        done = sum(state == "done" for _, state in rows)
        shelf = open_shelf(place)
        found = [log.call(call_id) for call_id, _ in rows]
        whole = sum(d is not None and d.play is not None and bool(shelf.get(d.play.name, d.play)) for d in found)
        subprocess.run(
            [sys.executable, "-m", "tests.transcriber", place], stdout=subprocess.DEVNULL, cwd=HOUSE, check=True
        )
        left = len(list((place / "spool").iterdir())) + len(list((place / "audio").iterdir()))
        print(f"{count} recordings in {took:.0f} s, worker killed {kills} times, recogniser {child_kills} times")
        print(
            f"transcripts: {len(rows)} ({done} done, {len(rows) - done} given up); whole on the shelf: {whole}; files left over: {left}"
        )
        engine.dispose()


def _kill_children(pid: int) -> int:
    """Linux lists children by the thread that began them."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for children in tasks for child in children.read_text().split()]
    for child in found:
        os.kill(child, signal.SIGKILL)
    return len(found)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
