"""The whole product as a person tries it: `manage.py demo` with its processes, and the story performed in it over HTTP."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from octoargo.demo.browser import Person, words_of
from tests.servers import start_postgresql, start_redis

ROOT = Path(__file__).resolve().parent.parent.parent
START_WITHIN_S = 120
STORY_WITHIN_S = 400
pytestmark = pytest.mark.journey


def _environment(directory: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OCTOARGO_", "DJANGO_"))}
    return {**inherited, "OCTOARGO_DEMO_DIR": str(directory), **more}


@contextmanager
def _demo(environment: dict[str, str]) -> Iterator[None]:
    """The demo, running."""
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


def _person(directory: Path) -> Person:
    ports = json.loads((directory / "ports.json").read_text())
    return Person(f"http://127.0.0.1:{ports['web']}", name="admin", password=(directory / "admin-password").read_text())


def _story(environment: dict[str, str]) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "manage.py", "demo_story"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=STORY_WITHIN_S, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip().splitlines()


def test_demo_tells_its_story_and_starts_again_on_the_same_data(tmp_path: Path):
    environment = _environment(tmp_path / "demo")
    with _demo(environment):
        lines = _story(environment)

    with _demo(environment), _person(tmp_path / "demo") as person:
        gateways = [person.wait_for(f"/instances/{name}/", "h1", lambda said: "Online" in said, seconds=60) for name in ("eu-west", "us-east")]
        outcome = words_of(person.get("/deployments/1/"), "outcome")

    assert [re.match(r"(\d)\. ok ", line) is not None for line in lines] == [True] * 8, lines
    assert gateways == ["eu-west Online", "us-east Online"]
    assert outcome.startswith("Deployed 1.4.2")


def test_demo_tells_its_story_in_processes_of_their_own_on_postgresql_and_redis(tmp_path: Path):
    database, broker = start_postgresql(), start_redis()
    try:
        environment = _environment(tmp_path / "demo", OCTOARGO_DEMO_DATABASE_URL=database.url, OCTOARGO_DEMO_BROKER_URL=broker.url)

        with _demo(environment):
            lines = _story(environment)

        assert [re.match(r"(\d)\. ok ", line) is not None for line in lines] == [True] * 8, lines
    finally:
        broker.stop()
        database.stop()
