"""Several steps of a deployment on one source, some of them by pull request; and very many pull requests."""

import pytest
from django.core.cache import cache

from deployments.models import LiveState, PullRequest, StepRun
from deployments.services import create_deployment, judge_sources, retry_deployment, settle_pull_requests
from deployments.status import DeploymentStatus, LiveSync, PullRequestState
from infrastructure.models import ApplicationSource
from tests.deployments.factories import make_release, targets_of
from tests.deployments.services.by_pull_request import BY_PULL_REQUEST, WEB, opened, world_on
from tests.factories import make_environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
NOT_AWAITED = {**BY_PULL_REQUEST, "verification": "commit_created"}
COMMITTED = {"commit_method": "direct_commit", "verification": "commit_created"}
SIDE = "apps/shop-web/side.yaml"
SIDECAR = """\
apiVersion: v1
kind: Pod
metadata:
  name: side
spec:
  containers:
    - name: side
      image: ghcr.io/acme/side:{tag}
"""


def release_of(*steps):
    """Its first step writes the web's image, its second the sidecar's."""
    release = make_release(images=["ghcr.io/acme/web:1.4.2", "ghcr.io/acme/side:2.0.0"])
    (step,) = release.process
    release.process = [{**step, "name": f"Step {number}", **values} for number, values in enumerate(steps, start=1)]
    release.save()
    return release


def judged(world):
    world.reports()
    ApplicationSource.objects.update(revision=world.repository.head())
    judge_sources(source_ids=[LiveState.objects.get().pk], now=world.now)
    return LiveState.objects.get()


def test_what_an_open_pull_request_of_an_earlier_step_wants_is_no_drift(host, forge):
    world = world_on(host)
    deployment = create_deployment(release=release_of(NOT_AWAITED, COMMITTED), environment=make_environment(), by=None, now=world.now)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED
    first, second = targets_of(deployment)
    world.repository.commit({WEB: world.repository.read(WEB), SIDE: SIDECAR.format(tag="1.0.0")}, message="A sidecar")
    first.intended_changes.update(path=SIDE)

    state = judged(world)

    assert state.target == second
    assert state.live_sync == LiveSync.SYNCED, state.reason


def test_what_an_earlier_step_wrote_and_somebody_took_back_before_the_last_step_is_drift(host):
    world = world_on(host)
    world.repository.commit({SIDE: SIDECAR.format(tag="1.0.0")}, message="A sidecar")
    deployment = create_deployment(release=release_of(COMMITTED, COMMITTED), environment=make_environment(), by=None, now=world.now)
    world.advance(deployment)
    first, second = targets_of(deployment)
    second.intended_changes.filter(path=SIDE).delete()
    second.commit_sha = world.repository.commit({SIDE: SIDECAR.format(tag="1.0.0")}, message="Back")
    second.save()
    assert first.intended_changes.filter(path=SIDE).exists()

    state = judged(world)

    assert (state.target, state.live_sync) == (second, LiveSync.GIT_DRIFT), state.reason


def test_a_host_that_was_taken_for_another_kind_is_asked_anew(host):
    cache.clear()
    world = world_on(host)
    world.advance(world.deploy(make_release(step=BY_PULL_REQUEST)))
    (key,) = [each.partition(":1:")[2] for each in cache._cache]
    cache.set(key, "gitlab")

    first = world.deploy(make_release("1.4.3", images=["ghcr.io/acme/web:1.4.3"], step=BY_PULL_REQUEST))
    world.advance(first)
    assert first.status == DeploymentStatus.FAILED, first.reason
    again = retry_deployment(deployment=first, by=None, now=world.later(60))
    world.advance(again)

    assert again.status == DeploymentStatus.AWAITING_MERGE, again.reason


def test_a_success_with_very_many_pull_requests_supersedes_older_ones(host, forge):
    world = world_on(host)
    older = opened(world)
    newer = world.deploy(make_release("1.4.3", images=["ghcr.io/acme/web:1.4.3"], step={"verification": "commit_created"}))
    row = PullRequest.objects.get()
    values = {"step_run": StepRun.objects.get(deployment=newer), "forge_kind": "gitea", "opened_at": world.now, "state": PullRequestState.MERGED}
    PullRequest.objects.bulk_create(
        PullRequest(repository_key=f"https://git.example.com/acme/{number}", branch="main", number=number, **values) for number in range(1200)
    )

    world.advance(newer)
    assert newer.status == DeploymentStatus.SUCCEEDED, newer.reason
    PullRequest.objects.exclude(pk=row.pk).update(due_at=None)
    settle_pull_requests(now=world.now)

    older.refresh_from_db()
    assert older.status == DeploymentStatus.CANCELLED
    assert forge.find("acme/deploy")[0].state == "closed"
