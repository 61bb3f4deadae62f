"""What people say was really said: kept beside what the machine heard, never over it; and how well the machine hears by their word.

A turn is corrected as a whole. Confirming it unchanged counts too: it is as much evidence as an error.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import jiwer
import msgspec
import sqlalchemy as sa

from ivr.problem import Problem
from recordings import audit
from recordings.masking import mask_text
from recordings.spoken import keep_spoken, tokens
from recordings.tables import calls, metadata, transcripts, writing
from recordings.words import Turn, Word, turns

corrections = sa.Table(
    "corrections", metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("turn", sa.Integer, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("heard", sa.Text, nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("corrections_by_time", "at"),
)  # fmt: skip
"""A row a corrected turn of a transcript; another model's transcript has turns of its own."""

LONGEST = 2_000
"""Characters of a turn."""
ENOUGH = 200
"""Words below which no rate is told."""
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


class Quality(msgspec.Struct, frozen=True):
    """How well one side of a line was heard in a month (`2026-11`), by what people corrected. `wer` is None below `ENOUGH` words."""

    month: str
    line: str
    channel: str
    turns: int
    words: int
    errors: int

    @property
    def wer(self) -> float | None:
        return self.errors / self.words if self.words >= ENOUGH else None


def corrected(engine: sa.Engine, call_id: str, model: str) -> Mapping[int, str]:
    """Turn -> what was said, as far as somebody has corrected the transcript of this model."""
    mine = sa.and_(corrections.c.call_id == call_id, corrections.c.model == model)
    with engine.connect() as connection:
        return {row.turn: row.said for row in connection.execute(sa.select(corrections).where(mine))}


def correct(engine: sa.Engine, call_id: str, turn: int, shown: str, said: str, who: str, at: int) -> None:
    """Keep what was said in a turn, in place of the text that was `shown` to who corrects it.

    Raises:
        Problem: no such turn, nothing or too much was said, or somebody else corrected it meanwhile.
    """
    said = mask_text(" ".join(unicodedata.normalize("NFC", said).replace("\0", " ").split()))
    if not said or len(said) > LONGEST:
        raise Problem(
            f"Lời đã sửa cần từ 1 đến {LONGEST} ký tự. Hãy viết lại.",
            f"A correction has 1 to {LONGEST} characters. Write it again.",
        )
    with writing(engine) as connection:
        known = connection.execute(sa.select(transcripts).where(transcripts.c.call_id == call_id)).mappings().first()
        heard = turns(msgspec.convert(known["words"], tuple[Word, ...])) if known is not None else ()
        if known is None or not 0 <= turn < len(heard):
            raise Problem(
                "Không có lượt lời này nữa. Hãy tải lại trang.", "There is no such turn any more. Load the page again."
            )
        mine = sa.and_(corrections.c.call_id == call_id, corrections.c.model == known["model"])
        before = {row.turn: row.said for row in connection.execute(sa.select(corrections).where(mine))}
        if " ".join(shown.split()) != before.get(turn, heard[turn].text):
            raise Problem(
                "Có người vừa sửa lượt lời này. Hãy tải lại trang để xem rồi sửa tiếp.",
                "Somebody has corrected this turn meanwhile. Load the page again before you go on.",
            )
        connection.execute(corrections.delete().where(mine, corrections.c.turn == turn))
        row = {
            "call_id": call_id, "model": known["model"], "turn": turn, "channel": heard[turn].channel, "heard": heard[turn].text,
            "said": said, "who": who, "at": at,
        }  # fmt: skip
        connection.execute(corrections.insert(), [row])
        _index(connection, call_id, heard, {**before, turn: said})
        audit.add(connection, who, "correct", call_id, f"turn {turn}")


def _index(connection: sa.Connection, call_id: str, heard: Sequence[Turn], said: Mapping[int, str]) -> None:
    """Let the call be found by what was really said."""
    words = [word for n, turn in enumerate(heard) for word in (_spread(turn, said[n]) if n in said else turn.words)]
    arrived_at = connection.execute(sa.select(calls.c.arrived_at).where(calls.c.call_id == call_id)).scalar_one()
    keep_spoken(connection, call_id, arrived_at, words)


def _spread(turn: Turn, said: str) -> list[Word]:
    """Corrected words have no times of their own: they share the turn's."""
    spoken = said.split()
    step = (turn.end - turn.start) / len(spoken)
    return [
        Word(w, turn.start + n * step, turn.start + (n + 1) * step, 1.0, turn.channel) for n, w in enumerate(spoken)
    ]


def quality(engine: sa.Engine, start: int, end: int) -> list[Quality]:
    """By month, line and side, of turns that were corrected in [start, end), UTC ms; the latest month first."""
    query = sa.select(corrections, calls.c.dialled, calls.c.arrived_at).join(
        calls, calls.c.call_id == corrections.c.call_id
    )
    with engine.connect() as connection:
        rows = connection.execute(query.where(corrections.c.at >= start, corrections.c.at < end)).all()
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        month = datetime.fromtimestamp(row.arrived_at / 1000, ZONE).strftime("%Y-%m")
        found[month, row.dialled, row.channel].append((_plain(row.said), _plain(row.heard)))
    made = [_measured(*key, pairs) for key, pairs in found.items()]
    return sorted(made, key=lambda q: (q.month, q.line, q.channel), reverse=True)


def _measured(month: str, line: str, channel: str, pairs: Sequence[tuple[str, str]]) -> Quality:
    spoken = [(said, heard) for said, heard in pairs if said]
    told = jiwer.process_words([said for said, _ in spoken], [heard for _, heard in spoken]) if spoken else None
    errors = told.substitutions + told.deletions + told.insertions if told else 0
    return Quality(month, line, channel, len(spoken), sum(len(said.split()) for said, _ in spoken), errors)


def _plain(text: str) -> str:
    return " ".join(tokens(text))
