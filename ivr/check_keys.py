"""Whether what a menu says about keys is what its keys do. Pure: the texts of the prompts are handed in.

A key is spoken where a text says «bấm phím hai» or «press two». In a menu each spoken key must be bound, and each bound key spoken, except
0, * and #, which may stay silent conveniences. The shorter form after a miss may leave keys out, but not name others.
"""

import re
from collections.abc import Iterator, Mapping

from ivr import menu as m

Texts = Mapping[str, Mapping[str, str]]
"""Language -> prompt -> text."""

_VI = dict(
    zip(
        ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín", "sao", "thăng"),
        "0123456789*#",
        strict=True,
    )
)
_EN = dict(
    zip(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "star", "hash"),
        "0123456789*#",
        strict=True,
    )
)
_SPOKEN = re.compile(rf"phím ({'|'.join(_VI)})\b|\bpress (?:the )?({'|'.join(_EN)})\b", re.IGNORECASE)
SILENT = frozenset("0*#")


def spoken_keys(text: str) -> frozenset[str]:
    """The keys that a sentence tells people to press."""
    return frozenset(_VI[vi.lower()] if vi else _EN[en.lower()] for vi, en in _SPOKEN.findall(text))


def check_keys(menu: m.Menu, texts: Texts) -> Iterator[tuple[str, str, str]]:
    """Node, and what is wrong with it in Vietnamese and English."""
    for name, node in menu.nodes.items():
        for language in menu.languages:
            known = texts.get(language, {})
            yield from ((name, *finding) for finding in _node(node, known, language))


def _node(node: m.Node, texts: Mapping[str, str], language: str) -> Iterator[tuple[str, str]]:
    match node:
        case m.Choice() | m.Language():
            bound = frozenset(node.keys) | {"0"}
            said = _said(node.prompts, texts)
            for key in sorted(said - bound) + sorted(_said(node.again, texts) - bound - said):
                yield (
                    f"lời thoại tiếng {language} mời bấm phím {key} mà phím này chưa gán, hãy thêm vào keys hoặc sửa lời",
                    f"the prompts in {language} offer key {key}, which is not bound: add it to keys or correct the text",
                )
            missing = bound - said - SILENT if _is_known(node.prompts, texts) else frozenset()
            for key in sorted(missing):
                yield (
                    f"phím {key} đã gán mà lời thoại tiếng {language} không nhắc tới, hãy thêm vào lời hoặc bỏ phím",
                    f"key {key} is bound, but the prompts in {language} do not mention it: add it to the text or remove the key",
                )
        case m.Enqueue():
            bound = frozenset(status[3:] for status in node.returns if status.startswith("KEY"))
            for key in sorted(_said(node.prompts, texts) - bound):
                yield (
                    f"lời thoại tiếng {language} mời bấm phím {key} khi chờ mà returns không có KEY{key}, hãy thêm vào",
                    f"the prompts in {language} offer key {key} while waiting, but returns has no KEY{key}: add it",
                )


def _said(prompts: tuple[str, ...], texts: Mapping[str, str]) -> frozenset[str]:
    return frozenset(key for prompt in prompts for key in spoken_keys(texts.get(prompt.removeprefix("$"), "")))


def _is_known(prompts: tuple[str, ...], texts: Mapping[str, str]) -> bool:
    """A prompt whose text nobody knows, such as a recording of one's own, may say anything."""
    return all(prompt.startswith("$") or prompt in texts for prompt in prompts)
