"""What a release's page shows of the process and the templates it keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployments.git import commit_url, repository_name
from deployments.models import Release
from deployments.status import CommitMethod, StepKind, VerificationMethod, WaitFor


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


def step_lines(release: Release) -> list[str]:
    """Each step in a few words: "Update image tags, by pull request, until healthy within 180 s, with sync"."""
    return [", ".join(filter(None, (step["name"], *_words(step)))) for step in release.process]


def _words(step: Mapping[str, Any]) -> list[str]:
    limit = "" if step.get("waits_forever") else f" within {step.get('timeout_s')} s"
    if step.get("kind") == StepKind.WAIT_FOR_APPLICATIONS:
        what = "exist" if step.get("wait_for") == WaitFor.EXISTS else "are healthy"
        return [f"until {step.get('expected_count') or 'its'} applications {what}{limit}"]
    until: dict[str, str] = {VerificationMethod.APPLICATION_HEALTHY: f"until healthy{limit}", VerificationMethod.PULL_REQUEST_MERGED: "until merged"}
    return [
        _method(step),
        "purges its output folders" if step.get("kind") == StepKind.UPDATE_MANIFESTS and step.get("purge_output") else "",
        until.get(str(step.get("verification")), "until committed"),
        "with sync" if step.get("trigger_sync") else "",
    ]


def _method(step: Mapping[str, Any]) -> str:
    match step.get("commit_method"):
        case CommitMethod.PULL_REQUEST:
            return "by pull request"
        case CommitMethod.PER_ENVIRONMENT:
            return f"by pull request in {', '.join(step.get('pull_request_environments') or []) or 'no environment'}"
    return ""
