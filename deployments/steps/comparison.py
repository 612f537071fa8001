"""Asks Git whether our changes are in the files at the commits that Argo CD looks at, many at once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from deployments.drift import Comparison, compare
from deployments.git import GitError, Mirror
from deployments.manifests.records import FileRecord
from deployments.models import IntendedChange, Target
from deployments.status import PullRequestState, TargetOutcome
from deployments.steps.repositories import open_mirror
from infrastructure.repositories import repository_key

WRITTEN = (TargetOutcome.UPDATED, TargetOutcome.ALREADY_THERE)


@dataclass(frozen=True)
class Question:
    """Are a target's changes in the files at `sha`?"""

    target_id: int
    repo_url: str
    sha: str
    commit: str = ""  # ours: is `sha` later than it?


@dataclass(frozen=True)
class Answer:
    """`is_present` is None when it could not be found out; `why` is a sentence then."""

    is_present: bool | None
    comparison: Comparison | None = None
    why: str = ""
    is_later_than_ours: bool = False  # the commit contains ours, by the graph; content decides, this only explains


def ask(questions: Iterable[Question], *, with_earlier_steps: bool = False) -> dict[tuple[int, str], Answer]:
    """Answers by (target id, commit): one process per repository reads all files. See `records_of`."""
    by_repository = defaultdict(list)
    for question in dict.fromkeys(questions):
        by_repository[repository_key(question.repo_url)].append(question)
    records = records_of({question.target_id for group in by_repository.values() for question in group}, with_earlier_steps=with_earlier_steps)
    answers: dict[tuple[int, str], Answer] = {}
    for group in by_repository.values():
        try:
            answers |= _ask_repository(open_mirror(group[0].repo_url), group, records)
        except GitError as error:
            answers |= {(question.target_id, question.sha): Answer(None, why=str(error)) for question in group}
    return answers


def records_of(target_ids: Iterable[int], *, with_earlier_steps: bool = False) -> dict[int, list[FileRecord]]:
    """What was recorded for each target; with what earlier steps of its deployment wrote to the same source, if asked: of one file the last counts."""
    own = {target_id: [target_id] for target_id in target_ids}
    writers = _with_earlier_steps(own) if with_earlier_steps else own
    stored = _stored({target_id for group in writers.values() for target_id in group})
    records: dict[int, list[FileRecord]] = {}
    for target_id, group in writers.items():
        by_path = {record.path: record for writer in group for record in stored.get(writer, [])}
        if by_path:
            records[target_id] = [by_path[path] for path in sorted(by_path)]
    return records


def _with_earlier_steps(target_ids: Iterable[int]) -> dict[int, list[int]]:
    """For each target the targets of the same source in its deployment up to its step, the first step's first."""
    fields = ("pk", "source", "step_run__deployment", "step_run__position")
    rows = list(Target.objects.filter(pk__in=list(target_ids)).order_by().values_list(*fields))
    later = [row for row in rows if row[1] is not None and row[3] > 1]
    siblings: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    if later:
        found = Target.objects.filter(step_run__deployment__in={row[2] for row in later}, source__in={row[1] for row in later}, outcome__in=WRITTEN)
        in_force = found.filter(Q(pull_request__isnull=True) | Q(pull_request__state=PullRequestState.MERGED))  # the others' changes are not on the branch
        for pk, source, deployment, position in in_force.order_by("step_run__position", "pk").values_list(*fields):
            siblings[source, deployment].append((position, pk))
    return {pk: [*(other for before, other in siblings.get((source, deployment), []) if before < position), pk] for pk, source, deployment, position in rows}


def _stored(target_ids: Iterable[int]) -> dict[int, list[FileRecord]]:
    records: dict[int, list[FileRecord]] = defaultdict(list)
    for change in IntendedChange.objects.filter(target__in=list(target_ids)).order_by("target", "path"):
        stored = {"path": change.path, "patch": change.patch, "places": change.places, "sha256": change.sha256, "is_deleted": change.is_deleted}
        records[change.target_id].append(FileRecord.from_dict(stored))
    return records


def _ask_repository(mirror: Mirror, group: list[Question], records: dict[int, list[FileRecord]]) -> dict[tuple[int, str], Answer]:
    here = mirror.ensure_commits(sorted({question.sha for question in group}))
    asked = [question for question in group if here[question.sha]]
    contents = mirror.read_many((question.sha, record.path) for question in asked for record in records.get(question.target_id, []))
    answers = {}
    later: dict[tuple[str, str], bool] = {}  # each pair of commits is asked for once, however many targets share them
    for question in group:
        if not here[question.sha]:
            why = f"{mirror.address} does not have the commit {question.sha[:7]} that Argo CD looks at any more."
            answers[question.target_id, question.sha] = Answer(None, why=why)
            continue
        files = {record.path: contents[question.sha, record.path] for record in records.get(question.target_id, [])}
        comparison = compare(files, records.get(question.target_id, []))
        pair = question.commit, question.sha
        if not comparison.is_present and question.commit and pair not in later:
            later[pair] = mirror.is_ancestor(*pair)
        is_later = not comparison.is_present and later.get(pair, False)
        answers[question.target_id, question.sha] = Answer(comparison.is_present, comparison, is_later_than_ours=is_later)
    return answers
