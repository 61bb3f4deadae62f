"""What the name of a prompt stands for: a sentence of the pack, or what is only known when it is said. Pure."""

from ivr import say_moments
from ivr.session import Facts, Session


def sounds_of(facts: Facts, session: Session, prompts: tuple[str, ...]) -> tuple[str, ...]:
    """Where the sounds of these prompts lie, in order."""
    return tuple(name for prompt in prompts for name in _dynamic(facts, session, prompt))


def _dynamic(facts: Facts, session: Session, prompt: str) -> tuple[str, ...]:
    if not prompt.startswith("$"):
        return (sound(prompt),)
    what, _, variable = prompt[1:].partition(":")
    match what:
        case "answer":
            return session.answer
        case "number":
            return say_moments.phone(session.values.get(variable, ""), session.language)
        case "code":
            return say_moments.code(session.values.get(variable, ""), session.language)
        case _:
            return facts.spoken(what, session)


def sound(prompt: str) -> str:
    """Where a sentence of the prompt pack lies below the sounds directory; a name with a directory is left as it is."""
    return prompt if "/" in prompt else f"smartpbx/{prompt}"
