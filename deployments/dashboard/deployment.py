"""What the page of one deployment, and the form of a new release, show."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q

from deployments.dashboard.waited import Waited, waited
from deployments.git import commit_url, repository_name
from deployments.models import Deployment, LogEntry, PullRequest, Release, Step, StepRun, Target
from deployments.status import DeploymentStatus, LogLevel, NoteCode, PullRequestState, StepKind, StepStatus, TargetOutcome, Verification, VerificationMethod
from infrastructure.models import ApplicationSource, Project, Tenant

# What stands first in the table of notes: what asks for a look.
NOTES_FIRST = (
    NoteCode.NOT_EDITABLE,
    NoteCode.NO_SUCH_PATH,
    NoteCode.NOT_TRACKED,
    NoteCode.OTHER_REGISTRY,
    NoteCode.PINNED,
    NoteCode.DELETED,
    NoteCode.UPDATED,
    NoteCode.ALREADY_THERE,
)
TONES = {
    DeploymentStatus.QUEUED: "quiet",
    DeploymentStatus.RUNNING: "busy",
    DeploymentStatus.AWAITING_MERGE: "busy",
    DeploymentStatus.WAITING: "busy",
    DeploymentStatus.SUCCEEDED: "good",
    DeploymentStatus.FAILED: "bad",
    DeploymentStatus.CANCELLED: "quiet",
}
TARGETS_FIRST = (Verification.FAILED, Verification.WAITING, Verification.VERIFIED)  # when they need more than one page
TARGETS_SHOWN = 100  # on a page
NOTES_SHOWN = 200
LOG_SHOWN = 1000  # the newest lines
CURRENT = (StepStatus.RUNNING, StepStatus.AWAITING_MERGE, StepStatus.WAITING, StepStatus.FAILED)
FALLBACK_SENTENCES = {
    DeploymentStatus.QUEUED: "Queued: the next worker that is free takes it.",
    DeploymentStatus.RUNNING: "Committing: the step plans and writes.",
    DeploymentStatus.AWAITING_MERGE: "Waiting for the merge of its pull requests.",
    DeploymentStatus.WAITING: "Verifying: waiting for the applications.",
    DeploymentStatus.SUCCEEDED: "Succeeded.",
    DeploymentStatus.FAILED: "Failed: the log says why.",
    DeploymentStatus.CANCELLED: "Cancelled. What was committed stays in Git.",
}


@dataclass(frozen=True)
class TargetRow:
    """One line of the targets table."""

    target: Target
    repository: str  # "platform/shop-config"
    commit_url: str
    next_check: str


@dataclass(frozen=True)
class StepView:
    """One step run with its targets."""

    run: StepRun
    says: str
    targets: list[TargetRow]  # of the page that is shown
    page: Page[Target]
    counts: str  # "3 Succeeded, 1 Waiting"
    notes: list[dict[str, Any]]
    more_notes: int  # that are not shown
    pull_requests: list[PullRequest]
    waited: Waited | None  # of a wait step
    times_out_at: datetime | None


@dataclass(frozen=True)
class DeploymentView:
    """Everything the page needs, read in a handful of queries."""

    deployment: Deployment
    replaces: Release | None
    steps: list[StepView]
    current: StepView | None
    verified: int
    total: int
    log: list[LogEntry]
    is_log_cut: bool  # there are earlier lines
    warnings_only: bool
    may_refresh: bool

    @property
    def is_finished(self) -> bool:
        return self.deployment.is_finished

    @property
    def sentence(self) -> str:
        """The one sentence of the page: what it waits for, or how it ended."""
        return self.deployment.reason or FALLBACK_SENTENCES[DeploymentStatus(self.deployment.status)]

    @property
    def waited(self) -> Waited | None:
        """What the page counts while a wait step runs, or when there is nothing else to count; None: it counts targets."""
        return self.current.waited if self.current and not (self.is_finished and self.total) else None

    @property
    def awaited(self) -> PullRequest | None:
        """The first open pull request of a deployment that awaits a merge."""
        if self.deployment.status != DeploymentStatus.AWAITING_MERGE or self.current is None:
            return None
        return next((request for request in self.current.pull_requests if request.state == PullRequestState.OPEN), None)

    @property
    def tone(self) -> str:
        return TONES[DeploymentStatus(self.deployment.status)]


def deployment_view(deployment: Deployment, *, warnings_only: bool, now: datetime, page: str | None = None) -> DeploymentView:
    """Read the deployment's page. `deployment` comes with release, project, environment and tenant; `page` is of the tables of targets."""
    runs = list(deployment.step_runs.order_by("position"))
    rows = Target.objects.filter(step_run__in=runs).select_related("source__application", "pull_request").defer("source__application__content")
    targets = list(rows.order_by("application_name", "source_position", "pk"))
    requests = list(PullRequest.objects.filter(step_run__in=runs).order_by("repository_key", "branch", "pk"))
    steps = [_step_view(deployment, run, [target for target in targets if target.step_run_id == run.pk], requests, now, page) for run in runs]
    log = deployment.log.order_by("-at", "-pk")
    if warnings_only:
        log = log.exclude(level=LogLevel.INFO)
    newest = list(log[: LOG_SHOWN + 1])
    current = next((step for step in steps if step.run.status in CURRENT), steps[-1] if steps else None)
    return DeploymentView(
        deployment=deployment,
        replaces=_replaced_release(deployment),
        steps=steps,
        current=current,
        verified=sum(target.verification == Verification.VERIFIED for target in targets),
        total=sum(target.outcome != TargetOutcome.SKIPPED or target.verification == Verification.FAILED for target in targets),
        log=newest[:LOG_SHOWN][::-1],
        is_log_cut=len(newest) > LOG_SHOWN,
        warnings_only=warnings_only,
        may_refresh=deployment.status == DeploymentStatus.WAITING and not (current and current.waited),
    )


def _replaced_release(deployment: Deployment) -> Release | None:
    """What ran there before, by our own books."""
    before = Deployment.objects.filter(
        project=deployment.project_id, environment=deployment.environment_id, tenant=deployment.tenant_id, status=DeploymentStatus.SUCCEEDED
    ).filter(Q(created_at__lt=deployment.created_at))
    last = before.select_related("release").order_by("-created_at", "-pk").first()
    return last.release if last is not None and last.release_id != deployment.release_id else None


def _step_view(deployment: Deployment, run: StepRun, targets: list[Target], requests: list[PullRequest], now: datetime, page: str | None) -> StepView:
    shown = Paginator(_in_order(targets), TARGETS_SHOWN).get_page(page)
    words = Counter(target.word for target in targets)
    notes = sorted_notes([{**note, "application": target.application_name} for target in targets for note in target.notes])
    times_out_at = None
    if run.status == StepStatus.WAITING and run.waiting_since and run.settings.get("timeout_s") and not run.settings.get("waits_forever"):
        times_out_at = run.waiting_since + timedelta(seconds=run.settings["timeout_s"])
    return StepView(
        run=run,
        says=run.reason or _what_it_does(run, targets),
        targets=[
            TargetRow(target, repository_name(target.repo_url), commit_url(target.repo_url, target.commit_sha), _next_check(target, deployment))
            for target in shown
        ],
        page=shown,
        counts=", ".join(f"{count} {word}" for word, count in words.most_common()),
        notes=notes[:NOTES_SHOWN],
        more_notes=max(0, len(notes) - NOTES_SHOWN),
        pull_requests=[request for request in requests if request.step_run_id == run.pk],
        waited=waited(run, now),
        times_out_at=times_out_at,
    )


def _in_order(targets: list[Target]) -> list[Target]:
    """By name; where they need several pages, those that need a look first."""
    if len(targets) <= TARGETS_SHOWN:
        return targets
    return sorted(targets, key=lambda target: TARGETS_FIRST.index(Verification(target.verification)))


def sorted_notes(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What needs a look first; each gets its `word`. Notes are {"code", "file", "place", "image", "sentence", "application"}."""
    known = set(NoteCode.values)
    worded = [{**note, "word": NoteCode(note["code"]).label if note["code"] in known else NoteCode.NOT_EDITABLE.label} for note in notes]
    return sorted(worded, key=lambda note: NOTES_FIRST.index(note["code"]) if note["code"] in known else 0)


DONE_WHEN = {VerificationMethod.COMMIT_CREATED: "committed", VerificationMethod.PULL_REQUEST_MERGED: "merged"}


def _what_it_does(run: StepRun, targets: list[Target]) -> str:
    if run.status == StepStatus.SUCCEEDED and run.kind == StepKind.WAIT_FOR_APPLICATIONS:
        return "All applications that match were as wanted."
    if not targets:
        return "Starts when the step before has succeeded." if run.position > 1 else "Not started yet."
    commits = len({(target.repo_url, target.commit_sha) for target in targets if target.outcome == TargetOutcome.UPDATED})
    done = DONE_WHEN.get(run.settings.get("verification", ""), "synced to our change and healthy")
    return f"{commits} commit{'' if commits == 1 else 's'}, {len(targets)} application{'' if len(targets) == 1 else 's'}. Done when {done}."


def _next_check(target: Target, deployment: Deployment) -> str:
    if deployment.is_finished or target.verification != Verification.WAITING or target.outcome == TargetOutcome.SKIPPED:
        return "none needed"
    if deployment.status == DeploymentStatus.AWAITING_MERGE:
        return "with its pull request"
    return "on the next report" if deployment.status == DeploymentStatus.WAITING else "with the next action"


@dataclass(frozen=True)
class TakenAlong:
    """What a release of the project would keep: its process now, and where it can go."""

    steps: list[Step]
    last: Release | None
    applications: int
    tenants: list[Tenant]


def taken_along(project: Project) -> TakenAlong:
    sources = ApplicationSource.objects.filter(project=project, is_mapped=True, removed_at__isnull=True, application__gone_at__isnull=True)
    return TakenAlong(
        steps=list(Step.objects.filter(project=project).order_by("position")),
        last=Release.objects.filter(project=project).order_by("-created_at", "-pk").first(),
        applications=sources.values("application").distinct().count(),
        tenants=list(Tenant.objects.filter(pk__in=sources.filter(tenant__isnull=False).values("tenant")).order_by("name", "pk")),
    )
