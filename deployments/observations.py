"""Pure: what a reported Argo CD Application says about one of its sources. A missing field is unknown, never "no"."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

COMMIT = re.compile(r"[0-9a-f]{40}")
SYNC_INFO = "Octoargo sync"  # the name under which our sync's id travels in an operation's infos
PROBLEM_CONDITIONS = ("DeletionError", "InvalidSpecError", "ComparisonError", "SyncError", "UnknownError")
RUNNING_PHASES = ("Running", "Terminating")
FAILED_PHASES = ("Failed", "Error")
STALE_AFTER = timedelta(minutes=10)  # three of Argo CD's periods between comparisons, jitter included, and a little


@dataclass(frozen=True)
class Condition:
    """One of Argo CD's complaints about an Application."""

    type: str
    message: str


@dataclass(frozen=True)
class Operation:
    """The last or the running operation, as `status.operationState` tells it."""

    phase: str
    revision: str = ""  # of this source; "" while the operation has not resolved one
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None  # also set between two attempts, while the phase is still Running
    is_dry_run: bool = False
    is_partial: bool = False  # it names resources: a self-heal, or somebody's choice
    is_automated: bool = False
    username: str = ""
    sync_id: str = ""  # ours, if we asked for it
    failures: tuple[str, ...] = ()  # "Deployment/web: …" of each resource that failed

    @property
    def is_running(self) -> bool:
        return self.phase in RUNNING_PHASES

    @property
    def has_failed(self) -> bool:
        return self.phase in FAILED_PHASES and not self.is_dry_run

    @property
    def has_applied(self) -> bool:
        return self.phase == "Succeeded" and not self.is_dry_run


@dataclass(frozen=True)
class Observation:
    """An Application as last reported, seen from one of its sources."""

    uid: str
    sync_status: str  # Synced, OutOfSync, Unknown; "" before the first comparison
    revision: str  # the commit Argo CD looks at, 40 hex digits; "" when it says no commit
    health: str
    is_comparison_current: bool = True  # False: the status speaks of another source or destination than the spec
    health_message: str = ""
    health_since: datetime | None = None
    is_operation_requested: bool = False  # the top-level `operation`: asked for, or running
    requested_sync_id: str = ""
    operation: Operation | None = None
    conditions: tuple[Condition, ...] = ()
    deployed_revision: str = ""  # of the last full operation that succeeded, from the history
    is_automated: bool = False  # Argo CD syncs by itself
    is_being_deleted: bool = False
    has_hydrator: bool = False
    unhealthy: tuple[str, ...] = ()  # "Deployment/web is Progressing"
    out_of_sync: tuple[str, ...] = ()  # "Deployment/web"

    @property
    def is_busy(self) -> bool:
        return self.is_operation_requested or (self.operation is not None and self.operation.is_running)

    def problem(self) -> Condition | None:
        """The first complaint that is not only a warning."""
        return next((condition for condition in self.conditions if condition.type in PROBLEM_CONDITIONS), None)


def observe(content: Mapping[str, Any], *, position: int) -> Observation:
    """Read a trimmed Application for the source at `position` (from 0) of its spec."""
    metadata, spec, status = _map(content, "metadata"), _map(content, "spec"), _map(content, "status")
    sync, health = _map(status, "sync"), _map(status, "health")
    automated = _map(spec, "syncPolicy").get("automated")
    return Observation(
        uid=_text(metadata, "uid"),
        sync_status=_text(sync, "status"),
        revision=_commit(_revision_at(sync, position)),
        health=_text(health, "status"),
        is_comparison_current=_is_current(spec, _map(sync, "comparedTo"), is_compared="comparedTo" in sync),
        health_message=_text(health, "message"),
        health_since=moment(health.get("lastTransitionTime")),
        is_operation_requested=bool(_map(content, "operation")),
        requested_sync_id=_sync_id(_map(content, "operation")),
        operation=_operation(_map(status, "operationState"), position),
        conditions=tuple(Condition(_text(item, "type"), _text(item, "message")) for item in _maps(status, "conditions")),
        deployed_revision=_deployed(_maps(status, "history"), position),
        is_automated=isinstance(automated, Mapping) and automated.get("enabled") is not False,
        is_being_deleted=bool(metadata.get("deletionTimestamp")),
        has_hydrator=bool(_map(spec, "sourceHydrator")),
        unhealthy=tuple(_unhealthy(_maps(status, "resources"))),
        out_of_sync=tuple(_object_name(item) for item in _maps(status, "resources") if item.get("status") == "OutOfSync"),
    )


def moment(text: object) -> datetime | None:
    """Read Kubernetes' time, e.g. "2026-11-21T21:40:11Z"; None when it is absent or no time."""
    if not isinstance(text, str):
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None


def source_of(content: Mapping[str, Any], position: int) -> Mapping[str, Any]:
    """The spec's source at a position (from 0); empty when there is none."""
    sources = _sources(_map(content, "spec"))
    return sources[position] if 0 <= position < len(sources) else {}


def source_type_of(content: Mapping[str, Any], position: int) -> str:
    """Argo CD's word for a source: Directory, Kustomize, Helm, Plugin; "" when it has not said."""
    status = _map(content, "status")
    kinds = status.get("sourceTypes") or [status.get("sourceType")]
    kind = kinds[position] if isinstance(kinds, list) and 0 <= position < len(kinds) else ""
    return kind if isinstance(kind, str) else ""


def _operation(state: Mapping[str, Any], position: int) -> Operation | None:
    if not state:
        return None
    operation = _map(state, "operation")
    sync, result = _map(operation, "sync"), _map(state, "syncResult")
    by = _map(operation, "initiatedBy")
    return Operation(
        phase=_text(state, "phase"),
        revision=_commit(_revision_at(result, position) or _revision_at(sync, position)),
        message=_text(state, "message"),
        started_at=moment(state.get("startedAt")),
        finished_at=moment(state.get("finishedAt")),
        is_dry_run=sync.get("dryRun") is True,
        is_partial=bool(sync.get("resources")),
        is_automated=by.get("automated") is True,
        username=_text(by, "username"),
        sync_id=_sync_id(operation),
        failures=tuple(_failures(_maps(result, "resources"))),
    )


def _failures(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{_object_name(item)}: {_text(item, 'message') or 'failed'}"
        for item in resources
        if item.get("status") == "SyncFailed" or item.get("hookPhase") in FAILED_PHASES
    ]


def _unhealthy(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    words = [(item, _text(_map(item, "health"), "status")) for item in resources]
    return [f"{_object_name(item)} is {word}" for item, word in words if word and word != "Healthy"]


def _object_name(item: Mapping[str, Any]) -> str:
    return f"{_text(item, 'kind')}/{_text(item, 'name')}"


def _deployed(history: Sequence[Mapping[str, Any]], position: int) -> str:
    return _commit(_revision_at(history[-1], position)) if history else ""


def _revision_at(holder: Mapping[str, Any], position: int) -> str:
    """`revisions[position]` of an Application with several sources, else `revision`. Multi-source leaves `revision` as ""."""
    several = holder.get("revisions")
    if isinstance(several, list) and several:
        value = several[position] if 0 <= position < len(several) else ""
    else:
        value = holder.get("revision") if position == 0 else ""
    return value if isinstance(value, str) else ""


def _sync_id(operation: Mapping[str, Any]) -> str:
    return next((_text(info, "value") for info in _maps(operation, "info") if info.get("name") == SYNC_INFO), "")


def _is_current(spec: Mapping[str, Any], compared: Mapping[str, Any], *, is_compared: bool) -> bool:
    """Does the status speak of the spec's sources and destination? Says yes when Argo CD does not tell."""
    if not is_compared or spec.get("sourceHydrator"):
        return True
    same_sources = [_full(source) for source in _sources(spec)] == [_full(source) for source in _sources(compared)]
    wanted, seen = _full(_map(spec, "destination")), _full(_map(compared, "destination"))
    return same_sources and all(wanted[key] == seen[key] for key in wanted.keys() & seen.keys())


def _sources(holder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _maps(holder, "sources") or [source for source in [_map(holder, "source")] if source]


def _full(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty: the API server and Argo CD drop such fields at will."""
    filled = {key: _full(item) if isinstance(item, Mapping) else item for key, item in value.items()}
    return {key: item for key, item in filled.items() if item not in (None, "", [], {}, False)}


def _commit(text: str) -> str:
    return text if COMMIT.fullmatch(text) else ""


def _map(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}


def _maps(holder: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = holder.get(key)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _text(holder: Mapping[str, Any], key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""
