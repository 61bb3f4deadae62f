"""A program beside ours that answers JSON lines with JSON lines: it may crash, hang or be killed without harm to us.

Does not know what the program is for.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO


class ChildFailed(Exception):
    """It ended or took too long; it is gone now."""


class Child:
    """The parent's end. One thread asks at a time; any thread may end it."""

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str]) -> None:
        self.asked = 0
        # A session of its own: Ctrl-C is for the service, which then ends its child in order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
            env={**os.environ, **environment}, cwd=Path(__file__).parent.parent, start_new_session=True,
        )  # fmt: skip
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._listener = threading.Thread(target=_listen, args=(self._process.stdout, self._answers), daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: Any, patience_s: float) -> dict[str, Any]:
        """One question, one answer.

        Raises:
            ChildFailed: it ended, or did not answer in time and was ended.
        """
        self.asked += 1
        try:
            print(json.dumps(question), file=self._process.stdin, flush=True)
        except (OSError, ValueError) as e:
            self.end()
            raise ChildFailed("it is gone") from e
        return self.answer(patience_s)

    def answer(self, patience_s: float) -> dict[str, Any]:
        """What it says next, as `ask` gives it."""
        try:
            line = self._answers.get(timeout=patience_s)
        except queue.Empty:
            self.end()
            raise ChildFailed(f"it took more than {patience_s:.0f} s") from None
        if not line:
            self.end()
            raise ChildFailed(f"it ended: {_how(self._process.returncode)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """At once. Safe to repeat; who waits for an answer is told."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._listener.join()


def _how(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def _listen(stream: TextIO, answers: "queue.SimpleQueue[str]") -> None:
    with stream:
        for line in stream:
            answers.put(line)
    answers.put("")


def questions() -> "queue.SimpleQueue[str]":
    """The child's end: what the parent sends. When the parent closes the pipe or dies, this process ends, whatever it does."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    return lines


def _read(lines: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)  # nobody waits for the answer any more


def say(answer: dict[str, Any]) -> None:
    """The child's answer."""
    print(json.dumps(answer), flush=True)
