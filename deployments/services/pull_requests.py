"""Pull requests of deployments that have ended: closed where they are not wanted any more, and the host told how it went."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from deployments import forges
from deployments.forges import ForgeError, Outcome, State, TryLater
from deployments.git import repository_name
from deployments.models import Deployment, LogEntry, PullRequest
from deployments.status import FINISHED, DeploymentStatus, LogLevel, PullRequestState
from deployments.steps.forges import ForgeDoor
from deployments.steps.pull_requests import WATCHED_POLL, status_of

log = structlog.get_logger(__name__)
CLAIM = timedelta(minutes=1)
TRY_AGAIN = timedelta(minutes=1)
GIVE_UP_AFTER = timedelta(days=1)
AT_ONCE = 50
WATCH_NOTED_EVERY = timedelta(seconds=10)
OUTCOMES = {
    DeploymentStatus.SUCCEEDED: (Outcome.PASSED, "Deployed"),
    DeploymentStatus.FAILED: (Outcome.FAILED, "The deployment failed"),
    DeploymentStatus.CANCELLED: (Outcome.ERROR, "The deployment was cancelled"),
}


def want_pull_requests_told(deployment: Deployment, to: DeploymentStatus, now: datetime) -> None:
    """In the transaction of the deployment's end: its hosts are to hear of it, and a cancelled one's open pull requests are to be closed.

    Those of a failed one stay open: a retry finds them.
    """
    rows = PullRequest.objects.filter(step_run__deployment=deployment)
    rows.update(due_at=now)
    if to == DeploymentStatus.CANCELLED:
        rows.filter(state=PullRequestState.OPEN).update(closing_reason=deployment.reason)


def close_older(deployment: Deployment, now: datetime) -> None:
    """A newer deployment to the same scope has succeeded: merging what older ones proposed would go back."""
    ours = Q()
    for key, number in PullRequest.objects.filter(step_run__deployment=deployment).values_list("repository_key", "number"):
        ours |= Q(repository_key=key, number=number)
    older = PullRequest.objects.filter(
        step_run__deployment__project=deployment.project_id,
        step_run__deployment__environment=deployment.environment_id,
        step_run__deployment__tenant=deployment.tenant_id,
        step_run__deployment__pk__lt=deployment.pk,
        step_run__deployment__status__in=FINISHED,
        state=PullRequestState.OPEN,
    )
    superseded = f"Superseded by deployment {deployment.pk} of {deployment.release.version}."
    (older.exclude(ours) if ours else older).update(closing_reason=superseded, due_at=now)


def watch(*, deployment: Deployment, now: datetime) -> None:
    """Somebody looks at the deployment's page: ask the hosts of its pull requests more often."""
    if deployment.status != DeploymentStatus.AWAITING_MERGE:
        return
    if deployment.watched_at is not None and now - deployment.watched_at < WATCH_NOTED_EVERY:
        return
    soon = now + WATCHED_POLL
    Deployment.objects.filter(pk=deployment.pk).update(watched_at=now)
    rows = PullRequest.objects.filter(step_run__deployment=deployment, state=PullRequestState.OPEN, due_at__gt=soon)
    if rows.update(due_at=soon):
        Deployment.objects.filter(pk=deployment.pk, status=DeploymentStatus.AWAITING_MERGE, claimed_until__isnull=True, due_at__gt=soon).update(due_at=soon)


def settle_pull_requests(*, now: datetime) -> int:
    """Close what is to be closed, and tell the hosts how ended deployments went. Returns how many were looked at."""
    due = PullRequest.objects.filter(step_run__deployment__status__in=FINISHED, due_at__lte=now).order_by("due_at", "pk")
    ids = list(due.values_list("pk", flat=True)[:AT_ONCE])
    settled = 0
    for pk in ids:
        if PullRequest.objects.filter(pk=pk, due_at__lte=now).update(due_at=now + CLAIM):  # one worker each
            _settle(PullRequest.objects.select_related("step_run__deployment").get(pk=pk), now)
            settled += 1
    return settled


def _settle(row: PullRequest, now: datetime) -> None:
    try:
        door = ForgeDoor.open(row.repo_url, now=now)
        if row.closing_reason and row.state == PullRequestState.OPEN:
            _take_down(row, door.ask(lambda forge: forge.close(row.number)), now)
        outcome, description = OUTCOMES[DeploymentStatus(row.step_run.deployment.status)]
        door.ask(lambda forge: forge.set_status(row.head_sha, status_of(row, outcome, description)))
    except ForgeError as error:
        ended_at = row.step_run.deployment.finished_at or now
        if isinstance(error, TryLater) and now - ended_at < GIVE_UP_AFTER:
            PullRequest.objects.filter(pk=row.pk).update(due_at=now + max(TRY_AGAIN, timedelta(seconds=error.retry_after_s)))
            return
        if row.closing_reason and row.state == PullRequestState.OPEN:
            _tell(row, f"Pull request {row.number} in {repository_name(row.repo_url)} could not be closed: {error} Close it there. {row.web_url}", now)
        log.warning("pull_request_not_settled", pull_request=row.pk, reason=str(error))
    PullRequest.objects.filter(pk=row.pk).update(due_at=None)


@transaction.atomic
def _take_down(row: PullRequest, seen: forges.PullRequest, now: datetime) -> None:
    """What became of a pull request that we wanted closed."""
    if seen.state is State.MERGED:
        row.state, row.merge_sha = PullRequestState.MERGED, seen.merge_sha or ""
        row.reason = f"Merged before it could be closed. {row.closing_reason}"
        _tell(row, f"Pull request {row.number} in {repository_name(row.repo_url)} was merged before it could be closed. {row.web_url}", now)
    else:
        row.state, row.reason = PullRequestState.CLOSED, f"Closed by Octoargo: {row.closing_reason}"
        _tell(row, f"Pull request {row.number} in {repository_name(row.repo_url)} was closed.", now, level=LogLevel.INFO)
    row.ended_at = row.checked_at = now
    row.save(update_fields=["state", "merge_sha", "reason", "ended_at", "checked_at"])


def _tell(row: PullRequest, text: str, now: datetime, *, level: LogLevel = LogLevel.WARN) -> None:
    LogEntry.objects.create(deployment=row.step_run.deployment, at=now, level=level, text=text)
