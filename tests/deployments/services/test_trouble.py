"""Deployments in trouble: hosts that are away, races, killed workers, two workers at once, the cap, and each other."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from deployments.models import Deployment, IntendedChange, LogEntry, Release
from deployments.services import advance, cancel_deployment, claim, retry_deployment
from deployments.services.errors import NotCancelled, NotRetried
from deployments.status import DeploymentStatus, TargetOutcome, Verification
from deployments.steps.leases import LeaseLost
from infrastructure.models import GitCredential
from infrastructure.services.credentials import save_credential
from simulator.forge import make_repository, running
from tests.deployments.factories import add_application, make_release, make_world, manifest, targets_of
from tests.factories import NOW, make_environment, make_project
from tests.hub import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mirrors")]
COMMIT_ONLY = {"verification": "commit_created"}


@pytest.fixture
def host(tmp_path):
    """A Git host that asks for a password, and a credential for it."""
    root = tmp_path / "host"
    root.mkdir()
    with running(root, users={"octoargo": "s3cret"}) as server:
        credential = GitCredential(name="host", username="octoargo", repositories=f"{server.url}/*", created_at=NOW)
        save_credential(credential=credential, secret="s3cret", by=None, now=NOW)
        yield server


def world_on(host, name="deploy", **values):
    return make_world(host.root, url=f"{host.url}/{name}.git", name=name, **values)


def test_a_host_that_is_away_is_tried_again_with_back_off_and_then_found(host):
    world = world_on(host)
    host.is_away = True
    deployment = world.deploy(make_release(step=COMMIT_ONLY))
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.QUEUED, "no place is held while it waits"
    assert (deployment.attempts, deployment.due_at) == (1, NOW + timedelta(seconds=2))
    assert deployment.reason.startswith(f"Waiting for 127.0.0.1: {host.url}/deploy.git does not answer: ")
    assert deployment.reason.endswith("Tried 1 of 10 times, next at 14:30:02.")
    assert "s3cret" not in deployment.reason

    host.is_away = False
    world.later(2)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert world.repository.read("apps/shop-web/web.yaml").decode() == manifest("1.4.2", "shop-web")


def test_a_host_that_stays_away_fails_the_deployment_after_ten_tries(host):
    world = world_on(host)
    host.status = 503
    deployment = world.deploy(make_release(step=COMMIT_ONLY))
    for _ in range(12):
        world.advance(deployment)
        world.later(60)

    assert deployment.status == DeploymentStatus.FAILED
    assert LogEntry.objects.filter(deployment=deployment, text__contains="Tried 9 of 10 times").exists()
    assert [target.verification for target in targets_of(deployment)] == [Verification.FAILED]


def test_of_two_repositories_the_one_that_answers_is_written_at_once(host, tmp_path):
    world = world_on(host)
    other = make_repository(tmp_path / "other.git", {"apps/shop-api/web.yaml": manifest("1.4.1", "shop-api")})
    add_application(world, "shop-api", url=other.file_url)
    host.is_away = True
    deployment = world.deploy(make_release(step=COMMIT_ONLY))
    world.advance(deployment)

    api, web = targets_of(deployment)
    assert (api.outcome, web.outcome) == (TargetOutcome.UPDATED, TargetOutcome.PENDING)
    assert other.read("apps/shop-api/web.yaml").decode() == manifest("1.4.2", "shop-api")

    host.is_away = False
    world.later(2)
    world.advance(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert len(other.log()) == 2, "what landed is not written twice"


def test_what_nobody_expected_is_tried_again_and_then_fails_the_deployment(tmp_path):
    world = make_world(tmp_path)
    release = make_release()
    Release.objects.filter(pk=release.pk).update(images=["no image at all"])
    deployment = world.deploy(release)
    world.advance(deployment)
    assert deployment.reason == ("Waiting for Octoargo itself: an unexpected error, which its log tells. Tried 1 of 10 times, next at 14:30:02.")

    for _ in range(11):
        world.later(60)
        world.advance(deployment)
    assert deployment.status == DeploymentStatus.FAILED
    assert deployment.reason == "Failed: Octoargo itself: an unexpected error, which its log tells. Tried 10 times; retry when that is put right."


def test_a_refused_push_fails_its_targets_and_not_the_others(host, tmp_path):
    world = world_on(host)
    other = make_repository(tmp_path / "other.git", {"apps/shop-api/web.yaml": manifest("1.4.1", "shop-api")})
    add_application(world, "shop-api", url=other.file_url)
    host.push_status = 403
    deployment = world.deploy(make_release(step=COMMIT_ONLY))
    world.advance(deployment)

    api, web = targets_of(deployment)
    assert (api.outcome, api.verification) == (TargetOutcome.UPDATED, Verification.VERIFIED)
    assert (web.outcome, web.verification) == (TargetOutcome.SKIPPED, Verification.FAILED)
    assert deployment.status == DeploymentStatus.FAILED
    assert "forbids the push" in deployment.reason


def test_a_protected_branch_says_so(tmp_path):
    world = make_world(tmp_path)
    world.repository.add_hook("pre-receive", "echo main is protected >&2; exit 1")
    deployment = world.deploy()
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert "main is protected" in deployment.reason


@pytest.mark.parametrize(("secret", "reason"), [("wrong", "refused the credential"), (None, "asks for a credential")])
def test_a_credential_that_is_wrong_or_missing_says_so(host, secret, reason):
    world = world_on(host)
    if secret is None:
        GitCredential.objects.all().delete()
    else:
        save_credential(credential=GitCredential.objects.get(), secret=secret, by=None, now=NOW)
    deployment = world.deploy()
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.FAILED
    assert reason in deployment.reason


def test_a_lost_race_is_applied_again_and_lands(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy(make_release(step=COMMIT_ONLY))
    line = "  replicas: 3\n"
    git_dir, racing = world.repository.path, tmp_path / "raced"
    hook = f"test -e {racing} && exit 0; touch {racing}; unset GIT_QUARANTINE_PATH; git --git-dir={git_dir} update-ref refs/heads/main refs/heads/theirs"
    theirs = manifest("1.4.1", "shop-web").replace("spec:\n  template", f"spec:\n{line}  template")
    world.repository.commit({"apps/shop-web/web.yaml": theirs, "x": "y"}, branch="theirs")
    world.repository.add_hook("pre-receive", hook)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert world.repository.read("apps/shop-web/web.yaml").decode() == theirs.replace("1.4.1", "1.4.2")
    assert len(world.repository.log()) == 2


def test_a_worker_that_is_lost_between_push_and_record_leaves_its_commit_to_the_next(tmp_path):
    """The host keeps the push's answer back until another worker has taken the lease, as when the first one's machine died."""
    world = make_world(tmp_path)
    deployment = world.deploy(make_release(step=COMMIT_ONLY))
    world.repository.add_hook("post-receive", f"touch {tmp_path}/landed; while ! test -e {tmp_path}/go; do sleep 0.02; done")
    first = threading.Thread(target=_advance_in_thread, args=[deployment, world.now])
    first.start()
    wait_for((tmp_path / "landed").exists)
    taken_until = world.now + timedelta(seconds=61)
    Deployment.objects.update(claimed_until=taken_until, due_at=taken_until)
    (tmp_path / "go").touch()
    first.join(60)

    commit = world.repository.head()
    deployment.refresh_from_db()
    assert deployment.status == DeploymentStatus.RUNNING
    assert not IntendedChange.objects.exists()
    assert claim(deployment, world.now) is None, "that lease still runs"

    world.later(62)
    world.advance(deployment)
    [target] = targets_of(deployment)
    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert world.repository.head() == commit, "no second commit"
    assert (target.commit_sha, target.outcome) == (commit, TargetOutcome.UPDATED)
    assert IntendedChange.objects.count() == 1


def _advance_in_thread(deployment, now):
    try:
        for _ in range(10):
            advance(deployment=Deployment.objects.get(pk=deployment.pk), now=now)
    finally:
        connections.close_all()


def test_an_answer_lost_after_the_push_makes_no_second_commit(host):
    world = world_on(host)
    host.lose_push_answers = True
    deployment = world.deploy(make_release(step=COMMIT_ONLY))
    world.advance(deployment)
    host.lose_push_answers = False
    world.later(5)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert len(world.repository.log()) == 2
    assert targets_of(deployment)[0].commit_sha == world.repository.head()


def test_two_workers_at_once_commit_once(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy(make_release(step=COMMIT_ONLY))

    threads = [threading.Thread(target=_advance_in_thread, args=[deployment, world.now]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    world.advance(deployment)

    assert deployment.status == DeploymentStatus.SUCCEEDED
    assert len(world.repository.log()) == 2
    assert len(targets_of(deployment)) == 1


def test_a_lost_lease_records_nothing(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    mine = claim(deployment, world.now)
    Deployment.objects.update(claimed_until=world.now + timedelta(hours=1))

    with pytest.raises(LeaseLost):
        mine.confirm()
    mine.give_back(due_at=world.now)
    deployment.refresh_from_db()
    assert deployment.claimed_until == world.now + timedelta(hours=1)


def test_a_lease_is_renewed_and_an_event_meanwhile_keeps_its_time(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    lease = claim(deployment, world.now)
    assert lease.renew(world.now + timedelta(minutes=5))
    deployment.refresh_from_db()
    assert deployment.due_at == deployment.claimed_until == world.now + timedelta(minutes=5)

    event = world.now + timedelta(seconds=1)
    Deployment.objects.update(due_at=event)
    lease.give_back(due_at=world.now + timedelta(seconds=30))
    deployment.refresh_from_db()
    assert (deployment.due_at, deployment.claimed_until) == (event, None)


def test_the_cap_counts_those_that_run_and_not_those_that_wait(tmp_path, settings):
    settings.TASK_CAP = 2
    world = make_world(tmp_path)
    waiting = world.deploy()
    world.advance(waiting)
    assert waiting.status == DeploymentStatus.WAITING
    for slug in ("a", "b"):
        _running(world, slug)

    third = world.deploy(make_release("1.4.3", images=["ghcr.io/acme/web:1.4.3"]))
    world.advance(third)
    assert third.status == DeploymentStatus.QUEUED
    assert third.reason == f"Waiting for a place: 2 of 2 deployments run. Deployment {third.pk} is next."

    cancel_deployment(deployment=Deployment.objects.filter(status=DeploymentStatus.RUNNING).first(), by=None, now=world.now)
    world.advance(third, until=DeploymentStatus.WAITING)
    assert third.status == DeploymentStatus.WAITING


def _running(world, slug):
    """A deployment of another project that a worker holds."""
    release = make_release(project=make_project(slug))
    return Deployment.objects.create(
        release=release, project=release.project, environment=make_environment(), created_at=world.now, status=DeploymentStatus.RUNNING
    )


def test_a_newer_deployment_waits_for_the_older_one_to_write_and_supersedes_it(tmp_path):
    world = make_world(tmp_path)
    older = world.deploy()
    newer = world.deploy(make_release("1.4.3", images=["ghcr.io/acme/web:1.4.3"]))
    world.advance(newer)
    assert newer.reason == f"Waiting for deployment {older.pk} of 1.4.2 to the same place: it was made earlier."

    world.advance(older)
    assert older.status == DeploymentStatus.WAITING
    world.advance(newer)
    world.reports()
    world.advance(newer)
    world.later(6)
    world.advance(newer)
    older.refresh_from_db()
    assert newer.status == DeploymentStatus.SUCCEEDED
    assert (older.status, older.reason) == (DeploymentStatus.CANCELLED, f"Superseded by deployment {newer.pk} of 1.4.3.")


def test_cancel_ends_a_wait_and_is_refused_afterwards(tmp_path):
    world = make_world(tmp_path)
    deployment = world.deploy()
    world.advance(deployment)
    cancel_deployment(deployment=deployment, by=None, now=world.now)

    assert deployment.reason == "Cancelled by Octoargo at 14:30. What it committed stays in Git."
    assert not advance(deployment=deployment, now=world.now)
    with pytest.raises(NotCancelled) as refused:
        cancel_deployment(deployment=deployment, by=None, now=world.now)
    assert str(refused.value) == f"Not cancelled: deployment {deployment.pk} cancelled at 14:30."


def test_retry_finds_what_the_failed_one_wrote_and_verifies_it(tmp_path):
    world = make_world(tmp_path)
    failed = world.deploy()
    world.advance(failed)
    with pytest.raises(NotRetried):
        retry_deployment(deployment=failed, by=None, now=world.now)
    world.later(181)
    world.advance(failed)
    commit = world.repository.head()

    world.reports()
    again = retry_deployment(deployment=failed, by=None, now=world.now)
    world.advance(again)
    world.later(6)
    world.advance(again)
    assert again.status == DeploymentStatus.SUCCEEDED
    assert world.repository.head() == commit
    assert targets_of(again)[0].outcome == TargetOutcome.ALREADY_THERE
