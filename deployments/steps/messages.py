"""What a commit says."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from deployments.git import Author
from deployments.models import Release, StepRun
from infrastructure.models import Environment, Tenant

AUTHOR = Author("Octoargo", "octoargo@localhost")


def commit_message(*, step: Mapping[str, Any], release: Release, environment: Environment, tenant: Tenant | None, applications: Iterable[str]) -> str:
    """Summary, the step's own description, and what the commit is about; both lists sorted. `step` is as the release keeps it."""
    own = str(step.get("commit_summary") or "").strip()
    summary = own or f"Deploy {release.project} {release.version} to {environment}{f' for {tenant}' if tenant else ''}"
    description = str(step.get("commit_description") or "").strip()
    parts = [summary, description, _listed("Images:", release.images), _listed("Applications:", applications)]
    return "\n\n".join(part for part in parts if part)


def trailer(step_run: StepRun, branch: str) -> str:
    """Names this deployment, step and branch for ever, also among several installations that share a repository."""
    deployment = step_run.deployment
    identity = f"{deployment.pk} {step_run.position} {branch} {deployment.created_at.isoformat()} {deployment.release.project.slug}"
    return f"{deployment.pk}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _listed(title: str, names: Iterable[str]) -> str:
    return "\n".join([title, *(f"- {name}" for name in sorted(set(names), key=lambda name: (name.casefold(), name)))])
