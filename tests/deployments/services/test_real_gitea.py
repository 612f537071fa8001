"""Deployments by pull request on the real Gitea or Forgejo of OCTOARGO_GITEA_URL and OCTOARGO_GITEA_TOKEN."""

import os

import httpx2
import pytest

from deployments.models import PullRequest, Webhook, WebhookDelivery
from deployments.services import cancel_deployment, retry_deployment, settle_pull_requests
from deployments.services.webhooks import create_webhook
from deployments.status import DeploymentStatus, PullRequestState
from infrastructure.models import GitCredential
from infrastructure.services.credentials import save_credential
from tests.deployments.factories import World, add_application, make_release, manifest
from tests.deployments.forges.worlds import RealGitea
from tests.factories import NOW, make_gateway, make_instance
from tests.hub import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
WEB = "web.yaml"
BY_PULL_REQUEST = {"commit_method": "pull_request"}


class Repository:
    """What a World wants of its repository, on the real host."""

    def __init__(self, gitea):
        self.gitea = gitea

    def head(self, branch="main"):
        return self.gitea.head(branch)


@pytest.fixture
def gitea():
    gitea = RealGitea(os.environ["OCTOARGO_GITEA_URL"], os.environ["OCTOARGO_GITEA_TOKEN"])
    try:
        yield gitea
    finally:
        gitea.delete()


@pytest.fixture
def world(gitea, settings):
    settings.ALLOW_PRIVATE_ADDRESSES = True
    credential = GitCredential(name="gitea", username="octoargo", repositories=f"{gitea.base}/*", created_at=NOW)
    save_credential(credential=credential, secret=gitea.token, by=None, now=NOW)
    gitea.commit(manifest("1.4.1"), path=WEB)
    instance = make_instance()
    make_gateway(instance)
    world = World(Repository(gitea), instance)
    add_application(world, "shop-web", url=gitea.url, path=".")
    return world


def opened(world, version="1.4.2", **step):
    release = make_release(version, images=[f"ghcr.io/acme/web:{version}"], step={**BY_PULL_REQUEST, **step})
    deployment = world.deploy(release)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.AWAITING_MERGE, deployment.reason
    return deployment


def looks_again(world, deployment):
    world.later(31)
    return world.advance(deployment)


@pytest.mark.parametrize("method", ["merge", "squash", "rebase", "rebase-merge"])
def test_merged_it_goes_on_and_succeeds(world, gitea, method):
    deployment = opened(world, pull_request_labels="octoargo")
    gitea.merge(1, method)

    looks_again(world, deployment)

    assert deployment.status == DeploymentStatus.WAITING, deployment.reason
    assert PullRequest.objects.get().merge_sha == gitea.head()
    world.reports()
    world.advance(deployment)
    world.later(6)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    settle_pull_requests(now=world.now)
    said = gitea.ask("GET", f"/repos/{gitea.path}/commits/{PullRequest.objects.get().head_sha}/statuses")
    ours = [status for status in said if status["context"] == "octoargo"]  # those of one second come in any order
    assert max(ours, key=lambda status: status["id"])["status"] == "success"


def test_closed_it_fails_and_a_retry_finds_it_reopened(world, gitea):
    deployment = opened(world)
    gitea.close(1)
    looks_again(world, deployment)
    assert deployment.status == DeploymentStatus.FAILED
    assert f"{gitea.base}/{gitea.path}/pulls/1" in deployment.reason

    gitea.ask("PATCH", f"/repos/{gitea.path}/pulls/1", {"state": "open"})
    again = retry_deployment(deployment=deployment, by=None, now=world.later(60))
    world.advance(again)

    assert (again.status, gitea.count()) == (DeploymentStatus.AWAITING_MERGE, 1)


def test_cancelled_it_is_closed(world, gitea):
    deployment = opened(world)

    cancel_deployment(deployment=deployment, by=None, now=world.now)
    settle_pull_requests(now=world.now)

    assert gitea.ask("GET", f"/repos/{gitea.path}/pulls/1")["state"] == "closed"
    assert PullRequest.objects.get().state == PullRequestState.CLOSED


def test_a_conflict_is_told(world, gitea):
    deployment = opened(world)
    gitea.commit(manifest("1.3.0"), path=WEB)
    wait_for(lambda: not gitea.ask("GET", f"/repos/{gitea.path}/pulls/1")["mergeable"])

    looks_again(world, deployment)

    assert ": it conflicts with main." in deployment.reason


@pytest.mark.parametrize("scopes", [["read:repository"], ["write:issue", "read:repository"]])
def test_a_token_that_may_not_push_is_told_before_a_branch_is_pushed(world, gitea, scopes):
    password = os.environ.get("OCTOARGO_GITEA_PASSWORD", "")
    if password:
        made = httpx2.post(
            f"{gitea.base}/api/v1/users/octoargo/tokens", json={"name": f"read-{gitea.path[-8:]}", "scopes": scopes}, auth=("octoargo", password)
        )
        save_credential(credential=GitCredential.objects.get(), secret=made.json()["sha1"], by=None, now=NOW)
        deployment = world.deploy(make_release(step=BY_PULL_REQUEST))

        world.advance(deployment)

        assert deployment.status == DeploymentStatus.FAILED, deployment.reason
        assert made.json()["sha1"] not in deployment.reason
        assert not gitea.run("ls-remote", gitea.url, "refs/heads/octoargo/*")


def test_a_protected_branch_names_the_other_way(world, gitea):
    gitea.ask("POST", f"/repos/{gitea.path}/branch_protections", {"branch_name": "main", "rule_name": "main", "enable_push": False})
    deployment = world.deploy(make_release())

    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert "Or let step 1 open a pull request." in deployment.reason
    assert opened(world, "1.4.3"), "by pull request it works"


def test_an_archived_repository_is_told(world, gitea):
    gitea.ask("PATCH", f"/repos/{gitea.path}", {"archived": True})
    deployment = world.deploy(make_release(step=BY_PULL_REQUEST))

    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert "archived" in deployment.reason
    gitea.ask("PATCH", f"/repos/{gitea.path}", {"archived": False})


def test_its_webhooks_are_believed_and_make_us_look(world, gitea, live_server):
    hook, secret = create_webhook(name="gitea", kind="gitea", repositories=f"{gitea.base}/*", by=None, now=NOW)
    config = {"url": f"{live_server.url}/hooks/gitea/{hook.pk}", "content_type": "json", "secret": secret}
    gitea.ask("POST", f"/repos/{gitea.path}/hooks", {"type": "gitea", "active": True, "events": ["push", "pull_request"], "config": config})
    opened(world)
    due_at = PullRequest.objects.get().due_at

    gitea.merge(1)

    wait_for(lambda: PullRequest.objects.get().due_at != due_at)
    wait_for(lambda: WebhookDelivery.objects.count() >= 3)
    assert "Refused" not in Webhook.objects.get().last_delivery_said
