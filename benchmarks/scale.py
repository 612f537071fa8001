"""10,000 applications on PostgreSQL, 1,000 of them in one deployment to 50 repositories: `python -m benchmarks.scale`.

Each line is a ratio to a baseline of the same run: the same rows written or read plainly, or a page that reads nothing.
"""

import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from benchmarks.scale_world import BATCH, World, make_world, postgresql, tests

LOOKS = 5
PAGES = 5
LIVE_BATCH = 200
TARGETS = 1_000
GOALS = {"ingest": 4.0, "live": 4.0, "look": 10.0, "page": 60.0}
SAMPLE = 2  # gateways whose reports the baseline writes


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name, postgresql(Path(name)):
        world = make_world(Path(name))
        done = [_ingest(world), _judge_live(world)]
        deployment = _deploy(world)
        done += [_look(world, deployment), _page(deployment)]
    return 0 if all(done) else 1


def _ingest(world: World) -> bool:
    """Everything that ten new gateways report, against the same rows read and written plainly."""
    from infrastructure.models import Application

    reports = [world.reports(number) for number in range(len(world.gateways))]
    baseline = _seconds(lambda: _write_plainly(world, reports[:SAMPLE])) * len(reports) / SAMPLE
    Application.objects.all().delete()
    taken = _seconds(lambda: _record(world, reports))
    return _tell("ingest", f"ingest of {sum(map(len, reports)):,} applications", taken, "the same JSON read and its rows written in bulk", baseline)


def _write_plainly(world: World, reports: Sequence[Sequence[Any]]) -> None:
    from infrastructure.models import Application

    for gateway, group in zip(world.gateways, reports, strict=False):
        rows = [
            Application(
                instance=gateway.instance,
                namespace=report.namespace,
                name=report.name,
                uid=report.uid,
                digest=report.digest,
                content=json.loads(report.content),
                first_reported_at=world.now,
                reported_at=world.now,
            )
            for report in group
        ]
        Application.objects.bulk_create(rows, batch_size=BATCH)


def _record(world: World, reports: Sequence[Sequence[Any]]) -> None:
    from infrastructure.services.reports import Batch, record_batch

    for gateway, group in zip(world.gateways, reports, strict=True):
        for start in range(0, len(group), BATCH):
            record_batch(gateway=gateway, epoch=1, batch=Batch(start, tuple(group[start : start + BATCH])), now=world.now)


def _judge_live(world: World) -> bool:
    """All live states after everything was reported, against reading their rows and writing one column."""
    from deployments import services
    from deployments.models import LiveState

    def judge() -> None:
        while ids := services.claim_due_live_states(now=world.now):
            for start in range(0, len(ids), LIVE_BATCH):
                services.judge_sources(source_ids=ids[start : start + LIVE_BATCH], now=world.now)

    def plainly() -> None:
        rows = list(LiveState.objects.select_related("source__application__instance").defer("source__application__content"))
        LiveState.objects.bulk_update(rows, ["reason"], batch_size=LIVE_BATCH)

    judge()
    baseline = _seconds(plainly)
    LiveState.objects.update(due_at=world.now)
    return _tell(
        "live", f"{LiveState.objects.count():,} live states judged, nothing new in Git", _seconds(judge), "their rows read and one column written", baseline
    )


def _deploy(world: World) -> Any:
    """A deployment to the shop's applications that waits for all of them."""
    from deployments import services
    from deployments.models import Deployment
    from deployments.status import DeploymentStatus

    factories = tests("factories")
    release = services.create_release(project=factories.make_project("shop"), version="1.4.2", images=["ghcr.io/acme/web:1.4.2"], by=None, now=world.now)
    deployment = services.create_deployment(release=release, environment=factories.make_environment(), by=None, now=world.now)
    begun = time.perf_counter()
    while deployment.status != DeploymentStatus.WAITING:
        services.advance(deployment=Deployment.objects.get(pk=deployment.pk), now=world.now)
        deployment.refresh_from_db()
        assert not deployment.is_finished, deployment.reason
    print(f"one commit to each of {len(world.repositories)} repositories for {TARGETS:,} targets: {time.perf_counter() - begun:.1f} s, Git's time with it")
    return deployment


def _look(world: World, deployment: Any) -> bool:
    """One look at 1,000 waiting targets, fifty of whose applications have reported since, against reading the targets with what is reported."""
    from deployments import services
    from deployments.models import Deployment, Target
    from infrastructure.models import Gateway

    reports = [world.reports(number, health="Progressing")[::10] for number in range(len(world.gateways))]

    def look() -> None:
        assert services.advance(deployment=Deployment.objects.get(pk=deployment.pk), now=world.now)

    def plainly() -> None:
        list(Target.objects.filter(step_run__deployment=deployment, verification="waiting").select_related("source__application__instance"))

    look()
    looks, baselines = [], []
    for turn in range(LOOKS):
        world.now += timedelta(seconds=1)
        Gateway.objects.update(last_seen_at=world.now)
        _record(world, [group[turn * 5 : turn * 5 + 5] for group in reports])
        baselines.append(_seconds(plainly))
        looks.append(_seconds(look))
    what = f"a look at {TARGETS:,} waiting targets, 50 applications reported since"
    return _tell("look", what, statistics.median(looks), "the waiting targets read with what is reported", statistics.median(baselines))


def _page(deployment: Any) -> bool:
    """The deployment's page, against a page of the same frame that reads nothing."""
    from django.test import Client

    client = Client(raise_request_exception=False)
    client.force_login(tests("factories").make_user(is_superuser=True, is_staff=True))
    addresses = {deployment.get_absolute_url(): 200, "/nowhere/": 404}
    times: dict[str, list[float]] = {address: [] for address in addresses}
    for turn in range(PAGES + 1):
        for address, status in addresses.items():
            begun = time.perf_counter()
            answer = client.get(address)
            if turn:  # templates are compiled once in a process's life
                times[address].append(time.perf_counter() - begun)
            assert answer.status_code == status, f"{address} answered {answer.status_code}"
    page, nothing = (statistics.median(each) for each in times.values())
    return _tell("page", f"the page of a deployment with {TARGETS:,} targets", page, "the page of an unknown address", nothing)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _tell(name: str, what: str, taken: float, baseline_name: str, baseline: float) -> bool:
    ratio, goal = taken / baseline, GOALS[name]
    print(f"{what}: {taken * 1000:.0f} ms against {baseline * 1000:.0f} ms for {baseline_name}: x {ratio:.1f} (goal <= {goal:.0f})", flush=True)
    return ratio <= goal


if __name__ == "__main__":
    sys.exit(main())
