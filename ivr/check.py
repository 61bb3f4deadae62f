"""Finds what would leave a caller stuck, silent or lost, before it is published. Pure: what exists is handed in."""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from ivr import check_ways
from ivr import menu as m
from ivr.check_keys import Texts, check_keys
from ivr.spoken import sound
from ivr.ways import targets


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong with a node, and its cure, for people and for logs."""

    node: str
    vi: str
    en: str


Audio = Mapping[str, Mapping[str, float]]
"""Language -> sound -> seconds."""
LONGEST_S = 45.0
"""Nobody remembers the first key of a longer question."""


def check(menu: m.Menu, queues: Collection[str], audio: Audio) -> list[Finding]:
    """What could leave a caller stuck; a menu without such findings may be run: every node leads on, every question has a way out,
    and a person can be reached from everywhere."""
    found = [*_whole(menu), *_each(menu, queues, audio), *_reach(menu)]
    if any(finding.node not in menu.nodes for finding in found):
        return found  # what comes after would stumble over the same
    ways = (*check_ways.circles(menu), *check_ways.names(menu), *check_ways.limits(menu))
    return found + [Finding(*finding) for finding in ways]


def check_all(menu: m.Menu, queues: Collection[str], audio: Audio, texts: Texts) -> list[Finding]:
    """The same, and whatever else keeps a menu from being published: keys that are not as they are said, questions that are too long, ways
    to a person that are."""
    found = check(menu, queues, audio)
    if not found:
        found += [
            Finding(*finding) for finding in (*check_ways.presses(menu), *check_ways.untold(menu), *_long(menu, audio))
        ]
        found += [
            Finding(node, f"nút «{node}»: {vi}", f"node «{node}»: {en}") for node, vi, en in check_keys(menu, texts)
        ]
    return found


def _long(menu: m.Menu, audio: Audio) -> Iterator[check_ways.Found]:
    for name, node in menu.nodes.items():
        if not isinstance(node, m.Asking):
            continue
        for language in menu.languages:
            seconds = sum(audio.get(language, {}).get(sound(prompt), 0.0) for prompt in node.prompts)
            if seconds > LONGEST_S:
                yield (
                    name, f"nút «{name}» nói {seconds:.0f} giây tiếng {language} trước khi nghe phím (tối đa {LONGEST_S:.0f}), hãy rút gọn",
                    f"node «{name}» speaks for {seconds:.0f} s in {language} before it listens (at most {LONGEST_S:.0f}): shorten it",
                )  # fmt: skip


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


def _each(menu: m.Menu, queues: Collection[str], audio: Audio) -> Iterator[Finding]:
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
        if isinstance(node, m.SetValues):
            yield from _queues_set(name, node, menu, queues)
        yield from _sounds(name, node, menu, audio)


def _queues_set(name: str, node: m.SetValues, menu: m.Menu, queues: Collection[str]) -> Iterator[Finding]:
    """A variable that names a queue somewhere must name one that exists."""
    named = {
        other.queue[1:]
        for other in menu.nodes.values()
        if isinstance(other, m.Enqueue | m.Callback) and other.queue[:1] == "$"
    }
    choose = ", ".join(sorted(queues))
    for variable in sorted(named & node.values.keys()):
        if (value := node.values[variable]) not in queues:
            yield Finding(
                name, f"nút «{name}» đặt {variable} là hàng đợi không có «{value}», hãy chọn một trong: {choose}",
                f"node «{name}» sets {variable} to queue «{value}», which does not exist: choose one of {choose}",
            )  # fmt: skip


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


def _sounds(name: str, node: m.Node, menu: m.Menu, audio: Audio) -> Iterator[Finding]:
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
