"""The programs of the demo: started in order, watched, stopped in the reverse order."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from octoargo.demo.environment import BASE_DIR

START_WITHIN_SECONDS = 60
STOP_WITHIN_SECONDS = 15


class ChildDidNotStart(Exception):
    """A program ended or stayed silent. The message names its log."""


@dataclass
class Child:
    """One program of ours, and the file with what it says."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_WITHIN_SECONDS)


@dataclass
class Children:
    """All programs of the demo."""

    logs: Path
    running: dict[str, Child] = field(default_factory=dict)

    def start(self, name: str, arguments: list[str], *, environment: dict[str, str] | None = None, ready: Callable[[str], bool] | None = None) -> Child:
        """Start `python ARGUMENTS`, and wait until `ready` says so of what it has printed. Raises ChildDidNotStart."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *arguments], stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})}, cwd=BASE_DIR, start_new_session=True,
            )  # fmt: skip
        child = self.running[name] = Child(name, process, log)
        deadline = time.monotonic() + START_WITHIN_SECONDS
        while ready is not None and not ready(log.read_text(errors="replace")):
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().splitlines()[-3:]
                raise ChildDidNotStart(f"{name} did not start; its log {log} ends with: {' '.join(last) or 'nothing'}")
            time.sleep(0.05)  # between two looks at a condition with a deadline
        return child

    def is_running(self, name: str) -> bool:
        child = self.running.get(name)
        return child is not None and child.process.poll() is None

    def stop(self, name: str) -> None:
        child = self.running.pop(name, None)
        if child is not None:
            child.stop()

    def stop_all(self) -> None:
        """Tell all to stop, the last started first; then wait for each."""
        children = list(reversed(self.running.values()))
        for child in children:
            if child.process.poll() is None:
                child.process.terminate()
        for child in children:
            child.stop()
        self.running.clear()

    def dead(self) -> list[Child]:
        return [child for child in self.running.values() if child.process.poll() is not None]
