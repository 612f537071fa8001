"""The resources of one application: tree, managed resources with their diff, one manifest, events."""

import copy
import json

from simulator import tree, watch
from simulator.api.applications import stream
from simulator.api.calls import Call
from simulator.cluster import LiveObject
from simulator.comparison import without_ignored
from simulator.controller import Level
from simulator.http import Response, Stream
from simulator.selecting import picked_paths
from simulator.shapes import INVALID_ARGUMENT, UNKNOWN, ApiError, Json, Key, key_of, stamp
from simulator.store import App, until


async def resource_tree(call: Call) -> Response:
    app = call.application()
    await _compared(call, app)
    return Response.of(_tree(call, app))


async def watch_tree(call: Call) -> Stream:
    app = call.application()
    return stream(call, watch.trees(call.world, app, lambda a: _tree(call, a)))


def _tree(call: Call, app: App) -> Json:
    return tree.resource_tree(call.world.cluster.owned_by(app.key), call.controller.track(app).desired)


async def _compared(call: Call, app: App) -> None:
    """As on a cache miss: a refresh, and its error text when that fails."""
    track = call.controller.track(app)
    if track.desired is None and not app.status.get("conditions"):
        call.controller.request(app, Level.LATEST, requested=True)
        await until(app, lambda a: bool(a.status.get("reconciledAt") or a.status.get("conditions")))
    if track.desired is None:
        texts = [f"{c['type']}: {c['message']}" for c in app.status.get("conditions") or []]
        raise ApiError(UNKNOWN, f"error getting cached app resource tree: {';'.join(texts)}")


async def managed_resources(call: Call) -> Response:
    app = call.application()
    await _compared(call, app)
    desired = call.controller.track(app).desired
    wanted = {key_of(m): m for m in desired.resources} if desired else {}
    live = {obj.key: obj for obj in call.world.cluster.owned_by(app.key) if not obj.hook}
    chosen = [key for key in sorted(wanted.keys() | live.keys()) if _is_asked_for(call, key)]
    items = [_managed(app, key, wanted.get(key), live.get(key)) for key in chosen]
    fields = [name.removeprefix("items.") for name in call.request.one("fields").split(",") if name.startswith("items.")]
    if fields:
        items = [picked_paths(item, fields) for item in items]
    return Response.of({"items": items} if items else {})


def _is_asked_for(call: Call, key: Key) -> bool:
    asked = call.request
    return all(asked.one(name) in ("", value) for name, value in (("group", key.group), ("kind", key.kind), ("namespace", key.namespace), ("name", key.name)))


def _managed(app: App, key: Key, wanted: Json | None, live: LiveObject | None) -> Json:
    ignore = app.spec.get("ignoreDifferences") or []
    live_text = _state(live.manifest) if live else "null"
    normal_live = _state(without_ignored(live.manifest, ignore)) if live else "null"
    predicted = _state(without_ignored(wanted, ignore)) if wanted else "null"
    item: Json = {"kind": key.kind, "namespace": key.namespace, "name": key.name, "targetState": _state(wanted) if wanted else "null", "liveState": live_text}
    item |= {"normalizedLiveState": normal_live, "predictedLiveState": predicted}
    if key.group:
        item["group"] = key.group
    if live:
        item["resourceVersion"] = str(live.version)
    return {**item, "modified": True} if normal_live != predicted else item


def _state(manifest: Json) -> str:
    if manifest.get("kind") == "Secret":
        manifest = copy.deepcopy(manifest)
        for name in ("data", "stringData"):
            if name in manifest:
                manifest[name] = dict.fromkeys(manifest[name], "+" * 8)
    return json.dumps(manifest, separators=(",", ":"), sort_keys=True)


async def resource(call: Call) -> Response:
    app = call.application()
    asked = call.request
    key = Key(asked.one("group"), asked.one("kind"), asked.one("namespace"), asked.one("resourceName"))
    found = next((obj for obj in call.world.cluster.owned_by(app.key) if obj.key == key), None)
    if found is None:
        raise ApiError(INVALID_ARGUMENT, f"{key.kind} {key.group} {key.name} not found as part of application {app.name}")
    return Response.of({"manifest": _state(found.manifest)})


async def events(call: Call) -> Response:
    app = call.application()
    name, uid = call.request.one("resourceName"), call.request.one("resourceUID")
    if not name and not uid:
        return Response.of({"metadata": {}, "items": app.events or None})
    namespace = call.request.one("resourceNamespace")
    nodes = _tree(call, app)["nodes"]
    node = next((n for n in nodes if (n["name"], n.get("namespace", ""), n.get("uid", "")) == (name, namespace, uid)), None)
    if node is None:
        raise ApiError(INVALID_ARGUMENT, f"{name} not found as part of application {app.name}")
    return Response.of({"metadata": {}, "items": [_event(call, node)] if node["kind"] == "Pod" else None})


def _event(call: Call, node: Json) -> Json:
    involved = {"kind": node["kind"], "namespace": node["namespace"], "name": node["name"], "uid": node["uid"]}
    started = {"reason": "Started", "message": "Started container", "source": {"component": "kubelet", "host": "node-1"}}
    metadata = {"name": f"{node['name']}.1", "namespace": node["namespace"], "creationTimestamp": stamp(call.world.now())}
    times = {"firstTimestamp": node["createdAt"], "lastTimestamp": node["createdAt"]}
    return {"metadata": metadata, "involvedObject": involved, **started, **times, "count": 1, "type": "Normal", "eventTime": None}
