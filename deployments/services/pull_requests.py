"""Pull requests of deployments that have ended: closed where they are not wanted any more, the host told how it went, late merges noticed."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction

from deployments import forges
from deployments.forges import ForgeError, Outcome, State, TryLater
from deployments.git import GitError
from deployments.models import Deployment, LogEntry, PullRequest
from deployments.status import FINISHED, DeploymentStatus, LogLevel, PullRequestState
from deployments.steps.forges import ForgeDoor
from deployments.steps.merges import SLOW_POLL, WATCHED_POLL, Away, look, merged, name_of
from deployments.steps.pull_requests import status_of

log = structlog.get_logger(__name__)
CLAIM = timedelta(minutes=1)
TRY_AGAIN = timedelta(minutes=1)
GIVE_UP_AFTER = timedelta(days=1)
AT_ONCE = 50
UPDATED_AT_ONCE = 500  # a database takes only so many values in one query
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
    ours = set(PullRequest.objects.filter(step_run__deployment=deployment).order_by().values_list("repository_key", "number"))
    older = PullRequest.objects.filter(
        step_run__deployment__project=deployment.project_id,
        step_run__deployment__environment=deployment.environment_id,
        step_run__deployment__tenant=deployment.tenant_id,
        step_run__deployment__pk__lt=deployment.pk,
        step_run__deployment__status__in=FINISHED,
        state=PullRequestState.OPEN,
    )
    superseded = f"Superseded by deployment {deployment.pk} of {deployment.release.version}."
    found = older.order_by().values_list("pk", "repository_key", "number")
    theirs = [pk for pk, key, number in found if (key, number) not in ours]  # a retry shares those of the first
    for start in range(0, len(theirs), UPDATED_AT_ONCE):
        PullRequest.objects.filter(pk__in=theirs[start : start + UPDATED_AT_ONCE], state=PullRequestState.OPEN).update(closing_reason=superseded, due_at=now)


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
    """Close what is to be closed, tell the hosts how ended deployments went, and see what became of those still open. Returns how many were looked at."""
    due = PullRequest.objects.filter(step_run__deployment__status__in=FINISHED, due_at__lte=now).order_by("due_at", "pk")
    ids = list(due.values_list("pk", flat=True)[:AT_ONCE])
    settled, away = 0, Away()
    for pk in ids:
        if PullRequest.objects.filter(pk=pk, due_at__lte=now).update(due_at=now + CLAIM):  # one worker each
            row = PullRequest.objects.select_related("step_run__deployment__release").get(pk=pk)
            claimed_at = row.due_at
            due_at = _settle_or_later(row, now, away)
            PullRequest.objects.filter(pk=pk, due_at=claimed_at).update(due_at=due_at)  # unless it was wanted again meanwhile
            settled += 1
    return settled


def _settle_or_later(row: PullRequest, now: datetime, away: Away) -> datetime | None:
    try:
        return _settle(row, now, away)
    except Exception:  # one that cannot be settled keeps no other from it
        log.exception("pull_request_not_settled", pull_request=row.pk)
        return now + SLOW_POLL


def _settle(row: PullRequest, now: datetime, away: Away) -> datetime | None:
    """When to look again; None for never."""
    deployment = row.step_run.deployment
    ended_at = deployment.finished_at or now
    try:
        away.check(row)
        if row.closing_reason and row.state == PullRequestState.OPEN:
            if other := _goes_on(row):
                PullRequest.objects.filter(pk=row.pk).update(reason=f"Deployment {other} goes on with it.")
                return now + SLOW_POLL
            _take_down(row, _closed(row, now), now)
        if row.state != PullRequestState.OPEN or row.checked_at is None or row.checked_at <= ended_at:
            outcome, description = OUTCOMES[DeploymentStatus(deployment.status)]
            status = status_of(row, outcome, description)
            ForgeDoor.open(row.repo_url, now=now).ask(lambda forge: forge.set_status(row.head_sha, status))
    except (ForgeError, GitError) as error:
        is_wanted_closed = bool(row.closing_reason) and row.state == PullRequestState.OPEN  # long after it ended, perhaps
        if isinstance(error, TryLater | GitError) and (is_wanted_closed or now - ended_at < GIVE_UP_AFTER):
            every = TRY_AGAIN if now - ended_at < GIVE_UP_AFTER else SLOW_POLL
            return now + max(every, timedelta(seconds=getattr(error, "retry_after_s", 0)))
        if is_wanted_closed:
            _tell(row, f"{name_of(row, capital=True)} could not be closed: {error} Close it there. {row.web_url}", now)
            PullRequest.objects.filter(pk=row.pk).update(closing_reason="")
        log.warning("pull_request_not_settled", pull_request=row.pk, reason=str(error))
    if row.state != PullRequestState.OPEN:
        return None
    return _late_look(row, now, away)


def _late_look(row: PullRequest, now: datetime, away: Away) -> datetime | None:
    """Somebody may merge it still: then its change is in force, whatever its deployment came to."""
    look(row, now, away)
    return row.due_at


def _goes_on(row: PullRequest) -> int | None:
    """A retry finds the pull requests of the first: another deployment that still wants this one."""
    same = PullRequest.objects.filter(repository_key=row.repository_key, number=row.number, state=PullRequestState.OPEN, closing_reason="")
    wanted = same.exclude(pk=row.pk).exclude(step_run__deployment__status__in=(DeploymentStatus.FAILED, DeploymentStatus.CANCELLED))
    return wanted.order_by("-step_run__deployment").values_list("step_run__deployment", flat=True).first()


def _closed(row: PullRequest, now: datetime) -> forges.PullRequest:
    return ForgeDoor.open(row.repo_url, now=now).ask(lambda forge: forge.close(row.number))


def _take_down(row: PullRequest, seen: forges.PullRequest, now: datetime) -> None:
    """What became of a pull request that we wanted closed. Raises GitError while a merge cannot be read."""
    if seen.state is State.MERGED:
        merged(row, seen, now)
        _tell(row, f"{name_of(row, capital=True)} was merged before it could be closed. {row.web_url}", now)
        PullRequest.objects.filter(pk=row.pk).update(reason=f"Merged before it could be closed. {row.closing_reason}")
        return
    with transaction.atomic():
        row.state, row.reason = PullRequestState.CLOSED, f"Closed by Octoargo: {row.closing_reason}"
        row.ended_at = row.checked_at = now
        row.save(update_fields=["state", "reason", "ended_at", "checked_at"])
        _tell(row, f"{name_of(row, capital=True)} was closed.", now, level=LogLevel.INFO)


def _tell(row: PullRequest, text: str, now: datetime, *, level: LogLevel = LogLevel.WARN) -> None:
    LogEntry.objects.create(deployment=row.step_run.deployment, at=now, level=level, text=text)
