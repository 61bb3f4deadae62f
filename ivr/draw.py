"""A menu as a picture that people can read: Mermaid, which repositories and editors show. Pure."""

from ivr import menu as m
from ivr.ways import ways


def mermaid(menu: m.Menu) -> str:
    """The whole tree as a Mermaid flowchart. Questions are diamonds, queues stadiums, registers cylinders, ends circles. What every
    question has, key 0 and the way out after misses to a person, is left out."""
    lines = ["flowchart TD"]
    names = {name: f"n{number}" for number, name in enumerate(menu.nodes)}
    for name, node in menu.nodes.items():
        lines.append(f"  {names[name]}{_shape(name, node)}")
        for target, labels in _arrows(menu, name).items():
            shown = " ".join(label for label in labels if label)
            lines.append(f"  {names[name]} -->{f'|{shown}|' if shown else ''} {names[target]}")
    return "\n".join(lines)


def _arrows(menu: m.Menu, name: str) -> dict[str, list[str]]:
    """Target -> everything that leads there: one arrow says more than five."""
    arrows: dict[str, list[str]] = {}
    for label, target in ways(menu, name):
        usual = target == menu.person and label in ("0", "…") and isinstance(menu.nodes[name], m.Asking)
        if not usual and target in menu.nodes:
            arrows.setdefault(target, []).append(label)
    return arrows


def _shape(name: str, node: m.Node) -> str:
    match node:
        case m.Enqueue():
            return f'(["{name} → {node.queue}"])'
        case m.Transfer():
            return f'(["{name} → {node.to}"])'
        case m.HangUp():
            return f'(("{name}"))'
        case m.Asking() | m.Branch() | m.Hours():
            return f'{{"{name}"}}'
        case m.Lookup() | m.Callback():
            return f'[("{name}")]'
        case m.Voicemail() | m.Petition():
            return f'>"{name}"]'
        case m.Play() | m.SetValues() | m.Back() | m.Repeat():
            return f'["{name}"]'
