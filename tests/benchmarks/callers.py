"""Compiles and runs `caller.c`, and reads what it measured."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import msgspec

SOURCE = Path(__file__).with_name("caller.c")


class Times(msgspec.Struct, frozen=True):
    """Milliseconds; all zero when nothing was measured."""

    n: int
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class Measured(msgspec.Struct, frozen=True):
    """`lost`: keys after which nothing was heard for 5 s. `finished`: answered calls whose end both sides know."""

    calls: int
    answered: int
    failed: int
    finished: int
    most_at_once: int
    digits: int
    lost: int
    seconds: float
    key_to_prompt_ms: Times
    setup_ms: Times


def compile_caller(place: Path) -> Path:
    """Build the program in that directory.

    Raises:
        RuntimeError: there is no C compiler, or it refuses.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("a C compiler is needed for the benchmark: install gcc and libc6-dev")
    program = place / "caller"
    done = subprocess.run(
        [compiler, "-O2", "-o", str(program), str(SOURCE)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{SOURCE.name} does not compile: {done.stderr[-500:]}")
    return program


async def call_many(
    program: Path,
    sip_port: int,
    extension: str,
    *,
    at_once: int,
    seconds: float,
    rate: float = 20.0,
    calls: int | None = None,
    keys: str = "",
    gap_ms: float = 250.0,
    with_media: bool = True,
    user: str = "09",
) -> Measured:
    """Place calls on this machine for so long. `keys` are pressed one after each prompt, the last one for ever.

    Raises:
        RuntimeError: the program broke off.
    """
    options = ["-n", str(at_once), "-s", str(seconds), "-r", str(rate), "-g", str(gap_ms), "-f", user]
    options += ["-m", str(calls)] if calls is not None else []
    options += ["-k", keys] if keys else []
    options += ["-t"] if with_media else []
    process = await asyncio.create_subprocess_exec(
        str(program), *options, str(sip_port), extension, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(errors.decode("utf-8", "replace").strip())
    return msgspec.json.decode(out, type=Measured)
