"""File -> menu. The only place that reads one; what it finds wrong it says with the place in the file."""

from collections.abc import Collection
from pathlib import Path

import msgspec
import yaml

from ivr.check import check
from ivr.menu import Menu
from ivr.problem import Problem

PROMPTS = Path(__file__).with_name("prompts")
SHIPPED = Path(__file__).with_name("menus") / "hotline.yaml"


def load_menu(path: Path, queues: Collection[str], prompts: Path = PROMPTS) -> Menu:
    """Read a menu and refuse one that could leave a caller stuck.

    `queues` are the names of the queues that exist; `prompts` holds a directory of audio for each language.

    Raises:
        Problem: unreadable, not YAML, or anything that `check` finds; it lists every finding.
    """
    menu = parse(_read(path), path.name)
    findings = check(menu, queues, audio_below(prompts, menu.languages))
    if findings:
        vi = "".join(f"\n  - {finding.vi}" for finding in findings)
        en = "".join(f"\n  - {finding.en}" for finding in findings)
        raise Problem(f"Cây thoại {path} chưa dùng được:{vi}", f"The menu {path} cannot be used:{en}")
    return menu


def parse(text: str, name: str = "menu") -> Menu:
    """The menu of a YAML text, not yet checked.

    Raises:
        Problem: it is not YAML, or a node has an unknown kind or field; names the line or the node.
    """
    try:
        return msgspec.convert(yaml.safe_load(text), Menu, strict=True)
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else "?"
        raise Problem(
            f"{name}, dòng {line}: không đúng YAML ({e.problem}). Hãy sửa thụt dòng hoặc dấu ở đó.",
            f"{name}, line {line}: not YAML ({e.problem}). Correct the indentation or the punctuation there.",
        ) from e
    except (yaml.YAMLError, msgspec.ValidationError) as e:
        raise Problem(
            f"{name}: {e}. Hãy sửa chỗ được nêu (các loại nút: play, language, menu, queue, hangup).",
            f"{name}: {e}. Correct the place named (kinds of node: play, language, menu, queue, hangup).",
        ) from e


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        reason = getattr(e, "strerror", None) or "not UTF-8"
        raise Problem(
            f"Không đọc được cây thoại {path}: {reason}. Hãy kiểm tra đường dẫn và quyền đọc, hoặc đặt SMARTPBX_MENU.",
            f"Cannot read the menu {path}: {reason}. Check the path and its permissions, or set SMARTPBX_MENU.",
        ) from e


def audio_below(prompts: Path, languages: Collection[str]) -> dict[str, frozenset[str]]:
    """For each language the sounds that exist, by the names that the menu uses: `smartpbx/welcome`."""
    return {
        language: frozenset(
            str(sound.relative_to(prompts / language).with_suffix("")) for sound in (prompts / language).rglob("*.wav")
        )
        for language in languages
    }
