"""What a release's page shows of the templates it keeps."""

from dataclasses import dataclass

from deployments.git import commit_url, repository_name
from deployments.models import Release


@dataclass(frozen=True)
class PinnedTemplates:
    """Where the templates of one step come from, once and for all: an archive, or a commit of a repository."""

    step: str
    path: str  # "" for everything
    archive: str = ""  # its name
    sha256: str = ""
    repository: str = ""
    branch: str = ""  # that the commit was the head of
    ref: str = ""  # as the step names it
    commit: str = ""
    commit_url: str = ""


def pinned_templates(release: Release) -> list[PinnedTemplates]:
    """One for each step that writes manifests."""
    found = []
    for step in release.process:
        kept = step.get("templates")
        if not kept:
            continue
        if kept["origin"] == "archive":
            found.append(PinnedTemplates(step["name"], kept["path"], archive=kept["name"], sha256=kept["sha256"]))
        else:
            url, commit = kept["repo_url"], kept["commit"]
            where = PinnedTemplates(step["name"], kept["path"], repository=repository_name(url), branch=kept.get("branch", ""), ref=kept["ref"], commit=commit)
            found.append(PinnedTemplates(**{**vars(where), "commit_url": commit_url(url, commit)}))
    return found
