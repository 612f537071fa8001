"""The output variables of the update steps: names as Octopus has them (reference/steps.md, section 12)."""

from collections.abc import Iterable

from deployments.models import PullRequest, StepRun, Target
from deployments.status import TargetOutcome
from infrastructure.repositories import without_secrets


def outputs_of(step_run: StepRun) -> dict[str, str]:
    """E.g. {"ArgoCD.UpdatedApplications": "argocd/shop", "ArgoCD.Gateway[eu-west].Application[argocd/shop].Source[0].CommitSha": "…"}."""
    targets = list(step_run.targets.select_related("pull_request").order_by("instance_name", "application_namespace", "application_name", "source_position"))
    written = [target for target in targets if target.outcome == TargetOutcome.UPDATED]
    found = {
        "ArgoCD.GatewayIds": _joined(target.instance_name for target in targets),
        "ArgoCD.GitUris": _joined(without_secrets(target.repo_url) for target in written),
        "ArgoCD.MatchingApplications": _joined(map(_application, targets)),
        "ArgoCD.MatchingApplicationMatchingSourceCounts": _counts(targets),
        "ArgoCD.UpdatedApplications": _joined(map(_application, written)),
        "ArgoCD.UpdatedApplicationSourceCounts": _counts(written),
    }
    for target in written:
        prefix = f"ArgoCD.Gateway[{target.instance_name}].Application[{_application(target)}].Source[{target.source_position}]."
        found |= {f"{prefix}{name}": value for name, value in _source(target)}
    return found


def _source(target: Target) -> list[tuple[str, str]]:
    values = [
        ("CommitSha", target.commit_sha),
        ("ShortSha", target.commit_sha[:10]),
        ("CommitTimestamp", target.committed_at.isoformat() if target.committed_at else ""),
        ("RepositoryUrl", without_secrets(target.repo_url)),
    ]
    request: PullRequest | None = target.pull_request
    if request is not None:
        values += [("PullRequest.Title", request.title), ("PullRequest.Number", str(request.number)), ("PullRequest.Url", request.web_url)]
    return values


def _application(target: Target) -> str:
    return f"{target.application_namespace}/{target.application_name}"


def _joined(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _counts(targets: Iterable[Target]) -> str:
    counts: dict[str, int] = {}
    for target in targets:
        counts[_application(target)] = counts.get(_application(target), 0) + 1
    return ", ".join(map(str, counts.values()))
