"""Sync, terminate, rollback: the checks in Argo CD's order, then one write; the controller does the rest."""

from typing import Any

from simulator import autosync
from simulator.api.calls import Call
from simulator.http import Response
from simulator.rendering import is_multi, sources_of
from simulator.repos import SHA, SourceError
from simulator.shapes import FAILED_PRECONDITION, INVALID_ARGUMENT, PERMISSION_DENIED, UNKNOWN, ApiError, Json
from simulator.store import DROP, App


async def sync(call: Call) -> Response:
    body = call.body()
    app = call.application_in_body(body)
    if call.world.is_blocked_by_window(app, manual=True):
        raise ApiError(PERMISSION_DENIED, "cannot sync: blocked by sync window")
    call.require("applications", "sync", call.scope_of(app))
    if app.is_deleting:
        raise ApiError(FAILED_PRECONDITION, "application is deleting")
    what = await _what(call, app, body)
    options = (body.get("syncOptions") or {}).get("items") if body.get("syncOptions") is not None else (app.spec.get("syncPolicy") or {}).get("syncOptions")
    if "Replace=true" in (options or []) and call.world.config.settings.get("syncWithReplaceAllowed") is False:
        raise ApiError(FAILED_PRECONDITION, "sync with replace was disabled on the API Server level via the server configuration")
    chosen: Json = {name: body[name] for name in ("prune", "dryRun", "strategy", "resources") if body.get(name)}
    operation: Json = {"sync": {**what, **chosen, **({"syncOptions": options} if options else {})}, "initiatedBy": {"username": call.session().subject}}
    if body.get("infos"):
        operation["info"] = body["infos"]
    operation["retry"] = body.get("retryStrategy") or (app.spec.get("syncPolicy") or {}).get("retry") or {}
    return _start(call, app, operation)


async def _what(call: Call, app: App, body: Json) -> Json:
    """Source(s) and resolved revision(s) of the operation."""
    sources = sources_of(app.spec)
    if is_multi(app.spec):
        return {"sources": sources, "revisions": await _revisions(call, app, body, sources)}
    target, wanted = str(sources[0].get("targetRevision") or ""), str(body.get("revision") or "")
    automated = autosync.is_automated(app.spec, release=call.world.release)
    if automated and wanted and wanted != target and not body.get("dryRun"):
        raise ApiError(FAILED_PRECONDITION, f"Cannot sync to {wanted}: auto-sync currently set to {target}")
    if wanted and wanted != target and call.world.config.settings.get("requireOverridePrivilegeForRevisionSync"):
        call.require("applications", "override", call.scope_of(app))
    return {"revision": await _resolved(call, app, sources[0], wanted or target), "source": sources[0]}


async def _revisions(call: Call, app: App, body: Json, sources: list[Json]) -> list[str]:
    positions, given = list(body.get("sourcePositions") or []), list(body.get("revisions") or [])
    chosen: dict[int, str] = {}
    for i, position in enumerate(positions):
        if not 1 <= int(position) <= len(sources):
            raise ApiError(UNKNOWN, "source position is out of range")
        if i >= len(given):
            raise ApiError(UNKNOWN, f"runtime error: index out of range [{i}] with length {len(given)}")
        chosen[int(position)] = str(given[i])
    return [await _resolved(call, app, source, chosen.get(i + 1) or str(source.get("targetRevision") or "")) for i, source in enumerate(sources)]


async def _resolved(call: Call, app: App, source: Json, revision: str) -> str:
    if SHA.match(revision):
        return revision
    try:
        return await call.world.resolve(app, source, revision)
    except SourceError as error:
        raise ApiError(FAILED_PRECONDITION, f"error resolving repo revision: {error}") from None


def _start(call: Call, app: App, operation: Json) -> Response:
    if app.operation is not None:
        raise ApiError(FAILED_PRECONDITION, "another operation is already in progress")
    call.world.write(app, operation=operation, status={"operationState": DROP})
    answer = Response.of(call.stored_view(app))
    call.operations.wake(app)
    return answer


async def terminate(call: Call) -> Response:
    app = call.application()
    call.require("applications", "sync", call.scope_of(app))
    if app.operation is None or "operationState" not in app.status:
        raise ApiError(INVALID_ARGUMENT, "Unable to terminate operation. No operation is in progress")
    call.operations.terminate(app)
    return Response.of({})


async def rollback(call: Call) -> Response:
    body = call.body()
    app = call.application_in_body(body)
    call.require("applications", "sync", call.scope_of(app))
    if app.is_deleting:
        raise ApiError(FAILED_PRECONDITION, "application is deleting")
    if autosync.is_automated(app.spec, release=call.world.release):
        raise ApiError(FAILED_PRECONDITION, "rollback cannot be initiated when auto-sync is enabled")
    entry = _history_entry(app, body.get("id"))
    names = ("revision", "source", "revisions", "sources") if not entry.get("sources") else ("revisions", "sources")
    sync: Json = {name: entry[name] for name in names if entry.get(name)} | {"strategy": {"apply": {}}}
    sync |= {name: True for name in ("prune", "dryRun") if body.get(name)}
    options = (app.spec.get("syncPolicy") or {}).get("syncOptions")
    if options:
        sync["syncOptions"] = options
    return _start(call, app, {"sync": sync, "initiatedBy": {"username": call.session().subject}, "retry": {}})


def _history_entry(app: App, number: Any) -> Json:
    history: list[Json] = app.status.get("history") or []
    for entry in history:
        if str(entry["id"]) == str(number or 0):
            return entry
    raise ApiError(INVALID_ARGUMENT, f"application {app.name} does not have deployment with id {number}")
