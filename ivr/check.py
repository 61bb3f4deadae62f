"""Finds what would leave a caller stuck, silent or lost, before it is published. Pure: what exists is handed in."""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from ivr import menu as m
from ivr.spoken import sound
from ivr.ways import targets


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong with a node, and its cure, for people and for logs."""

    node: str
    vi: str
    en: str


def check(menu: m.Menu, queues: Collection[str], audio: Mapping[str, Collection[str]]) -> list[Finding]:
    """Everything wrong with a menu; an empty list means that it may be published.

    `audio`: for each language the sounds that exist. A menu without findings cannot leave a caller stuck: every node leads on, every
    question has a way out, and a person can be reached from everywhere.
    """
    return [*_whole(menu), *_each(menu, queues, audio), *_reach(menu)]


def _whole(menu: m.Menu) -> Iterator[Finding]:
    if not menu.languages:
        yield Finding(
            "", "languages: chưa khai báo ngôn ngữ nào, hãy thêm ít nhất vi", "languages: none, add at least vi"
        )
    for field, name in (("start", menu.start), ("person", menu.person)):
        if name not in menu.nodes:
            yield Finding(
                name, f"{field}: không có nút «{name}», hãy khai báo hoặc sửa tên",
                f"{field}: there is no node «{name}», declare it or correct the name",
            )  # fmt: skip
    if menu.person in menu.nodes and not isinstance(menu.nodes[menu.person], m.Enqueue):
        yield Finding(
            menu.person, f"person: nút «{menu.person}» phải thuộc loại queue để gặp được người thật",
            f"person: node «{menu.person}» must be of kind queue, so that a person is reached",
        )  # fmt: skip


def _each(menu: m.Menu, queues: Collection[str], audio: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    for name, node in menu.nodes.items():
        for target in dict.fromkeys(targets(menu, name)):
            if target not in menu.nodes:
                shown = target or "(trống)"
                yield Finding(
                    name, f"nút «{name}» dẫn tới nút không có «{shown}», hãy khai báo hoặc sửa tên",
                    f"node «{name}» leads to «{target}», which does not exist: declare it or correct the name",
                )  # fmt: skip
        yield from _keys(name, node, menu)
        if isinstance(node, m.Enqueue) and not node.queue.startswith("$") and node.queue not in queues:
            yield Finding(
                name, f"nút «{name}» chuyển tới hàng đợi không có «{node.queue}», hãy chọn một trong: {', '.join(sorted(queues))}",
                f"node «{name}» sends to queue «{node.queue}», which does not exist: choose one of {', '.join(sorted(queues))}",
            )  # fmt: skip
        yield from _sounds(name, node, menu, audio)


def _keys(name: str, node: m.Node, menu: m.Menu) -> Iterator[Finding]:
    if not isinstance(node, m.Language | m.Choice):
        return
    if not node.keys:
        yield Finding(name, f"nút «{name}» không có phím nào, hãy thêm keys", f"node «{name}» binds no key, add keys")
    if not node.prompts:
        yield Finding(
            name, f"nút «{name}» hỏi mà không nói gì, hãy thêm prompts", f"node «{name}» asks in silence, add prompts"
        )
    for key, meaning in node.keys.items():
        if key not in m.KEYS:
            yield Finding(
                name,
                f"nút «{name}»: «{key}» không phải một phím (0–9, *, #)",
                f"node «{name}»: «{key}» is not a key (0–9, *, #)",
            )
        if isinstance(node, m.Language) and meaning not in menu.languages:
            yield Finding(
                name, f"nút «{name}»: ngôn ngữ «{meaning}» chưa có trong languages",
                f"node «{name}»: language «{meaning}» is not in languages",
            )  # fmt: skip


def _sounds(name: str, node: m.Node, menu: m.Menu, audio: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    prompts = list(node.prompts)
    if isinstance(node, m.Asking):
        prompts += [*node.again, *node.silence_prompts, *node.wrong_prompts]
    for language in menu.languages:
        for prompt in dict.fromkeys(prompts):
            if not prompt.startswith("$") and sound(prompt) not in audio.get(language, ()):
                yield Finding(
                    name, f"nút «{name}» cần lời thoại «{prompt}» tiếng {language}, chưa có tệp {language}/{sound(prompt)}.wav",
                    f"node «{name}» needs the prompt «{prompt}» in {language}: the file {language}/{sound(prompt)}.wav is missing",
                )  # fmt: skip


def _reach(menu: m.Menu) -> Iterator[Finding]:
    """Nodes that nobody comes to, and nodes from which no question, queue or end is ever reached."""
    if menu.start not in menu.nodes:
        return
    seen: set[str] = set()
    ahead = [name for name in (menu.start, menu.callback, menu.blocked) if name]
    while ahead:
        name = ahead.pop()
        if name in menu.nodes and name not in seen:
            seen.add(name)
            ahead += targets(menu, name)
    for name in menu.nodes:
        if name not in seen:
            yield Finding(
                name, f"không ai tới được nút «{name}», hãy nối vào cây hoặc xoá đi",
                f"nobody can come to node «{name}»: join it to the tree or remove it",
            )  # fmt: skip
    for name in seen:
        if _circles(menu, name):
            yield Finding(
                name, f"từ nút «{name}» chỉ có lời thoại chạy vòng, hãy cho một lối ra",
                f"from node «{name}» speech only goes round in a circle: give it a way out",
            )  # fmt: skip


def _circles(menu: m.Menu, start: str) -> bool:
    name, seen = start, set[str]()
    while isinstance(node := menu.nodes.get(name), m.Play):
        if name in seen:
            return True
        seen.add(name)
        name = node.next
    return False
