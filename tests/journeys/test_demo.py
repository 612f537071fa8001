"""The whole product as a person tries it: `manage.py demo` with its processes, and the story performed in it over HTTP."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from octoargo.demo.browser import words_of
from tests.journeys.tools import ROOT, environment_of, person_in, running_demo
from tests.servers import start_postgresql, start_redis

STORY_WITHIN_S = 400
LINES = 13
pytestmark = pytest.mark.journey


def _story(environment: dict[str, str]) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "manage.py", "demo_story"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=STORY_WITHIN_S, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip().splitlines()


def test_demo_tells_its_story_and_starts_again_on_the_same_data(tmp_path: Path):
    environment = environment_of(tmp_path / "demo")
    with running_demo(environment):
        lines = _story(environment)

    with running_demo(environment), person_in(tmp_path / "demo") as person:
        gateways = [person.wait_for(f"/instances/{name}/", "h1", lambda said: "Online" in said, seconds=60) for name in ("eu-west", "us-east")]
        outcome = words_of(person.get("/deployments/1/"), "outcome")

    assert [re.match(r"(\d+)\. ok ", line) is not None for line in lines] == [True] * LINES, lines
    assert gateways == ["eu-west Online", "us-east Online"]
    assert outcome.startswith("Deployed 1.4.2")


def test_demo_tells_its_story_in_processes_of_their_own_on_postgresql_and_redis(tmp_path: Path):
    database, broker = start_postgresql(), start_redis()
    try:
        environment = environment_of(tmp_path / "demo", OCTOARGO_DEMO_DATABASE_URL=database.url, OCTOARGO_DEMO_BROKER_URL=broker.url)

        with running_demo(environment):
            lines = _story(environment)

        assert [re.match(r"(\d+)\. ok ", line) is not None for line in lines] == [True] * LINES, lines
    finally:
        broker.stop()
        database.stop()
