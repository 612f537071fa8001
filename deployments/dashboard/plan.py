"""What the page of a dry run shows: the diff per repository, and what becomes of every image."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from deployments.dashboard.deployment import sorted_notes
from deployments.dashboard.difference import DiffRow, diff_rows
from deployments.git import repository_name
from deployments.services import DeploymentPlan, RepositoryPlan
from deployments.status import NoteCode

MOST_FILES = 100  # of a repository, each with its diff
LOOK_FIRST = (NoteCode.NOT_EDITABLE, NoteCode.NO_SUCH_PATH)


@dataclass(frozen=True)
class FileDiff:
    """One file that would change."""

    path: str
    rows: list[DiffRow]
    word: str = ""  # "new" or "would be deleted"; "" for a changed one


@dataclass(frozen=True)
class RepositoryDiff:
    """One commit that would be made, or why its repository could not be read."""

    title: str  # "platform/shop-config, branch main"
    applications: list[str]
    summary: str  # of the commit's message
    files: list[FileDiff]
    problem: str = ""
    step: str = ""  # whose name, when several steps write
    by_pull_request: bool = False
    more: int = 0  # files that are not shown

    @property
    def added(self) -> int:
        return sum(row.sign == "+" for file in self.files for row in file.rows)

    @property
    def removed(self) -> int:
        return sum(row.sign == "-" for file in self.files for row in file.rows)


@dataclass(frozen=True)
class PlanView:
    """The whole page."""

    repositories: list[RepositoryDiff]
    notes: list[dict[str, Any]]
    look_first: list[dict[str, Any]]
    counts: str  # "3 Updated, 1 Already there"
    refusals: tuple[str, ...] = ()  # why a step would fail before it writes anything
    warnings: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        return sum(len(repository.files) + repository.more for repository in self.repositories)

    @property
    def commits(self) -> int:
        """How many repositories would get one."""
        return sum(bool(repository.files) for repository in self.repositories)


def plan_view(plan: DeploymentPlan) -> PlanView:
    """Put the page together."""
    worded = sorted_notes(plan.notes)
    return PlanView(
        repositories=[_repository_diff(repository) for repository in plan.repositories],
        notes=worded,
        look_first=[note for note in worded if note["code"] in LOOK_FIRST],
        counts=", ".join(f"{count} {word}" for word, count in Counter(note["word"] for note in worded).most_common()),
        refusals=plan.refusals,
        warnings=plan.warnings,
    )


def _repository_diff(planned: RepositoryPlan) -> RepositoryDiff:
    files = [_file_diff(path, planned.before.get(path), planned.after[path]) for path in sorted(planned.after)[:MOST_FILES]]
    name = repository_name(planned.url)
    title = f"{name}, branch {planned.branch}" if planned.branch else name
    return RepositoryDiff(
        title, sorted(planned.applications), planned.summary, files, planned.problem, planned.step, planned.by_pull_request, len(planned.after) - len(files)
    )


def _file_diff(path: str, before: bytes | None, after: bytes | None) -> FileDiff:
    word = "new" if before is None else "would be deleted" if after is None else ""
    old, new = _text(before), _text(after)
    if old is None or new is None:
        told = "is no text" + (f"; it would have {len(after):,} bytes" if after is not None else "")
        return FileDiff(path, [DiffRow("@", None, None, f"This file {told}.")], word)
    rows = diff_rows(old, new)
    return FileDiff(path, [row for row in rows if row.sign != " "] if word else rows, word)


def _text(raw: bytes | None) -> str | None:
    """ "" for what is not there, None for what is no text."""
    try:
        return (raw or b"").decode("utf-8")
    except UnicodeDecodeError:
        return None
