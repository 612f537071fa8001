"""What of an Application is reported: everything a page or a decision needs, nothing that moves by itself. Pure."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

MAX_CONTENT = 256 * 1024  # bytes
MAX_RESOURCES = 100
MAX_RESULTS = 50
MAX_HISTORY = 10

_METADATA = ("name", "namespace", "uid", "labels", "annotations", "creationTimestamp", "deletionTimestamp")
_STATUS = (
    "sync",
    "health",
    "conditions",
    "operationState",
    "sourceType",
    "sourceTypes",
    "summary",
    "history",
    "resources",
    "controllerNamespace",
    "sourceHydrator",
)
# Argo CD sets and removes these around each refresh: they say nothing about the application.
_RESTLESS_ANNOTATIONS = ("argocd.argoproj.io/refresh", "argocd.argoproj.io/hydrate", "kubectl.kubernetes.io/last-applied-configuration")
_USER_IN_URL = re.compile(rb"://([^/?#\"\\\s]*)@")  # greedy: a password may hold an @; begins at ://, so long words cost nothing
_GOOD_HEALTH = ("", "Healthy", "Suspended")


def trim(application: Mapping[str, Any]) -> bytes:
    """Return the reported content of an Application as canonical JSON (sorted keys), at most 256 KiB.

    `reconciledAt`, `generation`, `resourceVersion` and `managedFields` are not part of it, so two equal contents mean that nothing happened.
    """
    content = _trimmed(application)
    encoded = canonical(content)
    for shrink in _SHRINKS:
        if len(encoded) <= MAX_CONTENT:
            break
        shrink(content)
        encoded = canonical(content)
    return without_passwords(encoded)


def without_passwords(content: bytes) -> bytes:
    """Take user information out of every URL of a JSON text: a password stays in the cluster. The user of ssh:// is part of its address."""
    return _USER_IN_URL.sub(_without_password, content)


def _without_password(found: re.Match[bytes]) -> bytes:
    user, is_ssh = found[1].partition(b":")[0], found.string[max(0, found.start() - 3) : found.start()].lower() == b"ssh"
    return b"://" + (user + b"@" if is_ssh and user else b"")


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(content: bytes) -> str:
    """SHA-256 of a content, hex."""
    return hashlib.sha256(content).hexdigest()


def without_resource_health(content: bytes) -> bytes:
    """The content as a list answer may show it: Argo CD fills in the resources' health only now and then there."""
    application = json.loads(content)
    status = application.get("status") or {}
    if "resourceCount" in application:
        status.pop("resources", None)  # which ones are kept depends on their health
    for resource in status.get("resources") or ():
        resource.pop("health", None)
    if "resources" in status:
        status["resources"] = sorted(status["resources"], key=canonical)
    return canonical(application)


def checksum(digests: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over the sorted lines "<uid> <digest>\\n" of all applications, hex."""
    lines = sorted(f"{uid} {digest_}\n" for uid, digest_ in digests)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _trimmed(application: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"metadata": _metadata(_object(application.get("metadata"))), "spec": _object(application.get("spec"))}
    status = _kept(_object(application.get("status")), _STATUS)
    if "operationState" in status:
        status["operationState"] = _operation_state(_object(status["operationState"]))
    if "history" in status:
        status["history"] = _items(status["history"])[-MAX_HISTORY:]
    if "resources" in status:
        resources = _items(status["resources"])
        status["resources"] = sorted(resources, key=_resource_order)[:MAX_RESOURCES]
        if len(resources) > MAX_RESOURCES:
            content["resourceCount"] = len(resources)
    content["status"] = status
    if application.get("operation"):
        content["operation"] = _operation(_object(application["operation"]))
    return content


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = _kept(metadata, _METADATA)
    annotations = {name: value for name, value in _object(kept.pop("annotations", None)).items() if not name.startswith(_RESTLESS_ANNOTATIONS)}
    if annotations:
        kept["annotations"] = annotations
    return kept


def _operation(operation: Mapping[str, Any]) -> dict[str, Any]:
    """An operation without `sync.manifests`, which may hold whole manifests."""
    kept = dict(operation)
    if isinstance(kept.get("sync"), Mapping):
        kept["sync"] = {name: value for name, value in kept["sync"].items() if name != "manifests"}
    return kept


def _operation_state(state: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(state)
    if "operation" in kept:
        kept["operation"] = _operation(_object(kept["operation"]))
    if isinstance(kept.get("syncResult"), Mapping):
        result = dict(kept["syncResult"])
        results = _items(result.get("resources"))
        if results:
            result["resources"] = sorted(results, key=_result_has_not_failed)[:MAX_RESULTS]
        kept["syncResult"] = result
    return kept


def _resource_order(resource: Mapping[str, Any]) -> tuple[int, int]:
    """Unhealthy ones first, then those out of sync; else Argo CD's order (sorting is stable)."""
    health = str(_object(resource.get("health")).get("status") or "")
    return (health in _GOOD_HEALTH, resource.get("status") in (None, "", "Synced"))


def _result_has_not_failed(result: Mapping[str, Any]) -> bool:
    return result.get("status") != "SyncFailed" and result.get("hookPhase") not in ("Failed", "Error")


def _drop_resources(content: dict[str, Any]) -> None:
    content["resourceCount"] = content.get("resourceCount") or len(content["status"].pop("resources", ()))
    content["status"].pop("resources", None)


def _drop_results(content: dict[str, Any]) -> None:
    _object(_object(content["status"].get("operationState")).get("syncResult")).pop("resources", None)


def _drop_history(content: dict[str, Any]) -> None:
    content["status"]["history"] = content["status"].get("history", [])[-1:]


def _drop_summary(content: dict[str, Any]) -> None:
    content["status"].pop("summary", None)


def _keep_names(content: dict[str, Any]) -> None:
    """The last resort: an Application whose own spec is too large is reported by its names and words only."""
    status = content["status"]
    content["spec"] = {"project": content["spec"].get("project", "")}
    content["metadata"] = {name: content["metadata"].get(name, "") for name in ("name", "namespace", "uid")}
    content["status"] = {
        "sync": {name: value for name, value in _object(status.get("sync")).items() if name in ("status", "revision")},
        "health": {"status": _object(status.get("health")).get("status", "")},
    }
    content.pop("operation", None)
    content["isTooLarge"] = True


_SHRINKS = (_drop_resources, _drop_results, _drop_history, _drop_summary, _keep_names)


def _kept(source: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: source[name] for name in names if source.get(name) is not None}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
