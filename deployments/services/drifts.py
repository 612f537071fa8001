"""Compares what we wrote with what is at the commits that Argo CD looks at, repository by repository."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deployments.drift import DELETED, Comparison, Verdict, compare
from deployments.git import Commit, GitError, Mirror
from deployments.live_status import Change, Difference
from deployments.manifests.records import FileRecord
from deployments.models import LiveState
from deployments.steps.comparison import Answer, Question, ask, records_of
from deployments.steps.repositories import open_mirror
from infrastructure.repositories import repository_key

CULPRITS = 20  # how many commits back we look for the one that changed our value


@dataclass(frozen=True)
class Drift:
    """What a comparison found at the revision Argo CD looks at. `obstacle`: why it could not be made."""

    is_compared: bool = True
    obstacle: str = ""
    difference: Difference | None = None
    is_at_head: bool = False
    head: str = ""
    overwritten_by: Change | None = None


def compare_live(states: Sequence[LiveState]) -> dict[int, Drift]:
    """Drifts by source id. Commits that were compared already, and our own, need no reading."""
    drifts: dict[int, Drift] = {}
    asked: list[LiveState] = []
    for state in states:
        known = _known(state)
        if known is None:
            asked.append(state)
        else:
            drifts[state.pk] = known
    answers = ask((question for state in asked if (question := _question(state)) is not None), with_earlier_steps=True)
    for state in asked:
        if state.target_id is not None:
            drifts[state.pk] = _from_answer(answers[state.target_id, state.source.revision])
    return drifts | _explained([state for state in states if drifts[state.pk].difference is not None], drifts)


def difference_to(difference: Difference | None) -> dict[str, Any] | None:
    """As JSON."""
    return None if difference is None else dict(vars(difference))


def difference_from(stored: dict[str, Any] | None) -> Difference | None:
    return None if stored is None else Difference(**stored)


def _known(state: LiveState) -> Drift | None:
    target = state.target
    if target is not None and state.source.revision == target.commit_sha and target.step_run.position == 1:  # later steps answer for earlier ones too
        return Drift()
    compared = state.detail.get("compared") or {}
    if (compared.get("target"), compared.get("revision")) != (state.target_id, state.source.revision):
        return None
    return Drift(difference=difference_from(compared.get("difference")))


def _question(state: LiveState) -> Question | None:
    target = state.target
    return Question(target.pk, target.repo_url, state.source.revision) if target is not None else None


def _from_answer(answer: Answer) -> Drift:
    if answer.is_present is None or answer.comparison is None:
        return Drift(is_compared=False, obstacle=answer.why)
    return Drift() if answer.is_present else Drift(difference=_difference(answer.comparison))


def _difference(comparison: Comparison) -> Difference:
    is_missing, is_back = comparison.verdict is Verdict.MISSING_FILE, comparison.expected == DELETED
    return Difference(comparison.file, comparison.place, comparison.expected, comparison.found, is_file_missing=is_missing, is_back=is_back)


def _explained(states: Sequence[LiveState], drifts: dict[int, Drift]) -> dict[int, Drift]:
    """For each drift: does the branch's head still hold our change? If not, which commit took it away?"""
    groups: dict[tuple[str, str], list[LiveState]] = defaultdict(list)
    for state in states:
        if state.target is not None:
            groups[repository_key(state.target.repo_url), state.target.branch].append(state)
    records = records_of((state.target_id for state in states if state.target_id is not None), with_earlier_steps=True)
    explained = {}
    for (_, branch), group in groups.items():
        try:
            mirror = open_mirror(_url(group[0]))
            head = mirror.fetch(branch)
            for state in group:
                explained[state.pk] = _explain(mirror, head, state, drifts[state.pk], records.get(state.target_id or 0, []))
        except GitError as error:
            explained |= {state.pk: replace(drifts[state.pk], is_compared=False, obstacle=str(error)) for state in group}
    return explained


def _url(state: LiveState) -> str:
    return state.target.repo_url if state.target is not None else ""


def _explain(mirror: Mirror, head: str, state: LiveState, drift: Drift, records: Sequence[FileRecord]) -> Drift:
    target, revision = state.target, state.source.revision
    if target is None or drift.difference is None:
        return drift
    if head != revision and _is_present(mirror, head, records):
        return replace(drift, head=head, is_at_head=True)
    commits = mirror.history(drift.difference.file, after=target.commit_sha, upto=revision, limit=CULPRITS) if mirror.ensure_commit(target.commit_sha) else []
    culprit = _culprit(mirror, commits, records)
    by = Change(culprit.sha, culprit.author, culprit.at) if culprit else None
    return replace(drift, head=head, overwritten_by=by)


def _culprit(mirror: Mirror, commits: Iterable[Commit], records: Sequence[FileRecord]) -> Commit | None:
    """Of the commits that touched the file, newest first: the one before which our change was still there."""
    oldest = None
    for commit in commits:
        oldest = commit
        if commit.parents and _is_present(mirror, commit.parents[0], records):
            return commit
    return oldest


def _is_present(mirror: Mirror, sha: str, records: Sequence[FileRecord]) -> bool:
    files = mirror.read_files(sha, [record.path for record in records])
    return compare(files, records).is_present
