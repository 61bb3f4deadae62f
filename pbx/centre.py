"""The centre as people describe it: its hotline, its queues, its agents. One YAML file, read here and nowhere else."""

from pathlib import Path
from typing import Literal

import msgspec
import yaml

from ivr.problem import Problem
from pbx.callbacks import Rules
from pbx.favour import Favours
from pbx.gate import Limit

SHIPPED = Path(__file__).with_name("centre.yaml")
STRATEGIES = frozenset(
    ("ringall", "leastrecent", "fewestcalls", "random", "rrmemory", "linear", "wrandom", "rrordered")
)
"""How app_queue may choose who is rung."""
TAKEN = frozenset(("general", "base"))
"""Sections of queues.conf that are not queues."""


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A queue of callers. `name` is its id in Asterisk; times are seconds."""

    name: str
    title: str
    title_en: str
    service_level_s: int = 20
    max_wait_s: int = 300
    ring_s: int = 15
    retry_s: int = 2
    max_callers: int = 0
    strategy: str = "rrmemory"
    join_empty: bool = False
    """Let callers wait although no agent is signed in."""
    weight: int = 0
    """An agent of several queues takes from the heaviest first."""
    announce_s: int = 60
    """How often who waits is told of the wait; 0: never. At once when the place improves, but not within `announce_gap_s`."""
    announce_gap_s: int = 20
    record: bool = True
    """Keep the talk and its words. Who calls has been told so before; a line that keeps nothing says so here."""
    at_closing: Literal["offer", "serve"] = "offer"
    """Who still waits at closing time is offered a message or a callback, or is served as if it were open."""


class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person who answers. `extension` is also the SIP user; the interface is `PJSIP/<extension>`."""

    extension: str
    name: str
    queues: tuple[str, ...]

    @property
    def interface(self) -> str:
        return f"PJSIP/{self.extension}"


class Centre(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it. `general_queue` takes every caller whom nothing else can serve."""

    title: str
    office: str
    hotline: str
    general_queue: str
    queues: tuple[Queue, ...]
    agents: tuple[Agent, ...]
    favours: Favours = Favours()
    limit: Limit = Limit()
    callbacks: Rules = Rules()

    def queue(self, name: str) -> Queue | None:
        return next((q for q in self.queues if q.name == name), None)


def load_centre(path: Path = SHIPPED) -> Centre:
    """Read and check the file.

    Raises:
        Problem: it cannot be read, is not YAML, has an unknown or missing field, or names a queue that does not exist.
    """
    try:
        centre = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Centre)
    except OSError as e:
        raise Problem(
            f"Không đọc được tệp cấu hình trung tâm {path}: {e.strerror}. Hãy kiểm tra đường dẫn và quyền đọc.",
            f"Cannot read the centre file {path}: {e.strerror}. Check the path and its permissions.",
        ) from e
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as e:
        raise Problem(
            f"Tệp cấu hình trung tâm {path} sai: {e}. Hãy sửa chỗ đó; mẫu đúng là {SHIPPED}.",
            f"The centre file {path} is wrong: {e}. Correct it there; {SHIPPED} is a right example.",
        ) from e
    _check(centre, path)
    return centre


def _check(centre: Centre, path: Path) -> None:
    names = {q.name for q in centre.queues}
    wrong = [f"general_queue → {centre.general_queue}"] if centre.general_queue not in names else []
    wrong += [f"{a.extension} ({a.name}) → {q}" for a in centre.agents for q in a.queues if q not in names]
    wrong += [f"queue name «{n}»" for n in sorted(names) if not _is_name(n)]
    wrong += [f"{q.name}: strategy «{q.strategy}»" for q in centre.queues if q.strategy not in STRATEGIES]
    extensions = [a.extension for a in centre.agents]
    wrong += [f"extension «{number}»" for number in (*extensions, centre.hotline) if not _is_number(number)]
    # Asterisk reads past dashes in an extension: `a-b` and `ab` would be one queue.
    wrong += [f"«{twice}» × 2" for twice in _twice([n.replace("-", "") for n in (q.name for q in centre.queues)])]
    wrong += [f"«{twice}» × 2" for twice in _twice(extensions)]
    if wrong:
        listed = "; ".join(wrong)
        raise Problem(
            f"Tệp {path} nhắc đến hàng đợi không có hoặc đặt tên sai: {listed}. Hãy khai báo hoặc sửa tên.",
            f"{path} names queues that do not exist or wrong names: {listed}. Declare or correct them.",
        )


def _is_name(name: str) -> bool:
    """A single letter is one of the dialplan's own extensions: `s`, `t`, `T`, `h` …"""
    return len(name) > 1 and name.isascii() and name.replace("-", "").isalnum() and name not in TAKEN


def _is_number(number: str) -> bool:
    return number.isascii() and number.isdigit()


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
