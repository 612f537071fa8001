"""Pure: what a sync operation does, in which order: phases, then waves; each a batch."""

from dataclasses import dataclass, field
from datetime import datetime

from simulator.comparison import Desired, hook_phases
from simulator.health import CLUSTER_SCOPED
from simulator.shapes import Json, Key, annotations_of, images_of, key_of, version_of

PHASES = ["PreSync", "Sync", "PostSync"]
_KIND_ORDER = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicaSet",
    "Deployment",
    "StatefulSet",
    "Job",
    "CronJob",
    "Ingress",
]


@dataclass(frozen=True)
class Task:
    manifest: Json
    phase: str
    wave: int = 0
    is_hook: bool = False
    prunes: bool = False

    @property
    def key(self) -> Key:
        return key_of(self.manifest)

    def named(self) -> str:
        """As in the texts: `apps/Deployment/web`, `/ConfigMap/settings`."""
        return f"{self.key.group}/{self.key.kind}/{self.key.name}"

    def result(self, status: str, message: str, *, hook_phase: str = "Running") -> Json:
        key = self.key
        result: Json = {"group": key.group, "version": version_of(self.manifest), "kind": key.kind, "namespace": key.namespace, "name": key.name}
        result |= {"status": status, "message": message}
        if self.is_hook:
            result["hookType"] = self.phase
        result |= {"hookPhase": hook_phase, "syncPhase": self.phase}
        images = [] if self.prunes else images_of(self.manifest)
        return {**result, "images": images} if images else result


@dataclass
class Batch:
    phase: str
    wave: int
    tasks: list[Task] = field(default_factory=list)

    @property
    def has_hooks(self) -> bool:
        return any(task.is_hook for task in self.tasks)

    @property
    def is_namespace(self) -> bool:
        return all(task.key.kind == "Namespace" and not task.is_hook for task in self.tasks) and self.phase == "PreSync"


def plan(desired: Desired, operation: Json, *, extra_live: list[Json], namespace: str, sha: str, started_at: datetime) -> list[Batch]:
    """The batches of a sync. `extra_live` are manifests that live but are not wanted; `namespace` is one to create, or ''."""
    sync = operation["sync"]
    chosen = sync.get("resources") or []
    tasks = [Task(m, "Sync", _wave(m)) for m in desired.resources if not chosen or _is_chosen(m, chosen)]
    if namespace and not chosen:
        tasks.append(Task({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, "PreSync", -1000))
    if not chosen and "apply" not in (sync.get("strategy") or {}):
        tasks += hook_tasks(desired, PHASES, sha=sha, started_at=started_at)
    last = max((task.wave for task in tasks if task.phase == "Sync"), default=0)
    tasks += [Task(m, "Sync", last, prunes=True) for m in extra_live if not chosen or _is_chosen(m, chosen)]
    return batches(tasks)


def hook_tasks(desired: Desired, phases: list[str], *, sha: str, started_at: datetime) -> list[Task]:
    found = []
    for manifest in desired.hooks:
        for phase in hook_phases(manifest):
            if phase in phases:
                found.append(Task(_with_name(manifest, phase, sha, started_at), phase, _wave(manifest), is_hook=True))
    return found


def batches(tasks: list[Task]) -> list[Batch]:
    found: dict[tuple[int, int], Batch] = {}
    for task in sorted(tasks, key=_order):
        rank = PHASES.index(task.phase) if task.phase in PHASES else len(PHASES)
        found.setdefault((rank, task.wave), Batch(task.phase, task.wave)).tasks.append(task)
    return [found[key] for key in sorted(found)]


def invalid(manifest: Json) -> str:
    """Why the API server would refuse the object, or ''. Only what tests and demos can trip over: ports, and objects without a name."""
    kind, meta = manifest.get("kind", ""), manifest.get("metadata") or {}
    if not meta.get("name"):
        return f'{kind} "" is invalid: metadata.name: Required value: name or generateName is required'
    reasons = []
    if kind == "Service":
        for i, port in enumerate((manifest.get("spec") or {}).get("ports") or []):
            for name in ("port", "targetPort"):
                value = port.get(name)
                if isinstance(value, int) and not 1 <= value <= 65535:
                    reasons.append(f"spec.ports[{i}].{name}: Invalid value: {value}: must be between 1 and 65535, inclusive")
    if not reasons:
        return ""
    return f'{kind} "{meta["name"]}" is invalid: ' + (reasons[0] if len(reasons) == 1 else f"[{', '.join(reasons)}]")


def lower_name(key: Key) -> str:
    """As kubectl prints it: `deployment.apps/web`."""
    return f"{key.kind.lower()}{'.' + key.group if key.group else ''}/{key.name}"


def _order(task: Task) -> tuple[int, int]:
    kind = task.key.kind
    rank = _KIND_ORDER.index(kind) if kind in _KIND_ORDER else len(_KIND_ORDER)
    return (0 if not task.prunes else 1, rank if not task.prunes else -rank)


def _wave(manifest: Json) -> int:
    text = annotations_of(manifest).get("argocd.argoproj.io/sync-wave", "0")
    return int(text) if text.lstrip("-").isdigit() else 0


def _is_chosen(manifest: Json, chosen: list[Json]) -> bool:
    key = key_of(manifest)
    return any(_names(entry, key) for entry in chosen)


def _names(entry: Json, key: Key) -> bool:
    in_place = entry.get("namespace") in (None, "", key.namespace)
    return (entry.get("group") or "", entry.get("kind"), entry.get("name")) == (key.group, key.kind, key.name) and in_place


def _with_name(manifest: Json, phase: str, sha: str, started_at: datetime) -> Json:
    meta = dict(manifest.get("metadata") or {})
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = f"{meta.pop('generateName')}{sha[:7]}-{phase.lower()}-{int(started_at.timestamp())}"
    if manifest["kind"] in CLUSTER_SCOPED:
        meta.pop("namespace", None)
    return {**manifest, "metadata": meta}
