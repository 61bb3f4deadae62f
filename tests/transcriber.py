"""A process that only transcribes, for tests that kill it: `python -m tests.transcriber DIRECTORY`, ends when nothing is left to do."""

import sys
import threading
from pathlib import Path

from pbx.settings import Settings
from recordings.jobs import Jobs
from recordings.queries import Log
from recordings.tables import open_log


def main(place: Path) -> None:
    settings = Settings(data_dir=place)
    engine = open_log(settings.database)
    log = Log(engine)
    done = threading.Event()

    def said(call_id: str) -> None:
        print(call_id, flush=True)
        if not log.without_transcript():
            done.set()

    jobs = Jobs(
        engine, f"sqlite:///{place / 'jobs.sqlite'}", place / "spool", settings.audio_dir, settings.speech_model, said
    )
    jobs.start()
    print("started", flush=True)
    if log.without_transcript():
        done.wait()
    jobs.stop()
    engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
