"""The way of a deployment by pull request, once on every kind of Git host: pushed, opened, merged or closed, and told back as a status."""

import pytest

from deployments.models import PullRequest
from deployments.services import settle_pull_requests
from deployments.status import DeploymentStatus
from infrastructure.models import GitCredential
from infrastructure.services.credentials import save_credential
from simulator.forge import running
from tests.deployments.factories import make_release, make_world, targets_of
from tests.deployments.forges.hosts import HOSTS
from tests.factories import NOW

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
MERGED_IS_DONE = {"commit_method": "pull_request", "verification": "pull_request_merged"}
TOKEN = "s3cret"


@pytest.fixture(params=HOSTS)
def host(request):
    return HOSTS[request.param]


@pytest.fixture
def server(tmp_path, host):
    root = tmp_path / "host"
    root.mkdir()
    with running(root, users={"x-token-auth": TOKEN}, vendor=host.vendor) as server:
        credential = GitCredential(name="host", username="x-token-auth", repositories=f"{server.url}/*", forge_kind=host.kind, created_at=NOW)
        save_credential(credential=credential, secret=TOKEN, by=None, now=NOW)
        yield server


@pytest.fixture
def awaiting(host, server):
    """The world, and a deployment in it that awaits the merge of its pull request."""
    world = make_world(server.root, url=f"{server.url}/{host.clone}", name=host.path)
    deployment = world.deploy(make_release(step=MERGED_IS_DONE))
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.AWAITING_MERGE, deployment.reason
    return world, deployment


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_merged_pull_request_is_done_and_its_status_says_so(host, server, awaiting, method):
    world, deployment = awaiting
    (pull,) = server.forge.find(host.path)
    row = PullRequest.objects.get()
    waiting, passed, *_ = host.states
    assert server.forge.status_of(host.path, row.head_sha, "octoargo").state == waiting
    server.forge.merge(pull, method=method)

    world.later(31)
    world.advance(deployment)
    settle_pull_requests(now=world.now)

    row.refresh_from_db()
    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    assert row.merge_sha == world.repository.head() == targets_of(deployment)[0].commit_sha
    assert server.forge.status_of(host.path, row.head_sha, "octoargo").state == passed


def test_a_closed_pull_request_fails_with_its_link(host, server, awaiting):
    world, deployment = awaiting
    (pull,) = server.forge.find(host.path)
    server.forge.close(pull)

    world.later(31)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert "was closed without a merge" in deployment.reason
    link = f"{server.url}{server.vendor.page_path(host.path, pull.number)}"
    assert deployment.reason.endswith(link)
