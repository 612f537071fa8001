"""Writes down what a step did to its targets: in one transaction with the commit's SHA, so that nothing is lost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from deployments.git import Pushed
from deployments.manifests.notes import QUIET, Note, NoteCode
from deployments.models import Deployment, IntendedChange, LiveState, LogEntry, PullRequest, StepRun, Target
from deployments.status import DeploymentStatus, LogLevel, TargetOutcome, Verification
from deployments.steps.edits import EditPlan, SourceEdit
from deployments.steps.leases import Lease
from infrastructure.repositories import without_secrets

AT_ONCE = 200  # rows in one query
RECORDED_FIELDS = ["branch", "outcome", "notes", "since_at", "reason", "commit_sha", "committed_at", "pull_request"]


@dataclass(frozen=True)
class Group:
    """Targets that one commit is for."""

    branch: str
    head_sha: str
    targets: Sequence[Target]


@transaction.atomic
def record(*, step_run: StepRun, group: Group, pushed: Pushed, plan: EditPlan, lease: Lease, now: datetime, pull_request: PullRequest | None = None) -> None:
    """Record the commit for every target of the group. Raises LeaseLost: whoever has the lease now finds the commit.

    `pull_request` is a new row for the commit's pull request: its change is in force only once that is merged.
    """
    lease.confirm()
    if pull_request is not None:
        _save(pull_request, now)
    for target in group.targets:
        _take_down(target, group.branch, pushed, plan.edits[target.pk], now)
        if pull_request is not None and target.outcome == TargetOutcome.UPDATED:
            target.pull_request, target.reason = pull_request, pull_request.reason
    Target.objects.bulk_update(group.targets, RECORDED_FIELDS, batch_size=AT_ONCE)
    written = [target for target in group.targets if target.outcome != TargetOutcome.SKIPPED]
    IntendedChange.objects.filter(target__in=written).delete()
    IntendedChange.objects.bulk_create((change for target in written for change in _changes(target, plan.edits[target.pk])), batch_size=AT_ONCE)
    show_in_force(step_run.deployment, [target for target in written if target.pull_request is None], now)
    entries = [_entry(step_run, target, note, now) for target in group.targets for note in plan.edits[target.pk].notes]
    summary = LogEntry(deployment=step_run.deployment, at=now, text=_summary(group, pushed, plan, pull_request))
    LogEntry.objects.bulk_create([*entries, summary], batch_size=AT_ONCE)


def _save(pull_request: PullRequest, now: datetime) -> None:
    """Its deployment may have been cancelled while it was opened; the lease's row is locked, so that is certain now."""
    cancelled = Deployment.objects.filter(pk=pull_request.step_run.deployment_id, status=DeploymentStatus.CANCELLED)
    reason = cancelled.values_list("reason", flat=True).first()
    if reason is not None:
        pull_request.closing_reason, pull_request.due_at = reason, now
    pull_request.save()


def show_in_force(deployment: Deployment, targets: Sequence[Target], now: datetime, *, is_newest: bool = True) -> None:
    """Their change is on the branch that Argo CD reads: from now on live states are judged by it.

    `is_newest` is False when a newer deployment, which has not written yet, stands there and goes on standing there.
    """
    shown = {"release": deployment.release, "deployed_at": now, "accepted_at": None, "due_at": now}
    if is_newest:
        shown["deployment"] = deployment
    set_live_states([LiveState(source=target.source, target=target, **shown) for target in targets if target.source], ["target", *shown])


def set_live_states(states: Sequence[LiveState], fields: Sequence[str]) -> None:
    """Write these fields of live states, whether there are rows yet or not."""
    LiveState.objects.bulk_create(states, batch_size=AT_ONCE, update_conflicts=True, unique_fields=["source"], update_fields=fields)


def refuse(target: Target, reason: str, now: datetime) -> None:
    """The target is in error: its step fails, the others go on."""
    _settle(target, reason, now, verification=Verification.FAILED)


def skip(target: Target, reason: str, now: datetime) -> None:
    """The target can never be written to; that is told, and is no error."""
    target.notes = [not_tracked(reason)]
    _settle(target, reason, now, notes=target.notes)


def not_tracked(sentence: str) -> dict[str, str]:
    """A note about a source as a whole, as Note.to_dict() gives it."""
    return Note(NoteCode.NOT_TRACKED, "", "", "", sentence).to_dict()


def write_log(step_run: StepRun, text: str, now: datetime, *, level: LogLevel = LogLevel.INFO) -> None:
    LogEntry.objects.create(deployment=step_run.deployment, at=now, level=level, text=text)


def _settle(target: Target, reason: str, now: datetime, **values: object) -> None:
    target.outcome, target.reason, target.since_at = TargetOutcome.SKIPPED, reason, now
    for name, value in values.items():
        setattr(target, name, value)
    target.save(update_fields=["outcome", "reason", "since_at", *values])


def _take_down(target: Target, branch: str, pushed: Pushed, edit: SourceEdit, now: datetime) -> None:
    target.branch, target.outcome = branch, edit.outcome
    target.notes = [note.to_dict() for note in edit.notes]
    target.since_at = now
    if edit.outcome == TargetOutcome.SKIPPED:
        target.reason = edit.reason
        return
    is_ours = pushed.is_new and edit.outcome == TargetOutcome.UPDATED
    target.reason = "Committed." if is_ours else "Already there. It is verified all the same."
    target.commit_sha = pushed.sha if is_ours else pushed.base_sha
    target.committed_at = now


def _changes(target: Target, edit: SourceEdit) -> Iterator[IntendedChange]:
    for path, found in sorted(edit.records.items()):
        places = [place.to_dict() for place in found.places]
        yield IntendedChange(target=target, path=path, patch=list(found.patch), places=places, sha256=found.sha256, is_deleted=found.is_deleted)


def _entry(step_run: StepRun, target: Target, note: Note, now: datetime) -> LogEntry:
    level = LogLevel.INFO if note.code in QUIET else LogLevel.WARN
    return LogEntry(deployment=step_run.deployment, at=now, level=level, text=f"{target.application_name}: {note.sentence}")


def _summary(group: Group, pushed: Pushed, plan: EditPlan, pull_request: PullRequest | None) -> str:
    where = f"{group.branch} of {without_secrets(group.targets[0].repo_url)}"
    if not pushed.is_new:
        return f"Nothing to commit to {where}: everything is there already at {pushed.sha[:7]}."
    files = f"{len(plan.changes)} file{'' if len(plan.changes) == 1 else 's'}"
    if pull_request is not None:
        return f"Pull request {pull_request.number} into {where}: {files}, {pushed.sha[:7]} on {pull_request.head_branch}. {pull_request.web_url}"
    return f"Committed {pushed.sha[:7]} to {where}: {files}."
