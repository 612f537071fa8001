"""What a commit says."""

import hashlib
from collections.abc import Iterable

from deployments.git import Author
from deployments.models import StepRun

AUTHOR = Author("Octoargo", "octoargo@localhost")


def commit_message(step_run: StepRun, *, images: Iterable[str], applications: Iterable[str]) -> str:
    """Summary, the step's own description, and what the commit is about; both lists sorted."""
    deployment = step_run.deployment
    release, tenant = deployment.release, deployment.tenant
    summary = step_run.settings.get("commit_summary") or f"Deploy {release.project} {release.version} to {deployment.environment}"
    if tenant is not None and not step_run.settings.get("commit_summary"):
        summary += f" for {tenant}"
    own = step_run.settings.get("commit_description", "").strip()
    parts = [summary.strip(), own, _listed("Images:", images), _listed("Applications:", applications)]
    return "\n\n".join(part for part in parts if part)


def trailer(step_run: StepRun, branch: str) -> str:
    """Names this deployment, step and branch for ever, also among several installations that share a repository."""
    deployment = step_run.deployment
    identity = f"{deployment.pk} {step_run.position} {branch} {deployment.created_at.isoformat()} {deployment.release.project.slug}"
    return f"{deployment.pk}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _listed(title: str, names: Iterable[str]) -> str:
    return "\n".join([title, *(f"- {name}" for name in sorted(set(names), key=lambda name: (name.casefold(), name)))])
