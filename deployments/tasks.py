"""Celery's doors: ids in, one service. The tick finds what is due, so a lost message costs a few seconds and nothing else."""

from datetime import timedelta

import structlog
from celery import shared_task
from django.utils import timezone

from deployments import services
from deployments.models import Deployment, PullRequest
from deployments.services import webhooks
from deployments.status import FINISHED
from deployments.steps import repositories

log = structlog.get_logger(__name__)
SENT_AGAIN_AFTER = timedelta(seconds=10)  # a message that nobody took up
STEPS_AT_ONCE = 200  # a step writes to one branch per call; more than this many wait for the next tick
LIVE_BATCH = 200


@shared_task(name="deployments.tick")
def tick(**_: object) -> None:
    """Hand what is due to workers, each deployment in a task of its own, live states in batches."""
    now = timezone.now()
    due = list(Deployment.objects.due(now).order_by("created_at", "pk").values_list("pk", flat=True))
    Deployment.objects.filter(pk__in=due, due_at__lte=now).update(due_at=now + SENT_AGAIN_AFTER)
    for deployment_id in due:
        advance_deployment.delay(deployment_id=deployment_id)
    live = services.claim_due_live_states(now=now)
    for start in range(0, len(live), LIVE_BATCH):
        judge_live.delay(source_ids=live[start : start + LIVE_BATCH])
    if PullRequest.objects.filter(step_run__deployment__status__in=FINISHED, due_at__lte=now).exists():
        settle_pull_requests.delay()


@shared_task(name="deployments.advance_deployment")
def advance_deployment(*, deployment_id: int, **_: object) -> None:
    """Advance as long as something can be done at once."""
    with structlog.contextvars.bound_contextvars(deployment=deployment_id):
        for _step in range(STEPS_AT_ONCE):
            deployment = Deployment.objects.filter(pk=deployment_id).first()
            now = timezone.now()
            if deployment is None or not services.advance(deployment=deployment, now=now):
                return
            deployment.refresh_from_db(fields=["due_at"])
            if deployment.due_at is None or deployment.due_at > now:
                return


@shared_task(name="deployments.settle_pull_requests")
def settle_pull_requests(**_: object) -> None:
    """Close what is not wanted any more, and tell the Git hosts how deployments ended."""
    services.settle_pull_requests(now=timezone.now())


@shared_task(name="deployments.judge_live")
def judge_live(*, source_ids: list[int], **_: object) -> None:
    """Say the live sync of these sources anew."""
    services.judge_sources(source_ids=source_ids, now=timezone.now())


@shared_task(name="deployments.sweep_live")
def sweep_live(**_: object) -> None:
    """Nobody tells when an instance falls silent or a comparison grows old: look at all live states now and then."""
    services.sweep_live_states(now=timezone.now())


@shared_task(name="deployments.tidy_mirrors")
def tidy_mirrors(**_: object) -> None:
    """Keep our clones quick to read: a few times a day is enough."""
    repositories.tidy_mirrors()


@shared_task(name="deployments.prune_webhook_deliveries")
def prune_webhook_deliveries(**_: object) -> None:
    """Forget which deliveries we have seen once no host sends them again."""
    webhooks.prune_deliveries(now=timezone.now())
