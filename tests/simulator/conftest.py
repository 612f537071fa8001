"""A repository, and a factory of simulators with a client each."""

from contextlib import ExitStack

import pytest

from simulator import Simulator
from tests.simulator.tools import FAST, Client, Repository


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


@pytest.fixture
def simulate():
    """simulate(*applications, speed=20, knobs={}, **config) -> (simulator, client)."""
    started = []
    with ExitStack() as running:

        def start(*applications, speed=20, knobs=None, **config):
            given = {"speed": speed, "applications": list(applications), "knobs": {**FAST, **(knobs or {})}, **config}
            simulator = running.enter_context(Simulator(given))
            started.append(simulator)
            return simulator, Client(simulator.url, simulator.token)

        yield start
        assert not [failure for simulator in started for failure in simulator.admin("GET", "/state")["failures"]]
