"""Wakes what an event concerns: sets `due_at`, and tells a worker when the transaction has committed.

The worker's message is only a favour: when the broker is away, the next tick finds the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from time import monotonic
from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import Q
from kombu.exceptions import KombuError

from deployments.models import Deployment, LiveState, StepRun, Target
from deployments.status import DeploymentStatus, StepKind, StepStatus, TargetOutcome, Verification
from infrastructure.models import ApplicationSource

log = structlog.get_logger(__name__)
ADVANCE = "deployments.advance_deployment"
QUIET_S = 15.0
AT_ONCE = 500  # a database takes only so many values in one query
WRITTEN = (TargetOutcome.UPDATED, TargetOutcome.ALREADY_THERE)


@dataclass
class _Broker:
    """What this process knows of the broker."""

    quiet_until: float = 0.0  # of the monotonic clock


_broker = _Broker()


def wake_for_applications(*, application_ids: Sequence[int], now: datetime) -> None:
    """Something new is known about these applications."""
    sources = ApplicationSource.objects.filter(application__in=application_ids)
    _mark_live_states(sources, now)
    waiting = Target.objects.filter(
        source__in=sources.order_by().values("pk"), verification=Verification.WAITING, outcome__in=WRITTEN, step_run__status=StepStatus.WAITING
    )
    concerned = Q(status=DeploymentStatus.WAITING, pk__in=waiting.order_by().values("step_run__deployment"))
    for_scope = _waiting_for_scope()
    if Deployment.objects.filter(for_scope).exists():
        scopes = set(sources.filter(is_mapped=True).order_by().values_list("project", "environment", "tenant"))
        of_these = (Q(project=project, environment=environment, tenant=tenant) for project, environment, tenant in scopes)
        concerned |= for_scope & reduce(or_, of_these, Q(pk__in=()))
    # Those that are due already have been told of: in a storm of small batches one message each will do, and the tick finds what it missed.
    sleeping = Deployment.objects.filter(concerned, due_at__gt=now)
    ids = list(sleeping.order_by("created_at", "pk").values_list("pk", flat=True))
    if ids:
        Deployment.objects.filter(pk__in=ids, due_at__gt=now).update(due_at=now)
        wake_on_commit(ids)


def wake_for_instance(*, instance_id: int, now: datetime) -> None:
    """A gateway connected or was lost: everything that looks at its applications looks again."""
    ids = list(ApplicationSource.objects.filter(application__instance=instance_id, is_mapped=True).order_by().values_list("application", flat=True).distinct())
    on_applications_reported(application_ids=ids, now=now)


def on_applications_reported(*, application_ids: Sequence[int] = (), now: datetime, instance_id: int | None = None, **_: Any) -> None:
    """Receiver of infrastructure.signals.applications_reported, in the transaction of the report."""
    for start in range(0, len(application_ids), AT_ONCE):
        wake_for_applications(application_ids=application_ids[start : start + AT_ONCE], now=now)
    if instance_id is not None and not application_ids:
        wake_for_instance(instance_id=instance_id, now=now)


def wake_on_commit(deployment_ids: Sequence[int]) -> None:
    """Tell a worker of each once the change is committed."""
    ids = list(deployment_ids)

    def tell() -> None:
        _send(ids)

    if ids:
        transaction.on_commit(tell, robust=True)


def _waiting_for_scope() -> Q:
    """Those that wait for whatever is mapped to their scope: to begin, or in a step that waits for applications."""
    steps = StepRun.objects.filter(kind=StepKind.WAIT_FOR_APPLICATIONS, status=StepStatus.WAITING)
    in_step = Q(status=DeploymentStatus.WAITING, pk__in=steps.order_by().values("deployment"))
    return Q(status=DeploymentStatus.QUEUED, attempts=0) | in_step


def _mark_live_states(sources: Any, now: datetime) -> None:
    """A mapped source has a live state from its first report on."""
    mapped = list(sources.filter(is_mapped=True, removed_at__isnull=True).order_by().values_list("pk", flat=True))
    known = set(LiveState.objects.filter(source__in=mapped).order_by().values_list("source", flat=True))
    LiveState.objects.bulk_create([LiveState(source_id=pk, due_at=now) for pk in mapped if pk not in known], ignore_conflicts=True)
    LiveState.objects.filter(source__in=known).update(due_at=now)


def _send(deployment_ids: list[int]) -> None:
    """A broker that is away is left alone for a while: whoever reports or clicks must not wait for it each time."""
    if monotonic() < _broker.quiet_until:
        return
    for deployment_id in deployment_ids:
        try:
            current_app.send_task(ADVANCE, kwargs={"deployment_id": deployment_id}, retry=False, ignore_result=True)
        except (KombuError, OSError) as error:
            _broker.quiet_until = monotonic() + QUIET_S
            log.warning("broker_away", reason=str(error))
            return
