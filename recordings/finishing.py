"""What is done with a call's audio after the call, step by step: kept, listened to, put into words, put away.

Each step may be broken off and repeated. It answers '' when it is done, else why not; an answer that begins with `!` says that trying
again is useless. Knows files and tables, not when and how often it is asked.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import sqlalchemy as sa

from recordings import opus
from recordings.audio import NO_AGENT, closed, keep, kept_path, open_audio
from recordings.labels import keep_topic
from recordings.masking import MASK, mask
from recordings.queries import CallDetail, Log
from recordings.sentinel import listen
from recordings.shelf import Kept, Shelf
from recordings.speech import Engine
from recordings.speed import Speed
from recordings.store import keep_put_away, keep_recording, keep_transcript
from recordings.timeline import quiet
from recordings.topics import Rules, classify, load_topics
from recordings.voices import keep_listening
from recordings.words import Word

HALF_DONE = "half-done-"
"""How the names of directories begin in which something is being made."""
AWAY = ("shelf", "gone")
"""Places of recordings that Asterisk's files are no part of any more."""
CLOSING_S = 10.0
"""How long Asterisk may take to close its files after a call; known: some milliseconds."""

Write = Callable[[Callable[[sa.Connection], None]], None]
"""Runs a write until the log has taken it."""
Pause = Callable[[float], None]
"""Waits so many seconds; raises when the service stops."""


class Finishing:
    """The steps, in this order: `keep_audio`, `listen`, `transcribe`, `put_away`. Several threads may share it."""

    def __init__(
        self, engine: sa.Engine, spool: Path, store: Path, ears: Engine, shelf: Shelf, topics: Rules | None = None
    ) -> None:
        self._log = Log(engine)
        self._engine = engine
        self._spool = spool
        self._store = store
        self._shelf = shelf
        self.ears = ears
        self.topics = topics or load_topics()
        self.speed = Speed()

    def tidy(self) -> None:
        """Remove what a run that was killed left half done: it is begun anew, and must not lie about."""
        self._store.mkdir(parents=True, exist_ok=True)
        for left in self._store.glob(f"{HALF_DONE}*"):
            shutil.rmtree(left, ignore_errors=True)
        for left in self._store.glob(".*.new"):
            left.unlink(missing_ok=True)

    # --- audio ------------------------------------------------------------------------------------------------

    def keep_audio(self, call_id: str, write: Write, pause: Pause) -> str:
        """From the two files that Asterisk left to one, once Asterisk has closed them."""
        found = self._call(call_id)
        if found.place in AWAY:
            return ""
        patience = time.monotonic() + CLOSING_S
        while not closed(self._spool, call_id) and time.monotonic() < patience:
            pause(0.1)
        kept = keep(self._spool, self._store, call_id)
        # A message has one voice, and nothing is wrong with that.
        flaws = tuple(flaw for flaw in kept.flaws if not (found.record.message and flaw == NO_AGENT))
        write(lambda c: keep_recording(c, call_id, round(kept.duration_s * 1000), flaws, _now_ms()))
        return ""

    def listen(self, call_id: str, write: Write, pause: Pause) -> str:
        """What is wrong with the voices, and who spoke how much."""
        found = self._call(call_id)
        if found.place in AWAY:
            return ""
        with open_audio(kept_path(self._store, call_id)) as audio:
            heard = listen(audio, quiet(found.record.stretches), found.flaws)
        write(lambda c: keep_listening(c, call_id, heard, _now_ms()))
        return ""

    # --- words ------------------------------------------------------------------------------------------------

    def transcribe(self, call_id: str, write: Write, pause: Pause) -> str:
        """Words, with personal numbers masked before they are stored; as they were said they lie sealed on the shelf alone."""
        found = self._call(call_id)
        if found.transcript_state == "done" and found.model == self.ears.name:
            return ""
        if found.place == "gone":
            return "!the recording is gone by the rules of retention"
        began = time.monotonic()
        with self._wav(found) as wav:
            heard = self.ears.transcribe(wav)
        self.speed.add(heard.duration_s, time.monotonic() - began)
        words, _ = mask(heard.words)
        if words != heard.words:
            self._shelf.put(words_name(call_id), msgspec.json.encode(heard.words))
        masked = msgspec.structs.replace(heard, words=words)
        topic = classify(found.record, words, self.topics)

        def keep(connection: sa.Connection) -> None:
            keep_transcript(connection, call_id, masked, _now_ms())
            keep_topic(connection, call_id, topic, _now_ms())

        write(keep)
        return ""

    # --- away -------------------------------------------------------------------------------------------------

    def put_away(self, call_id: str, write: Write, pause: Pause) -> str:
        """Compressed, with a checksum, sealed; the numbers that are masked in the words are silent in what is played. Audio without words
        cannot be silenced: it is an original, and nobody plays it alone, until it has words."""
        found = self._call(call_id)
        silences = tuple((w.start, w.end, w.channel) for w in found.words if w.word == MASK)
        done = found.transcript_state == "done"
        if found.place == "gone" or (found.place == "shelf" and not (done and (silences or found.play is None))):
            return ""
        with self._wav(found) as wav:
            play = self._put(wav, f"play/{call_id}.ogg", silences) if done else None
            kept = found.original if found.place == "shelf" else None
            original = kept or (self._put(wav, f"original/{call_id}.ogg", ()) if silences or not done else None)
        if original is not None and play is not None and not silences:
            original = None  # there is nothing in it that may not be heard
            self._shelf.delete(f"original/{call_id}.ogg")
        write(lambda c: keep_put_away(c, call_id, play, original))
        kept_path(self._store, call_id).unlink(missing_ok=True)
        return ""

    @contextmanager
    def _wav(self, found: CallDetail) -> Iterator[Path]:
        """What a recogniser and a compressor read: the file that is not put away yet, or what lies on the shelf unpacked for a while."""
        if found.place != "shelf":
            yield kept_path(self._store, found.record.call_id)
            return
        with tempfile.TemporaryDirectory(dir=self._store, prefix=HALF_DONE) as place:
            wav = Path(place, "again.wav")
            opus.decode(self.audio(found, original=True), wav)
            yield wav

    def _put(self, wav: Path, name: str, silences: Sequence[tuple[float, float, str]]) -> Kept:
        with tempfile.TemporaryDirectory(dir=self._store, prefix=HALF_DONE) as place:
            ogg = Path(place, "kept.ogg")
            opus.encode(wav, ogg, silences)
            return self._shelf.put(name, ogg.read_bytes())

    # --- to be heard ------------------------------------------------------------------------------------------

    def audio(self, found: CallDetail, *, original: bool = False) -> bytes:
        """Ogg Opus, both voices. The original only where the words were masked; else both are one.

        Raises:
            ShelfMissing, ShelfDamaged: it is not there, or not what was put there.
        """
        kept = (found.original or found.play) if original else found.play
        if kept is None:
            raise FileNotFoundError("nothing of this call may be played")
        return self._shelf.get(kept.name, kept)

    def original_words(self, found: CallDetail) -> tuple[Word, ...]:
        """As they were said; the stored ones where nothing was masked."""
        if not any(word.word == MASK for word in found.words):
            return found.words
        return msgspec.json.decode(self._shelf.get(words_name(found.record.call_id)), type=tuple[Word, ...])

    def _call(self, call_id: str) -> CallDetail:
        found = self._log.call(call_id)
        if found is None:
            raise ValueError("no such call")
        return found


def words_name(call_id: str) -> str:
    return f"original/{call_id}.json"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
