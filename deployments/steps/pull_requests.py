"""The other way to a branch: a pull request for all targets of a step there, opened, awaited, and closed when it is not wanted any more."""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from deployments import forges
from deployments.forges import CommitStatus, ForgeError, Kind, NoChanges, Outcome, Proposal, TryLater
from deployments.git import GitError, Mirror, Pushed, PushRaceLost, repository_name
from deployments.models import PullRequest, StepRun, Target
from deployments.status import CommitMethod, LogLevel, PullRequestState, Verification, VerificationMethod
from deployments.steps.commits import Planner, Work
from deployments.steps.forges import ForgeDoor
from deployments.steps.leases import Lease
from deployments.steps.messages import AUTHOR, first_of, head_branch, trailer
from deployments.steps.progress import Far, Progress
from deployments.steps.records import Group, record, show_in_force, write_log
from deployments.steps.repositories import open_mirror
from infrastructure.repositories import repository_key
from infrastructure.sentences import at

log = structlog.get_logger(__name__)
STATUS_NAME = "octoargo"
WATCHED_POLL = timedelta(seconds=10)  # somebody looks at the deployment's page
WATCHED_FOR = timedelta(seconds=60)
POLLS = ((timedelta(minutes=15), timedelta(seconds=30)), (timedelta(hours=2), timedelta(seconds=60)))  # open for less than: every
SETTLED_AFTER = timedelta(seconds=20)  # by then a host has found out whether a pull request can be merged
LOOK_TWICE_S = 1.0
SLOW_POLL = timedelta(minutes=5)


def wants_pull_request(step_run: StepRun) -> bool:
    """By the step's commit method, and the environment where that decides."""
    match step_run.settings.get("commit_method"):
        case CommitMethod.PULL_REQUEST:
            return True
        case CommitMethod.PER_ENVIRONMENT:
            return step_run.deployment.environment.slug in step_run.settings.get("pull_request_environments", [])
    return False


def open_pull_request(work: Work, mirror: Mirror, group: Group, door: ForgeDoor, *, lease: Lease, now: datetime) -> None:
    """Put the change on a branch of our own and open a pull request, or find ours, and record both.

    Raises GitError, ForgeError, LeaseLost: whoever has the lease now finds the branch and the pull request.
    """
    step_run, planner = work.step_run, Planner(work, group.targets)
    base = group.head_sha if mirror.has_commit(group.head_sha) else mirror.fetch(group.branch)
    planner.edit(mirror.reader(base))
    message = work.message_for(group.targets, planner.plan)
    branch, mark = head_branch(step_run, group.branch), trailer(step_run, group.branch, deployment=first_of(step_run.deployment))
    pushed = mirror.propose(branch, planner.edit, str(message), AUTHOR, mark, into=group.branch)
    row = None
    if pushed.is_new:
        proposal = Proposal(head=branch, base=group.branch, title=message.summary, body=message.description)
        row = _new_row(step_run, group, pushed, door, proposal, now)
    record(step_run=step_run, group=group, pushed=pushed, plan=planner.plan, lease=lease, now=now, pull_request=row)
    if row is not None:
        _dress(row, door, now)


def _new_row(step_run: StepRun, group: Group, pushed: Pushed, door: ForgeDoor, proposal: Proposal, now: datetime) -> PullRequest:
    """Open the pull request at the host; the row is not saved yet."""
    try:
        opened = door.ask(lambda forge: forge.open_or_find(proposal, pushed_ago_s=0.0)).pull_request
    except NoChanges as error:  # somebody merged the same a moment ago: plan again
        raise PushRaceLost(f"{group.branch} moved while the pull request was opened. {error}") from error
    row = PullRequest(
        step_run=step_run,
        repo_url=group.targets[0].repo_url,
        repository_key=repository_key(group.targets[0].repo_url),
        forge_kind=door.kind.value,
        branch=group.branch,
        head_branch=proposal.head,
        head_sha=pushed.sha,
        number=opened.number,
        title=opened.title,
        web_url=opened.web_url,
        opened_at=now,
        checked_at=now,
        due_at=now + _poll(step_run, now, now),
    )
    row.reason = _waiting(row, opened, now)
    log.info("pull_request_opened", deployment=step_run.deployment_id, number=row.number)
    return row


def _dress(row: PullRequest, door: ForgeDoor, now: datetime) -> None:
    """Labels, reviewers and a commit status: welcome, and no reason to fail."""
    step_run = row.step_run
    labels, reviewers = (_names(step_run.settings.get(f"pull_request_{what}")) for what in ("labels", "reviewers"))
    told: list[str] = []
    try:
        if labels:
            told += door.ask(lambda forge: forge.add_labels(row.number, labels))
        if reviewers:
            told += door.ask(lambda forge: forge.request_reviewers(row.number, reviewers))
        door.ask(lambda forge: forge.set_status(row.head_sha, status_of(row, Outcome.WAITING, "Waiting for the merge")))
    except ForgeError as error:
        told.append(str(error))
    for sentence in told:
        write_log(step_run, f"Pull request {row.number}: {sentence}", now, level=LogLevel.WARN)


def status_of(row: PullRequest, outcome: Outcome, description: str) -> CommitStatus:
    """What the host shows beside our commit."""
    url = f"{settings.PUBLIC_URL}{row.step_run.deployment.get_absolute_url()}"
    return CommitStatus(outcome, STATUS_NAME, url, description, row.head_branch)


def await_merge(*, step_run: StepRun, now: datetime) -> Progress:
    """Ask the hosts of the step's open pull requests that are due. Done once all are merged; one that was closed fails the step."""
    rows = list(step_run.pull_requests.filter(state=PullRequestState.OPEN))
    for row in rows:
        if row.due_at is None or row.due_at <= now:
            row.step_run = step_run
            _look(row, now)
    closed = step_run.pull_requests.filter(state=PullRequestState.CLOSED).first()
    if closed is not None:
        return Progress(Far.FAILED, closed.reason)
    waiting = [row for row in rows if row.state == PullRequestState.OPEN]
    if not waiting:
        return Progress(Far.DONE)
    others = f" And {len(waiting) - 1} more." if len(waiting) > 1 else ""
    return Progress(Far.VERIFYING, waiting[0].reason + others, due_at=min(row.due_at or now + SLOW_POLL for row in waiting))


def _look(row: PullRequest, now: datetime) -> None:
    """Read one pull request anew and take down what became of it."""
    due_at = now + _poll(row.step_run, row.opened_at, now)
    try:
        door = ForgeDoor.open(row.repo_url, now=now)
        seen = door.ask(lambda forge: forge.state(row.number))
        if seen.state is forges.State.MERGED:
            _merged(row, seen.merge_sha or open_mirror(row.repo_url).fetch(row.branch), now)
            return
        if seen.state is forges.State.OPEN and seen.mergeable is None and now - row.opened_at > SETTLED_AFTER:
            seen = replace(seen, mergeable=door.ask(lambda forge: forge.await_mergeable(row.number, pauses_s=(LOOK_TWICE_S,))))
    except (ForgeError, GitError) as error:
        wait = timedelta(seconds=error.retry_after_s) if isinstance(error, TryLater) else SLOW_POLL
        reason = f"Waiting for {_name(row)}, whose state is not known: {error}"
        _take_down(row, now, reason=reason, due_at=max(due_at, now + wait))
        return
    if seen.state is forges.State.CLOSED:
        _closed(row, now)
    else:
        _take_down(row, now, reason=_waiting(row, seen, now), due_at=due_at, head_sha=seen.head_sha or row.head_sha)


@transaction.atomic
def _merged(row: PullRequest, merge_sha: str, now: datetime) -> None:
    """The change is on the branch: from here on it is as if it had been committed there."""
    sentence = f"Merged as {merge_sha[:7]} by pull request {row.number}."
    _take_down(row, now, state=PullRequestState.MERGED, merge_sha=merge_sha, reason=sentence, ended_at=now, due_at=None)
    is_done = row.step_run.settings.get("verification") == VerificationMethod.PULL_REQUEST_MERGED
    verification = Verification.VERIFIED if is_done else Verification.WAITING
    targets = list(row.targets.select_related("source"))
    row.targets.update(commit_sha=merge_sha, committed_at=now, reason=sentence, since_at=now, verification=verification)
    show_in_force(row.step_run.deployment, targets, now)
    write_log(row.step_run, f"{_name(row, capital=True)} was merged as {merge_sha[:7]}.", now)


@transaction.atomic
def _closed(row: PullRequest, now: datetime) -> None:
    advice = "Retry to open a new one" if row.forge_kind == Kind.BITBUCKET_CLOUD else "Reopen it and retry, or retry to open a new one"
    sentence = f"Failed: {_name(row)} was closed without a merge. {advice}. {row.web_url}"
    _take_down(row, now, state=PullRequestState.CLOSED, reason=sentence, ended_at=now, due_at=None)
    for target in row.targets.all():
        target.verification, target.reason, target.since_at = Verification.FAILED, sentence, now
        target.save(update_fields=["verification", "reason", "since_at"])
    write_log(row.step_run, f"{_name(row, capital=True)} was closed without a merge.", now, level=LogLevel.ERROR)


def _take_down(row: PullRequest, now: datetime, *, due_at: datetime | None, **values: object) -> None:
    """`due_at` stands unless an event has made the row due while the host was read: then it is read again."""
    asked_at, row.checked_at = row.due_at, now
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=["checked_at", *values])
    row.due_at = due_at
    mine = PullRequest.objects.filter(pk=row.pk)
    if not (mine.filter(due_at=asked_at) if due_at else mine).update(due_at=due_at):
        row.refresh_from_db(fields=["due_at"])
    if "reason" in values and row.state == PullRequestState.OPEN:
        Target.objects.filter(pull_request=row).exclude(reason=row.reason).update(reason=row.reason, since_at=now)


def _waiting(row: PullRequest, seen: forges.PullRequest, now: datetime) -> str:
    detail = f": it conflicts with {row.branch}" if seen.mergeable is False else ": it is a draft" if seen.is_draft else ""
    return f"Waiting for the merge of {_name(row)}{detail}. Open since {at(row.opened_at, now=now)}."


def _name(row: PullRequest, *, capital: bool = False) -> str:
    """E.g. "pull request 87 in platform/shop-config"."""
    return f"{'P' if capital else 'p'}ull request {row.number} in {repository_name(row.repo_url)}"


def _poll(step_run: StepRun, opened_at: datetime, now: datetime) -> timedelta:
    """Often at first and while somebody looks, then more rarely; a webhook makes all of this unneeded."""
    watched_at = step_run.deployment.watched_at
    if watched_at is not None and now - watched_at < WATCHED_FOR:
        return WATCHED_POLL
    return next((every for less_than, every in POLLS if now - opened_at < less_than), SLOW_POLL)


def _names(text: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))
