"""Which change is in force once a pull request is merged: merges are noticed late, and in any order."""

from collections.abc import Sequence
from datetime import datetime

from deployments.git import Mirror
from deployments.models import LiveState, PullRequest, Target
from deployments.steps.records import show_in_force
from deployments.steps.repositories import open_mirror


def show_merged(row: PullRequest, targets: Sequence[Target], merge_sha: str, now: datetime) -> None:
    """Judge live states by these targets from now on, but for those that a later commit has written to. Raises GitError."""
    deployment, mirror = row.step_run.deployment, open_mirror(row.repo_url)
    states = LiveState.objects.filter(source__in=[target.source_id for target in targets if target.source_id]).select_related("target__step_run")
    by_source = {state.source_id: state for state in states}
    in_force = [target for target in targets if not _is_later(by_source.get(target.source_id or 0), target, row, merge_sha, mirror)]
    older = [target for target in in_force if _newest(by_source.get(target.source_id or 0)) > deployment.pk]
    show_in_force(deployment, [target for target in in_force if target not in older], now)
    show_in_force(deployment, older, now, is_newest=False)


def _is_later(state: LiveState | None, target: Target, row: PullRequest, merge_sha: str, mirror: Mirror) -> bool:
    """Was the change that is in force now written on top of this merge?"""
    current = state.target if state else None
    if current is None or current.pk == target.pk or not current.commit_sha or current.branch != row.branch:
        return False
    if current.committed_at is None or current.committed_at < row.opened_at:
        return False
    ours, theirs = row.step_run, current.step_run
    if ours.deployment_id == theirs.deployment_id:
        return theirs.position > ours.position
    if current.commit_sha == merge_sha:
        return theirs.deployment_id > ours.deployment_id
    return mirror.ensure_commit(current.commit_sha) and mirror.is_ancestor(merge_sha, current.commit_sha)


def _newest(state: LiveState | None) -> int:
    return (state.deployment_id if state else None) or 0
