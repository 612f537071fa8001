"""Clusters, repositories and projects: filtered by RBAC without an error."""

from simulator.api.calls import Call
from simulator.http import Response
from simulator.shapes import NOT_FOUND, ApiError, Json, stamp
from simulator.store import App


async def clusters(call: Call) -> Response:
    call.session()
    world, now = call.world, stamp(call.world.now())
    items = []
    for cluster in world.clusters:
        if not call.allows("clusters", "get", str(cluster["server"])):
            continue
        apps = [app for app in world.store.apps.values() if world.server_of(app) == cluster["server"]]
        is_down = world.faults.find("cluster_down") is not None
        state = {"status": "Failed" if is_down else "Successful", "message": "connection refused" if is_down else "", "attemptedAt": now}
        version = "1.34" if world.release < (3, 4) else "v1.34.1"
        cache = {"resourcesCount": sum(_owned(call, app) for app in apps), "apisCount": 60, "lastCacheSyncTime": now}
        info = {"connectionState": state, "serverVersion": version, "cacheInfo": cache, "applicationsCount": len(apps)}
        item: Json = {"server": cluster["server"], "name": cluster.get("name", ""), "config": {"tlsClientConfig": {"insecure": False}}}
        item |= {"connectionState": state, "serverVersion": version, "info": info}
        items.append(item | {key: cluster[key] for key in ("annotations", "labels") if cluster.get(key)})
    return Response.of({"metadata": {}, "items": items or None})


def _owned(call: Call, app: App) -> int:
    return len(call.world.cluster.owned_by(app.key))


async def repositories(call: Call) -> Response:
    call.session()
    world, items = call.world, []
    for repository in world.repositories.configured:
        project, url = str(repository.get("project", "")), str(repository["url"])
        if call.allows("repositories", "get", f"{project}/{url}" if project else url):
            failure = "connection refused" if world.faults.find("repo_down") else await world.in_pool(world.repositories.check, url)
            state = {"status": "Failed" if failure else "Successful", "message": failure, "attemptedAt": stamp(world.now())}
            items.append({"repo": url, "connectionState": state, "type": repository.get("type", "git"), "project": project})
    return Response.of({"metadata": {}, "items": items or None})


async def projects(call: Call) -> Response:
    call.session()
    visible = [_project(call, p) for name, p in sorted(call.world.projects.items()) if call.allows("projects", "get", name)]
    return Response.of({"metadata": {"resourceVersion": str(call.world.store.version)}, "items": visible or None})


async def project(call: Call) -> Response:
    name = call.arguments["project"]
    call.require("projects", "get", name)
    found = call.world.projects.get(name)
    if found is None:
        raise ApiError(NOT_FOUND, f'appprojects.argoproj.io "{name}" not found')
    return Response.of(_project(call, found))


def _project(call: Call, found: Json) -> Json:
    metadata = {"namespace": call.world.config.control_namespace, "resourceVersion": "1", **found["metadata"]}
    return {"metadata": metadata, "spec": found.get("spec") or {}, "status": {}}
