"""What grows with the number of applications, and what must not: queries, and questions to Git."""

import shutil

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments import services
from deployments.models import Deployment, LiveState
from deployments.services import advance
from deployments.status import DeploymentStatus
from tests.deployments.factories import make_world, targets_of

pytestmark = pytest.mark.django_db
OLD = "2" * 40


def world_that_waits(tmp_path, number):
    """A deployment that waits for `number` applications, of which Argo CD looks at the commit before ours."""
    world = make_world(tmp_path, names=[f"shop-{index:02}" for index in range(number)])
    before = world.repository.head()
    deployment = world.advance(world.deploy(), until=DeploymentStatus.WAITING)
    for index in range(number):
        world.reports(index=index, revision=before)
    world.advance(deployment)
    return world, deployment


def look(world, deployment):
    """One look, and how many queries it takes."""
    world.later(1)
    Deployment.objects.filter(pk=deployment.pk).update(due_at=world.now)
    with CaptureQueriesContext(connection) as queries:
        assert advance(deployment=Deployment.objects.get(pk=deployment.pk), now=world.now)
    return len(queries)


def test_a_look_asks_git_nothing_that_it_has_answered(tmp_path, settings):
    world, deployment = world_that_waits(tmp_path, 2)
    shutil.rmtree(world.repository.path)
    shutil.rmtree(settings.MIRRORS_DIR)

    look(world, deployment)

    reasons = [target.reason for target in targets_of(deployment)]
    assert ["our commit" in reason and "is newer" in reason for reason in reasons] == [True, True], reasons


def test_a_look_asks_git_about_a_commit_that_is_new(tmp_path):
    world, deployment = world_that_waits(tmp_path, 2)

    world.reports(index=1, revision=OLD)
    look(world, deployment)

    first, second = targets_of(deployment)
    assert "is newer" in first.reason
    assert f"does not have the commit {OLD[:7]}" in second.reason


@pytest.mark.parametrize("number", [2, 30])
def test_queries_of_a_look_do_not_grow_with_targets(tmp_path, number):
    world, deployment = world_that_waits(tmp_path, number)

    assert look(world, deployment) <= 18


def test_queries_of_live_states_do_not_grow_with_them(tmp_path):
    make_world(tmp_path, names=[f"shop-{index:02}" for index in range(30)])
    world = make_world(tmp_path, names=["ledger"], name="other")
    world.deploy()
    source_ids = list(LiveState.objects.order_by("pk").values_list("pk", flat=True))
    services.judge_sources(source_ids=source_ids, now=world.now)

    with CaptureQueriesContext(connection) as few:
        services.judge_sources(source_ids=source_ids[:2], now=world.now)
    with CaptureQueriesContext(connection) as many:
        services.judge_sources(source_ids=source_ids, now=world.now)

    assert len(source_ids) == 31
    assert len(many) <= len(few)
