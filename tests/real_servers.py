"""A pytest plugin: `--database postgresql` and `--broker redis` start the real thing before Django reads its settings."""

import os
from typing import Any

import pytest

from tests.servers import RunningServer, start_postgresql, start_redis

_running: list[RunningServer] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("octoargo", "real servers")
    group.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite", help="the database under the tests")
    group.addoption("--broker", choices=["memory", "redis"], default="memory", help="the broker under the worker tests")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Start what was asked for, unless the process that started us has already (xdist)."""
    asked: Any = early_config.known_args_namespace
    if asked.database == "postgresql" and "OCTOARGO_DATABASE_URL" not in os.environ:
        _running.append(start_postgresql())
        os.environ["OCTOARGO_DATABASE_URL"] = _running[-1].url
    if asked.broker == "redis" and "OCTOARGO_BROKER_URL" not in os.environ:
        _running.append(start_redis())
        os.environ["OCTOARGO_BROKER_URL"] = _running[-1].url


def pytest_unconfigure() -> None:
    while _running:
        _running.pop().stop()
