"""The five scenarios of drift and the rows around them, from the database and a real repository."""

from datetime import timedelta

import pytest

from deployments.models import LiveState
from deployments.services import accept_drift, cancel_deployment, claim_due_live_states, judge_sources, sweep_live_states
from deployments.services.errors import NotAccepted
from deployments.status import DeploymentStatus, LiveSync
from infrastructure.models import Application, ApplicationSource, Reconciliation
from infrastructure.signals import applications_reported
from tests.deployments.factories import make_release, make_world, manifest
from tests.factories import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]


@pytest.fixture
def world(tmp_path):
    """1.4.2 was deployed and verified."""
    world = make_world(tmp_path)
    deployment = world.deploy(make_release(step={"verification": "commit_created"}))
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED
    world.first = deployment
    return world


def live(world, **reported):
    """Report and judge."""
    if reported:
        world.reports(**reported)
        ApplicationSource.objects.update(revision=reported.get("revision") or world.repository.head())
    judge_sources(source_ids=LiveState.objects.values_list("pk", flat=True), now=world.now)
    return LiveState.objects.get()


def test_scenario_1_our_commit_and_synced(world):
    state = live(world, sync="Synced")

    assert (state.live_sync, state.detail["scenario"]) == (LiveSync.SYNCED, 1)
    assert state.due_at is None
    assert state.checked_revision == world.repository.head()


def test_scenario_2_our_commit_and_out_of_sync(world):
    state = live(world, sync="OutOfSync", resources=[{"kind": "Deployment", "name": "web", "status": "OutOfSync"}])

    assert (state.live_sync, state.detail["scenario"]) == (LiveSync.OUT_OF_SYNC, 2)
    assert "Deployment/web differs" in state.reason


def test_scenario_3_argo_cd_has_not_refreshed_to_our_commit(world):
    before = world.repository.log("main~1", form="%H")[0]
    state = live(world, revision=before)

    ours = world.repository.head()
    assert (state.live_sync, state.detail["scenario"]) == (LiveSync.GIT_DRIFT, 3)
    assert state.reason == f"Argo CD has not refreshed to {ours[:7]} yet; it looks at {before[:7]}. It checks again within 3 minutes."


def test_scenario_4_a_later_commit_overwrote_it_and_another_one_came_after(world):
    culprit = world.repository.commit({"apps/shop-web/web.yaml": manifest("1.4.0", "shop-web")}, message="Back")
    world.repository.commit({"apps/shop-web/web.yaml": "# a comment\n" + manifest("1.4.0", "shop-web")}, message="Comment")
    state = live(world, sync="Synced")

    assert (state.live_sync, state.detail["scenario"]) == (LiveSync.GIT_DRIFT, 4)
    assert {key: state.detail[key] for key in ("file", "place", "expected", "found", "commit", "author")} == {
        "file": "apps/shop-web/web.yaml",
        "place": "Deployment/shop-web, container web",
        "expected": "ghcr.io/acme/web:1.4.2",
        "found": "ghcr.io/acme/web:1.4.0",
        "commit": culprit,
        "author": "Ada",
    }
    assert f"Commit {culprit[:7]} by Ada" in state.reason


def test_scenario_4_the_file_is_gone(world):
    culprit = world.repository.commit({"apps/shop-web/web.yaml": None, "x": "y"})
    state = live(world, sync="Synced")

    assert state.live_sync == LiveSync.GIT_DRIFT
    assert state.reason.startswith(f"apps/shop-web/web.yaml is gone since commit {culprit[:7]} by Ada, ")
    assert state.reason.endswith(f"We wrote it in deployment {world.first.pk}.")


def test_scenario_5_later_commits_are_unrelated(world):
    ours = world.repository.head()
    world.repository.commit({"apps/shop-web/web.yaml": "# a comment\n" + manifest("1.4.2", "shop-web")})
    state = live(world, sync="Synced")

    assert (state.live_sync, state.detail["scenario"]) == (LiveSync.SYNCED, 5)
    assert f"left our change of {ours[:7]} alone" in state.reason


def test_a_commit_compared_before_is_not_read_again(world, mirrors):
    world.repository.commit({"README": "hello"})
    assert live(world, sync="Synced").detail["scenario"] == 5
    world.repository.path.rename(world.repository.path.with_suffix(".away"))

    state = live(world)
    assert (state.live_sync, state.detail["scenario"]) == (LiveSync.SYNCED, 5)


def test_a_git_host_that_is_away_is_told_and_asked_again(world):
    revision = world.repository.commit({"README": "hello"})
    away = world.repository.path.with_suffix(".away")
    world.repository.path.rename(away)
    state = live(world, sync="Synced", revision=revision)

    assert state.live_sync == LiveSync.UNKNOWN
    assert "was not found" in state.reason
    assert state.due_at == world.now + timedelta(minutes=1)


def test_an_accepted_drift_is_no_drift_until_another_one_comes(world):
    world.repository.commit({"apps/shop-web/web.yaml": manifest("1.4.0", "shop-web")})
    live(world, sync="Synced")
    source = ApplicationSource.objects.get()
    accept_drift(source=source, by=make_user(username="heron"), now=world.now)
    state = LiveState.objects.get()
    assert state.live_sync == LiveSync.SYNCED
    assert "accepted by heron" in state.reason
    with pytest.raises(NotAccepted):
        accept_drift(source=source, by=None, now=world.now)

    world.repository.commit({"apps/shop-web/web.yaml": manifest("1.3.0", "shop-web")})
    assert live(world, sync="Synced").live_sync == LiveSync.GIT_DRIFT


def test_waiting_while_a_deployment_runs_and_unavailable_after_it_failed(world):
    deployment = world.deploy(make_release("1.4.3", images=["ghcr.io/acme/web:1.4.3"]))
    assert live(world, sync="Synced").live_sync == LiveSync.WAITING

    world.advance(deployment)
    world.later(200)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.FAILED
    state = live(world, sync="Synced")
    assert state.live_sync == LiveSync.UNAVAILABLE
    assert state.reason.startswith(f"Deployment {deployment.pk} failed at 14:33")


def test_a_cancelled_deployment_leaves_what_was_meant_before(world):
    deployment = world.deploy(make_release("1.4.3", images=["ghcr.io/acme/web:1.4.3"]))
    cancel_deployment(deployment=deployment, by=None, now=world.now)

    assert live(world, sync="Synced").live_sync == LiveSync.SYNCED


def test_unknown_when_the_instance_is_silent_or_argo_cd_does_not_compare(world):
    live(world, sync="Synced")
    Reconciliation.objects.update(reconciled_at=world.now - timedelta(minutes=11))
    sweep_live_states(now=world.now)
    assert claim_due_live_states(now=world.now) == [ApplicationSource.objects.get().pk]
    assert live(world).reason.startswith("Argo CD has not compared shop-web since 14:19")

    world.now += timedelta(minutes=7)
    state = live(world)
    assert state.live_sync == LiveSync.UNKNOWN
    assert "was last heard at 14:30" in state.reason


def test_unknown_when_the_application_is_gone_or_was_never_deployed(world):
    Application.objects.update(gone_at=world.now)
    assert "does not have application shop-web" in live(world).reason

    Application.objects.update(gone_at=None)
    LiveState.objects.all().delete()
    applications_reported.send(sender=None, application_ids=list(Application.objects.values_list("pk", flat=True)), now=world.now)
    assert live(world).reason == "Not deployed by Octoargo yet."


def test_claim_due_live_states_gives_each_to_one_caller(world):
    LiveState.objects.update(due_at=world.now)
    assert len(claim_due_live_states(now=world.now)) == 1
    assert claim_due_live_states(now=world.now) == []
