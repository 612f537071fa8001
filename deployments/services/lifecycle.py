"""A deployment from outside: create, cancel, retry."""

from datetime import datetime
from typing import Any

from django.db import transaction

from deployments.models import Deployment, LiveState, LogEntry, PullRequest, Release, StepRun
from deployments.services.errors import NoMappedApplications, NotCancelled, NotRetried
from deployments.services.finishing import finish
from deployments.services.waking import wake_on_commit
from deployments.status import DeploymentStatus, PullRequestState, StepKind
from deployments.steps.records import set_live_states
from deployments.steps.scope import nothing_mapped, sources_in_scope
from infrastructure.models import ArgoInstance, Environment, Tenant
from infrastructure.sentences import at
from infrastructure.services.errors import InfrastructureError
from infrastructure.services.trail import record_event


class InstanceNeeded(InfrastructureError):
    """An unfinished deployment still waits for the instance's applications."""


@transaction.atomic
def create_deployment(
    *, release: Release, environment: Environment, tenant: Tenant | None = None, by: Any, now: datetime, retry_of: Deployment | None = None
) -> Deployment:
    """Queue a deployment; a worker takes it up at once, or the next tick does. `retry_of` is the first one, whose branches it shares.

    Raises NoMappedApplications when there is nothing to deploy to, unless the process begins by waiting for applications to exist.
    """
    project = release.project
    sources = list(sources_in_scope(project=project, environment=environment, tenant=tenant))
    if not sources and not _begins_with_wait(release):
        other = "Map one, or choose another tenant." if tenant else "Map one, or choose another environment."
        raise NoMappedApplications(f"Not deployed: {nothing_mapped(project=project, environment=environment, tenant=tenant)} {other}")
    deployment = Deployment.objects.create(
        release=release,
        project=project,
        environment=environment,
        tenant=tenant,
        retry_of=retry_of,
        created_at=now,
        created_by=by,
        due_at=now,
        reason="Waiting for a worker.",
    )
    StepRun.objects.bulk_create(
        StepRun(deployment=deployment, position=position, name=step["name"], kind=step["kind"], settings=step)
        for position, step in enumerate(release.process, start=1)
    )
    LogEntry.objects.create(deployment=deployment, at=now, text=f"Queued: {release} to {environment}{f' for {tenant}' if tenant else ''}.")
    set_live_states([LiveState(source=source, deployment=deployment, due_at=now) for source in sources], ["deployment", "due_at"])
    record_event(kind="deployment_created", object_name=str(deployment), by=by, now=now, deployment=deployment.pk)
    wake_on_commit([deployment.pk])
    return deployment


def _begins_with_wait(release: Release) -> bool:
    return bool(release.process) and release.process[0].get("kind") == StepKind.WAIT_FOR_APPLICATIONS


@transaction.atomic
def cancel_deployment(*, deployment: Deployment, by: Any, now: datetime) -> None:
    """Stop a deployment. What it committed stays in Git. Raises NotCancelled when it is over."""
    deployment.refresh_from_db()
    who = str(by) if by is not None else "Octoargo"
    has_open = PullRequest.objects.filter(step_run__deployment=deployment, state=PullRequestState.OPEN).exists()
    left = "Its open pull requests are closed; what was merged or committed stays in Git." if has_open else "What it committed stays in Git."
    if not finish(deployment, DeploymentStatus.CANCELLED, f"Cancelled by {who} at {at(now, now=now)}. {left}", now):
        deployment.refresh_from_db()
        when = f" at {at(deployment.finished_at, now=now)}" if deployment.finished_at else ""
        raise NotCancelled(f"Not cancelled: deployment {deployment.pk} {deployment.get_status_display().lower()}{when}.")
    record_event(kind="deployment_cancelled", object_name=str(deployment), by=by, now=now, deployment=deployment.pk)


def retry_deployment(*, deployment: Deployment, by: Any, now: datetime) -> Deployment:
    """Deploy the same release to the same place once more, as a new deployment.

    What the failed one wrote is found in Git ("already there"), so that nothing is committed twice, and its open pull requests are
    found too; the rest is written, and all of it is verified. The failed one stays as it ended. Raises NotRetried, NoMappedApplications.
    """
    if deployment.status not in (DeploymentStatus.FAILED, DeploymentStatus.CANCELLED):
        what = "succeeded; deploy its release again instead" if deployment.status == DeploymentStatus.SUCCEEDED else "still runs; cancel it first"
        raise NotRetried(f"Not retried: deployment {deployment.pk} {what}.")
    first = deployment.retry_of or deployment
    return create_deployment(release=deployment.release, environment=deployment.environment, tenant=deployment.tenant, by=by, now=now, retry_of=first)


def refuse_removal(*, instance: ArgoInstance, **_: Any) -> None:
    """Receiver of infrastructure.signals.instance_removing: an instance that a deployment waits for stays."""
    waiting = Deployment.objects.unfinished().filter(step_runs__targets__source__application__instance=instance).order_by("pk").first()
    if waiting is not None:
        raise InstanceNeeded(f"Not removed: deployment {waiting.pk} still waits for {instance.name}. Cancel it first.")
