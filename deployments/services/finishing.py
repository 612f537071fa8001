"""Ends a deployment, and tells those whom its end concerns: its live states, older ones of its scope, those that wait for a place."""

from datetime import datetime

from django.db import transaction

from deployments.models import Deployment, LiveState, LogEntry
from deployments.services.pull_requests import close_older, want_pull_requests_told
from deployments.services.waking import wake_on_commit
from deployments.status import FINISHED, DeploymentStatus, LogLevel, StepStatus

LEVELS = {DeploymentStatus.SUCCEEDED: LogLevel.INFO, DeploymentStatus.CANCELLED: LogLevel.WARN, DeploymentStatus.FAILED: LogLevel.ERROR}


@transaction.atomic
def finish(deployment: Deployment, to: DeploymentStatus, reason: str, now: datetime) -> bool:
    """End an unfinished deployment. False when it is over already. A lease that somebody holds stays: what lands late is recorded still."""
    ended = {"status": to, "reason": reason, "finished_at": now, "due_at": None, "attempts": 0}
    if not Deployment.objects.filter(pk=deployment.pk).exclude(status__in=FINISHED).update(**ended):
        return False
    for name, value in ended.items():
        setattr(deployment, name, value)
    unfinished = deployment.step_runs.exclude(status__in=FINISHED)
    running = unfinished.exclude(status=StepStatus.QUEUED)
    running.update(status=StepStatus(to.value), reason=reason, finished_at=now)
    unfinished.update(status=StepStatus.CANCELLED, reason="Not begun.", finished_at=now)
    LogEntry.objects.create(deployment=deployment, at=now, level=LEVELS[to], text=reason)
    LiveState.objects.filter(deployment=deployment).update(due_at=now)
    want_pull_requests_told(deployment, to, now)
    if to == DeploymentStatus.SUCCEEDED:
        _supersede_older(deployment, now)
    wake_queued(now)
    return True


def wake_queued(now: datetime) -> None:
    """Somebody left a place or a scope: those that wait for one look again, the oldest first."""
    queued = Deployment.objects.filter(status=DeploymentStatus.QUEUED, attempts=0)
    queued.update(due_at=now)
    wake_on_commit(list(queued.order_by("created_at", "pk").values_list("pk", flat=True)[:20]))


def _supersede_older(deployment: Deployment, now: datetime) -> None:
    """Older ones of the same scope can no longer see their change: a newer one has written over it."""
    older = Deployment.objects.unfinished().filter(
        project=deployment.project, environment=deployment.environment, tenant=deployment.tenant, pk__lt=deployment.pk
    )
    for other in older:
        finish(other, DeploymentStatus.CANCELLED, f"Superseded by deployment {deployment.pk} of {deployment.release.version}.", now)
    close_older(deployment, now)
