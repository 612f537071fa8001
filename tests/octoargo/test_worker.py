"""Workers and the tick over the broker: embedded, and (pytest --broker redis) a real Redis."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from deployments.models import Deployment
from deployments.status import DeploymentStatus
from octoargo import serve
from octoargo.celery import app
from tests.deployments.factories import make_release, make_world

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]
WITHIN_S = 30.0
COMMITTED = {"verification": "commit_created"}


def _wait_until(is_so: Callable[[], bool]) -> None:
    """Wait with a tick a second, as beat gives it: what went wrong once is tried again then."""
    deadline = time.monotonic() + WITHIN_S
    tick_at = time.monotonic() + 1
    while not is_so():
        assert time.monotonic() < deadline, "It did not happen in time."
        if time.monotonic() >= tick_at:
            app.send_task("deployments.tick")
            tick_at = time.monotonic() + 1
        time.sleep(0.05)  # between two looks at a condition with a deadline


@pytest.fixture
def mirrors(tmp_path: Path, settings) -> None:
    settings.MIRRORS_DIR = tmp_path / "mirrors"


@pytest.fixture
def worker(mirrors: None) -> Iterator[None]:
    """A worker in threads of this process, as `manage.py serve` runs it."""
    app.control.purge()
    with serve._worker():
        yield
    app.control.purge()


def _world(tmp_path: Path, **values):
    """A world whose gateway was heard just now, by the real clock."""
    world = make_world(tmp_path, now=timezone.now(), **values)
    world.hear()
    return world


def _status(deployment: Deployment) -> str:
    return Deployment.objects.get(pk=deployment.pk).status


def test_a_created_deployment_wakes_a_worker_and_ends_in_git(tmp_path: Path, worker: None):
    world = _world(tmp_path)

    deployment = world.deploy(make_release(step=COMMITTED))

    _wait_until(lambda: _status(deployment) == DeploymentStatus.SUCCEEDED)
    assert "web:1.4.2" in world.repository.read("apps/shop-web/web.yaml").decode()


def test_a_lost_message_costs_only_the_next_tick(tmp_path: Path, mirrors: None):
    world = _world(tmp_path)
    deployment = world.deploy(make_release(step=COMMITTED))
    app.control.purge()  # the broker lost everything

    with serve._worker():
        _wait_until(lambda: _status(deployment) == DeploymentStatus.SUCCEEDED)

    assert len(world.repository.log()) == 2


def test_many_messages_for_one_deployment_make_one_commit(tmp_path: Path, worker: None):
    world = _world(tmp_path, names=("shop-web", "shop-api", "shop-worker"))
    deployment = world.deploy(make_release(step=COMMITTED))

    for _ in range(8):
        app.send_task("deployments.advance_deployment", kwargs={"deployment_id": deployment.pk, "a_newer_argument": True})
        app.send_task("deployments.tick")

    _wait_until(lambda: _status(deployment) == DeploymentStatus.SUCCEEDED)
    assert len(world.repository.log()) == 2
