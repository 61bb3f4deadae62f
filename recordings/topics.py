"""What a call is about, by rules that can be read: what was chosen in the menu, who answered, and what was said. Pure but for the file.

A saying counts when it was said as it is written; without diacritics it counts only where the words that were heard have none either,
because «dat» may be «đất» and «đạt» is not.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import yaml

from ivr.problem import Problem
from pbx.record import CallRecord
from recordings.spoken import tokens
from recordings.words import Word, fold

SHIPPED = Path(__file__).with_name("topics.yaml")
OTHER = "khac"
CHOSEN, SENT = 2.0, 1.0
"""Weight of a field that the caller chose in the menu, and of the queue that the call went to."""
MOST = 3
"""So often the same saying counts."""


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An administrative field."""

    title: str
    title_en: str
    queues: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


class Procedure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A procedure and what people say when they mean it."""

    field: str
    title: str
    says: tuple[str, ...]


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it; `khac` is the field of whatever nothing speaks for."""

    fields: Mapping[str, Field]
    procedures: Mapping[str, Procedure]


class Because(msgspec.Struct, frozen=True):
    """Why: `said` with the words and the second where they are heard first, `chosen` with the node, `sent` with the queue."""

    kind: str
    what: str
    times: int = 1
    at_s: float = 0.0


class Topic(msgspec.Struct, frozen=True):
    """`procedure` is '' when nothing told which."""

    field: str
    procedure: str
    score: float
    because: tuple[Because, ...]


def load_topics(path: Path = SHIPPED) -> Rules:
    """Read and check the file.

    Raises:
        Problem: it cannot be read, or a procedure belongs to no field or says nothing.
    """
    try:
        rules = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Rules)
    except (OSError, yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as e:
        raise Problem(
            f"Tệp chủ đề {path} sai hoặc không đọc được: {e}. Mẫu đúng là {SHIPPED}.",
            f"The file of topics {path} is wrong or cannot be read: {e}. {SHIPPED} is a right example.",
        ) from e
    wrong = [f"{name} → {p.field}" for name, p in rules.procedures.items() if p.field not in rules.fields or not p.says]
    if wrong or OTHER not in rules.fields:
        listed = "; ".join(wrong) or OTHER
        raise Problem(
            f"Tệp chủ đề {path}: {listed} không có lĩnh vực hoặc không có từ khoá.",
            f"{path}: {listed} has no field, or no sayings.",
        )
    return rules


def classify(record: CallRecord, words: Sequence[Word], rules: Rules) -> Topic:
    """What the call is most probably about. Of two alike the one that comes first in the rules."""
    heard = [(token, word.start) for word in words for token in tokens(word.word)]
    given = dict(_given(record, rules))
    best = Topic(OTHER, "", 0.0, ())
    for name, procedure in rules.procedures.items():
        said = tuple(_said(procedure, heard))
        if not said:
            continue
        because = (*said, *given.get(procedure.field, ()))
        score = sum(_weight(b) for b in because)
        if score > best.score:
            best = Topic(procedure.field, name, score, because)
    for name, because in given.items():
        score = sum(_weight(b) for b in because)
        if not best.procedure and score > best.score:
            best = Topic(name, "", score, because)
    return best


def _given(record: CallRecord, rules: Rules) -> Iterator[tuple[str, tuple[Because, ...]]]:
    steps = {step.partition(":")[0] for step in record.menu_path}
    for name, field in rules.fields.items():
        chosen = [Because("chosen", node) for node in field.nodes if node in steps][:1]
        sent = [Because("sent", record.queue)] if record.queue in field.queues else []
        if chosen or sent:
            yield name, (*chosen, *sent)


def _said(procedure: Procedure, heard: Sequence[tuple[str, float]]) -> Iterator[Because]:
    for saying in procedure.says:
        wanted, plain = _tokens(saying)
        found = [heard[at][1] for at in range(len(heard) - len(wanted) + 1) if _alike(heard, at, wanted, plain)]
        if found:
            yield Because("said", saying, min(len(found), MOST), round(found[0], 2))


def _alike(heard: Sequence[tuple[str, float]], at: int, wanted: Sequence[str], plain: Sequence[str]) -> bool:
    return all(heard[at + n][0] in (wanted[n], plain[n]) for n in range(len(wanted)))


@functools.cache
def _tokens(saying: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    wanted = tuple(tokens(saying))
    return wanted, tuple(map(fold, wanted))


def _weight(because: Because) -> float:
    match because.kind:
        case "said":
            return because.times * float(len(because.what.split()) ** 1.5)
        case "chosen":
            return CHOSEN
    return SENT
