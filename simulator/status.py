"""Pure: the parts of an Application's status that a comparison writes."""

from datetime import datetime

from simulator.comparison import Comparison, Desired
from simulator.config import Config
from simulator.rendering import is_multi, sources_of
from simulator.shapes import Json, stamp
from simulator.store import DROP, App


def status_document(app: App, found: Comparison, desired: Desired | None, *, failure: str, config: Config, now: datetime) -> Json:
    """The patch of a comparison, without conditions and reconciledAt. `desired` is None when the sources could not be read."""
    revisions, types = [str(s.get("targetRevision") or "") for s in sources_of(app.spec)], []
    if desired is not None:
        revisions, types = desired.revisions, desired.source_types
    multi = is_multi(app.spec)
    sync: Json = {"status": found.sync_status, "comparedTo": compared_to(app.spec)}
    if multi:
        sync["revisions"] = revisions
    elif revisions[0]:
        sync["revision"] = revisions[0]
    status: Json = {"resources": found.resources, "sync": sync, "health": _health(app, found, failure, config, now), "summary": _summary(found)}
    status["sourceType"] = types[0] if types and not multi else DROP
    status["sourceTypes"] = types if types and multi else DROP
    if config.release >= (3, 0):
        status["resourceHealthSource"] = "appTree"
    return {**status, "controllerNamespace": config.control_namespace}


def _health(app: App, found: Comparison, failure: str, config: Config, now: datetime) -> Json:
    status = "Unknown" if failure.startswith("Failed to load live") else found.health_status
    old = app.status.get("health") or {}
    since = old.get("lastTransitionTime") if old.get("status") == status else None
    health = {"status": status, "lastTransitionTime": since or stamp(now)}
    if config.release >= (3, 6) and status not in ("Healthy", "Unknown"):
        cause = next((r for r in found.resources if (r.get("health") or {}).get("status") == status), None)
        if cause:
            health["message"] = f"Caused by {cause.get('group', '')}/{cause['kind']}:{cause.get('namespace', '')}/{cause['name']}"
    return health


def _summary(found: Comparison) -> Json:
    return {**({"externalURLs": found.urls} if found.urls else {}), **({"images": found.images} if found.images else {})}


def compared_to(spec: Json) -> Json:
    sources = sources_of(spec)
    compared: Json = {"source": {"repoURL": ""} if is_multi(spec) else sources[0], "destination": spec.get("destination") or {}}
    if is_multi(spec):
        compared["sources"] = sources
    if spec.get("ignoreDifferences"):
        compared["ignoreDifferences"] = spec["ignoreDifferences"]
    return compared


def history_entry(app: App, operation: Json, desired: Desired, number: int, started: str, deployed: str) -> Json:
    if is_multi(app.spec):
        what: Json = {"source": {"repoURL": ""}, "sources": operation["sync"].get("sources") or sources_of(app.spec), "revisions": desired.revisions}
    else:
        what = {"revision": desired.revisions[0], "source": operation["sync"].get("source") or sources_of(app.spec)[0]}
    return {**what, "deployedAt": deployed, "id": number, "deployStartedAt": started, "initiatedBy": operation.get("initiatedBy") or {}}


def without_resource_health(status: Json) -> Json:
    if "resources" not in status:
        return status
    return {**status, "resources": [{k: v for k, v in r.items() if k != "health"} for r in status["resources"]]}


def dated(conditions: list[Json], old: list[Json], now: str) -> list[Json]:
    """With lastTransitionTime, kept from an equal condition that was there before."""
    since = {(c["type"], c["message"]): c["lastTransitionTime"] for c in old if "lastTransitionTime" in c}
    return [{**c, "lastTransitionTime": since.get((c["type"], c["message"]), now)} for c in conditions]
