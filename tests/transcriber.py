"""A process that only transcribes, for tests that kill it: `python -m tests.transcriber DIRECTORY`, ends when nothing is left to do."""

import sys
import threading
from pathlib import Path

from pbx.settings import Settings
from recordings.finishing import Finishing
from recordings.jobs import Jobs
from recordings.keyring import Keyring
from recordings.queries import Log
from recordings.shelf import Shelf
from recordings.speech import Recogniser
from recordings.tables import open_log


def open_shelf(place: Path) -> Shelf:
    """Sealed, below this directory, with its key beside it."""
    return Shelf(str(place / "recordings"), Keyring.open(place.with_name(f"{place.name}.key"), place))


def main(place: Path) -> None:
    settings = Settings(data_dir=place)
    engine = open_log(settings.database)
    log = Log(engine)
    done = threading.Event()

    def said(call_id: str) -> None:
        print(call_id, flush=True)
        if not log.without_transcript():
            done.set()

    finishing = Finishing(
        engine, place / "spool", settings.audio_dir, Recogniser(settings.speech_model), open_shelf(place)
    )
    jobs = Jobs(engine, f"sqlite:///{place / 'jobs.sqlite'}", finishing, said)
    jobs.start()
    print("started", flush=True)
    if log.without_transcript():
        done.wait()
    jobs.stop()
    engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
