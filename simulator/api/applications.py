"""Applications: list, get and refresh, watch, patch, and the questions about one application that are not about its resources."""

import copy
import json
import re
from collections.abc import AsyncGenerator

import jsonpatch

from simulator import watch, windows
from simulator.api.calls import Call
from simulator.config import ConfigError, check_application
from simulator.controller import Level
from simulator.http import Response, Stream
from simulator.kustomize import strategic_merge
from simulator.rendering import is_multi, sources_of
from simulator.repos import SourceError
from simulator.selecting import list_fields, matches_query
from simulator.shapes import INVALID_ARGUMENT, UNKNOWN, ApiError, Json
from simulator.store import REFRESH, App, until


def _query(call: Call, app: App) -> bool:
    request = call.request
    projects = [*request.query.get("projects", []), *request.query.get("project", [])]
    namespace = request.one("appNamespace")
    name, repo, selector = request.one("name"), request.one("repo"), request.one("selector")
    return matches_query(app, projects=[p for p in projects if p], selector=selector, name=name, repo=repo, namespace=namespace)


async def list_applications(call: Call) -> Response:
    call.session()
    version = str(call.world.store.version)
    found = [app for app in call.world.store.apps.values() if _query(call, app) and call.may_see(app)]
    items = [call.stored_view(app) for app in sorted(found, key=lambda app: (app.name, app.key.namespace))]
    fields = call.request.one("fields")
    if fields:
        items = list_fields(fields, items, release=call.world.release)
    return Response.of({"metadata": {"resourceVersion": version}, "items": items or None})


async def get_application(call: Call) -> Response:
    if len([p for p in call.request.query.get("projects", []) if p]) > 1:
        raise ApiError(INVALID_ARGUMENT, "multiple projects specified - the get operation can only use one project")
    app = call.application()
    if call.request.has("refresh"):
        call.controller.annotate(app, "hard" if call.request.one("refresh") == "hard" else "normal")
        await until(app, lambda a: REFRESH not in a.annotations)
    return Response.of(call.view(app))


async def watch_applications(call: Call) -> Stream:
    call.session()
    request = call.request
    name, text = request.one("name"), request.one("resourceVersion")
    after = (int(text) if text.isdigit() else 0) if text and not name else None
    fields = [part.strip() for part in request.one("fields").split(",") if part.strip()]
    _query_probe(call)
    subject = call.session().subject

    def is_visible(app: App) -> bool:
        return call.world.policy.allows(subject, "applications", "get", call.scope_of(app))

    lines = watch.applications(call.world, pick=lambda app: _query(call, app), is_visible=is_visible, view=call.view, after=after, fields=fields)
    return stream(call, watch.until_end(lines))


def _query_probe(call: Call) -> None:
    """An unparsable selector fails before the stream starts."""
    probe = App(next(iter(call.world.store.apps)), {"metadata": {"labels": {}}, "spec": {}, "status": {}}) if call.world.store.apps else None
    if probe is not None and call.request.one("selector"):
        matches_query(probe, projects=[], selector=call.request.one("selector"), name="", repo="", namespace="")


def stream(call: Call, lines: AsyncGenerator[bytes, None]) -> Stream:
    sse = call.request.wants_events
    return Stream(watch.with_keepalive(lines, world=call.world, sse=sse), "text/event-stream" if sse else "application/json")


async def patch_application(call: Call) -> Response:
    body = call.body()
    app = call.application_in_body(body)
    call.require("applications", "update", call.scope_of(app))
    try:
        patch = json.loads(body.get("patch") or "{}")
        document = copy.deepcopy({"metadata": app.meta, "spec": app.spec})
        document = strategic_merge(document, patch) if body.get("patchType") == "merge" else jsonpatch.apply_patch(document, patch)
    except (ValueError, jsonpatch.JsonPatchException) as error:
        raise ApiError(INVALID_ARGUMENT, f"error applying patch: {error}") from None
    return await _update(call, app, document)


async def put_spec(call: Call) -> Response:
    app = call.application()
    call.require("applications", "update", call.scope_of(app))
    await _update(call, app, {"metadata": app.meta, "spec": call.body()})
    return Response.of(app.spec)


async def _update(call: Call, app: App, document: Json) -> Response:
    try:
        check_application({**document, "metadata": {"name": app.name}})
    except ConfigError as error:
        raise ApiError(INVALID_ARGUMENT, f"application spec for {app.name} is invalid: InvalidSpecError: {error}") from None
    metadata = {name: document["metadata"].get(name) or {} for name in ("labels", "annotations")}
    call.world.write(app, metadata=metadata, spec=document["spec"])
    call.controller.request(app, Level.LATEST, requested=True)
    return Response.of(call.stored_view(app))


async def sync_windows(call: Call) -> Response:
    app = call.application()
    assigned, now = call.world.windows_of(app), call.world.now()
    active = [w for w in assigned if windows.is_active(w, now)]
    document = {"activeWindows": active, "assignedWindows": assigned, "canSync": not windows.blocks(assigned, now, manual=True)}
    return Response.of({key: value for key, value in document.items() if value or key == "canSync"})


async def manifests(call: Call) -> Response:
    app = call.application()
    sources = sources_of(app.spec)
    revisions = [call.request.one("revision")] if not is_multi(app.spec) else _positioned(call, len(sources))
    try:
        desired = await call.world.desired(app, sources, revisions)
    except SourceError as error:
        raise ApiError(UNKNOWN, f"error generating manifests: {error}") from None
    texts = [json.dumps(m, separators=(",", ":")) for m in desired.manifests]
    return Response.of({"manifests": texts} if texts else {})


def _positioned(call: Call, count: int) -> list[str]:
    positions, revisions = call.request.query.get("sourcePositions", []), call.request.query.get("revisions", [])
    chosen = dict(zip((int(p) for p in positions if p.isdigit()), revisions, strict=False))
    return [chosen.get(i + 1, "") for i in range(count)]


async def revision_metadata(call: Call) -> Response:
    app = call.application()
    revision = call.arguments["revision"]
    if not re.fullmatch(r"[0-9a-f]{7,40}", revision):
        raise ApiError(UNKNOWN, f"revision must be a commit SHA, got '{revision}'")
    sources = sources_of(app.spec)
    index = call.number("sourceIndex", 0)
    if not 0 <= index < len(sources):
        raise ApiError(UNKNOWN, "source index not found")
    url = str(sources[index].get("repoURL", ""))
    try:
        if call.world.faults.find("repo_down", app=app.key):
            raise SourceError("rpc error: code = Unknown desc = failed to list refs: connection refused")
        sha = await call.world.in_pool(call.world.repositories.resolve, url, revision)
        commit = await call.world.in_pool(call.world.repositories.commit, url, sha)
    except SourceError as error:
        raise ApiError(UNKNOWN, str(error)) from None
    document: Json = {"author": commit.author, "date": commit.date, "message": commit.message}
    return Response.of({**document, "tags": commit.tags} if commit.tags else document)


async def links(call: Call) -> Response:
    call.application()
    return Response.of({"items": []})
