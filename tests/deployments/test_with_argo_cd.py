"""Everything together: a simulated Argo CD, the gateway's agent, a real hub, real Git, and deployments through them."""

import contextlib

import pytest
from django.utils import timezone

from deployments import services
from deployments.models import Deployment, LiveState
from deployments.status import FINISHED, DeploymentStatus, LiveSync
from infrastructure.models import Application
from infrastructure.services import new_registration_token
from simulator import Simulator
from simulator.forge import BareRepository
from tests.deployments.factories import make_release, targets_of
from tests.factories import annotations_for, make_environment, make_instance, make_project
from tests.hub import running_hub, wait_for
from tests.infrastructure.hub.test_with_the_real_agent import AgentThread
from tests.simulator.tools import FAST, Repository, application, deployment, job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey, pytest.mark.usefixtures("mirrors")]
NEW = ("ghcr.io/acme/shop:1.1.0",)
AUTOMATED = {"automated": {"prune": True, "selfHeal": True}}
SELF = {"syncPolicy": AUTOMATED}


@pytest.fixture
def argocd(tmp_path, settings):
    """Two applications of the shop in production: `shop` waits for somebody to sync it, `auto` syncs by itself."""
    settings.HEALTH_DEBOUNCE_SECONDS = 0.5
    make_project("shop")
    make_environment()
    files = {"apps/shop/deployment.yaml": deployment(), "apps/auto/deployment.yaml": deployment("auto")}
    repository = Repository(tmp_path, files)
    shop = application(repository, "shop", annotations=annotations_for())
    auto = application(repository, "auto", annotations=annotations_for(), path="apps/auto", syncPolicy=AUTOMATED)
    with contextlib.ExitStack() as running:
        simulator = running.enter_context(Simulator({"speed": 20, "applications": [shop, auto], "knobs": FAST}))
        hub = running.enter_context(running_hub())
        token = new_registration_token(instance=make_instance("eu-west"), by=None, now=timezone.now())[1]
        running.enter_context(contextlib.closing(AgentThread(simulator, hub.address, token, tmp_path)))
        wait_for(lambda: Application.objects.exclude(sync_status="Unknown").count() == 2, seconds=30)
        simulator.repository = repository
        yield simulator


def deploy(version="1.1.0", images=NEW, **step):
    release = make_release(version, images=images, step={"timeout_s": 30, **step})
    return services.create_deployment(release=release, environment=make_environment(), by=None, now=timezone.now())


def work(queued, *, seconds=60):
    """Be the worker until the deployment is over."""

    def is_over():
        for row in Deployment.objects.due(timezone.now()):
            services.advance(deployment=row, now=timezone.now())
        queued.refresh_from_db()
        return queued.status in FINISHED

    wait_for(is_over, seconds=seconds)
    return queued


def live_sync():
    services.judge_sources(source_ids=LiveState.objects.values_list("pk", flat=True), now=timezone.now())
    return {state.source.application.name: state for state in LiveState.objects.select_related("source__application")}


def test_a_deployment_is_synced_verified_and_then_watched(argocd):
    done = work(deploy(trigger_sync=True))

    assert (done.status, done.reason) == (DeploymentStatus.SUCCEEDED, "Deployed 1.1.0 to 2 application sources.")
    commit = targets_of(done)[0].commit_sha
    for row in Application.objects.all():
        assert row.content["status"]["summary"]["images"] == ["ghcr.io/acme/shop:1.1.0"]
    assert {name: state.live_sync for name, state in live_sync().items()} == {"auto": LiveSync.SYNCED, "shop": LiveSync.SYNCED}

    again = work(deploy("1.1.0-again", trigger_sync=True))
    assert again.status == DeploymentStatus.SUCCEEDED
    assert {(target.outcome, target.commit_sha) for target in targets_of(again)} == {("already_there", commit)}


def test_a_sync_that_fails_fails_the_deployment_with_the_hook_s_name(argocd):
    argocd.repository.commit({"apps/shop/hook.yaml": job()})
    argocd.inject("hook_fail", application="shop", text="exit 1")
    failed = work(deploy(trigger_sync=True))

    shop = next(target for target in targets_of(failed) if target.application_name == "shop")
    assert failed.status == DeploymentStatus.FAILED
    assert shop.reason.startswith(f"Failed: the sync of shop at {shop.commit_sha[:7]} failed at ")
    assert live_sync()["shop"].live_sync == LiveSync.UNAVAILABLE


def test_an_automatic_sync_that_fails_fails_the_deployment(argocd):
    argocd.inject("sync_fail", application="auto", text="the cluster says no")
    failed = work(deploy(images=["ghcr.io/acme/shop:1.1.0"], trigger_sync=True))

    assert failed.status == DeploymentStatus.FAILED
    assert "the cluster says no" in failed.reason


def test_nobody_syncs_and_the_wait_times_out_with_the_reason(argocd):
    failed = work(deploy(trigger_sync=False, timeout_s=3))

    assert {target.application_name: target.verification for target in targets_of(failed)} == {"auto": "verified", "shop": "failed"}
    assert "it does not sync by itself. Sync it in Argo CD." in failed.reason


def test_a_controller_that_is_down_verifies_nothing(argocd):
    argocd.inject("controller_down")
    failed = work(deploy(timeout_s=4))

    assert failed.status == DeploymentStatus.FAILED
    assert "our commit" in failed.reason
    assert "is newer" in failed.reason


def test_an_image_that_never_starts_is_waited_for_until_the_timeout(argocd):
    argocd.inject("progressing_forever", application="auto")
    failed = work(deploy(trigger_sync=True, timeout_s=5))

    assert "waiting for auto to become healthy" in failed.reason


def test_a_stream_that_is_cut_in_the_middle_costs_nothing(argocd):
    queued = deploy(trigger_sync=True)
    for _ in range(3):
        services.advance(deployment=queued, now=timezone.now())
    argocd.inject("stream_cut", how="reset", count=1)

    assert work(queued).status == DeploymentStatus.SUCCEEDED


def test_git_drift_is_seen_when_somebody_writes_over_it(argocd):
    work(deploy(trigger_sync=True))
    bare = BareRepository(argocd.repository.bare)
    culprit = bare.commit({"apps/auto/deployment.yaml": deployment("auto", "ghcr.io/acme/shop:0.9.0")}, message="Back")
    argocd.inject("webhook", repo=argocd.repository.url)
    wait_for(lambda: Application.objects.get(name="auto").sources.get().revision == culprit, seconds=20)

    state = live_sync()["auto"]
    assert (state.live_sync, state.detail["scenario"]) == (LiveSync.GIT_DRIFT, 4)
    assert f"we wrote ghcr.io/acme/shop:1.1.0. Commit {culprit[:7]} by Ada" in state.reason
    assert live_sync()["shop"].live_sync == LiveSync.SYNCED


def test_a_process_waits_for_its_commit_and_for_an_application_that_is_made_later(argocd):
    """An update step that is done with its commit, then a wait step: for that commit, and for what an application set makes meanwhile."""
    release = make_release("1.1.0", images=NEW, step={"name": "Update", "verification": "commit_created"})
    commit = "#{Octopus.Action[Update].Output.ArgoCD.Gateway[eu-west].Application[argocd/auto].Source[0].CommitSha}"
    wait = {"name": "Wait", "kind": "wait_for_applications", "commit_hashes": commit, "label_selector": "tier in (auto, late)", "expected_count": 2}
    release.process = [release.process[0], {**release.process[0], "timeout_s": 60, **wait}]
    release.save()
    argocd.admin(
        "POST", "/applications", application(argocd.repository, "auto", annotations=annotations_for(), path="apps/auto", **SELF, labels={"tier": "auto"})
    )
    queued = services.create_deployment(release=release, environment=make_environment(), by=None, now=timezone.now())

    def waits_for_the_rest():
        for row in Deployment.objects.due(timezone.now()):
            services.advance(deployment=row, now=timezone.now())
        queued.refresh_from_db()
        return "auto is there, Argo CD has no others yet." in queued.reason

    wait_for(waits_for_the_rest, seconds=30)
    argocd.admin(
        "POST", "/applications", application(argocd.repository, "late", annotations=annotations_for(), path="apps/auto", **SELF, labels={"tier": "late"})
    )

    assert work(queued).status == DeploymentStatus.SUCCEEDED, queued.reason
    outputs = queued.step_runs.get(position=2).outputs
    assert outputs["ArgoCD.VerifyArgoApplicationSyncResult"] == "Synced"
    assert '"name": "late", "health": "Healthy", "sync": "Synced"' in outputs["ArgoCD.WaitedForApplications"]


def test_a_wait_step_times_out_with_the_application_that_nobody_syncs(argocd):
    release = make_release("1.1.0", images=NEW, step={"name": "Update", "verification": "commit_created"})
    release.process = [release.process[0], {**release.process[0], "name": "Wait", "kind": "wait_for_applications", "timeout_s": 3}]
    release.save()
    failed = work(services.create_deployment(release=release, environment=make_environment(), by=None, now=timezone.now()))

    assert failed.status == DeploymentStatus.FAILED
    assert "for shop to become synced (Deployment/shop): it does not sync by itself, so sync it in Argo CD. Retry waits again." in failed.reason
    assert failed.step_runs.get(position=2).outputs["ArgoCD.VerifyArgoApplicationSyncResult"] == "Timeout"
