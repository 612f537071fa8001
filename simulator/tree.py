"""Pure: the resource tree of an application, from what lives and what is wanted but missing."""

import uuid

from simulator.cluster import LiveObject, Pods
from simulator.comparison import Desired
from simulator.shapes import Json, Key, key_of, stamp, version_of

_HOST: Json = {"name": "node-1", "systemInfo": {"architecture": "amd64", "operatingSystem": "linux"}}


def resource_tree(live: list[LiveObject], desired: Desired | None) -> Json:
    nodes = []
    for obj in live:
        nodes.append(_live_node(obj))
        for pods in obj.pods:
            nodes += _pod_nodes(obj, pods)
    known = {obj.key for obj in live}
    for manifest in desired.resources if desired else []:
        key = key_of(manifest)
        if key not in known:
            nodes.append({**_identity(key, version_of(manifest)), "health": {"status": "Missing"}})
    tree: Json = {"nodes": nodes, "shardsCount": 1}
    return {**tree, "hosts": [_HOST]} if any(node["kind"] == "Pod" for node in nodes) else tree


def pods_of(live: list[LiveObject]) -> list[tuple[LiveObject, Pods, str]]:
    """(object, its pods, one pod's name), for each pod."""
    return [(obj, pods, name) for obj in live for pods in obj.pods for name in pod_names(pods)]


def pod_names(pods: Pods) -> list[str]:
    return [f"{pods.owner_name}-{uuid.uuid5(uuid.NAMESPACE_URL, f'{pods.uid}/{i}').hex[:5]}" for i in range(pods.count)]


def _identity(key: Key, version: str) -> Json:
    named = {"group": key.group, "version": version, "kind": key.kind, "namespace": key.namespace, "name": key.name}
    return {name: value for name, value in named.items() if value}


def _live_node(obj: LiveObject) -> Json:
    node = {**_identity(obj.key, version_of(obj.manifest)), "uid": obj.uid, "resourceVersion": str(obj.version), "createdAt": stamp(obj.created_at)}
    images = obj.images()
    if images:
        node["images"] = sorted(set(images))
    if obj.health:
        node["health"] = obj.health
    if obj.revision:
        node["info"] = [{"name": "Revision", "value": f"Rev:{obj.revision}"}]
    return node


def _pod_nodes(obj: LiveObject, pods: Pods) -> list[Json]:
    nodes: list[Json] = []
    parent = Key(obj.key.group, obj.key.kind, obj.key.namespace, obj.key.name)
    parent_uid = obj.uid
    if obj.key.kind == "Deployment":
        parent = Key("apps", "ReplicaSet", obj.key.namespace, pods.owner_name)
        replica_set = {**_identity(parent, "v1"), "uid": pods.uid, "resourceVersion": str(obj.version), "parentRefs": [_reference(obj.key, obj.uid)]}
        info = [{"name": "Revision", "value": f"Rev:{pods.revision}"}]
        nodes.append({**replica_set, "health": {"status": "Healthy"}, "createdAt": stamp(pods.created_at), "info": info})
        parent_uid = pods.uid
    is_ready = pods is not obj.pods[-1] or obj.is_settled
    for name in pod_names(pods):
        key = Key("", "Pod", obj.key.namespace, name)
        node = {**_identity(key, "v1"), "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{pods.uid}/{name}")), "resourceVersion": str(obj.version)}
        node |= {"parentRefs": [_reference(parent, parent_uid)], "images": pods.images, "createdAt": stamp(pods.created_at)}
        shown = [("Status Reason", "Running" if is_ready else "ContainerCreating"), ("Node", "node-1"), ("Containers", "1/1" if is_ready else "0/1")]
        node["info"] = [{"name": label, "value": value} for label, value in shown]
        nodes.append({**node, "health": {"status": "Healthy" if is_ready else "Progressing"}})
    return nodes


def _reference(key: Key, uid: str) -> Json:
    named = {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name, "uid": uid}
    return {name: value for name, value in named.items() if value}
