"""Moves a deployment at most one step further. May be called at any time, twice too: the lease lets one caller in.

queued   -> its turn in its scope? fresh data? a place? -> running
running  -> the step writes to one more branch; when a host is away: back to queued, and again later
         -> all is written: awaiting merge or waiting (both hold no lease and no place), or the next step, or succeeded
awaiting -> the pull requests are looked at: all merged: waiting; one closed: failed; or later again
waiting  -> the applications are judged: next step, succeeded, failed, or later again
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import structlog
from django.conf import settings
from django.db import connection, transaction

from deployments.models import Deployment, StepRun
from deployments.services.finishing import finish, wake_queued
from deployments.status import FINISHED, PAUSED, DeploymentStatus, LogLevel, StepStatus
from deployments.steps import kinds
from deployments.steps.leases import Lease, LeaseLost, claim, renewed
from deployments.steps.merges import SLOW_POLL
from deployments.steps.progress import Far, Progress, StepBlocked
from deployments.steps.records import write_log
from deployments.steps.scope import sources_of, waits_for_instances
from deployments.verification import POLL

log = structlog.get_logger(__name__)
TRIES = 10
LONGEST_BACK_OFF = timedelta(seconds=60)
LONG_LOOK = timedelta(seconds=0.5)
RELATED = ("release__project", "project", "environment", "tenant", "retry_of__release__project", "retry_of__environment")
PLACES_LOCK = 0x6F63746F  # any number: PostgreSQL's advisory lock of the task cap


@dataclass(frozen=True)
class Next:
    """When to look again; None once it is finished."""

    due_at: datetime | None


def advance(*, deployment: Deployment, now: datetime) -> bool:
    """Take the deployment at most one step further. False when it is finished or another worker has it."""
    lease = claim(deployment, now)
    if lease is None:
        return False
    deployment.refresh_from_db()
    begun = monotonic()
    try:
        due_at = _advance_or_back_off(deployment, lease, now)
        goes_on_waiting = due_at is not None and due_at > now and deployment.status in PAUSED
        lease.give_back(due_at=due_at, not_before=_rest(now, timedelta(seconds=monotonic() - begun)) if goes_on_waiting else None)
    except LeaseLost:
        log.warning("lease_lost", deployment=deployment.pk)
    return True


def _rest(now: datetime, took: timedelta) -> datetime | None:
    """After a long look at many applications as long a rest: a storm of reports must not keep a worker busy with one deployment."""
    return now + 2 * took if took > LONG_LOOK else None


def _advance_or_back_off(deployment: Deployment, lease: Lease, now: datetime) -> datetime | None:
    try:
        with renewed(lease, now):
            return _advance(deployment, lease, now).due_at
    except LeaseLost:
        raise
    except StepBlocked as error:
        return _try_again(deployment, lease, str(error), now)
    except Exception:
        log.exception("advance_failed", deployment=deployment.pk)
        return _try_again(deployment, lease, "Octoargo itself: an unexpected error, which its log tells", now)


def _advance(deployment: Deployment, lease: Lease, now: datetime) -> Next:
    match deployment.status:
        case DeploymentStatus.QUEUED:
            return _begin(deployment, now)
        case DeploymentStatus.RUNNING:
            return _run(deployment, lease, now)
        case DeploymentStatus.AWAITING_MERGE:
            return _await_merge(deployment, now)
        case DeploymentStatus.WAITING:
            return _wait(deployment, now)
    return Next(None)


def _begin(deployment: Deployment, now: datetime) -> Next:
    """Take a place, unless something must come first."""
    reason = _older_of_scope(deployment) or waits_for_instances(sources_of(deployment), now)
    if not reason:
        reason = _take_place(deployment, now)
        if not reason:
            return Next(now)
    Deployment.objects.filter(pk=deployment.pk, status=DeploymentStatus.QUEUED).update(reason=reason)
    return Next(now + POLL)


def _older_of_scope(deployment: Deployment) -> str:
    """Two deployments to one place write one after the other, in the order they were made."""
    older = Deployment.objects.filter(project=deployment.project, environment=deployment.environment, tenant=deployment.tenant, pk__lt=deployment.pk)
    first = older.filter(status__in=(DeploymentStatus.QUEUED, DeploymentStatus.RUNNING)).order_by("pk").first()
    return f"Waiting for deployment {first.pk} of {first.release.version} to the same place: it was made earlier." if first else ""


@transaction.atomic
def _take_place(deployment: Deployment, now: datetime) -> str:
    """Become one of the running; a sentence when the cap is reached. One worker at a time counts."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PLACES_LOCK])
    running = Deployment.objects.filter(status=DeploymentStatus.RUNNING).count()
    if running >= settings.TASK_CAP:
        ahead = Deployment.objects.filter(status=DeploymentStatus.QUEUED, pk__lt=deployment.pk).order_by("pk").first()
        return f"Waiting for a place: {running} of {settings.TASK_CAP} deployments run. Deployment {(ahead or deployment).pk} is next."
    if deployment.move(was=DeploymentStatus.QUEUED, to=DeploymentStatus.RUNNING):
        deployment.started_at = deployment.started_at or now
        Deployment.objects.filter(pk=deployment.pk).update(started_at=deployment.started_at, reason="")
    return ""


def _run(deployment: Deployment, lease: Lease, now: datetime) -> Next:
    """Let the current step write; when it has written all, wait for its applications without lease and place."""
    step_run = _current(deployment)
    if step_run is None:
        finish(deployment, DeploymentStatus.SUCCEEDED, "Succeeded.", now)
        return Next(None)
    if step_run.started_at is None:
        StepRun.objects.filter(pk=step_run.pk).update(status=StepStatus.RUNNING, started_at=now)
        write_log(step_run, f"Step {step_run.position} began: {step_run.name}.", now)
    progress = kinds.run(step_run=step_run, lease=lease, now=now)
    Deployment.objects.filter(pk=deployment.pk).update(attempts=0)
    match progress.far:
        case Far.AGAIN:
            return Next(now)
        case Far.VERIFYING:
            return _begin_wait(deployment, step_run, now)
    return _end_step(deployment, step_run, progress, now)


@transaction.atomic
def _begin_wait(deployment: Deployment, step_run: StepRun, now: datetime) -> Next:
    """Let go of the place: the pull requests first, then the applications, are waited for."""
    if kinds.awaits_merge(step_run):
        if deployment.move(was=DeploymentStatus.RUNNING, to=DeploymentStatus.AWAITING_MERGE):
            StepRun.objects.filter(pk=step_run.pk).update(status=StepStatus.AWAITING_MERGE, reason="")
            Deployment.objects.filter(pk=deployment.pk).update(reason="Waiting for the merge.")
            wake_queued(now)
        return Next(now)
    if any(deployment.move(was=was, to=DeploymentStatus.WAITING) for was in (DeploymentStatus.RUNNING, DeploymentStatus.AWAITING_MERGE)):
        StepRun.objects.filter(pk=step_run.pk).update(status=StepStatus.WAITING, waiting_since=now, reason="")
        Deployment.objects.filter(pk=deployment.pk).update(reason="Waiting for the applications.")
        wake_queued(now)
    return Next(now)


def _await_merge(deployment: Deployment, now: datetime) -> Next:
    step_run = _current(deployment)
    if step_run is None:
        finish(deployment, DeploymentStatus.SUCCEEDED, "Succeeded.", now)
        return Next(None)
    progress = kinds.await_merge(step_run=step_run, now=now)
    match progress.far:
        case Far.DONE:
            return _begin_wait(deployment, step_run, now)
        case Far.FAILED:
            return _end_step(deployment, step_run, progress, now)
    return _go_on_waiting(deployment, step_run, progress, now)


def _wait(deployment: Deployment, now: datetime) -> Next:
    step_run = _current(deployment)
    if step_run is None:
        finish(deployment, DeploymentStatus.SUCCEEDED, "Succeeded.", now)
        return Next(None)
    progress = kinds.wait(step_run=step_run, now=now)
    if progress.far is not Far.VERIFYING:
        return _end_step(deployment, step_run, progress, now)
    return _go_on_waiting(deployment, step_run, progress, now)


def _go_on_waiting(deployment: Deployment, step_run: StepRun, progress: Progress, now: datetime) -> Next:
    Deployment.objects.filter(pk=deployment.pk, attempts__gt=0).update(attempts=0)
    if step_run.reason != progress.reason:
        StepRun.objects.filter(pk=step_run.pk, status=step_run.status).update(reason=progress.reason)
        Deployment.objects.filter(pk=deployment.pk, status__in=PAUSED).update(reason=progress.reason)
    return Next(progress.due_at or now + POLL)


def _end_step(deployment: Deployment, step_run: StepRun, progress: Progress, now: datetime) -> Next:
    """The step is done: go on with the next one. It failed: so does the deployment."""
    if progress.far is Far.FAILED:
        finish(deployment, DeploymentStatus.FAILED, progress.reason, now)
        return Next(None)
    with transaction.atomic():
        ended = StepRun.objects.filter(pk=step_run.pk).exclude(status__in=FINISHED)
        ended.update(status=StepStatus.SUCCEEDED, reason="", finished_at=now, outputs=kinds.outputs(step_run))
        if _current(deployment) is None:
            finish(deployment, DeploymentStatus.SUCCEEDED, _succeeded(deployment), now)
            return Next(None)
        Deployment.objects.filter(pk=deployment.pk, status__in=PAUSED).update(status=DeploymentStatus.QUEUED)
    return Next(now)


def _succeeded(deployment: Deployment) -> str:
    targets = [target for step_run in deployment.step_runs.all() for target in step_run.targets.all()]
    if not targets:
        return "Succeeded: the applications that were waited for are as wanted."
    count = len({target.source_id for target in targets if target.commit_sha})
    return f"Deployed {deployment.release.version} to {count} application source{'' if count == 1 else 's'}."


def _current(deployment: Deployment) -> StepRun | None:
    return (
        deployment.step_runs.exclude(status__in=FINISHED)
        .select_related(
            "deployment__release__project", "deployment__project", "deployment__environment", "deployment__tenant", "deployment__retry_of__environment"
        )
        .order_by("position")
        .first()
    )


def _try_again(deployment: Deployment, lease: Lease, what: str, now: datetime) -> datetime | None:
    """Back off, without a place, and say so; after the last try the step's unwritten targets fail and it goes on with the rest."""
    deployment.refresh_from_db()
    if deployment.is_finished:
        return None
    attempts, step_run = deployment.attempts + 1, _current(deployment)
    waits_for_people = deployment.status == DeploymentStatus.AWAITING_MERGE  # for as long as they like: so do we
    if attempts >= TRIES and not waits_for_people:
        return _give_up(deployment, step_run, lease, what, attempts, now)
    due_at = now + min(timedelta(seconds=2 ** min(attempts, TRIES)), SLOW_POLL if waits_for_people else LONGEST_BACK_OFF)
    reason = f"Waiting for {what}. Tried {attempts}{'' if waits_for_people else f' of {TRIES}'} times, next at {due_at:%H:%M:%S}."
    with transaction.atomic():
        held = Deployment.objects.filter(pk=deployment.pk)
        held.filter(status=DeploymentStatus.RUNNING).update(status=DeploymentStatus.QUEUED)
        held.update(attempts=attempts, reason=reason)
        if step_run is not None:
            StepRun.objects.filter(pk=step_run.pk).update(reason=reason)
            write_log(step_run, reason, now, level=LogLevel.WARN)
        wake_queued(now)
    return due_at


def _give_up(deployment: Deployment, step_run: StepRun | None, lease: Lease, what: str, attempts: int, now: datetime) -> datetime | None:
    reason = f"{what}. Tried {attempts} times; retry when that is put right"
    if step_run is None or deployment.status != DeploymentStatus.RUNNING:
        finish(deployment, DeploymentStatus.FAILED, f"Failed: {reason}.", now)
        return None
    if not kinds.give_up(step_run=step_run, lease=lease, reason=f"{reason}.", now=now):
        finish(deployment, DeploymentStatus.FAILED, f"Failed: {reason}.", now)
        return None
    Deployment.objects.filter(pk=deployment.pk).update(attempts=0)
    return now
