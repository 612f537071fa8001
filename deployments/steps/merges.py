"""Pull requests that are open: their hosts are asked what became of them, and that is taken down.

open -> merged: the change is on the branch, as if it had been committed there; its content is read, for others may have changed it
     -> closed, or merged into another branch
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction

from deployments import forges
from deployments.forges import ForgeError, Kind, TryLater
from deployments.git import GitError, repository_name
from deployments.models import Deployment, PullRequest, StepRun, Target
from deployments.status import LogLevel, PullRequestState, Verification, VerificationMethod
from deployments.steps.comparison import Question, ask
from deployments.steps.forges import ForgeDoor
from deployments.steps.merged_targets import show_merged
from deployments.steps.progress import Far, Progress
from deployments.steps.records import write_log
from deployments.steps.repositories import host_name, open_mirror
from infrastructure.sentences import at

WATCHED_POLL = timedelta(seconds=10)  # somebody looks at the deployment's page
WATCHED_FOR = timedelta(seconds=60)
POLLS = ((timedelta(minutes=15), timedelta(seconds=30)), (timedelta(hours=2), timedelta(seconds=60)))  # open for less than: every
SLOW_POLL = timedelta(minutes=5)
# Of a deployment that has ended: somebody may merge it still. After that only a webhook tells.
LATE_POLLS = ((timedelta(days=1), timedelta(minutes=5)), (timedelta(days=30), timedelta(hours=1)))
SETTLED_AFTER = timedelta(seconds=20)  # by then a host has found out whether a pull request can be merged
LOOK_TWICE_S = 1.0
LOOKS_AT_ONCE = 20  # then the lease is given back and taken again: a cancellation is heard


@dataclass
class Away:
    """Hosts that did not answer just now: they are not asked again for each of their pull requests."""

    hosts: dict[str, TryLater] = field(default_factory=dict)

    def check(self, row: PullRequest) -> None:
        """Raises TryLater."""
        if known := self.hosts.get(host_name(row.repo_url)):
            raise TryLater(str(known), retry_after_s=known.retry_after_s)

    def note(self, row: PullRequest, error: TryLater) -> None:
        self.hosts[host_name(row.repo_url)] = error


def await_merge(*, step_run: StepRun, now: datetime) -> Progress:
    """Ask the hosts of the step's open pull requests that are due. Done once all are merged; one that was closed fails the step."""
    rows, away = list(step_run.pull_requests.filter(state=PullRequestState.OPEN)), Away()
    due = [row for row in rows if row.due_at is None or row.due_at <= now]
    for row in due[:LOOKS_AT_ONCE]:
        row.step_run = step_run
        look(row, now, away)
    closed = step_run.pull_requests.filter(state=PullRequestState.CLOSED).first()
    if closed is not None:
        return Progress(Far.FAILED, closed.reason)
    waiting = [row for row in rows if row.state == PullRequestState.OPEN]
    if not waiting:
        return Progress(Far.DONE)
    others = f" And {len(waiting) - 1} more." if len(waiting) > 1 else ""
    return Progress(Far.VERIFYING, waiting[0].reason + others, due_at=min(row.due_at or now for row in waiting))


def look(row: PullRequest, now: datetime, away: Away) -> None:
    """Read one pull request anew and take down what became of it."""
    due_at = _next_look(row, now)
    try:
        _read(row, due_at, now, away)
    except (ForgeError, GitError) as error:
        wait = timedelta(seconds=error.retry_after_s) if isinstance(error, TryLater) else SLOW_POLL
        reason = f"Waiting for {name_of(row)}, whose state is not known: {error}"
        _take_down(row, now, reason=reason, due_at=None if due_at is None else max(due_at, now + wait))


def _read(row: PullRequest, due_at: datetime | None, now: datetime, away: Away) -> None:
    """Raises ForgeError or GitError."""
    away.check(row)
    door = ForgeDoor.open(row.repo_url, now=now)
    try:
        seen = door.ask(lambda forge: forge.state(row.number))
    except TryLater as error:
        away.note(row, error)
        raise
    if seen.state is forges.State.MERGED:
        merged(row, seen, now)
    elif seen.state is forges.State.CLOSED:
        _closed(row, now)
    else:
        if seen.mergeable is None and now - row.opened_at > SETTLED_AFTER:
            seen = replace(seen, mergeable=door.ask(lambda forge: forge.await_mergeable(row.number, pauses_s=(LOOK_TWICE_S,))))
        _take_down(row, now, reason=waiting_for(row, seen, now), due_at=due_at, head_sha=seen.head_sha or row.head_sha)


def merged(row: PullRequest, seen: forges.PullRequest, now: datetime) -> None:
    """Take down a merge. Raises GitError while the merged files cannot be read."""
    if _is_elsewhere(row, seen):
        where = f"was merged into {seen.base}, not into {row.branch}"
        _end_without_change(row, where, f"Retry to open a new one. {row.web_url}", now)
        return
    mirror = open_mirror(row.repo_url)
    # A merge commit that was taken off the branch, or rewritten by a rebase, says nothing: the branch's files do.
    merge_sha = seen.merge_sha if seen.merge_sha and mirror.ensure_commit(seen.merge_sha) else mirror.fetch(row.branch)
    targets = list(row.targets.select_related("source"))
    answers = ask(Question(target.pk, row.repo_url, merge_sha) for target in targets)
    if unread := next((answer.why for answer in answers.values() if answer.is_present is None), ""):
        raise GitError(unread)
    others = {pk: answer.comparison.sentence for (pk, _), answer in answers.items() if answer.comparison and not answer.is_present}
    _take_down_merge(row, targets, merge_sha, others, now)


@transaction.atomic
def _take_down_merge(row: PullRequest, targets: list[Target], merge_sha: str, others: dict[int, str], now: datetime) -> None:
    """The change is on the branch: from here on it is as if it had been committed there. `others` say what is not ours, by target."""
    sentence = f"Merged as {merge_sha[:7]} by pull request {row.number}."
    if not _end(row, now, state=PullRequestState.MERGED, merge_sha=merge_sha, reason=sentence):
        return
    is_done = row.step_run.settings.get("verification") == VerificationMethod.PULL_REQUEST_MERGED
    for target in targets:
        target.reason, target.since_at, target.committed_at = sentence, now, now
        if other := others.get(target.pk):
            target.reason = f"{name_of(row, capital=True)} was merged with other content: {other} Deploy again, or put it back."
            if is_done:
                target.verification, target.reason = Verification.FAILED, f"Failed: {target.reason}"
            write_log(row.step_run, f"{target.application_name}: {target.reason}", now, level=LogLevel.WARN)
        else:
            target.commit_sha = merge_sha
            target.verification = Verification.VERIFIED if is_done else Verification.WAITING
    Target.objects.bulk_update(targets, ["reason", "since_at", "committed_at", "commit_sha", "verification"], batch_size=200)
    show_merged(row, targets, merge_sha, now)
    write_log(row.step_run, f"{name_of(row, capital=True)} was merged as {merge_sha[:7]}.", now)


def _closed(row: PullRequest, now: datetime) -> None:
    advice = "Retry to open a new one" if row.forge_kind == Kind.BITBUCKET_CLOUD else "Reopen it and retry, or retry to open a new one"
    _end_without_change(row, "was closed without a merge", f"{advice}. {row.web_url}", now)


@transaction.atomic
def _end_without_change(row: PullRequest, what: str, advice: str, now: datetime) -> None:
    """It will not bring our change. A deployment that has ended meanwhile ends no other way."""
    sentence = f"Failed: {name_of(row)} {what}. {advice}"
    is_over = Deployment.objects.get(pk=row.step_run.deployment_id).is_finished
    if not _end(row, now, state=PullRequestState.CLOSED, reason=f"{name_of(row, capital=True)} {what}." if is_over else sentence):
        return
    if not is_over:
        row.targets.update(verification=Verification.FAILED, reason=sentence, since_at=now)
    write_log(row.step_run, f"{name_of(row, capital=True)} {what}.", now, level=LogLevel.INFO if is_over else LogLevel.ERROR)


def _end(row: PullRequest, now: datetime, *, state: PullRequestState, **values: object) -> bool:
    """False when another worker has taken its end down. An event that came while the host was read leaves it due."""
    asked_at = row.due_at
    found = {"state": state, "ended_at": now, "checked_at": now, **values}
    if not PullRequest.objects.filter(pk=row.pk, state=PullRequestState.OPEN).update(**found):
        row.refresh_from_db(fields=["state", "reason", "due_at"])
        return False
    for name, value in found.items():
        setattr(row, name, value)
    _set_due(row, asked_at, None)
    return True


def _take_down(row: PullRequest, now: datetime, *, due_at: datetime | None, reason: str, **values: object) -> None:
    """It is open still."""
    asked_at, row.checked_at, row.reason = row.due_at, now, reason
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=["checked_at", "reason", *values])
    _set_due(row, asked_at, due_at)
    Target.objects.filter(pull_request=row, step_run__deployment__finished_at__isnull=True).exclude(reason=reason).update(reason=reason, since_at=now)


def _set_due(row: PullRequest, asked_at: datetime | None, due_at: datetime | None) -> None:
    """`due_at` stands unless an event has made the row due while the host was read: then it is read again."""
    row.due_at = due_at
    if not PullRequest.objects.filter(pk=row.pk, due_at=asked_at).update(due_at=due_at):
        row.refresh_from_db(fields=["due_at"])


def waiting_for(row: PullRequest, seen: forges.PullRequest, now: datetime) -> str:
    """Why it waits, a sentence; or that nobody does."""
    if row.step_run.settings.get("verification") == VerificationMethod.COMMIT_CREATED:
        return f"{name_of(row, capital=True)} is open. This step does not wait for its merge."
    detail = ""
    if _is_elsewhere(row, seen):
        detail = f": somebody made it one into {seen.base}, not {row.branch}"
    elif seen.mergeable is False:
        detail = f": it conflicts with {row.branch}"
    elif seen.is_draft:
        detail = ": it is a draft"
    return f"Waiting for the merge of {name_of(row)}{detail}. Open since {at(row.opened_at, now=now)}."


def _is_elsewhere(row: PullRequest, seen: forges.PullRequest) -> bool:
    return bool(seen.base) and seen.base != row.branch


def name_of(row: PullRequest, *, capital: bool = False) -> str:
    """E.g. "pull request 87 in platform/shop-config"."""
    return f"{'P' if capital else 'p'}ull request {row.number} in {repository_name(row.repo_url)}"


def _next_look(row: PullRequest, now: datetime) -> datetime | None:
    deployment = row.step_run.deployment
    if not deployment.is_finished:
        return now + poll(row.step_run, row.opened_at, now)
    ended_at = deployment.finished_at or now
    every = next((every for less_than, every in LATE_POLLS if now - ended_at < less_than), None)
    return now + every if every else None


def poll(step_run: StepRun, opened_at: datetime, now: datetime) -> timedelta:
    """Often at first and while somebody looks, then more rarely; a webhook makes all of this unneeded."""
    watched_at = step_run.deployment.watched_at
    if watched_at is not None and now - watched_at < WATCHED_FOR:
        return WATCHED_POLL
    return next((every for less_than, every in POLLS if now - opened_at < less_than), SLOW_POLL)
