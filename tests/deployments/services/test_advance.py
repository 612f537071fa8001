"""A deployment from its creation to its end, against real repositories."""

import pytest

from deployments.models import Deployment, IntendedChange, LiveState, LogEntry
from deployments.services import create_deployment
from deployments.services.errors import NoMappedApplications
from deployments.status import DeploymentStatus, StepStatus, TargetOutcome, Verification
from simulator.forge import git
from tests.deployments.factories import add_application, make_release, make_world, manifest, operation_state, targets_of
from tests.factories import make_environment, make_tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]


def test_advance_commits_waits_and_verifies(tmp_path):
    world = make_world(tmp_path)
    before = world.repository.head()
    deployment = world.deploy()
    world.advance(deployment)

    commit = world.repository.head()
    [target] = targets_of(deployment)
    assert deployment.status == DeploymentStatus.WAITING
    assert world.repository.read("apps/shop-web/web.yaml").decode() == manifest("1.4.2", "shop-web")
    assert (target.outcome, target.commit_sha, target.branch) == (TargetOutcome.UPDATED, commit, "main")
    assert deployment.reason == (
        f"Waiting for {world.instance.name}: application shop-web is at {before[:7]}, our commit {commit[:7]} is newer. "
        "Argo CD checks again within 3 minutes, or refresh now."
    )

    world.later(1)
    world.reports(sync="OutOfSync")
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.WAITING
    world.reports(health="Progressing")
    world.advance(deployment)
    assert "to become healthy" in deployment.reason

    world.later(1)
    world.reports()
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.WAITING, "the debounce"
    world.later(5)
    world.advance(deployment)
    assert (deployment.status, deployment.due_at, deployment.claimed_until) == (DeploymentStatus.SUCCEEDED, None, None)
    assert targets_of(deployment)[0].verification == Verification.VERIFIED
    assert deployment.step_runs.get().status == StepStatus.SUCCEEDED


def test_advance_records_what_it_meant_beside_the_commit(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)

    change = IntendedChange.objects.get()
    [target] = targets_of(deployment)
    live = LiveState.objects.get()
    assert change.path == "apps/shop-web/web.yaml"
    assert change.patch == [{"op": "replace", "path": "/0/spec/template/spec/containers/0/image", "value": "ghcr.io/acme/web:1.4.2"}]
    assert [place["expected"] for place in change.places] == ["ghcr.io/acme/web:1.4.2"]
    assert (live.target, live.release, live.deployment) == (target, deployment.release, deployment)
    assert [note["code"] for note in target.notes] == ["updated"]


def test_advance_makes_one_commit_for_all_applications_of_a_branch(tmp_path):
    world = make_world(tmp_path, names=["shop-web", "shop-api"])
    deployment = world.deploy()
    world.advance(deployment)

    assert len(world.repository.log()) == 2
    [message] = world.repository.log("main", form="%B")[:1]
    assert message == "Deploy Shop 1.4.2 to Production"
    whole = "\n".join(world.repository.log("-1", form="%B"))
    assert "Images:\n- ghcr.io/acme/web:1.4.2\n\nApplications:\n- shop-api\n- shop-web\n\nOctoargo-Deployment: " in whole


def test_advance_with_commit_created_is_done_with_the_commit(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy(make_release(step={"verification": "commit_created"}))
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert deployment.reason == "Deployed 1.4.2 to 1 application source."


def test_advance_what_is_already_there_is_recorded_at_the_head_and_verified(tmp_path):
    world = make_world(tmp_path, tag="1.4.2")
    head = world.repository.head()
    deployment = world.deploy()
    world.advance(deployment)
    world.later(6)
    world.advance(deployment)

    [target] = targets_of(deployment)
    assert (target.outcome, target.commit_sha) == (TargetOutcome.ALREADY_THERE, head)
    assert world.repository.head() == head
    assert IntendedChange.objects.filter(target=target).exists()
    assert deployment.status == DeploymentStatus.SUCCEEDED


def test_advance_times_out_with_what_is_missing(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    world.later(181)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert deployment.reason.startswith("Timed out at 14:33: waiting for ")
    assert deployment.reason.endswith("The commit stays in Git; retry waits again.")


def test_advance_fails_when_the_sync_of_our_change_failed(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    commit = world.repository.head()
    world.reports(operationState=operation_state("Failed", commit, finished_at=world.now) | {"message": "hook Job/migrate failed"})
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert deployment.reason == f"Failed: the sync of shop-web at {commit[:7]} failed at 14:30: hook Job/migrate failed. See its log, then retry."


def test_advance_a_later_unrelated_commit_is_verified_all_the_same(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    world.repository.commit({"README.md": "hello"})
    world.reports()
    world.advance(deployment)
    world.later(6)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED


def test_advance_a_later_commit_that_takes_our_change_out_is_told(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    world.repository.commit({"apps/shop-web/web.yaml": manifest("1.4.1", "shop-web")})
    world.reports()
    world.later(6)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.WAITING
    assert deployment.reason.startswith("A later commit took our change out again, and shop-web looks at it: apps/shop-web/web.yaml, Deployment/shop-web")


def test_advance_waits_for_a_silent_instance_before_it_writes(tmp_path):
    world = make_world(tmp_path)
    head = world.repository.head()
    gateway = world.instance.gateway
    gateway.relay_url = ""
    gateway.save()
    deployment = world.deploy()
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.QUEUED
    assert deployment.reason == f"Waiting for {world.instance.name}: not heard since 14:30. We go on when its gateway is back."
    assert world.repository.head() == head

    gateway.relay_url = "127.0.0.1:1"
    gateway.save()
    world.advance(deployment, until=DeploymentStatus.WAITING)
    assert deployment.status == DeploymentStatus.WAITING


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"chart": "shop", "path": None, "target_revision": "2.1.0", "kind": "Helm"}, "comes from a chart repository at 2.1.0"),
        ({"repo_url": "oci://registry.example.com/shop"}, "comes from an OCI registry"),
        ({"path": None}, "has no path"),
        ({"kind": "Plugin"}, "is rendered by a plugin"),
        ({"kind": ""}, "Argo CD has not said what kind"),
        ({"target_revision": "v1.0"}, "is a tag, not a branch"),
        ({"target_revision": "a" * 40}, "is a commit, not a branch"),
    ],
)
def test_advance_what_can_never_be_written_is_told_and_stops_nobody_else(tmp_path, values, reason):
    world = make_world(tmp_path, names=["shop-web"])
    world.repository.commit({"x": "y"})
    _tag(world.repository, "v1.0")
    values = {key: value for key, value in values.items() if key != "repo_url"} | ({"url": values["repo_url"]} if "repo_url" in values else {})
    add_application(world, "shop-odd", **values)
    deployment = world.deploy(make_release(step={"verification": "commit_created"}))
    world.advance(deployment)

    odd, web = targets_of(deployment)
    assert (odd.outcome, web.outcome) == (TargetOutcome.SKIPPED, TargetOutcome.UPDATED)
    assert reason in odd.reason
    assert LogEntry.objects.filter(deployment=deployment, level="warn", text=odd.reason).exists()
    assert deployment.status == DeploymentStatus.SUCCEEDED


def test_advance_fails_when_nothing_could_be_written(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy(make_release(images=["ghcr.io/acme/other:1"]))
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert deployment.reason == "Failed: nothing could be written. Not tracked: nothing under apps/shop-web uses ghcr.io/acme/other."


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"apps/shop-web/web.yaml": "image: ghcr.io/acme/web:1.4.1\n containers: ["}, "Not editable: apps/shop-web/web.yaml does not parse"),
        ({"apps/shop-web/web.yaml": None, "x": "y"}, "nothing under apps/shop-web uses ghcr.io/acme/web"),
    ],
)
def test_advance_a_file_that_does_not_parse_or_vanished_is_told(tmp_path, change, reason):
    world = make_world(tmp_path)
    world.repository.commit(change)
    deployment = world.deploy()
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert reason in deployment.reason


def test_create_deployment_without_applications_says_whose_mapping_is_missing(tmp_path):
    make_world(tmp_path)
    with pytest.raises(NoMappedApplications) as refused:
        create_deployment(release=make_release(), environment=make_environment(), tenant=make_tenant("outlet"), by=None, now=make_world(tmp_path / "b").now)

    assert str(refused.value) == "Not deployed: no application is mapped to Shop, Production and Outlet. Map one, or choose another tenant."
    assert not Deployment.objects.exists()


def _tag(repository, name):
    git("tag", name, "refs/heads/main", cwd=repository.path)
