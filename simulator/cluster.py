"""Pure: what lives in the clusters. Objects are applied, rolled out, changed by hand and deleted; time is passed in.

A workload's rollout:  observed -> both (old and new pods) -> settled (new pods ready, old ones leaving) -> done, or stuck, or degraded.
"""

import copy
import itertools
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from simulator import health
from simulator.shapes import AppKey, Json, Key, images_of, key_of, new_uid, pod_template

_OBSERVED = "Waiting for rollout to finish: observed deployment generation less than desired generation"
_UPDATING = "Waiting for rollout to finish: 0 of 1 updated replicas are available..."
_LEAVING = "Waiting for rollout to finish: 1 old replicas are pending termination..."


@dataclass(eq=False)
class Pods:
    """One ReplicaSet's worth of pods (or the pods of a Job)."""

    owner_name: str
    images: list[str]
    count: int
    created_at: datetime
    revision: int = 1
    uid: str = field(default_factory=new_uid)


@dataclass(eq=False)
class LiveObject:
    key: Key
    manifest: Json
    owner: AppKey
    version: int
    created_at: datetime
    hook: str = ""  # PreSync, Sync, PostSync, SyncFail
    health: Json | None = None
    revision: int = 0
    pods: list[Pods] = field(default_factory=list)
    afflicted_by: int = 0  # the fault that keeps it degraded or progressing
    generation: int = 0  # of the rollout: a newer one makes the timers of the older ones idle
    uid: str = field(default_factory=new_uid)

    @property
    def is_workload(self) -> bool:
        return self.key.kind in health.WORKLOADS

    @property
    def is_settled(self) -> bool:
        return (self.health or {"status": "Healthy"})["status"] in ("Healthy", "Suspended")

    def images(self) -> list[str]:
        """Of its pods; an object that has none yet, or never has pods, shows nothing."""
        return [image for pods in self.pods for image in pods.images]


@dataclass(frozen=True)
class Applied:
    verb: str  # created, configured, unchanged
    live: LiveObject
    must_roll_out: bool


class Cluster:
    def __init__(self) -> None:
        self._objects: dict[str, dict[Key, LiveObject]] = {}
        self._owned: dict[AppKey, set[tuple[str, Key]]] = {}
        self._versions = itertools.count(4000)

    def get(self, server: str, key: Key) -> LiveObject | None:
        return self._objects.get(server, {}).get(key)

    def owned_by(self, app: AppKey) -> list[LiveObject]:
        return [self._objects[server][key] for server, key in sorted(self._owned.get(app, ()))]

    def apply(self, server: str, manifest: Json, *, owner: AppKey, now: datetime, hook: str = "") -> Applied:
        key = key_of(manifest)
        live = self.get(server, key)
        if live is not None and live.manifest == manifest:
            return Applied("unchanged", live, False)
        if live is None:
            live = LiveObject(key, manifest, owner, next(self._versions), now, hook)
            live.health = health.at_rest(manifest)
            self._objects.setdefault(server, {})[key] = live
            self._owned.setdefault(owner, set()).add((server, key))
            verb, changes_pods = "created", True
        else:
            verb, changes_pods = "configured", pod_template(live.manifest) != pod_template(manifest)
            live.manifest, live.version = manifest, next(self._versions)
            if not changes_pods and not live.is_workload:
                live.health = health.at_rest(manifest)
        if live.is_workload and changes_pods:
            self._start_rollout(live)
        return Applied(verb, live, live.is_workload and changes_pods)

    def change_by_hand(self, live: LiveObject, manifest: Json) -> Applied:
        """Somebody's kubectl edit: the same as an apply, but of what nobody wanted."""
        server = next(server for server, objects in self._objects.items() if objects.get(live.key) is live)
        return self.apply(server, copy.deepcopy(manifest), owner=live.owner, now=live.created_at)

    def delete(self, server: str, key: Key) -> None:
        live = self._objects.get(server, {}).pop(key, None)
        if live is not None:
            live.generation += 1
            self._owned.get(live.owner, set()).discard((server, key))

    def delete_owned(self, app: AppKey) -> None:
        for server, key in list(self._owned.get(app, ())):
            self.delete(server, key)

    def rename_owner(self, old: AppKey, new: AppKey) -> None:
        owned = self._owned.pop(old, set())
        self._owned[new] = owned
        for server, key in owned:
            self._objects[server][key].owner = new

    def _start_rollout(self, live: LiveObject) -> None:
        live.generation += 1
        live.revision += 1
        live.afflicted_by = 0
        live.health = {"status": "Progressing", "message": _OBSERVED}

    def add_pods(self, live: LiveObject, now: datetime) -> None:
        """The new pods start beside the old ones."""
        suffix = uuid.uuid5(uuid.NAMESPACE_URL, f"{live.uid}/{live.revision}").hex[:9]
        owner_name = f"{live.key.name}-{suffix}" if live.key.kind == "Deployment" else live.key.name
        live.pods.append(Pods(owner_name, images_of(live.manifest), _replicas(live.manifest), now, live.revision))
        live.version = next(self._versions)
        live.health = {"status": "Progressing", "message": _LEAVING if len(live.pods) > 1 else _UPDATING}

    def drop_old_pods(self, live: LiveObject) -> None:
        live.pods = live.pods[-1:]

    def finish_rollout(self, live: LiveObject) -> None:
        self.drop_old_pods(live)
        live.afflicted_by = 0
        live.health = health.at_rest(live.manifest)
        live.version = next(self._versions)

    def afflict(self, live: LiveObject, *, by: int, status: str, message: str) -> None:
        live.afflicted_by = by
        live.health = {"status": status, "message": message or _UPDATING}
        live.version = next(self._versions)

    def start_job(self, live: LiveObject, now: datetime) -> None:
        live.pods = [Pods(live.key.name, images_of(live.manifest), 1, now)]
        live.health = {"status": "Progressing"}

    def finish_job(self, live: LiveObject, *, failure: str = "") -> None:
        live.version = next(self._versions)
        if failure:
            live.health = {"status": "Degraded", "message": failure}
        else:
            live.health = {"status": "Healthy", "message": "Reached expected number of succeeded pods"}

    def settle(self, live: LiveObject, now: datetime) -> None:
        """As if it had been running for long."""
        if live.is_workload:
            live.pods = []
            self.add_pods(live, now)
            self.finish_rollout(live)


def _replicas(manifest: Json) -> int:
    wanted = (manifest.get("spec") or {}).get("replicas", 1)
    return min(int(wanted), 50) if isinstance(wanted, int) else 1
