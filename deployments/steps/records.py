"""Writes down what a step did to its targets: in one transaction with the commit's SHA, so that nothing is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from deployments.git import Pushed
from deployments.manifests.notes import QUIET, Note
from deployments.models import IntendedChange, LiveState, LogEntry, StepRun, Target
from deployments.status import LogLevel, TargetOutcome, Verification
from deployments.steps.edits import EditPlan, SourceEdit
from deployments.steps.leases import Lease


@dataclass(frozen=True)
class Group:
    """Targets that one commit is for."""

    branch: str
    head_sha: str
    targets: Sequence[Target]


@transaction.atomic
def record(*, step_run: StepRun, group: Group, pushed: Pushed, plan: EditPlan, lease: Lease, now: datetime) -> None:
    """Record the commit for every target of the group. Raises LeaseLost: whoever has the lease now finds the commit."""
    lease.confirm()
    entries: list[LogEntry] = []
    for target in group.targets:
        edit = plan.edits[target.pk]
        _record_target(target, group.branch, pushed, edit, now)
        if edit.outcome != TargetOutcome.SKIPPED:
            _record_live_state(step_run, target, now)
        entries += [_entry(step_run, target, note, now) for note in edit.notes]
    entries.append(LogEntry(deployment=step_run.deployment, at=now, text=_summary(group, pushed, plan)))
    LogEntry.objects.bulk_create(entries)


def refuse(target: Target, reason: str, now: datetime) -> None:
    """The target is in error: its step fails, the others go on."""
    _settle(target, reason, now, verification=Verification.FAILED)


def skip(target: Target, reason: str, now: datetime) -> None:
    """The target can never be written to; that is told, and is no error."""
    _settle(target, reason, now)


def write_log(step_run: StepRun, text: str, now: datetime, *, level: LogLevel = LogLevel.INFO) -> None:
    LogEntry.objects.create(deployment=step_run.deployment, at=now, level=level, text=text)


def _settle(target: Target, reason: str, now: datetime, **values: str) -> None:
    target.outcome, target.reason, target.since_at = TargetOutcome.SKIPPED, reason, now
    for name, value in values.items():
        setattr(target, name, value)
    target.save(update_fields=["outcome", "reason", "since_at", *values])


def _record_target(target: Target, branch: str, pushed: Pushed, edit: SourceEdit, now: datetime) -> None:
    target.branch, target.outcome = branch, edit.outcome
    target.notes = [note.to_dict() for note in edit.notes]
    target.since_at = now
    if edit.outcome == TargetOutcome.SKIPPED:
        target.reason = edit.reason
    else:
        is_ours = pushed.is_new and edit.outcome == TargetOutcome.UPDATED
        target.reason = "Committed." if is_ours else "Already there. It is verified all the same."
        target.commit_sha = pushed.sha if is_ours else pushed.base_sha
        target.committed_at = now
        target.intended_changes.all().delete()
        IntendedChange.objects.bulk_create(
            IntendedChange(target=target, path=path, patch=list(found.patch), places=[place.to_dict() for place in found.places], sha256=found.sha256)
            for path, found in sorted(edit.records.items())
        )
    target.save()


def _record_live_state(step_run: StepRun, target: Target, now: datetime) -> None:
    deployment = step_run.deployment
    shown = {"target": target, "release": deployment.release, "deployment": deployment, "deployed_at": now, "accepted_at": None, "due_at": now}
    LiveState.objects.update_or_create(source_id=target.source_id, defaults=shown)


def _entry(step_run: StepRun, target: Target, note: Note, now: datetime) -> LogEntry:
    level = LogLevel.INFO if note.code in QUIET else LogLevel.WARN
    return LogEntry(deployment=step_run.deployment, at=now, level=level, text=f"{target.application_name}: {note.sentence}")


def _summary(group: Group, pushed: Pushed, plan: EditPlan) -> str:
    where = f"{group.branch} of {group.targets[0].repo_url}"
    if not pushed.is_new:
        return f"Nothing to commit to {where}: everything is there already at {pushed.sha[:7]}."
    return f"Committed {pushed.sha[:7]} to {where}: {len(plan.changes)} file{'' if len(plan.changes) == 1 else 's'}."
