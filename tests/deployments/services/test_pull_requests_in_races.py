"""Pull requests when several deployments, workers or people work at the same ones: nothing lost, nothing doubled, nothing falsely verified."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from deployments.models import Deployment, LiveState, LogEntry, PullRequest, StepRun
from deployments.services import cancel_deployment, retry_deployment, settle_pull_requests
from deployments.status import DeploymentStatus, PullRequestState, Verification
from infrastructure.models import ApplicationSource, GitCredential
from simulator.forge import git
from simulator.forges.state import Fault
from tests.deployments.factories import add_application, make_release, manifest, targets_of
from tests.deployments.services.by_pull_request import BY_PULL_REQUEST, MERGED_IS_DONE, WEB, log_of, looks_again, opened, world_on
from tests.hub import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
COMMIT_IS_ENOUGH = {**BY_PULL_REQUEST, "verification": "commit_created"}
OTHER_IMAGE = ["ghcr.io/acme/web:1.4.3"]


def while_asking(host, part, action):
    """A thread that acts once the host gets a request like this, whose answer is late."""

    def act():
        wait_for(lambda: any(part in request for request in host.requests))
        try:
            action()
        finally:
            connections.close_all()

    host.requests.clear()
    host.latency_s = 0.5
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_cancelled_while_it_opens_the_pull_request_is_closed_all_the_same(host, forge):
    world = world_on(host)
    deployment = world.deploy(make_release(step=BY_PULL_REQUEST))
    thread = while_asking(host, "POST /api/v1/repos/acme/deploy/pulls", lambda: cancel_deployment(deployment=deployment, by=None, now=world.now))
    world.advance(deployment)
    thread.join()
    host.latency_s = 0

    settle_pull_requests(now=world.now)

    deployment.refresh_from_db()
    assert deployment.status == DeploymentStatus.CANCELLED
    assert [pull.state for pull in forge.find("acme/deploy")] == ["closed"]
    assert log_of(deployment)[-1] == "Pull request 1 in acme/deploy was closed."


def test_wanted_closed_while_its_host_is_told_something_it_is_closed_later(host, forge):
    world = world_on(host)
    deployment = opened(world)
    Deployment.objects.update(status=DeploymentStatus.FAILED)
    PullRequest.objects.update(due_at=world.now)
    now = world.now
    thread = while_asking(host, "/statuses/", lambda: PullRequest.objects.update(closing_reason="Superseded.", due_at=now))

    settle_pull_requests(now=now)
    thread.join()
    host.latency_s = 0
    settle_pull_requests(now=world.later(1))

    assert deployment.pk
    assert forge.find("acme/deploy")[0].state == "closed"


def test_a_cancelled_one_does_not_close_what_its_retry_goes_on_with(host, forge):
    world = world_on(host)
    deployment = opened(world)
    forge.faults.append(Fault(503, {}, method="PATCH"))
    cancel_deployment(deployment=deployment, by=None, now=world.now)
    settle_pull_requests(now=world.now)
    again = retry_deployment(deployment=deployment, by=None, now=world.later(1))
    world.advance(again)
    assert again.status == DeploymentStatus.AWAITING_MERGE

    settle_pull_requests(now=world.later(120))

    assert [pull.state for pull in forge.find("acme/deploy")] == ["open"]
    first = PullRequest.objects.get(step_run__deployment=deployment)
    assert first.reason == f"Deployment {again.pk} goes on with it."
    forge.merge(forge.find("acme/deploy")[0])
    looks_again(world, again)
    assert again.status == DeploymentStatus.WAITING


def test_a_success_does_not_close_what_it_shares_with_a_superseded_one(host, forge):
    world = world_on(host)
    first = opened(world)
    Deployment.objects.filter(pk=first.pk).update(status=DeploymentStatus.FAILED)
    one = retry_deployment(deployment=Deployment.objects.get(), by=None, now=world.later(1))
    world.advance(one)
    two = retry_deployment(deployment=Deployment.objects.get(pk=first.pk), by=None, now=world.later(1))
    StepRun.objects.filter(deployment=two).update(settings={**StepRun.objects.get(deployment=two).settings, "verification": "commit_created"})
    world.advance(two)
    one.refresh_from_db()
    assert (two.status, one.status) == (DeploymentStatus.SUCCEEDED, DeploymentStatus.CANCELLED)

    settle_pull_requests(now=world.now)

    assert [pull.state for pull in forge.find("acme/deploy")] == ["open"]


def test_merged_with_other_content_it_is_not_verified(host, forge):
    """Somebody pushed another tag to our branch, and that was merged: the merge commit is not our change."""
    world = world_on(host)
    deployment = opened(world)
    (pull,) = forge.find("acme/deploy")
    world.repository.commit({WEB: manifest("9.9.9", "shop-web")}, branch=pull.head, message="Rather this one")
    forge.merge(pull, method="squash")
    looks_again(world, deployment)
    world.reports()

    world.advance(deployment)
    world.later(6)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.WAITING, deployment.reason
    assert "1.4.2" in deployment.reason
    assert "9.9.9" in deployment.reason
    assert any("was merged with other content" in line for line in log_of(deployment))


def test_merged_into_another_branch_it_fails(host, forge):
    world = world_on(host)
    git("branch", "develop", cwd=world.repository.path)
    deployment = opened(world, MERGED_IS_DONE)
    (pull,) = forge.find("acme/deploy")
    forge.change(pull, base="develop")
    looks_again(world, deployment)
    assert deployment.reason.startswith("Waiting for the merge of pull request 1 in acme/deploy: somebody made it one into develop, not main.")
    forge.merge(pull)

    looks_again(world, deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert deployment.reason.startswith("Failed: pull request 1 in acme/deploy was merged into develop, not into main.")


def test_merged_and_reverted_a_retry_proposes_the_change_anew(host, forge):
    world = world_on(host)
    deployment = opened(world)
    forge.merge(forge.find("acme/deploy")[0])
    looks_again(world, deployment)
    world.repository.commit({WEB: manifest("1.4.1", "shop-web")}, message="Revert")
    cancel_deployment(deployment=deployment, by=None, now=world.now)

    again = retry_deployment(deployment=deployment, by=None, now=world.later(60))
    world.advance(again)

    assert again.status == DeploymentStatus.AWAITING_MERGE, again.reason
    forge.merge(forge.find("acme/deploy", state="open")[0])
    looks_again(world, again)
    assert again.status == DeploymentStatus.WAITING
    assert world.repository.read(WEB).decode() == manifest("1.4.2", "shop-web")


@pytest.mark.parametrize("step", [BY_PULL_REQUEST, {"commit_method": "direct_commit"}])
def test_one_repository_by_two_addresses_gets_every_change(host, forge, step):
    world = world_on(host, names=("shop-api",))
    other = f"http://localhost:{host.port}"
    GitCredential.objects.update(repositories=f"{host.url}/*\n{other}/*")
    world.repository.commit({WEB: manifest("1.4.1", "shop-web")}, message="Another")
    add_application(world, "shop-web", url=f"{other}/acme/deploy.git")
    world.reports()
    deployment = world.deploy(make_release(step=step))
    world.advance(deployment)
    for pull in forge.find("acme/deploy", state="open"):
        forge.merge(pull)

    looks_again(world, deployment)

    assert deployment.status == DeploymentStatus.WAITING, deployment.reason
    assert world.repository.read(WEB).decode() == manifest("1.4.2", "shop-web")
    assert world.repository.read("apps/shop-api/web.yaml").decode() == manifest("1.4.2", "shop-api")


@pytest.mark.parametrize("status", [DeploymentStatus.SUCCEEDED, DeploymentStatus.FAILED])
def test_merged_after_the_deployment_has_ended_it_is_in_force(host, forge, status):
    world = world_on(host)
    deployment = world.deploy(make_release(step=COMMIT_IS_ENOUGH))
    world.advance(deployment)
    Deployment.objects.update(status=status)
    settle_pull_requests(now=world.now)
    assert LiveState.objects.get().target is None
    forge.merge(forge.find("acme/deploy")[0])

    settle_pull_requests(now=world.later(3600))

    (target,) = targets_of(deployment)
    assert PullRequest.objects.get().state == PullRequestState.MERGED
    assert target.commit_sha == world.repository.head()
    assert LiveState.objects.get().target == target
    assert log_of(deployment)[-1] == f"Pull request 1 in acme/deploy was merged as {world.repository.head()[:7]}."


def test_an_older_merge_that_is_noticed_late_does_not_stand_in_for_a_newer_commit(host, forge):
    world = world_on(host)
    older = opened(world)
    forge.merge(forge.find("acme/deploy")[0])
    newer = world.deploy(make_release("1.4.3", images=OTHER_IMAGE))
    world.advance(newer)
    assert LiveState.objects.get().target.step_run.deployment == newer

    looks_again(world, older)

    assert older.status == DeploymentStatus.WAITING
    assert LiveState.objects.get().target.step_run.deployment == newer


def test_a_newer_merge_stands_in_for_an_older_commit(host, forge):
    """The other way round: made first, merged last."""
    world = world_on(host)
    older = opened(world, {**BY_PULL_REQUEST, "verification": "commit_created"} | MERGED_IS_DONE)
    newer = world.deploy(make_release("1.4.3", images=OTHER_IMAGE))
    world.advance(newer)
    world.repository.commit({WEB: manifest("1.4.1", "shop-web")}, message="Revert")
    forge.merge(forge.find("acme/deploy")[0])

    looks_again(world, older)

    assert LiveState.objects.get().target.step_run.deployment == older


def test_a_long_title_of_somebody_is_no_obstacle(host, forge):
    world = world_on(host)
    deployment = opened(world)
    forge.change(forge.find("acme/deploy")[0], title="x" * 400)
    Deployment.objects.update(status=DeploymentStatus.FAILED)

    again = retry_deployment(deployment=Deployment.objects.get(), by=None, now=world.later(1))
    world.advance(again)

    assert deployment.pk
    assert again.status == DeploymentStatus.AWAITING_MERGE
    assert len(PullRequest.objects.get(step_run__deployment=again).title) <= 300


def test_an_error_of_ours_does_not_fail_what_awaits_a_merge(host, forge):
    world = world_on(host)
    deployment = opened(world)
    right = StepRun.objects.get().settings
    StepRun.objects.update(settings=[])
    forge.merge(forge.find("acme/deploy")[0])
    for _ in range(15):
        world.later(600)
        world.advance(deployment)
    assert deployment.status == DeploymentStatus.AWAITING_MERGE
    assert deployment.reason.startswith("Waiting for Octoargo itself: an unexpected error, which its log tells. Tried 15 times, next at ")

    StepRun.objects.update(settings=right)
    world.later(600)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.WAITING


def test_a_host_that_is_away_is_asked_once_for_all_its_pull_requests(host, forge):
    world = world_on(host)
    world_on(host, "acme/other", names=("shop-edge",), instance=world.instance)
    deployment = opened(world)
    host.requests.clear()
    forge.requests.clear()
    forge.faults.append(Fault(503, {}, path="/pulls/", times=100))

    looks_again(world, deployment)

    asked = {request for request in host.requests if "/pulls/" in request}
    assert len(asked) == 1
    assert all("whose state is not known" in row.reason for row in PullRequest.objects.all())
    forge.faults.clear()


def test_a_password_in_a_source_is_not_told(host, forge):
    world = world_on(host)
    ApplicationSource.objects.update(repo_url=f"http://bob:pa55word@127.0.0.1:{host.port}/acme/deploy.git")
    deployment = opened(world, MERGED_IS_DONE)
    forge.merge(forge.find("acme/deploy")[0])
    looks_again(world, deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED
    told = [*LogEntry.objects.values_list("text", flat=True), *StepRun.objects.get().outputs.values(), deployment.reason]
    assert not [text for text in told if "pa55word" in text]
    assert targets_of(deployment)[0].verification == Verification.VERIFIED


def test_a_merge_commit_that_a_rebase_rewrote_is_looked_for_in_the_branchs_files(host, forge):
    world = world_on(host)
    deployment = opened(world)
    pull = forge.find("acme/deploy")[0]
    forge.merge(pull)
    forge.change(pull, merge_sha="1" * 40)

    looks_again(world, deployment)

    assert deployment.status == DeploymentStatus.WAITING
    assert targets_of(deployment)[0].commit_sha == world.repository.head()


def test_superseded_long_after_it_failed_it_is_closed_though_the_host_is_away_at_first(host, forge):
    world = world_on(host)
    opened(world)
    Deployment.objects.update(status=DeploymentStatus.FAILED, finished_at=world.now)
    PullRequest.objects.update(closing_reason="Superseded.", due_at=world.later(3 * 86400))
    forge.faults.append(Fault(503, {}, method="PATCH"))

    settle_pull_requests(now=world.now)
    settle_pull_requests(now=PullRequest.objects.get().due_at)

    assert forge.find("acme/deploy")[0].state == "closed"


def test_one_that_cannot_be_settled_keeps_no_other_from_it(host, forge):
    world = world_on(host)
    deployment = opened(world)
    cancel_deployment(deployment=deployment, by=None, now=world.now)
    bad = PullRequest.objects.get()
    bad.pk, bad.branch, bad.repo_url, bad.due_at = None, "other", "http://[", world.now - timedelta(seconds=1)
    bad.save()

    settle_pull_requests(now=world.now)

    assert forge.find("acme/deploy")[0].state == "closed"
