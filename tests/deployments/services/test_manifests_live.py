"""Verification and drift of rendered and purged files, by their bytes."""

import pytest

from deployments.models import LiveState, Step
from deployments.services import judge_sources
from deployments.status import DeploymentStatus, LiveSync
from infrastructure.models import ApplicationSource
from tests.deployments.factories import make_world
from tests.deployments.templates import make_manifests_release, make_templates
from tests.deployments.views.pages import text_of
from tests.factories import make_project, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
OURS = "apps/shop-web/config.yaml"


@pytest.fixture
def world(tmp_path):
    """Templates were deployed, the old file purged, all of it verified at the revision that Argo CD looks at."""
    world = make_world(tmp_path)
    make_templates(tmp_path, {"base/config.yaml": "environment: #{Octopus.Environment.Slug}\n"}, purge_output=True)
    deployment = world.advance(world.deploy(make_manifests_release()))
    assert deployment.status == DeploymentStatus.WAITING
    world.reports()
    world.later(5)
    world.advance(deployment)
    world.later(10)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED, deployment.reason
    return world


@pytest.fixture
def admin(client):
    user = make_user(is_superuser=True, is_staff=True)
    client.force_login(user)
    return user


def live(world):
    world.reports()
    ApplicationSource.objects.update(revision=world.repository.head())
    judge_sources(source_ids=LiveState.objects.values_list("pk", flat=True), now=world.now)
    return LiveState.objects.get()


def test_as_we_wrote_it_is_synced(world):
    world.repository.commit({"README.md": "unrelated"})

    assert live(world).live_sync == LiveSync.SYNCED


def test_other_bytes_are_drift_with_the_commit_that_brought_them(world, client, admin):
    culprit = world.repository.commit({OURS: "environment: staging\n"})
    state = live(world)

    assert (state.live_sync, state.detail["commit"]) == (LiveSync.GIT_DRIFT, culprit)
    assert state.reason.startswith(f"{OURS} is not as we wrote it. Commit {culprit[:7]} by Ada, ")
    assert state.reason in text_of(client.get(f"/applications/{world.applications[0].pk}/"))


def test_a_purged_file_that_is_back_is_drift(world):
    culprit = world.repository.commit({"apps/shop-web/web.yaml": "a: 1\n"})
    state = live(world)

    assert state.live_sync == LiveSync.GIT_DRIFT
    assert state.reason.startswith(f"apps/shop-web/web.yaml is back; we deleted it. Commit {culprit[:7]} by Ada, ")


def test_a_rendered_file_that_is_gone_is_drift(world):
    world.repository.commit({OURS: None})

    assert live(world).reason.startswith(f"{OURS} is gone since commit ")


def test_the_page_lists_written_and_deleted_files(world, client, admin):
    page = text_of(client.get(f"/applications/{world.applications[0].pk}/"))

    assert f"{OURS} the whole file" in page
    assert "apps/shop-web/web.yaml deleted" in page


def test_what_an_earlier_step_wrote_is_watched_too_and_of_one_file_the_last_step_counts(tmp_path):
    world = make_world(tmp_path)
    image_lines = "kind: Pod\napiVersion: v1\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: web\n      image: ghcr.io/acme/web:1\n"
    make_templates(tmp_path, {"base/config.yaml": "environment: production\n", "base/pod.yaml": image_lines}, verification="commit_created")
    Step.objects.create(project=make_project(), position=2, name="Images", verification="commit_created")
    release = make_manifests_release(images=["ghcr.io/acme/web:1.4.2"])
    assert world.advance(world.deploy(release)).status == DeploymentStatus.SUCCEEDED
    world.repository.commit({"README.md": "unrelated"})
    assert live(world).live_sync == LiveSync.SYNCED, "the image step changed what the manifests step wrote, as it was to"

    world.repository.commit({OURS: "environment: staging\n"})

    assert live(world).live_sync == LiveSync.GIT_DRIFT
