"""The rules of the house, read from the imports: who may know whom, and what pure code must not touch."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
ROOMS = ["ivr", "pbx", "recordings", "dashboards"]
"""From the ground up: a room may import the rooms below it."""

WIRING = {
    "pbx/cli.py",
    "pbx/cli_menus.py",
    "pbx/cli_keeping.py",
    "pbx/cli_speech.py",
    "pbx/__main__.py",
    "pbx/run.py",
    "pbx/demo/show.py",
}
"""They join everything; nobody imports them (but each other)."""

ONLY_IN = {
    "panoramisk": ("pbx/ami/wire.py",),
    "vosk": ("recordings/speech.py",),
    "sqlalchemy": ("recordings/",),
    "alembic": ("recordings/",),
    "dbos": ("recordings/jobs.py",),
    "fastapi": ("dashboards/",),
    "starlette": ("dashboards/",),
    "jinja2": ("dashboards/",),
    "uvicorn": ("pbx/run.py",),
    "typer": ("pbx/cli.py", "pbx/cli_menus.py", "pbx/cli_keeping.py", "pbx/cli_speech.py"),
    "obstore": ("recordings/shelf.py",),
    "pyrage": ("recordings/keyring.py",),
}

PURE = [
    "ivr/menu.py",
    "ivr/flow.py",
    "ivr/check.py",
    "ivr/draw.py",
    "ivr/say.py",
    "ivr/problem.py",
    "pbx/events.py",
    "pbx/commands.py",
    "pbx/record.py",
    "pbx/picture.py",
    "pbx/calls.py",
    "pbx/taping.py",
    "recordings/masking.py",
    "recordings/number_words.py",
    "recordings/room.py",
    "recordings/search_query.py",
    "recordings/speed.py",
    "recordings/timeline.py",
    "dashboards/search_view.py",
    "dashboards/tapes_view.py",
    "dashboards/topics_view.py",
    "dashboards/words_tapes.py",
    "pbx/agents.py",
    "pbx/metrics.py",
    "pbx/switchboard.py",
    "pbx/ami/framing.py",
    "pbx/ami/shapes.py",
    "pbx/ami/outgoing.py",
    "pbx/ami/translate.py",
    "pbx/ami/actions.py",
    "pbx/demo/sip.py",
    "dashboards/views.py",
    "dashboards/board_view.py",
    "dashboards/call_view.py",
    "dashboards/trend.py",
    "dashboards/words.py",
    "pbx/queues.py",
    "pbx/witnesses.py",
    "ivr/session.py",
    "ivr/spoken.py",
    "ivr/say_moments.py",
    "ivr/ways.py",
    "ivr/check_keys.py",
    "ivr/check_ways.py",
    "ivr/lines.py",
    "ivr/schema.py",
    "ivr/hours.py",
    "ivr/hours_words.py",
    "pbx/event.py",
    "pbx/house_events.py",
    "pbx/directory.py",
    "pbx/conversation.py",
    "pbx/sight.py",
    "pbx/floor.py",
    "pbx/duty.py",
    "pbx/announcer.py",
    "pbx/wait_words.py",
    "pbx/reception.py",
    "pbx/gate.py",
    "pbx/favour.py",
    "pbx/numbers.py",
    "pbx/callbacks.py",
    "pbx/wait.py",
    "pbx/pace.py",
    "pbx/calibration.py",
    "pbx/dossier/shapes.py",
    "dashboards/spans.py",
    "dashboards/lost_view.py",
    "dashboards/survey_view.py",
    "dashboards/reception_view.py",
    "dashboards/words_citizens.py",
]
RESTLESS = {"asyncio", "socket", "threading", "subprocess", "os", "pathlib", "time", "random", "logging", "tempfile"}


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (HOUSE / room).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every absolute module that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide who knows whom"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return found


def wrong_imports(where: str, found: set[str]) -> list[str]:
    """What a file at `where` imports although the house forbids it."""
    wrong = []
    room = where.split("/")[0]
    for name in found:
        top = name.split(".")[0]
        if where not in WIRING:
            if top in ROOMS and ROOMS.index(top) > ROOMS.index(room):
                wrong.append(f"{where} imports {name}: no arrow turns back")
            if f"{name.replace('.', '/')}.py" in WIRING:
                wrong.append(f"{where} imports {name}: nobody imports the wiring")
        allowed = ONLY_IN.get(top)
        if allowed and not where.startswith(allowed):
            wrong.append(f"{where} imports {name}: only {allowed} may")
        if where in PURE and top in RESTLESS:
            wrong.append(f"{where} imports {name}, but it is pure")
    return wrong


def test_every_import_keeps_the_rules() -> None:
    wrong = [w for path in modules() for w in wrong_imports(str(path.relative_to(HOUSE)), imports(path))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("ivr/flow.py", "pbx.events"),
        ("pbx/calls.py", "recordings.store"),
        ("recordings/store.py", "dashboards.app"),
        ("pbx/service.py", "panoramisk"),
        ("pbx/calls.py", "time"),
        ("dashboards/live.py", "pbx.run"),
        ("pbx/service.py", "sqlalchemy.orm"),
    ],
)
def test_the_rules_can_fail(where: str, name: str) -> None:
    assert wrong_imports(where, {name})


def test_pure_modules_exist_and_call_no_clock() -> None:
    for where in PURE:
        tree = ast.parse((HOUSE / where).read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("open", "datetime.now", "datetime.utcnow", "date.today", "time.time"), (
                    f"{where}: {called}"
                )


def test_files_and_functions_stay_small() -> None:
    too_long = []
    for path in modules():
        text = path.read_text("utf-8")
        if text.count("\n") > 350:
            too_long.append(f"{path}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > 50:
                    too_long.append(f"{path}:{node.name}: {length} lines")
    assert not too_long, "\n".join(too_long)
