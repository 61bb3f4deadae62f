"""A person walks the menu at a terminal: reads what a caller would hear, types what a caller would press. Knows no telephone."""

from collections.abc import Callable, Mapping

from ivr import flow
from ivr.menu import Menu
from ivr.voice import text_of

Texts = Mapping[str, Mapping[str, str]]
"""Language -> sound -> text."""
HELP = "Phím rồi Enter; Enter không: im lặng; q: gác máy."


class Told:
    """What the walker says of the world: open or closed, and words for what is only known in a real call."""

    def __init__(self, is_open: bool) -> None:
        self._is_open = is_open

    def open(self, queue: str) -> bool:
        return self._is_open

    def spoken(self, name: str, session: flow.Session) -> tuple[str, ...]:
        return (f"${name}",)

    def overflows(self, node: object, queue: str) -> bool:
        return False


def walk(
    menu: Menu, texts: Texts, read: Callable[[str], str], write: Callable[[str], None], *, is_open: bool = True
) -> None:
    """Until the call is in other hands or the person types q. `read` shows a prompt and gives a line."""
    write(HELP)
    facts = Told(is_open)
    session, outputs = flow.begin(menu, facts)
    while outputs:
        answers = [answer for output in outputs if (answer := _answer(output, session, texts, read, write)) is not None]
        if not answers:
            return
        for answer in answers:
            session, outputs = flow.advance(menu, session, answer, facts)


def _answer(
    output: flow.Output, session: flow.Session, texts: Texts, read: Callable[[str], str], write: Callable[[str], None]
) -> flow.Input | None:
    match output:
        case flow.Say() | flow.Record():
            said = text_of(
                output.sounds,
                {**texts[session.language], **{s: f"⟨{s[1:]}⟩" for s in output.sounds if s.startswith("$")}},
            )
            write(f"[{session.node}] {said}")
    match output:
        case flow.Say() if output.max_keys:
            keys = read("> ")
            return None if keys == "q" else flow.Keyed(output.step, keys.strip())
        case flow.Say():
            return flow.Spoken(output.step)
        case flow.Record():
            spoken = read("(nói gì đó) > ")
            return None if spoken == "q" else flow.Recorded(output.step, 1000 * len(spoken))
        case flow.Ask():
            result = read(f"(tra {output.about}: kết quả) > ")
            return None if result == "q" else flow.Told(output.step, result)
        case flow.Enqueue():
            status = read(f"→ hàng đợi {output.queue}; trở lại với (Enter: được tiếp) > ")
            return flow.Returned(status) if status not in ("", "q") else None
        case flow.Transfer():
            write(f"→ máy {output.to}")
        case flow.Finish():
            write("→ kết thúc")
    return None
