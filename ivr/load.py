"""File -> menu. The only place that reads one; what it finds wrong it says with the place in the file."""

from collections.abc import Collection
from pathlib import Path

import msgspec
import yaml

from ivr.check import check, check_all
from ivr.lines import lines_of, written_twice
from ivr.menu import Menu, Node
from ivr.problem import Problem
from ivr.voice import sentences

PROMPTS = Path(__file__).with_name("prompts")
SHIPPED = Path(__file__).with_name("menus") / "hotline.yaml"


def load_menu(path: Path, queues: Collection[str], prompts: Path = PROMPTS, *, whole: bool = False) -> Menu:
    """Read a menu and refuse one that could leave a caller stuck; `whole`: one that may not be published, too.

    `queues` are the names of the queues that exist; `prompts` holds the texts, and a directory of audio for each language.

    Raises:
        Problem: unreadable, not YAML, or anything that `check` finds; it lists every finding with its line.
    """
    text = _read(path)
    menu = parse(text, path.name)
    audio = audio_below(prompts, menu.languages)
    findings = check_all(menu, queues, audio, texts_of(prompts)) if whole else check(menu, queues, audio)
    if findings:
        lines = lines_of(text, "nodes")
        vi = "".join(f"\n  - {path.name}, dòng {lines.get(f.node, 1)}: {f.vi}" for f in findings)
        en = "".join(f"\n  - {path.name}, line {lines.get(f.node, 1)}: {f.en}" for f in findings)
        raise Problem(f"Cây thoại {path} chưa dùng được:{vi}", f"The menu {path} cannot be used:{en}")
    return menu


def parse(text: str, name: str = "menu") -> Menu:
    """The menu of a YAML text, not yet checked.

    Raises:
        Problem: it is not YAML, has a name twice, or a node has an unknown kind or field; names the line or the node.
    """
    try:
        for twice, first, second in written_twice(text):
            raise Problem(
                f"{name}, dòng {second}: «{twice}» đã có ở dòng {first}. Hãy đổi tên hoặc bỏ một chỗ.",
                f"{name}, line {second}: «{twice}» stands in line {first} already. Rename or remove one of them.",
            )
        return msgspec.convert(yaml.safe_load(text), Menu, strict=True)
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else "?"
        raise Problem(
            f"{name}, dòng {line}: không đúng YAML ({e.problem}). Hãy sửa thụt dòng hoặc dấu ở đó.",
            f"{name}, line {line}: not YAML ({e.problem}). Correct the indentation or the punctuation there.",
        ) from e
    except (yaml.YAMLError, msgspec.ValidationError) as e:
        where, en = _where(text, str(e))
        raise Problem(
            f"{name}{where}: {e}. Hãy sửa chỗ được nêu; các loại nút và mục có trong menu.schema.json.",
            f"{name}{en}: {e}. Correct the place named; the kinds of node and their fields are in menu.schema.json.",
        ) from e


def _where(text: str, message: str) -> tuple[str, str]:
    """The line of the node that a message is about: of the first one that cannot be read by itself."""
    try:
        nodes = yaml.safe_load(text)["nodes"]
        lines = lines_of(text, "nodes")
        for name, node in nodes.items():
            try:
                msgspec.convert(node, Node, strict=True)
            except msgspec.ValidationError:
                return f", dòng {lines[name]}, nút «{name}»", f", line {lines[name]}, node «{name}»"
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        pass
    return "", ""


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        reason = getattr(e, "strerror", None) or "not UTF-8"
        raise Problem(
            f"Không đọc được cây thoại {path}: {reason}. Hãy kiểm tra đường dẫn và quyền đọc, hoặc đặt SMARTPBX_MENU.",
            f"Cannot read the menu {path}: {reason}. Check the path and its permissions, or set SMARTPBX_MENU.",
        ) from e


def audio_below(prompts: Path, languages: Collection[str]) -> dict[str, dict[str, float]]:
    """For each language the sounds that exist, by the names that the menu uses (`smartpbx/welcome`), and their length in seconds."""
    return {
        language: {
            str(sound.relative_to(prompts / language).with_suffix("")): max(0, sound.stat().st_size - 44) / 16_000
            for sound in (prompts / language).rglob("*.wav")
        }
        for language in languages
    }


def texts_of(prompts: Path) -> dict[str, dict[str, str]]:
    """Language -> prompt -> text, of the sentences of the pack; nothing where there are no texts."""
    return {
        language: {name.removeprefix("smartpbx/"): text for name, text in spoken.items()}
        for language, spoken in sentences(prompts).items()
    }
