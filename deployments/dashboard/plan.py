"""What the page of a dry run shows: the diff per repository, and what becomes of every image."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.dashboard.deployment import repository_name, sorted_notes
from deployments.dashboard.difference import DiffRow, diff_rows
from deployments.status import NoteCode

LOOK_FIRST = (NoteCode.NOT_EDITABLE, NoteCode.NO_SUCH_PATH)


@dataclass(frozen=True)
class FileDiff:
    """One file that would change."""

    path: str
    rows: list[DiffRow]


@dataclass(frozen=True)
class RepositoryDiff:
    """One commit that would be made, or why its repository could not be read."""

    title: str  # "platform/shop-config, branch main"
    applications: list[str]
    summary: str  # of the commit's message
    files: list[FileDiff]
    problem: str = ""

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

    @property
    def files(self) -> int:
        return sum(len(repository.files) for repository in self.repositories)


def repository_diff(
    *, url: str, branch: str, before: Mapping[str, bytes], after: Mapping[str, bytes], applications: Sequence[str], summary: str, problem: str = ""
) -> RepositoryDiff:
    """The diff of one commit; `before` and `after` map paths to whole contents."""
    files = [FileDiff(path, diff_rows(_text(before.get(path, b"")), _text(after[path]))) for path in sorted(after)]
    title = f"{repository_name(url)}, branch {branch}" if branch else repository_name(url)
    return RepositoryDiff(title, sorted(applications), summary, files, problem)


def plan_page(repositories: Sequence[RepositoryDiff], notes: Sequence[Mapping[str, Any]]) -> PlanView:
    """Put the page together. Notes are {"code", "file", "place", "image", "sentence", "application"}."""
    worded = sorted_notes([dict(note) for note in notes])
    return PlanView(
        repositories=list(repositories),
        notes=worded,
        look_first=[note for note in worded if note["code"] in LOOK_FIRST],
        counts=", ".join(f"{count} {word}" for word, count in Counter(note["word"] for note in worded).most_common()),
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
