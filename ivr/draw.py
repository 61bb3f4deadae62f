"""A menu as a picture that people can read: Mermaid, which repositories and editors show. Pure."""

from ivr import menu as m


def mermaid(menu: m.Menu) -> str:
    """The whole tree as a Mermaid flowchart; questions are diamonds, queues are stadiums, ends are circles."""
    lines = ["flowchart TD"]
    names = {name: f"n{number}" for number, name in enumerate(menu.nodes)}
    for name, node in menu.nodes.items():
        lines.append(f"  {names[name]}{_shape(name, node)}")
        for label, target in _arrows(menu, node):
            lines.append(f"  {names[name]} -->{f'|{label}|' if label else ''} {names[target]}")
    return "\n".join(lines)


def _shape(name: str, node: m.Node) -> str:
    match node:
        case m.Enqueue():
            return f'(["{name} → {node.queue}"])'
        case m.HangUp():
            return f'(("{name}"))'
        case m.Choice() | m.Language():
            return f'{{"{name}"}}'
        case m.Play():
            return f'["{name}"]'


def _arrows(menu: m.Menu, node: m.Node) -> list[tuple[str, str]]:
    match node:
        case m.Play():
            return [("", node.next)]
        case m.Language():
            return [(" ".join(node.keys), node.next)]
        case m.Choice():
            keys = {**node.keys, "0": node.keys.get("0", menu.person)}
            return [*((key, target) for key, target in sorted(keys.items())), ("…", node.way_out or menu.person)]
        case m.Enqueue():
            return [*node.returns.items(), ("else", node.otherwise)]
        case m.HangUp():
            return []
