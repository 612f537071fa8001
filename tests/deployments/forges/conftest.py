"""The hosts of the contract tests as fixtures, and a table of host and case at the end of the run."""

import _socket
import os
import re
import socket
from collections import defaultdict

import pytest

from tests.deployments.forges.hosts import HOSTS
from tests.deployments.forges.worlds import RealGitea, Simulated, simulated

REAL = "real-gitea"
CASE = re.compile(r"deployments/forges/.*::test_case_(\d+)(\w*)(?:\[(.*)\])?$", re.DOTALL)


def pytest_generate_tests(metafunc):
    """`world` is every host, and a real Gitea if the environment names one; `simulator` is every simulated host."""
    if "world" in metafunc.fixturenames:
        is_given = os.environ.get("OCTOARGO_GITEA_URL") and os.environ.get("OCTOARGO_GITEA_TOKEN")
        metafunc.parametrize("world", [*HOSTS, *([REAL] if is_given else [])], indirect=True)
    if "simulator" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("hosts")
        metafunc.parametrize("simulator", [name for name in HOSTS if only is None or name in only.args], indirect=True)


def pytest_configure(config):
    config.addinivalue_line("markers", "hosts(*names): run a contract test on these simulated hosts only")


@pytest.fixture
def world(request, tmp_path, monkeypatch):
    if request.param != REAL:
        yield from _simulate(request.param, tmp_path)
        return
    monkeypatch.setattr(socket.socket, "connect", _socket.socket.connect)  # it may be anywhere
    real = RealGitea(os.environ["OCTOARGO_GITEA_URL"], os.environ["OCTOARGO_GITEA_TOKEN"])
    yield real
    real.delete()


@pytest.fixture
def simulator(request, tmp_path):
    yield from _simulate(request.param, tmp_path)


def _simulate(name, root):
    context, repository = simulated(HOSTS[name], root)
    with context as server:
        yield Simulated(HOSTS[name], server, repository, root)


def _host_of(name, parameters):
    """By the test's parameters, else by its name; "all" when it is about none."""
    hosts = [REAL, *sorted(HOSTS, key=len, reverse=True)]
    found = [host for host in hosts if parameters == host or parameters.startswith(f"{host}-")]
    return next(iter(found + [host for host in hosts if host in name]), "all")


def pytest_terminal_summary(terminalreporter):
    """Which cases ran on which host."""
    ran = defaultdict(lambda: defaultdict(list))
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            found = CASE.search(getattr(report, "nodeid", ""))
            if found and (report.when == "call" or outcome == "error"):
                ran[_host_of(found[2], found[3] or "")][int(found[1])].append(outcome)
    if not ran:
        return
    cases = sorted({case for host in ran.values() for case in host})
    terminalreporter.section("hosts and contract cases")
    terminalreporter.line(" " * 24 + " ".join(f"{case:>2}" for case in cases))
    for host, by_case in sorted(ran.items()):
        marks = [(" ." if set(by_case[case]) == {"passed"} else " F") if by_case.get(case) else "  " for case in cases]
        terminalreporter.line(f"{host:<24}" + " ".join(marks) + f"   {sum(map(len, by_case.values()))} tests")
