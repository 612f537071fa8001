"""What tests of deployments by pull request share."""

from deployments.models import LogEntry
from deployments.status import DeploymentStatus
from tests.deployments.factories import make_release, make_world

BY_PULL_REQUEST = {"commit_method": "pull_request"}
MERGED_IS_DONE = {**BY_PULL_REQUEST, "verification": "pull_request_merged"}
WEB = "apps/shop-web/web.yaml"


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
