"""How a source came to where it is: our commits, whoever overwrote them, and where Argo CD looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from deployments.git import commit_url
from deployments.models import LiveState, Target
from deployments.status import DeploymentStatus, LiveSync, TargetOutcome
from infrastructure.models import ApplicationSource

OURS_SHOWN = 4
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Moment:
    """One commit of the string, with what it did."""

    sha: str
    url: str
    who: str
    at: datetime | None
    says: str
    tone: str = ""


def history_of(source: ApplicationSource, live: LiveState | None, targets: Sequence[Target]) -> list[Moment]:
    """Newest first. `targets` are the application's, newest first, with deployment and release."""
    ours = [target for target in targets if target.source_id == source.pk and target.commit_sha][:OURS_SHOWN]
    moments = _by_others(source, live, {target.commit_sha for target in ours})
    moments += [_of_ours(source, target, is_meant=live is not None and live.target_id == target.pk) for target in ours]
    return sorted(moments, key=lambda moment: moment.at or _LONG_AGO, reverse=True)


def _by_others(source: ApplicationSource, live: LiveState | None, ours: set[str]) -> list[Moment]:
    detail = live.detail if live is not None else {}
    culprit = detail.get("commit", "") if live is not None and live.live_sync == LiveSync.GIT_DRIFT else ""
    looks_there = " Argo CD looks here." if culprit == source.revision else ""
    moments = []
    if culprit:
        says = f"Overwrote our value.{looks_there}"
        moments.append(Moment(culprit, _url(source, culprit), detail.get("author") or "Somebody", _time(detail.get("at")), says, "warn"))
    if len(source.revision) == 40 and source.revision not in ours and not looks_there and live is not None and live.target_id:
        moments.append(Moment(source.revision, _url(source, source.revision), "Not Octoargo", live.checked_at, "Argo CD looks here."))
    return moments


def _of_ours(source: ApplicationSource, target: Target, *, is_meant: bool) -> Moment:
    deployment = target.step_run.deployment
    did = "Found already there" if target.outcome == TargetOutcome.ALREADY_THERE else "Our change"
    looks_there = " Argo CD looks here." if target.commit_sha == source.revision else ""
    says = f"{did}: {deployment.release}, deployment {deployment.pk}, {deployment.get_status_display().lower()}.{looks_there}"
    at = target.committed_at or deployment.created_at
    tone = "bad" if deployment.status == DeploymentStatus.FAILED else "good" if is_meant else ""
    return Moment(target.commit_sha, _url(source, target.commit_sha), "Octoargo", at, says, tone)


def _url(source: ApplicationSource, sha: str) -> str:
    return commit_url(source.repo_url, sha) if len(sha) == 40 else ""


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
