"""Pure: desired manifests against live objects: what an application's status says after a comparison."""

import copy
from dataclasses import dataclass, field
from typing import Any

from simulator import health
from simulator.cluster import LiveObject
from simulator.shapes import Json, Key, annotations_of, group_of, key_of, version_of

HOOK = "argocd.argoproj.io/hook"
HOOK_PHASES = ("PreSync", "Sync", "PostSync", "SyncFail", "PostDelete", "Skip")


@dataclass(frozen=True)
class Desired:
    """What the sources say at given revisions; one revision and source type per source."""

    revisions: list[str]
    source_types: list[str]
    manifests: list[Json]

    @property
    def resources(self) -> list[Json]:
        return [m for m in self.manifests if not hook_phases(m)]

    @property
    def hooks(self) -> list[Json]:
        return [m for m in self.manifests if hook_phases(m)]


@dataclass
class Comparison:
    sync_status: str
    health_status: str
    resources: list[Json]
    images: list[str]
    urls: list[str] = field(default_factory=list)

    @property
    def out_of_sync(self) -> list[Json]:
        return [r for r in self.resources if r.get("status") == "OutOfSync"]

    @property
    def only_needs_pruning(self) -> bool:
        return all(r.get("requiresPruning") for r in self.out_of_sync)


def hook_phases(manifest: Json) -> list[str]:
    """The hook phases of a manifest; [] for a plain resource."""
    found = [part.strip() for part in annotations_of(manifest).get(HOOK, "").split(",")]
    return [phase for phase in found if phase in HOOK_PHASES]


def compare(desired: Desired | None, live: list[LiveObject], *, ignore: list[Json], release: tuple[int, int]) -> Comparison:
    """`desired` is None when the sources could not be read: everything is Unknown then, but health still counts.

    `live` are the objects the application owns.
    """
    by_key = {obj.key: obj for obj in live if not obj.hook}
    wanted = {key_of(m): m for m in desired.resources} if desired else {}
    resources = []
    for key in sorted(by_key.keys() | wanted.keys()):
        resources.append(_resource(key, wanted.get(key), by_key.get(key), ignore=ignore, is_known=desired is not None))
    statuses = {r["status"] for r in resources}
    resources += [_hook(obj, is_known=desired is not None) for obj in live if obj.hook]
    resources.sort(key=lambda r: (r.get("group", ""), r["kind"], r.get("namespace", ""), r["name"]))
    sync_status = "Unknown" if desired is None else "OutOfSync" if "OutOfSync" in statuses else "Synced"
    images = sorted({image for obj in live for image in obj.images()})
    return Comparison(sync_status, health.of_application(resources, release=release), resources, images, _urls(live))


def _resource(key: Key, wanted: Json | None, live: LiveObject | None, *, ignore: list[Json], is_known: bool) -> Json:
    manifest: Json = wanted or (live.manifest if live else {})
    document = named(key, version_of(manifest))
    if not is_known:
        document["status"] = "Unknown"
    else:
        is_same = wanted is not None and live is not None and without_ignored(wanted, ignore) == without_ignored(live.manifest, ignore)
        document["status"] = "Synced" if is_same else "OutOfSync"
    if live is None:
        document["health"] = {"status": "Missing"}
    elif live.health:
        document["health"] = live.health
    if wanted is None:
        document["requiresPruning"] = True
    wave = annotations_of(manifest).get("argocd.argoproj.io/sync-wave")
    if wave and wave.lstrip("-").isdigit() and int(wave):
        document["syncWave"] = int(wave)
    return document


def _hook(obj: LiveObject, *, is_known: bool) -> Json:
    document = named(obj.key, version_of(obj.manifest))
    if not is_known:
        document["status"] = "Unknown"
    return {**document, **({"health": obj.health} if obj.health else {}), "hook": True}


def named(key: Key, version: str) -> Json:
    """A resource's identity as in status.resources: empty parts are left out."""
    parts = {"group": key.group, "version": version, "kind": key.kind, "namespace": key.namespace, "name": key.name}
    return {name: value for name, value in parts.items() if value}


def without_ignored(manifest: Json, ignore: list[Json]) -> Json:
    """The manifest without `status`, and without what spec.ignoreDifferences' jsonPointers name."""
    pointers = [pointer for rule in ignore if _ignores(rule, manifest) for pointer in rule.get("jsonPointers") or []]
    kept = {key: value for key, value in manifest.items() if key != "status"}
    if not pointers:
        return kept
    kept = copy.deepcopy(kept)
    for pointer in pointers:
        _remove(kept, [part.replace("~1", "/").replace("~0", "~") for part in str(pointer).split("/")[1:]])
    return kept


def _ignores(rule: Json, manifest: Json) -> bool:
    name = (manifest.get("metadata") or {}).get("name")
    return rule.get("kind") in (manifest.get("kind"), "*") and rule.get("group", "") in (group_of(manifest), "*") and rule.get("name", name) == name


def _remove(document: Any, path: list[str]) -> None:
    for part in path[:-1]:
        document = document[int(part)] if isinstance(document, list) and part.isdigit() and int(part) < len(document) else _member(document, part)
    if isinstance(document, dict) and path:
        document.pop(path[-1], None)


def _member(document: Any, part: str) -> Any:
    return document.get(part) if isinstance(document, dict) else None


def _urls(live: list[LiveObject]) -> list[str]:
    found = set()
    for obj in live:
        spec = obj.manifest.get("spec") or {}
        if obj.key.kind == "Ingress":
            secure = {host for entry in spec.get("tls") or [] for host in entry.get("hosts") or []}
            found |= {f"{'https' if r['host'] in secure else 'http'}://{r['host']}/" for r in spec.get("rules") or [] if r.get("host")}
        found |= {value for name, value in annotations_of(obj.manifest).items() if name.startswith("link.argocd.argoproj.io/")}
    return sorted(found)
