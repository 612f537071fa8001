"""Deployments by pull request, on a simulated Gitea with real Git."""

from datetime import timedelta

import pytest

from deployments.models import Deployment, LiveState, PullRequest, StepRun
from deployments.services import cancel_deployment, retry_deployment, settle_pull_requests
from deployments.status import DeploymentStatus, PullRequestState, TargetOutcome, Verification
from tests.deployments.factories import make_release, manifest, targets_of
from tests.deployments.services.by_pull_request import BY_PULL_REQUEST, MERGED_IS_DONE, WEB, log_of, looks_again, opened, world_on
from tests.factories import NOW

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]


def test_a_deployment_by_pull_request_opens_one_and_waits_without_lease_and_place(host, forge):
    world = world_on(host, names=("shop-web", "shop-api"))
    before = world.repository.head()

    deployment = opened(world)

    (pull,) = forge.find("acme/deploy")
    assert (pull.state, pull.base, pull.title) == ("open", "main", "Deploy Shop 1.4.2 to Production")
    assert pull.head.startswith("octoargo/shop-1.4.2-production-")
    assert "- shop-api\n- shop-web" in pull.body
    assert world.repository.head() == before
    assert world.repository.read(WEB, pull.head).decode() == manifest("1.4.2", "shop-web")
    assert deployment.reason == "Waiting for the merge of pull request 1 in acme/deploy. Open since 14:30."
    assert (deployment.claimed_until, deployment.due_at) == (None, NOW + timedelta(seconds=30))
    row = PullRequest.objects.get()
    assert (row.number, row.branch, row.state, row.head_sha) == (1, "main", PullRequestState.OPEN, world.repository.head(pull.head))
    assert {target.pull_request_id for target in targets_of(deployment)} == {row.pk}
    assert {target.outcome for target in targets_of(deployment)} == {TargetOutcome.UPDATED}
    assert not LiveState.objects.filter(target__isnull=False).exists(), "what is not merged is not in force"
    assert forge.status_of("acme/deploy", row.head_sha, "octoargo").state == "pending"


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_merged_on_the_host_it_goes_on_to_the_applications_and_succeeds(host, forge, method):
    world = world_on(host)
    deployment = opened(world)
    forge.merge(forge.find("acme/deploy")[0], method=method)

    looks_again(world, deployment)

    head = world.repository.head()
    assert deployment.status == DeploymentStatus.WAITING
    assert StepRun.objects.get().waiting_since == world.now, "the timeout counts from here"
    (target,) = targets_of(deployment)
    assert target.commit_sha == PullRequest.objects.get().merge_sha == head
    assert LiveState.objects.get().target == target
    world.reports()
    world.advance(deployment)
    world.later(6)
    world.advance(deployment)
    assert (deployment.status, deployment.reason) == (DeploymentStatus.SUCCEEDED, "Deployed 1.4.2 to 1 application source.")
    settle_pull_requests(now=world.now)
    assert forge.status_of("acme/deploy", PullRequest.objects.get().head_sha, "octoargo").state == "success"


def test_pull_request_merged_is_a_way_to_verify(host, forge):
    world = world_on(host)
    deployment = opened(world, MERGED_IS_DONE)
    forge.merge(forge.find("acme/deploy")[0])

    looks_again(world, deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert targets_of(deployment)[0].reason == f"Merged as {world.repository.head()[:7]} by pull request 1."


def test_pull_request_merged_asks_nothing_of_a_direct_commit(host):
    world = world_on(host)
    deployment = world.deploy(make_release(step={"verification": "pull_request_merged"}))

    world.advance(deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED


def test_commit_created_does_not_wait_for_the_merge(host, forge):
    world = world_on(host)
    deployment = world.deploy(make_release(step={**BY_PULL_REQUEST, "verification": "commit_created"}))

    world.advance(deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert forge.find("acme/deploy")[0].state == "open"


def test_closed_without_a_merge_it_fails_with_the_link(host, forge):
    world = world_on(host)
    deployment = opened(world)
    forge.close(forge.find("acme/deploy")[0])

    looks_again(world, deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert deployment.reason == (
        f"Failed: pull request 1 in acme/deploy was closed without a merge. Reopen it and retry, or retry to open a new one. {host.url}/acme/deploy/pulls/1"
    )
    assert targets_of(deployment)[0].verification == Verification.FAILED


def test_retry_finds_its_branch_and_its_reopened_pull_request(host, forge):
    world = world_on(host)
    deployment = opened(world)
    pull = forge.find("acme/deploy")[0]
    head = world.repository.head(pull.head)
    forge.close(pull)
    looks_again(world, deployment)
    forge.change(pull, state="open")

    again = retry_deployment(deployment=deployment, by=None, now=world.later(60))
    world.advance(again)

    assert again.status == DeploymentStatus.AWAITING_MERGE
    assert again.retry_of == deployment
    assert [each.number for each in forge.find("acme/deploy")] == [1]
    assert world.repository.head(pull.head) == head


def test_retry_after_a_close_opens_a_new_one_from_the_same_branch(host, forge):
    world = world_on(host)
    deployment = opened(world)
    forge.close(forge.find("acme/deploy")[0])
    looks_again(world, deployment)

    again = retry_deployment(deployment=deployment, by=None, now=world.later(60))
    world.advance(again)

    assert PullRequest.objects.get(step_run__deployment=again).number == 2
    assert len({pull.head for pull in forge.find("acme/deploy")}) == 1


def test_one_pull_request_per_repository_and_branch_all_of_them_awaited(host, forge):
    world = world_on(host, names=("shop-web", "shop-api"))
    other = world_on(host, "acme/other", names=("shop-edge",), instance=world.instance)
    deployment = opened(world)
    assert {(row.repository_key.rpartition("/")[2], row.number) for row in PullRequest.objects.all()} == {("deploy", 1), ("other", 1)}
    forge.merge(forge.find("acme/deploy")[0])

    looks_again(world, deployment)
    assert (deployment.status, deployment.reason) == (
        DeploymentStatus.AWAITING_MERGE,
        "Waiting for the merge of pull request 1 in acme/other. Open since 14:30.",
    )

    forge.merge(forge.find("acme/other")[0])
    looks_again(world, deployment)
    assert deployment.status == DeploymentStatus.WAITING
    assert other.repository.read("apps/shop-edge/web.yaml").decode() == manifest("1.4.2", "shop-edge")


def test_nothing_to_change_opens_no_pull_request(host, forge):
    world = world_on(host, tag="1.4.2")
    deployment = world.deploy(make_release(step=BY_PULL_REQUEST))

    world.advance(deployment)

    assert deployment.status == DeploymentStatus.WAITING
    assert forge.find("acme/deploy") == []
    assert targets_of(deployment)[0].outcome == TargetOutcome.ALREADY_THERE


def test_per_environment_the_others_are_committed_directly(host, forge):
    world = world_on(host)
    deployment = world.deploy(make_release(step={"commit_method": "per_environment", "pull_request_environments": ["staging"]}))

    world.advance(deployment)

    assert deployment.status == DeploymentStatus.WAITING
    assert forge.find("acme/deploy") == []


def test_a_newer_success_supersedes_an_older_one_and_closes_its_pull_request(host, forge):
    world = world_on(host)
    older = opened(world)
    newer = world.deploy(make_release("1.4.3", images=["ghcr.io/acme/web:1.4.3"], step={"verification": "commit_created"}))

    world.advance(newer)
    settle_pull_requests(now=world.now)

    older.refresh_from_db()
    assert (older.status, older.reason) == (DeploymentStatus.CANCELLED, f"Superseded by deployment {newer.pk} of 1.4.3.")
    assert forge.find("acme/deploy")[0].state == "closed"
    assert PullRequest.objects.get().state == PullRequestState.CLOSED
    assert log_of(older)[-1] == "Pull request 1 in acme/deploy was closed."


def test_cancel_closes_the_pull_request_and_says_so(host, forge):
    world = world_on(host)
    deployment = opened(world)

    cancel_deployment(deployment=deployment, by=None, now=world.now)
    settle_pull_requests(now=world.now)

    assert "Its open pull requests are closed" in Deployment.objects.get().reason
    assert forge.find("acme/deploy")[0].state == "closed"


def test_merged_before_it_could_be_closed_is_told(host, forge):
    world = world_on(host)
    deployment = opened(world)
    cancel_deployment(deployment=deployment, by=None, now=world.now)
    forge.merge(forge.find("acme/deploy")[0])

    settle_pull_requests(now=world.now)

    assert log_of(deployment)[-1].startswith("Pull request 1 in acme/deploy was merged before it could be closed.")
    assert PullRequest.objects.get().state == PullRequestState.MERGED


def test_a_pull_request_that_is_not_awaited_says_so(host):
    world = world_on(host)
    deployment = world.deploy(make_release(step={**BY_PULL_REQUEST, "verification": "commit_created"}))

    world.advance(deployment)

    assert targets_of(deployment)[0].reason == "Pull request 1 in acme/deploy is open. This step does not wait for its merge."
