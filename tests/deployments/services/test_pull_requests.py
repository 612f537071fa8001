"""Deployments by pull request, on a simulated Gitea with real Git."""

from datetime import timedelta

import pytest

from deployments.models import Deployment, LiveState, LogEntry, PullRequest, StepRun
from deployments.services import cancel_deployment, retry_deployment, settle_pull_requests, watch
from deployments.status import DeploymentStatus, PullRequestState, TargetOutcome, Verification
from infrastructure.models import GitCredential
from infrastructure.services.credentials import save_credential
from simulator.forge import running
from simulator.forges.state import Access, Fault
from tests.deployments.factories import make_release, make_world, manifest, targets_of
from tests.factories import NOW

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
BY_PULL_REQUEST = {"commit_method": "pull_request"}
MERGED_IS_DONE = {**BY_PULL_REQUEST, "verification": "pull_request_merged"}
WEB = "apps/shop-web/web.yaml"


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "host"
    root.mkdir()
    with running(root, users={"octoargo": "s3cret"}, vendor="gitea") as server:
        credential = GitCredential(name="host", username="octoargo", repositories=f"{server.url}/*", created_at=NOW)
        save_credential(credential=credential, secret="s3cret", by=None, now=NOW)
        yield server


@pytest.fixture
def forge(host):
    return host.vendor.state


def world_on(host, name="acme/deploy", **values):
    return make_world(host.root, url=f"{host.url}/{name}.git", name=name, **values)


def opened(world, step=BY_PULL_REQUEST, **values):
    """A deployment that awaits the merge of its pull request."""
    deployment = world.deploy(make_release(step=step), **values)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.AWAITING_MERGE, deployment.reason
    return deployment


def looks_again(world, deployment):
    """As the next poll would, or a webhook."""
    world.later(31)
    return world.advance(deployment)


def log_of(deployment):
    return [entry.text for entry in LogEntry.objects.filter(deployment=deployment).order_by("pk")]


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
        f"Failed: pull request 1 in acme/deploy was closed without a merge. Reopen it and retry, or deploy anew. {host.url}/acme/deploy/pulls/1"
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


def test_a_host_that_is_away_is_asked_to_close_again_later(host, forge):
    world = world_on(host)
    deployment = opened(world)
    cancel_deployment(deployment=deployment, by=None, now=world.now)
    forge.faults.append(Fault(503, {}, method="PATCH"))

    settle_pull_requests(now=world.now)
    assert forge.find("acme/deploy")[0].state == "open"
    assert PullRequest.objects.get().due_at > world.now
    settle_pull_requests(now=PullRequest.objects.get().due_at)

    assert forge.find("acme/deploy")[0].state == "closed"


@pytest.mark.parametrize("access", [Access("octoargo", can_write=False), Access("octoargo", can_see=False), Access("octoargo", is_expired=True)])
def test_a_token_without_the_right_is_told_before_a_branch_is_pushed(host, forge, access):
    world = world_on(host)
    forge.tokens["s3cret"] = access
    deployment = world.deploy(make_release(step=BY_PULL_REQUEST))

    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert deployment.reason.startswith("Failed: ")
    assert "s3cret" not in deployment.reason
    assert not [request for request in host.requests if "git-receive-pack" in request]


def test_without_a_credential_no_pull_request_is_tried(host):
    world = world_on(host)
    GitCredential.objects.all().delete()
    host.users.clear()
    deployment = world.deploy(make_release(step=BY_PULL_REQUEST))

    world.advance(deployment)

    assert deployment.reason == (
        f"Failed: {host.url}/acme/deploy.git has no credential with a token, so no pull request can be opened there. Add one, also for a repository over SSH."
    )


def test_a_crash_after_the_push_finds_the_branch_and_opens_one_pull_request(host, forge):
    world = world_on(host)
    forge.faults.append(Fault(503, {}, method="POST", path="/pulls", times=2))
    deployment = world.deploy(make_release(step=BY_PULL_REQUEST))
    for _ in range(5):
        world.advance(deployment)
        world.later(120)

    assert deployment.status == DeploymentStatus.AWAITING_MERGE
    assert len(forge.find("acme/deploy")) == 1
    assert len(world.repository.log(forge.find("acme/deploy")[0].head)) == 2


def test_a_host_that_does_not_answer_is_waited_for_and_says_why(host, forge):
    world = world_on(host)
    deployment = opened(world)
    forge.faults.append(Fault(503, {}, method="GET", path="/pulls/1"))

    looks_again(world, deployment)

    assert deployment.status == DeploymentStatus.AWAITING_MERGE
    assert deployment.reason.startswith("Waiting for pull request 1 in acme/deploy, whose state is not known: 127.0.0.1")
    forge.merge(forge.find("acme/deploy")[0])
    world.later(120)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.WAITING


def test_a_rate_limit_is_kept_on_the_credential(host, forge):
    world = world_on(host)
    deployment = opened(world)
    forge.faults.append(Fault(429, {}, headers=(("Retry-After", "77"),), method="GET", path="/pulls/1"))

    looks_again(world, deployment)

    credential = GitCredential.objects.get()
    assert credential.api_retry_at == world.now + timedelta(seconds=77)
    assert "limits how often" in credential.api_said
    assert deployment.due_at >= world.now + timedelta(seconds=77)


def test_merged_and_reverted_before_argo_cd_looked_is_not_verified(host, forge):
    world = world_on(host)
    deployment = opened(world)
    forge.merge(forge.find("acme/deploy")[0])
    looks_again(world, deployment)
    world.repository.commit({WEB: manifest("1.4.1", "shop-web")}, message="Revert")
    world.reports()

    world.later(6)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.WAITING
    assert "A later commit took our change out again" in deployment.reason


def test_a_conflict_is_told(host, forge):
    world = world_on(host)
    deployment = opened(world)
    world.repository.commit({WEB: manifest("1.4.0", "shop-web")}, message="Another tag")

    looks_again(world, deployment)

    assert deployment.reason == "Waiting for the merge of pull request 1 in acme/deploy: it conflicts with main. Open since 14:30."


def test_while_somebody_looks_the_host_is_asked_more_often(host):
    world = world_on(host)
    deployment = opened(world)

    watch(deployment=deployment, now=world.now)

    deployment.refresh_from_db()
    assert deployment.due_at == PullRequest.objects.get().due_at == NOW + timedelta(seconds=10)


def test_labels_and_reviewers_are_asked_for_and_a_wrong_one_is_told(host, forge):
    world = world_on(host)

    deployment = opened(world, {**BY_PULL_REQUEST, "pull_request_labels": "deploy, octoargo", "pull_request_reviewers": "ada,nobody"})

    pull = forge.find("acme/deploy")[0]
    assert (pull.labels, pull.reviewers) == (["deploy", "octoargo"], ["ada"])
    assert any("nobody" in line for line in log_of(deployment))


def test_output_variables_name_the_pull_request(host, forge):
    world = world_on(host)
    deployment = opened(world, MERGED_IS_DONE)
    forge.merge(forge.find("acme/deploy")[0])
    looks_again(world, deployment)

    outputs = StepRun.objects.get().outputs

    prefix = f"ArgoCD.Gateway[{world.instance.name}].Application[argocd/shop-web].Source[0]."
    assert outputs["ArgoCD.UpdatedApplications"] == "argocd/shop-web"
    assert (outputs[f"{prefix}PullRequest.Number"], outputs[f"{prefix}CommitSha"]) == ("1", world.repository.head())
