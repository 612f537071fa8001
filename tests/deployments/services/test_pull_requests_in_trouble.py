"""Deployments by pull request when hosts, rights, people and events come in the way."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from deployments.models import PullRequest, StepRun
from deployments.services import advance, cancel_deployment, settle_pull_requests, watch
from deployments.status import DeploymentStatus
from infrastructure.models import GitCredential
from simulator.forges.state import Access, Fault
from tests.deployments.factories import make_release, manifest
from tests.deployments.services.by_pull_request import BY_PULL_REQUEST, MERGED_IS_DONE, WEB, log_of, looks_again, opened, world_on
from tests.deployments.views.pages import text_of
from tests.factories import NOW, make_user
from tests.hub import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]


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


def test_an_event_while_the_host_is_read_is_not_lost(host, forge):
    world = world_on(host)
    deployment = opened(world)
    world.later(31)
    event_at = world.now

    def tell():
        """As a webhook in another process, while the answer is on its way."""
        wait_for(lambda: any(request.endswith("/pulls/1") for request in host.requests))
        PullRequest.objects.update(due_at=event_at)
        connections.close_all()

    host.requests.clear()
    host.latency_s = 1.0
    teller = threading.Thread(target=tell)
    teller.start()
    advance(deployment=deployment, now=world.now)
    teller.join()

    assert PullRequest.objects.get().due_at == event_at
    deployment.refresh_from_db()
    assert deployment.due_at <= world.now


def test_a_failed_deployment_tells_of_its_open_pull_request(host, forge, client):
    world = world_on(host, names=("shop-web",))
    world_on(host, "acme/other", names=("shop-edge",), instance=world.instance)
    deployment = opened(world)
    forge.close(forge.find("acme/deploy")[0])
    looks_again(world, deployment)
    client.force_login(make_user(is_superuser=True))

    page = text_of(client.get(deployment.get_absolute_url()))

    assert deployment.status == DeploymentStatus.FAILED
    assert "Still open on its Git host. A retry finds it; if it is not wanted any more, close it there." in page
