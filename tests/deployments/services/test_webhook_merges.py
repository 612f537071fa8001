"""From the merge on the Git host by its webhook to a deployment that goes on at once: no poll is waited for."""

from datetime import timedelta

import pytest

from deployments.models import Deployment, PullRequest
from deployments.services import webhooks
from deployments.services.webhooks import create_webhook
from deployments.status import DeploymentStatus, PullRequestState
from infrastructure.models import GitCredential
from infrastructure.services.credentials import save_credential
from simulator.forge import running
from simulator.forges.events import Hook, PullChanged, RefChanged
from tests.deployments.factories import make_release, make_world
from tests.factories import NOW

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "host"
    root.mkdir()
    with running(root, users={"octoargo": "s3cret"}, vendor="gitea") as server:
        credential = GitCredential(name="host", username="octoargo", repositories=f"{server.url}/*", created_at=NOW)
        save_credential(credential=credential, secret="s3cret", by=None, now=NOW)
        yield server


@pytest.fixture
def tell(host):
    """Deliver an event in the host's shape at a time."""
    webhook, secret = create_webhook(name="host", kind="gitea", by=None, now=NOW)

    def deliver(event, now):
        delivery = host.vendor.pack(event, Hook("", "", secret))
        return webhooks.receive(webhook=webhook, headers=delivery.headers, body=delivery.body, now=now)

    return deliver


@pytest.fixture
def world(host):
    return make_world(host.root, url=f"{host.url}/acme/deploy.git", name="acme/deploy")


def opened(world):
    deployment = world.deploy(make_release(step={"commit_method": "pull_request"}))
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.AWAITING_MERGE, deployment.reason
    return deployment


def test_a_merge_is_seen_at_once(host, tell, world):
    deployment = opened(world)
    pull = host.vendor.state.find("acme/deploy")[0]
    host.vendor.state.merge(pull)
    world.later(2)

    world.advance(deployment)
    assert deployment.status == DeploymentStatus.AWAITING_MERGE, "the next poll is 28 s away"
    tell(PullChanged(pull, "merged"), world.now)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.WAITING
    assert PullRequest.objects.get().merge_sha == world.repository.head()


def test_a_close_is_seen_at_once(host, tell, world):
    deployment = opened(world)
    pull = host.vendor.state.find("acme/deploy")[0]
    host.vendor.state.close(pull)

    tell(PullChanged(pull, "closed"), world.later(2))
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED


def test_case_38_a_lie_changes_nothing_and_is_asked_about_again(host, tell, world):
    deployment = opened(world)
    pull = host.vendor.state.find("acme/deploy")[0]
    pull.state = "merged"
    lie = PullChanged(pull, "merged")
    now = world.later(2)
    tell(lie, now)
    pull.state = "open"

    world.advance(deployment)

    assert deployment.status == DeploymentStatus.AWAITING_MERGE
    assert PullRequest.objects.get().state == PullRequestState.OPEN
    assert now < deployment.due_at <= now + timedelta(seconds=30)


def test_the_push_of_the_merge_alone_is_enough(host, tell, world):
    deployment = opened(world)
    before, pull = world.repository.head(), host.vendor.state.find("acme/deploy")[0]
    host.vendor.state.merge(pull)

    tell(RefChanged("acme/deploy", "refs/heads/main", before, world.repository.head()), world.later(2))
    world.advance(deployment)

    assert Deployment.objects.get().status == DeploymentStatus.WAITING
