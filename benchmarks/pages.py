"""The overview and the list of applications with 10,000 applications, as ratios to a page of the same frame that reads nothing.

python -m benchmarks.pages

Baseline and candidates take turns in the same run; medians are compared. Everything is measured from request to answer in
one process: session, sign-in, queries, templates.
"""

import logging
import os
import statistics
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

APPLICATIONS = 10_000
PROJECTS = 100
TENANTS = 12
ROUNDS = 15
GOALS = {"/": 45.0, "/?show=live&q=project-07": 25.0, "/applications/": 32.0, "/applications/?live=git-drift&sort=-changed&page=3": 32.0}
BASELINE = "/nowhere/"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"OCTOARGO_DATA_DIR": str(Path(folder) / "data"), "OCTOARGO_ALLOWED_HOSTS": "testserver"}
        os.environ |= {"DJANGO_SETTINGS_MODULE": "octoargo.settings", "OCTOARGO_DATABASE_URL": ""}
        client = _signed_in()
        _fill()
        return _report(client)


def _signed_in() -> Any:
    """A fresh database, and somebody who is signed in."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    logging.getLogger("django.request").setLevel(logging.ERROR)  # the baseline is not found, on purpose
    call_command("migrate", verbosity=0, interactive=False)
    client = Client(raise_request_exception=False)
    client.force_login(_tests("factories").make_user(is_superuser=True, is_staff=True))
    return client


def _tests(name: str) -> Any:
    """A module of the tests' factories, which carry no annotations."""
    return import_module(f"tests.{name}")


def _fill() -> None:
    """10,000 applications of 100 projects in three environments, mostly as meant."""
    from deployments.models import LiveState
    from infrastructure.models import Tenant

    factories, pages = _tests("factories"), _tests("deployments.views.pages")
    environments = [factories.make_environment(slug, position=place) for place, slug in enumerate(("development", "staging", "production"))]
    instance = factories.make_instance("prod-eu-west", environments=environments)
    factories.make_gateway(instance)
    projects = [factories.make_project(f"project-{index:02}") for index in range(PROJECTS)]
    tenants: list[Tenant | None] = [None, *(Tenant.objects.create(slug=f"tenant-{index:02}", name=f"Tenant {index:02}") for index in range(TENANTS))]
    sources = pages.many_sources(APPLICATIONS, instance=instance, projects=projects, environments=environments, tenants=tenants)
    for place, word in enumerate(("git_drift", "out_of_sync", "unknown", "waiting")):
        LiveState.objects.filter(pk__in=[source.pk for source in sources[place::40]]).update(live_sync=word, reason=f"It is {word}.")


def _report(client: Any) -> int:
    times: dict[str, list[float]] = {address: [] for address in (BASELINE, *GOALS)}
    for address in times:  # templates are read and compiled once in a process's life
        client.get(address)
    for turn in range(ROUNDS):
        for address in sorted(times, key=lambda each: hash((turn, each))):
            times[address].append(_seconds(client, address))
    baseline = statistics.median(times[BASELINE])
    missed = []
    for address, goal in GOALS.items():
        ratio = statistics.median(times[address]) / baseline
        missed += [address] if ratio > goal else []
        print(
            f"{address} with {APPLICATIONS:,} applications: {statistics.median(times[address]) * 1000:.0f} ms against {baseline * 1000:.1f} ms "
            f"for the page of an unknown address in the same frame: x {ratio:.0f} (goal <= {goal:.0f})",
            flush=True,
        )
    return 1 if missed else 0


def _seconds(client: Any, address: str) -> float:
    begun = time.perf_counter()
    answer = client.get(address)
    taken = time.perf_counter() - begun
    assert answer.status_code == (404 if address == BASELINE else 200), f"{address} answered {answer.status_code}"
    return taken


if __name__ == "__main__":
    sys.exit(main())
