"""Whether callers of a menu get somewhere: circles without a question, long ways to a person, names that nothing answers to. Pure."""

from collections import deque
from collections.abc import Iterator

from ivr import menu as m
from ivr.ways import MISSED, targets, ways

Found = tuple[str, str, str]
"""Node, and what is wrong with it in Vietnamese and English."""

RETURNS = frozenset((
    "TIMEOUT", "FULL", "JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL", "WITHDRAW", "CONTINUE", "OVERFLOW", "CLOSED",
    "KEY1", "KEY2",
))  # fmt: skip
RESULTS = {
    "callback": frozenset(("booked", "later", "exists", "bad_number", "refused")),
    "dossier": frozenset(("found", "ambiguous", "bad_code", "need_factor", "unknown", "too_many", "unavailable")),
    "petition": frozenset(("registered", "unavailable")),
}
GIVEN = frozenset(("caller", "queue", "closed", "reason", "petition"))
"""Variables that the house sets by itself."""
DYNAMIC = frozenset(("closed", "wait", "wait-keys", "answer", "caller", "emergency"))
LISTENS = (m.Asking, m.Enqueue, m.HangUp, m.Transfer, m.Voicemail, m.Petition, m.Back, m.Repeat)


def circles(menu: m.Menu) -> Iterator[Found]:
    """Nodes from which one comes back to the same node without having been asked anything."""
    for name, node in menu.nodes.items():
        if not isinstance(node, LISTENS) and name in _unasked(menu, name):
            yield (
                name, f"từ nút «{name}» có thể chạy vòng mãi mà không ai được hỏi gì, hãy cho một lối ra",
                f"from node «{name}» one can go round for ever without being asked anything: give it a way out",
            )  # fmt: skip


def _unasked(menu: m.Menu, start: str) -> set[str]:
    """What can be reached from a node through nodes that ask nothing."""
    seen: set[str] = set()
    ahead = targets(menu, start)
    while ahead:
        name = ahead.pop()
        node = menu.nodes.get(name)
        if name not in seen and node is not None and not isinstance(node, LISTENS):
            seen.add(name)
            ahead += targets(menu, name)
    return seen


def presses(menu: m.Menu) -> Iterator[Found]:
    """Queues that take more keys from the start than the menu allows itself."""
    keys = _keys_to(menu)
    for name, node in menu.nodes.items():
        if isinstance(node, m.Enqueue) and keys.get(name, 0) > menu.presses:
            yield (
                name, f"nút «{name}»: phải bấm {keys[name]} phím mới tới được (cho phép {menu.presses}), hãy rút ngắn đường đi",
                f"node «{name}»: it takes {keys[name]} keys to reach it ({menu.presses} allowed): shorten the way",
            )  # fmt: skip


def _keys_to(menu: m.Menu) -> dict[str, int]:
    """The fewest keys from the start to each node, for one who answers every question; a queue is the end of the way."""
    known = {menu.start: 0}
    ahead = deque([menu.start])
    while ahead:
        name = ahead.popleft()
        if name not in menu.nodes or isinstance(menu.nodes[name], m.Enqueue):
            continue
        asks = isinstance(menu.nodes[name], m.Asking)
        for label, target in ways(menu, name):
            cost = known[name] + asks
            if label not in ("0", MISSED) and cost < known.get(target, 1_000):
                known[target] = cost
                (ahead.append if asks else ahead.appendleft)(target)
    return known


def untold(menu: m.Menu) -> Iterator[Found]:
    """Queues that a caller may reach without having heard to the end a prompt that tells of the recording."""
    seen: set[str] = set()
    ahead = [menu.start, menu.callback] if menu.notice else []
    while ahead:
        name = ahead.pop()
        node = menu.nodes.get(name)
        if node is None or name in seen or _tells(node, menu.notice):
            continue
        seen.add(name)
        ahead += targets(menu, name)
        if isinstance(node, m.Enqueue):
            said = ", ".join(menu.notice)
            yield (
                name, f"nút «{name}»: có đường vào hàng đợi mà chưa báo ghi âm, hãy đặt trước đó một nút play không barge đọc câu {said}",
                f"node «{name}»: a way leads into it without telling of the recording: play {said} before, in a node without barge",
            )  # fmt: skip


def _tells(node: m.Node, notice: tuple[str, ...]) -> bool:
    return isinstance(node, m.Play) and not node.barge and not set(notice).isdisjoint(node.prompts)


def names(menu: m.Menu) -> Iterator[Found]:
    """Statuses, results, variables and dynamic prompts that nothing answers to."""
    set_somewhere = GIVEN | {v for node in menu.nodes.values() for v in _sets(node)}
    for name, node in menu.nodes.items():
        for kind, wanted, known in _wanted(node, set_somewhere):
            for unknown in sorted(wanted - known):
                yield (
                    name, f"nút «{name}»: {kind} «{unknown}» không có, dùng được: {', '.join(sorted(known))}",
                    f"node «{name}»: there is no {kind} «{unknown}»; there are {', '.join(sorted(known))}",
                )  # fmt: skip


def _sets(node: m.Node) -> frozenset[str]:
    match node:
        case m.SetValues():
            return frozenset(node.values)
        case m.Gather():
            return frozenset((node.into,))
    return frozenset()


def _wanted(node: m.Node, variables: frozenset[str]) -> Iterator[tuple[str, frozenset[str], frozenset[str]]]:
    dynamic = [prompt[1:].partition(":") for prompt in node.prompts if prompt.startswith("$")]
    yield "prompt $", frozenset(what for what, sign, _ in dynamic if not sign), DYNAMIC
    yield "prompt $…:", frozenset(what for what, sign, _ in dynamic if sign), frozenset(("number", "code"))
    yield "variable", frozenset(variable for _, sign, variable in dynamic if sign), variables
    match node:
        case m.Branch():
            yield "variable", frozenset((node.variable,)), variables
        case m.Callback():
            yield "result", frozenset(node.results), RESULTS["callback"]
            yield (
                "variable",
                frozenset(v for v in (node.number, node.queue.removeprefix("$")) if v and v != node.queue),
                variables,
            )
        case m.Lookup():
            yield "result", frozenset(node.results), RESULTS[node.about]
            yield "variable", frozenset(("code", "factor") if node.about == "dossier" else ()), variables
        case m.Enqueue():
            yield "QUEUESTATUS", frozenset(node.returns), RETURNS
            yield "variable", frozenset((node.queue[1:],) if node.queue.startswith("$") else ()), variables


def limits(menu: m.Menu) -> Iterator[Found]:
    """Numbers that cannot be meant."""
    for name, node in menu.nodes.items():
        if isinstance(node, m.Gather) and not (1 <= node.shortest <= node.longest <= 20):
            yield (
                name, f"nút «{name}»: shortest {node.shortest}, longest {node.longest} không hợp lý (1 ≤ shortest ≤ longest ≤ 20)",
                f"node «{name}»: shortest {node.shortest}, longest {node.longest} cannot be (1 ≤ shortest ≤ longest ≤ 20)",
            )  # fmt: skip
        if isinstance(node, m.Gather) and not node.into:
            yield (
                name,
                f"nút «{name}» thiếu into: tên biến nhận các chữ số",
                f"node «{name}» lacks into: the variable for the digits",
            )
        if isinstance(node, m.Survey) and not 1 <= len(node.questions) <= 3:
            yield (
                name, f"nút «{name}» cần từ một đến ba câu hỏi, đang có {len(node.questions)}",
                f"node «{name}» needs one to three questions and has {len(node.questions)}",
            )  # fmt: skip
