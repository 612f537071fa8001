"""A person asks for a new look at Argo CD: the next worker that takes the deployment does it."""

from datetime import datetime
from typing import Any

from django.db import transaction

from deployments.models import Deployment, Target
from deployments.services.errors import NotRefreshed
from deployments.services.waking import wake_on_commit
from deployments.status import DeploymentStatus, Verification
from infrastructure.services.trail import record_event


@transaction.atomic
def refresh_targets(*, deployment: Deployment, by: Any, now: datetime) -> None:
    """Ask Argo CD once more to compare the applications that are waited for. Raises NotRefreshed."""
    waiting = Target.objects.filter(step_run__deployment=deployment, verification=Verification.WAITING)
    if deployment.status != DeploymentStatus.WAITING or not waiting.update(refresh_requested_at=None):
        raise NotRefreshed(f"Not refreshed: deployment {deployment.pk} waits for no application.")
    Deployment.objects.filter(pk=deployment.pk, due_at__isnull=False).update(due_at=now)
    record_event(kind="refresh_requested", object_name=str(deployment), by=by, now=now, deployment=deployment.pk)
    wake_on_commit([deployment.pk])
