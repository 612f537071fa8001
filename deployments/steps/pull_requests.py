"""The other way to a branch: a pull request for all targets of a step there."""

from datetime import datetime

import structlog
from django.conf import settings

from deployments.forges import CommitStatus, ForgeError, NoChanges, Outcome, Proposal
from deployments.git import Mirror, Pushed, PushRaceLost
from deployments.models import PullRequest, StepRun
from deployments.status import CommitMethod, LogLevel
from deployments.steps.commits import Planner, Work
from deployments.steps.forges import ForgeDoor
from deployments.steps.leases import Lease
from deployments.steps.merges import poll, waiting_for
from deployments.steps.messages import AUTHOR, first_of, head_branch, trailer
from deployments.steps.records import Group, record, write_log
from infrastructure.repositories import USER_IN_URL, repository_key, without_secrets

log = structlog.get_logger(__name__)
STATUS_NAME = "octoargo"
LONGEST_TITLE = 300  # of a column; somebody may have changed it


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
    key = repository_key(group.targets[0].repo_url)
    branch, mark = head_branch(step_run, key, group.branch), trailer(step_run, key, group.branch, deployment=first_of(step_run.deployment))
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
    url = group.targets[0].repo_url
    try:
        opened = door.ask(lambda forge: forge.open_or_find(proposal, pushed_ago_s=0.0)).pull_request
    except NoChanges as error:  # somebody merged the same a moment ago: plan again
        raise PushRaceLost(f"{group.branch} moved while the pull request was opened. {error}") from error
    row = PullRequest(
        step_run=step_run,
        repo_url=without_secrets(url) if USER_IN_URL.match(url) else url,
        repository_key=repository_key(url),
        forge_kind=door.kind.value,
        branch=group.branch,
        head_branch=proposal.head,
        head_sha=pushed.sha,
        number=opened.number,
        title=opened.title[:LONGEST_TITLE],
        web_url=opened.web_url,
        opened_at=now,
        checked_at=now,
        due_at=now + poll(step_run, now, now),
    )
    row.reason = waiting_for(row, opened, now)
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


def _names(text: str | None) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))
