"""Where in a YAML text a mapping's entries stand, and whether one stands there twice. Reads no file."""

from collections.abc import Iterator

import yaml


def lines_of(text: str, below: str) -> dict[str, int]:
    """Entry -> line (from 1) of the mapping under this key of the document; empty where there is none.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    found = _entry(yaml.compose(text, Loader=yaml.SafeLoader), below)
    return {key.value: key.start_mark.line + 1 for key, _ in found.value} if isinstance(found, yaml.MappingNode) else {}


def written_twice(text: str) -> Iterator[tuple[str, int, int]]:
    """Every name that one mapping has twice, with both lines: YAML would take the last one in silence."""
    yield from _twice(yaml.compose(text, Loader=yaml.SafeLoader))


def _entry(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _twice(node: yaml.Node | None) -> Iterator[tuple[str, int, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = str(key.value)
            if name in seen and name != "<<":
                yield name, seen[name], line
            seen[name] = line
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item)
