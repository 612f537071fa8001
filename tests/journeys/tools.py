"""The demo as a running program, for journeys in it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from octoargo.demo.browser import Person

ROOT = Path(__file__).resolve().parent.parent.parent
START_WITHIN_S = 120


def environment_of(directory: Path, **more: str) -> dict[str, str]:
    """What the demo's commands are started with; nothing of ours is inherited."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OCTOARGO_", "DJANGO_"))}
    return {**inherited, "OCTOARGO_DEMO_DIR": str(directory), **more}


@contextmanager
def running_demo(environment: dict[str, str]) -> Iterator[None]:
    """`manage.py demo`, from when it says how to sign in until Ctrl-C."""
    log = Path(environment["OCTOARGO_DEMO_DIR"]).with_suffix(".log")
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "manage.py", "demo"], cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while "Sign in:" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)  # between two looks at a condition with a deadline
        yield
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0, log.read_text()


def person_in(directory: Path) -> Person:
    """The demo's administrator, signed in."""
    ports = json.loads((directory / "ports.json").read_text())
    return Person(f"http://127.0.0.1:{ports['web']}", name="admin", password=(directory / "admin-password").read_text())
