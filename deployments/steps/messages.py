"""What a commit and a pull request say."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.git import Author
from deployments.models import Deployment, Release, StepRun
from deployments.steps.variables import render_or_refuse
from deployments.variables import Variables
from infrastructure.models import Environment, Tenant

AUTHOR = Author("Octoargo", "octoargo@localhost")
BRANCH_PREFIX = "octoargo/"
LONGEST_SUMMARY = 255  # what every Git host takes as a title


@dataclass(frozen=True)
class Message:
    """A commit's message; also a pull request's title and text."""

    summary: str
    description: str

    def listing(self, *lists: str) -> "Message":
        """With lists of what it is about below."""
        return Message(self.summary, "\n\n".join(part for part in (self.description, *lists) if part))

    def __str__(self) -> str:
        return "\n\n".join(part for part in (self.summary, self.description) if part)


def message_of(*, step: Mapping[str, Any], release: Release, environment: Environment, tenant: Tenant | None, variables: Variables) -> Message:
    """The step's own summary and description, both templates; "" means the built-in sentence. `step` is as the release keeps it.

    Raises StepRefused when one does not render, for example because it needs a sensitive variable.
    """
    own = _line(render_or_refuse(str(step.get("commit_summary") or ""), variables, where="the commit summary"))
    summary = own or f"Deploy {release.project} {release.version} to {environment}{f' for {tenant}' if tenant else ''}"
    description = render_or_refuse(str(step.get("commit_description") or ""), variables, where="the commit description")
    return Message(_line(summary)[:LONGEST_SUMMARY], _plain(description).strip())


def trailer(step_run: StepRun, repository: str, branch: str, *, deployment: Deployment | None = None) -> str:
    """Names this deployment, step and branch for ever, also among several installations that share a repository.

    `repository` is its key: one that is written to by two addresses gets a commit by each.
    """
    deployment = deployment or step_run.deployment
    return f"{deployment.pk}-{_identity(step_run, repository, branch, deployment)[:12]}"


def head_branch(step_run: StepRun, repository: str, branch: str) -> str:
    """Our branch for a pull request into `branch`: the same for a deployment and its retries.

    For example "octoargo/shop-1.4.2-production-3f2a91c0de".
    """
    deployment = first_of(step_run.deployment)
    words = f"{deployment.release.project.slug}-{deployment.release.version}-{deployment.environment.slug}"
    return f"{BRANCH_PREFIX}{_tame(words)}-{_identity(step_run, repository, branch, deployment)[:10]}"


def first_of(deployment: Deployment) -> Deployment:
    """The deployment that this one retries, or itself."""
    return deployment.retry_of or deployment


def listed(title: str, names: Iterable[str]) -> str:
    """A title and a line per name, sorted; "" without names."""
    lines = [f"- {name}" for name in sorted(set(names), key=lambda name: (name.casefold(), name))]
    return "\n".join([title, *lines]) if lines else ""


def _identity(step_run: StepRun, repository: str, branch: str, deployment: Deployment) -> str:
    text = f"{deployment.pk} {step_run.position} {repository} {branch} {deployment.created_at.isoformat()} {deployment.release.project.slug}"
    return hashlib.sha256(text.encode()).hexdigest()


def _line(text: str) -> str:
    return " ".join(_plain(text).split())


def _plain(text: str) -> str:
    """What Git, a database and a host's page take as text: a NUL would end a message before its trailer."""
    lines = text.encode(errors="replace").decode().replace("\r\n", "\n")
    return "".join(character for character in lines if character in "\n\t" or unicodedata.category(character) != "Cc")


def _tame(words: str) -> str:
    """What every host takes in a branch's name."""
    return re.sub(r"\.{2,}|\.lock$", "-", re.sub(r"[^A-Za-z0-9._-]+", "-", words)).strip(".-")[:80]
