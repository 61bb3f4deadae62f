"""The part of the command line that needs no telephone: menus, prompts, opening hours. Only `pbx.cli` imports it."""

import datetime
import json
from pathlib import Path
from typing import Annotated

import typer

from ivr import draw, publish, voice
from ivr.hours import ZONE
from ivr.hours_file import load_hours
from ivr.hours_words import describe
from ivr.load import load_menu
from ivr.menu import Menu
from ivr.problem import Problem
from ivr.schema import schema
from ivr.walk import walk
from pbx.asterisk.provision import provision
from pbx.centre import load_centre
from pbx.settings import Settings, read_settings

menus = typer.Typer(no_args_is_help=True, help="Cây thoại / the menu.")
prompts = typer.Typer(no_args_is_help=True, help="Lời thoại / the prompts.")
hours = typer.Typer(no_args_is_help=True, help="Giờ làm việc / opening hours.")

File = Annotated[Path | None, typer.Argument(help="Mặc định: cây đang dùng / default: the menu in use.")]


def _queues(settings: Settings) -> set[str]:
    return {queue.name for queue in load_centre(settings.centre).queues}


def _load(file: Path | None, *, whole: bool = False) -> tuple[Path, Menu]:
    settings = read_settings()
    path = file or settings.menu_file
    return path, load_menu(path, _queues(settings), settings.prompts_dir, whole=whole)


# --- menu -------------------------------------------------------------------------------------------------------------


@menus.command("check")
def menu_check(file: File = None) -> None:
    """Tìm chỗ người gọi có thể bị kẹt, phím sai lời / find where a caller could get stuck, and keys that are not as said."""
    path, menu = _load(file, whole=True)
    print(f"{path}: {len(menu.nodes)} nút, không có lỗi / no findings")


@menus.command("draw")
def menu_draw(file: File = None) -> None:
    """Vẽ cây thoại dạng Mermaid / the menu as a Mermaid graph."""
    print(draw.mermaid(_load(file)[1]))


@menus.command("try")
def menu_try(
    file: File = None,
    closed: Annotated[bool, typer.Option("--closed", help="Như khi hết giờ / as when closed.")] = False,
) -> None:
    """Đi thử cây thoại bằng bàn phím / walk the menu at the keyboard."""
    _, menu = _load(file)
    walk(menu, voice.sentences(read_settings().prompts_dir), _ask, print, is_open=not closed)


def _ask(prompt: str) -> str:
    try:
        return input(prompt)
    except EOFError:
        return "q"


@menus.command("publish")
def menu_publish(file: Path, by: str = "") -> None:
    """Công bố một cây thoại: cuộc gọi mới dùng ngay, cuộc đang gọi đi nốt bản cũ / new calls meet it at once."""
    settings = read_settings()
    version = publish.publish(file, settings.menus_dir, _queues(settings), settings.prompts_dir, by)
    print(f"Đã công bố bản {version.number} / published version {version.number}: {version.digest[:12]}")


@menus.command("undo")
def menu_undo() -> None:
    """Trở về bản trước / back to the version before."""
    version = publish.undo(read_settings().menus_dir)
    print(f"Đang dùng bản {version.number} / version {version.number} is in force: {version.name}")


@menus.command("versions")
def menu_versions() -> None:
    """Các bản đã công bố / what was published."""
    store = read_settings().menus_dir
    now = publish.current(store)
    for version in publish.versions(store):
        at = datetime.datetime.fromtimestamp(version.at / 1000, ZONE)
        mark = "●" if now == version else "✗" if not publish.is_good(store, version) else " "
        print(
            f"{mark} {version.number:>4}  {at:%d/%m/%Y %H:%M:%S}  {version.digest[:12]}  {version.name}  {version.by}"
        )


@menus.command("schema")
def menu_schema() -> None:
    """JSON schema cho trình soạn thảo / the JSON schema for editors."""
    print(json.dumps(schema(), ensure_ascii=False, indent=1))


# --- prompts ----------------------------------------------------------------------------------------------------------


@prompts.command("build")
def prompts_build() -> None:
    """Đọc bằng giọng máy những câu chưa có bản thu / speak the sentences that nobody has recorded."""
    settings = read_settings()
    made = voice.build(settings.prompts_dir, provision(settings, print).espeak())
    print(f"{len(made)} tệp mới / new files" + "".join(f"\n  {name}" for name in made))


@prompts.command("check")
def prompts_check() -> None:
    """Đo độ to, vỡ tiếng, khoảng lặng, độ dài / measure level, clipping, silence, length."""
    found = voice.check(read_settings().prompts_dir)
    for line in found:
        print(line)
    if found:
        raise Problem(f"{len(found)} lời thoại cần sửa.", f"{len(found)} prompts need mending.")
    print("Mọi lời thoại đều đạt / all prompts are well")


@prompts.command("list")
def prompts_list() -> None:
    """Mọi câu hệ thống có thể nói / everything the system can say."""
    for one in voice.listing(read_settings().prompts_dir):
        print(f"{one.language}  {one.source:<11} {one.seconds:>5.1f} s  {one.name:<34} {one.text}")


# --- hours ------------------------------------------------------------------------------------------------------------


@hours.command("at")
def hours_at(moment: str, queue: str = "") -> None:
    """Lúc đó mở hay đóng, người gọi nghe gì / open or closed then, and what a caller would hear: 2027-02-06T08:00."""
    settings = read_settings()
    try:
        local = datetime.datetime.fromisoformat(moment)
    except ValueError as e:
        raise Problem(
            f"«{moment}» không phải thời điểm có thật. Hãy viết như 2027-02-06T08:00 (giờ Việt Nam).",
            f"«{moment}» is no moment. Write it like 2027-02-06T08:00 (Vietnamese time).",
        ) from e
    local = local if local.tzinfo else local.replace(tzinfo=ZONE)
    queues = _queues(settings)
    if queue and queue not in queues:
        raise Problem(
            f"Không có hàng đợi «{queue}»; có: {', '.join(sorted(queues))}.",
            f"There is no queue «{queue}»; there are {', '.join(sorted(queues))}.",
        )
    calendar = load_hours(settings.hours, queues, local.date())
    texts = voice.sentences(settings.prompts_dir)["vi"]
    print(describe(calendar, int(local.timestamp() * 1000), queue, texts))
