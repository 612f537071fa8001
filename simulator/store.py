"""The Kubernetes API as far as Argo CD uses it for Applications: documents, one resourceVersion counter, watchers.

Documents are replaced, never changed in place: whoever was handed one may keep it.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.shapes import AppKey, Json, stamp

REFRESH = "argocd.argoproj.io/refresh"
DROP: Any = object()  # as a value in a patch: remove this key

Watcher = Callable[[str, "App"], None]


@dataclass(eq=False)
class App:
    """One Application: its document, and what the controller remembers beside it."""

    key: AppKey
    doc: Json
    initially: str = ""
    synthetic: int = 0  # resources of an application made for load; 0 = read from Git
    gone: bool = False
    was_read: bool = False  # by get or watch: knob list_resource_health "seen"
    waiting: set[asyncio.Future[None]] = field(default_factory=set)
    events: list[Json] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def meta(self) -> Json:
        return self.doc["metadata"]  # type: ignore[no-any-return]  # a parser's edge

    @property
    def spec(self) -> Json:
        return self.doc["spec"]  # type: ignore[no-any-return]

    @property
    def status(self) -> Json:
        return self.doc["status"]  # type: ignore[no-any-return]

    @property
    def operation(self) -> Json | None:
        return self.doc.get("operation")

    @property
    def project(self) -> str:
        return str(self.spec.get("project") or "default")

    @property
    def annotations(self) -> dict[str, str]:
        return self.meta.get("annotations") or {}

    @property
    def is_deleting(self) -> bool:
        return "deletionTimestamp" in self.meta

    def wake(self) -> None:
        """Let everybody in `until` look again."""
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(None)

    def rbac_object(self, control_namespace: str) -> str:
        middle = "" if self.key.namespace == control_namespace else f"{self.key.namespace}/"
        return f"{self.project}/{middle}{self.name}"


def merged(base: Json, patch: Json) -> Json:
    """The base with the patch's top-level keys replaced; DROP removes one."""
    return {key: value for key, value in {**base, **patch}.items() if value is not DROP}


def _managed_fields(now: datetime) -> Json:
    fields: Json = {"f:status": {".": {}, "f:sync": {}, "f:health": {}}}
    writer = {"manager": "argocd-application-controller", "operation": "Update", "apiVersion": "argoproj.io/v1alpha1"}
    return {**writer, "time": stamp(now), "fieldsType": "FieldsV1", "fieldsV1": fields}


class Store:
    def __init__(self, *, seed: str, first_version: int) -> None:
        self._seed = seed
        self._version = first_version
        self.apps: dict[AppKey, App] = {}
        self._watchers: list[Watcher] = []
        self._names: set[AppKey] = set()

    @property
    def version(self) -> int:
        return self._version

    def next_version(self) -> int:
        self._version += 1
        return self._version

    def reset_version(self, to: int) -> None:
        self._version = to

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def sorted_apps(self) -> Iterator[App]:
        for key in sorted(self.apps):
            app = self.apps.get(key)
            if app is not None:
                yield app

    def create(self, given: Json, *, namespace: str, now: datetime, initially: str = "", synthetic: int = 0) -> App:
        """Add an application; the first of a name gets the same uid in every run of this seed."""
        meta = given["metadata"]
        key = AppKey(str(meta.get("namespace") or namespace), str(meta["name"]))
        uid = str(uuid.uuid4() if key in self._names else uuid.uuid5(uuid.NAMESPACE_URL, f"{self._seed}/{key}"))
        self._names.add(key)
        kept = {name: meta[name] for name in ("labels", "annotations", "finalizers") if meta.get(name)}
        metadata = {"name": key.name, "namespace": key.namespace, "uid": uid, "generation": 1, "creationTimestamp": stamp(now), **kept}
        status: Json = {"sync": {"status": ""}, "health": {}, "summary": {}, "sourceHydrator": {}}
        app = App(key, {"metadata": metadata, "spec": {"project": "default", **given["spec"]}, "status": status}, initially, synthetic)
        self.apps[key] = app
        self._publish("ADDED", app, {}, now)
        return app

    def patch(self, app: App, *, now: datetime, status: Json | None = None, metadata: Json | None = None, **top: Any) -> None:
        """One write, one event. `status` and `metadata` replace keys; `spec=`, `operation=` replace whole members."""
        doc = merged(app.doc, top)
        if status:
            doc["status"] = merged(app.status, status)
        if status or top:
            metadata = {**(metadata or {}), "generation": app.meta["generation"] + 1}
        app.doc = doc
        self._publish("MODIFIED", app, metadata or {}, now)

    def amend_quietly(self, app: App, *, status: Json) -> None:
        """Change what readers are shown beside the stored object (resource health): no write, no event."""
        app.doc = {**app.doc, "status": merged(app.status, status)}

    def delete(self, app: App, *, now: datetime) -> None:
        app.gone = True
        self.apps.pop(app.key, None)
        self._publish("DELETED", app, {}, now)

    def _publish(self, kind: str, app: App, metadata: Json, now: datetime) -> None:
        stored = {**metadata, "resourceVersion": str(self.next_version()), "managedFields": [_managed_fields(now)]}
        app.doc = {**app.doc, "metadata": merged(app.meta, stored)}
        for watcher in list(self._watchers):
            watcher(kind, app)
        app.wake()


async def until(app: App, holds: Callable[[App], bool]) -> None:
    """Wait through the application's writes and wake-ups until the condition holds, or it is deleted."""
    while not app.gone and not holds(app):
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        app.waiting.add(waiter)
        try:
            await waiter
        finally:
            app.waiting.discard(waiter)
