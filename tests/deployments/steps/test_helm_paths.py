"""A step may say where its images' tags stand in values files; then it decides for all Helm sources."""

import pytest

from deployments.services import plan
from deployments.status import DeploymentStatus
from tests.deployments.factories import add_application, make_release, make_world
from tests.factories import make_environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
VALUES = "web:\n  image:\n    tag: 1.4.1  # the web\nworker:\n  tag: 1.4.1\n"
STEP = {"verification": "commit_created", "helm_paths": "ghcr.io/acme/web = web.image.tag"}


@pytest.fixture
def world(tmp_path):
    world = make_world(tmp_path)
    world.repository.commit({"charts/web/values.yaml": VALUES, "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n"})
    add_application(world, "web-chart", path="charts/web", kind="Helm")
    return world


def test_a_step_writes_the_paths_it_names(world):
    deployment = world.deploy(make_release(step=STEP))

    world.advance(deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert world.repository.read("charts/web/values.yaml").decode() == VALUES.replace("tag: 1.4.1  #", "tag: 1.4.2  #")


def test_the_dry_run_shows_the_same(world):
    planned = plan(release=make_release(step=STEP), environment=make_environment())

    [repository] = planned.repositories
    assert repository.after["charts/web/values.yaml"].decode() == VALUES.replace("tag: 1.4.1  #", "tag: 1.4.2  #")
