"""Rendered templates by pull request, on a simulated Gitea with real Git that asks for a credential."""

import pytest

from deployments.models import Deployment, IntendedChange, Step
from deployments.services import InvalidRelease, plan
from deployments.status import DeploymentStatus
from infrastructure.models import GitCredential
from infrastructure.services.credentials import save_credential
from simulator.forge import make_repository, running
from tests.deployments.factories import make_world
from tests.deployments.templates import make_manifests_release
from tests.factories import NOW, make_environment, make_project

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
OURS, OLD = "apps/shop-web/config.yaml", "apps/shop-web/web.yaml"


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "host"
    root.mkdir()
    with running(root, users={"octoargo": "s3cret"}, vendor="gitea") as server:
        credential = GitCredential(name="host", username="octoargo", repositories=f"{server.url}/*", created_at=NOW)
        save_credential(credential=credential, secret="s3cret", by=None, now=NOW)
        make_repository(root / "acme" / "templates.git", {"base/config.yaml": "release: #{Octopus.Release.Number}\n"})
        step = {"name": "Manifests", "kind": "update_manifests", "template_repo_url": f"{server.url}/acme/templates.git", "template_path": "base"}
        way = {"purge_output": True, "commit_method": "pull_request", "commit_summary": "Deploy #{Octopus.Release.Number} to #{Octopus.Environment.Name}"}
        Step.objects.create(project=make_project(), position=1, **step, **way)
        yield server


@pytest.fixture
def world(host):
    return make_world(host.root, url=f"{host.url}/acme/deploy.git", name="acme/deploy")


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_files_and_deletions_are_verified_after_the_merge(host, world, method):
    release = make_manifests_release()
    [planned] = plan(release=release, environment=make_environment()).repositories
    assert planned.by_pull_request
    deployment = world.advance(world.deploy(release))

    forge = host.vendor.state
    (pull,) = forge.find("acme/deploy")
    assert deployment.status == DeploymentStatus.AWAITING_MERGE
    assert pull.title == planned.summary == "Deploy 2.0.0 to Production"
    assert world.repository.read(OURS, pull.head) == b"release: 2.0.0\n"
    assert world.repository.read(OLD), "nothing is on the branch that Argo CD reads before the merge"
    assert sorted(IntendedChange.objects.values_list("path", "is_deleted")) == [(OURS, False), (OLD, True)]

    forge.merge(pull, method=method)
    world.later(31)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.WAITING, deployment.reason
    world.reports()
    world.advance(deployment)
    world.later(6)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason


def test_a_merge_that_was_reverted_before_argo_cd_looked_is_not_verified(host, world):
    deployment = world.advance(world.deploy(make_manifests_release()))
    forge = host.vendor.state
    forge.merge(forge.find("acme/deploy")[0])
    world.repository.commit({OURS: None, OLD: "back: 1\n"}, message="Revert")
    world.later(31)
    world.advance(deployment)
    world.reports()
    world.later(6)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.WAITING
    assert "is gone" in deployment.reason or "is back" in deployment.reason, deployment.reason


def test_templates_that_cannot_be_read_are_told_before_there_is_a_release(host, world):
    GitCredential.objects.all().delete()
    with pytest.raises(InvalidRelease, match=r"The templates of step “Manifests” cannot be found\. .* asks for a credential"):
        make_manifests_release()
    assert not Deployment.objects.exists()


def test_a_templates_host_that_is_away_is_waited_for(host, world, settings, tmp_path):
    release = make_manifests_release()
    settings.MIRRORS_DIR = tmp_path / "other-machine"
    host.is_away = True
    deployment = world.advance(world.deploy(release))
    assert deployment.status == DeploymentStatus.QUEUED
    assert "127.0.0.1, where the templates are: " in deployment.reason
    [sentence] = plan(release=release, environment=make_environment()).refusals
    assert sentence.startswith("Not planned: 127.0.0.1, where the templates are: ")
    assert sentence.endswith(". Try again later.")

    host.is_away = False
    world.later(60)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.AWAITING_MERGE, deployment.reason
