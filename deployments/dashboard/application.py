"""What the page of one application shows: Argo CD's words, ours, its sources, and what we deployed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deployments.dashboard.history import Moment, history_of
from deployments.git import commit_url, repository_name
from deployments.models import IntendedChange, LiveState, Release, Target
from deployments.observations import observe
from deployments.status import LiveSync
from deployments.steps.scope import silent_since
from deployments.steps.sources import obstacle_to_writing, remark
from infrastructure.models import Application, ApplicationSource

WORST_FIRST = (LiveSync.GIT_DRIFT, LiveSync.OUT_OF_SYNC, LiveSync.UNAVAILABLE, LiveSync.UNKNOWN, LiveSync.WAITING, LiveSync.SYNCED)
TONES = {
    LiveSync.GIT_DRIFT: "warn",
    LiveSync.OUT_OF_SYNC: "warn",
    LiveSync.UNAVAILABLE: "warn",
    LiveSync.UNKNOWN: "quiet",
    LiveSync.WAITING: "busy",
    LiveSync.SYNCED: "",
}
DEPLOYMENTS_SHOWN = 25


@dataclass(frozen=True)
class SourceView:
    """One source: what it is, whose it is, and our word for it."""

    source: ApplicationSource
    live: LiveState | None
    repository: str
    revision_url: str
    our_commit_url: str
    culprit_url: str
    changes: list[IntendedChange] = field(default_factory=list)
    changed_at: datetime | None = None  # when somebody overwrote our value
    history: list[Moment] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"Source {self.source.name or self.source.position + 1}"

    @property
    def deployable(self) -> Release | None:
        """What a failed deployment left open: the release to deploy again."""
        return release_to_deploy(self.live) if self.live is not None and self.live.live_sync == LiveSync.UNAVAILABLE else None

    @property
    def is_drift_of_a_commit(self) -> bool:
        return self.live is not None and self.live.live_sync == LiveSync.GIT_DRIFT and self.live.detail.get("scenario") == 4


@dataclass(frozen=True)
class ApplicationView:
    """Everything the page needs."""

    application: Application
    sources: list[SourceView]
    live_sync: LiveSync | None  # the worst of its mapped sources; None when none is mapped
    reason: str
    silent_since: datetime | None
    reconciled_at: datetime | None
    healthy_since: datetime | None
    problem: str  # Argo CD's complaint
    operation: str  # a sentence about the last or running operation
    out_of_sync: tuple[str, ...]
    automation: str
    targets: list[Target]
    warnings: tuple[str, ...] = ()  # of its annotations, and of mapped sources that cannot be written to, or only in part

    @property
    def tone(self) -> str:
        return TONES[self.live_sync] if self.live_sync else ""

    @property
    def live_word(self) -> str:
        return str(self.live_sync.label) if self.live_sync else ""

    @property
    def shown(self) -> SourceView | None:
        """The source whose word stands for the application; None if it has no source at all."""
        mapped = [source for source in self.sources if source.source.is_mapped]
        telling = [source for source in mapped if source.live is not None and source.live.live_sync == self.live_sync]
        return next(iter([*telling, *mapped, *self.sources]), None)

    @property
    def drifted(self) -> list[SourceView]:
        return [source for source in self.sources if source.is_drift_of_a_commit]


def application_view(application: Application, *, now: datetime) -> ApplicationView:
    """Read the page. `application` comes with its instance and gateway."""
    rows = ApplicationSource.objects.filter(application=application, removed_at__isnull=True).order_by("position")
    rows = rows.select_related(
        "project",
        "environment",
        "tenant",
        "rule",
        "live__target__step_run__deployment__release",
        "live__release__project",
        "live__deployment__release__project",
    )
    rows = rows.prefetch_related("live__target__intended_changes")
    targets = _targets(application)
    sources = [_source_view(row, targets) for row in rows]
    states = [source.live for source in sources if source.live is not None and source.source.is_mapped]
    worst = min(states, key=lambda state: WORST_FIRST.index(LiveSync(state.live_sync)), default=None)
    seen = observe(application.content, position=worst.source.position if worst else 0)
    problem = seen.problem()
    reconciliation = getattr(application, "reconciliation", None)
    return ApplicationView(
        application=application,
        sources=sources,
        live_sync=LiveSync(worst.live_sync) if worst else None,
        reason=worst.reason if worst else "",
        silent_since=silent_since(application.instance, now),
        reconciled_at=reconciliation.reconciled_at if reconciliation else None,
        healthy_since=_time(application.content.get("status", {}).get("health", {}).get("lastTransitionTime")),
        problem=problem.message if problem else "",
        operation=_operation(application.content),
        out_of_sync=seen.out_of_sync,
        automation=_automation(application.content),
        targets=targets,
        warnings=_warnings(application, sources),
    )


def _warnings(application: Application, sources: list[SourceView]) -> tuple[str, ...]:
    """Sentences beside the verdict; what a source's own reason says is not said twice."""
    told = [str(problem) for problem in application.problems]
    for row in (view.source for view in sources if view.source.is_mapped):
        row.application = application
        told += [obstacle_to_writing(row), remark(row)]
    reasons = {view.source.mapping_reason for view in sources}
    return tuple(dict.fromkeys(sentence for sentence in told if sentence and sentence not in reasons))


def release_to_deploy(state: LiveState) -> Release | None:
    """What "deploy again" means: the release of a deployment that failed, else the one that is meant. `state` comes with both."""
    failed = state.deployment if state.live_sync == LiveSync.UNAVAILABLE else None
    return failed.release if failed is not None else state.release


def _source_view(source: ApplicationSource, targets: list[Target]) -> SourceView:
    live = getattr(source, "live", None)
    detail = live.detail if live else {}
    changes = list(live.target.intended_changes.all()) if live and live.target else []
    return SourceView(
        source=source,
        live=live,
        repository=repository_name(source.repo_url),
        revision_url=_commit(source, source.revision),
        our_commit_url=_commit(source, detail.get("our_commit", "")),
        culprit_url=_commit(source, detail.get("commit", "")),
        changes=changes,
        changed_at=_time(detail.get("at")),
        history=history_of(source, live, targets),
    )


def _commit(source: ApplicationSource, sha: str) -> str:
    return commit_url(source.repo_url, sha) if len(sha) == 40 else ""


def _targets(application: Application) -> list[Target]:
    rows = Target.objects.filter(source__application=application).select_related("step_run__deployment__release__project", "step_run__deployment__environment")
    return list(rows.order_by("-pk")[:DEPLOYMENTS_SHOWN])


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None


def _operation(content: dict[str, Any]) -> str:
    """Argo CD's last operation in one sentence, "" if there was none."""
    state = content.get("status", {}).get("operationState") or {}
    if not state:
        return "A sync was asked for and has not begun." if content.get("operation") else ""
    by = (state.get("operation") or {}).get("initiatedBy") or {}
    who = "Argo CD itself" if by.get("automated") else by.get("username") or "somebody"
    message = str(state.get("message") or "").rstrip(".")
    return f"{state.get('phase', 'Unknown')}: the sync by {who}{f', {message}' if message else ''}."


def _automation(content: dict[str, Any]) -> str:
    automated = (content.get("spec", {}).get("syncPolicy") or {}).get("automated")
    if automated is None or automated.get("enabled") is False:
        return "off"
    words = [f"{name} {'on' if automated.get(key) else 'off'}" for key, name in (("selfHeal", "self-heal"), ("prune", "prune"))]
    return f"on, {', '.join(words)}"
