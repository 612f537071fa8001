"""Pure: the health of one live object and of an application, by the rules of Argo CD."""

from collections.abc import Iterable

from simulator.shapes import Json

WORST = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
CLUSTER_SCOPED = frozenset(
    {
        "Namespace",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "PersistentVolume",
        "StorageClass",
        "PriorityClass",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "APIService",
        "Node",
    }
)
_CHECKED = WORKLOADS | {"Job", "Pod", "ReplicaSet", "Service", "Ingress", "PersistentVolumeClaim", "CronJob", "HorizontalPodAutoscaler"}


def has_check(kind: str) -> bool:
    """Whether Argo CD judges objects of this kind at all; the others have no `health` key."""
    return kind in _CHECKED


def at_rest(manifest: Json) -> Json | None:
    """The health of an object that has nothing to wait for; None where there is no check."""
    kind = manifest.get("kind", "")
    if not has_check(kind):
        return None
    if kind in WORKLOADS and (manifest.get("spec") or {}).get("paused"):
        return {"status": "Suspended", "message": "Deployment is paused"}
    if kind == "CronJob" and (manifest.get("spec") or {}).get("suspend"):
        return {"status": "Suspended"}
    return {"status": "Healthy"}


def worst(healths: Iterable[str]) -> str:
    return max(healths, key=WORST.index, default="Healthy")


def of_application(resources: list[Json], *, release: tuple[int, int]) -> str:
    """From 3.4 Missing counts only when every resource is missing; before, one with a health check was enough.

    `resources` are status.resources with their health; hooks do not count.
    """
    counted = [r for r in resources if not r.get("hook")]
    missing = [r for r in counted if _status(r) == "Missing"]
    present = [_status(r) for r in counted if _status(r) not in ("", "Missing")]
    if missing and (len(missing) == len(counted) or (release < (3, 4) and any(has_check(r["kind"]) for r in missing))):
        present.append("Missing")
    return worst(present)


def _status(resource: Json) -> str:
    return str((resource.get("health") or {}).get("status", ""))
