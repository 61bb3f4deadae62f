"""Where each node of a menu may lead, and by what: for whoever checks, draws or walks one. Pure."""

from ivr import menu as m

MISSED = "…"
"""The label of the way out after the last miss."""


def ways(menu: m.Menu, name: str) -> list[tuple[str, str]]:
    """Label and target of every way out of a node: keys, results, statuses; key 0 and the way out after misses included."""
    node = menu.nodes[name]
    match node:
        case m.Play() | m.SetValues():
            return [("", node.next)]
        case m.Language():
            return [(" ".join(node.keys), node.next), *_asking(menu, node)]
        case m.Gather():
            return [("#", node.next), *_asking(menu, node)]
        case m.Survey():
            return [("1–5", node.next), ("0", menu.person), (MISSED, node.way_out or node.next)]
        case m.Choice():
            zero = [] if "0" in node.keys else [("0", menu.person)]
            return [*sorted(node.keys.items()), *zero, (MISSED, node.way_out or menu.person)]
        case m.Enqueue():
            return [*node.returns.items(), ("otherwise", node.otherwise)]
        case m.Branch():
            return [
                *((f"{node.variable} = {case or '∅'}", to) for case, to in node.cases.items()),
                ("otherwise", node.otherwise),
            ]
        case m.Hours():
            return [("open", node.open), ("closed", node.closed)]
        case m.Lookup() | m.Callback():
            return [*node.results.items(), ("otherwise", node.otherwise)]
        case m.Voicemail() | m.Petition():
            return [("saved", node.saved), ("empty", node.empty)]
        case m.HangUp() | m.Transfer() | m.Back() | m.Repeat():
            return []


def _asking(menu: m.Menu, node: m.Asking) -> list[tuple[str, str]]:
    return [("0", menu.person), (MISSED, node.way_out or menu.person)]


def targets(menu: m.Menu, name: str) -> list[str]:
    """The same without the labels."""
    return [target for _, target in ways(menu, name)]
