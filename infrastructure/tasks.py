"""What the tick does for what exists: forgets stale enrolments, marks silent gateways, prunes history."""

from celery import shared_task
from django.utils import timezone

from infrastructure.services import enrolment, gateways


@shared_task(name="infrastructure.expire_enrolments")
def expire_enrolments(**_: object) -> None:
    enrolment.expire_enrolments(now=timezone.now())


@shared_task(name="infrastructure.mark_silent_gateways")
def mark_silent_gateways(**_: object) -> None:
    gateways.mark_silent_gateways(now=timezone.now())


@shared_task(name="infrastructure.prune_history")
def prune_history(**_: object) -> None:
    gateways.prune_history(now=timezone.now())
