"""POST /api/webhook: push events of the usual hosts set the refresh annotation on the applications that track the branch."""

import json
import posixpath
from typing import Any

from simulator.controller import Controller
from simulator.http import Request, Response
from simulator.rendering import sources_of
from simulator.shapes import Json, normalise_url
from simulator.store import App
from simulator.world import World

_HEADERS = ("x-github-event", "x-gitlab-event", "x-gitea-event", "x-gogs-event", "x-event-key", "x-vss-activityid")
_PATHS_ANNOTATION = "argocd.argoproj.io/manifest-generate-paths"


async def receive(world: World, controller: Controller, request: Request) -> Response:
    if not any(request.header(name) for name in _HEADERS):
        return Response.text("Unknown webhook event", 400)
    try:
        event = json.loads(request.body)
    except ValueError:
        return Response.text("Webhook processing failed: The payload is invalid", 400)
    urls, branches, changed = _urls(event), _branches(event), _changed_files(event)
    for app in list(world.store.apps.values()):
        if any(_concerns(app, source, urls, branches, changed, _default_branch(event)) for source in sources_of(app.spec)):
            controller.annotate(app, "normal")
    return Response(200, b"", "text/plain; charset=utf-8")


def _urls(event: Json) -> set[str]:
    """Every URL under which the event's repository is known."""
    repository = event.get("repository") or (event.get("resource") or {}).get("repository") or {}
    project = event.get("project") or {}
    links = [link.get("href", "") for value in (repository.get("links") or {}).values() for link in (value if isinstance(value, list) else [value])]
    names = ("clone_url", "html_url", "ssh_url", "git_url", "url", "remoteUrl", "git_http_url", "git_ssh_url", "homepage", "web_url")
    found = [holder.get(name) for holder in (repository, project) for name in names]
    return {normalise_url(str(url)) for url in [*found, *links] if url}


def _branches(event: Json) -> set[str]:
    refs: list[Any] = [event.get("ref")]
    refs += [update.get("name") for update in (event.get("resource") or {}).get("refUpdates") or []]
    changes = ((event.get("push") or {}).get("changes") or []) + (event.get("changes") or [])
    refs += [((change.get("new") or {}).get("name") or change.get("refId") or (change.get("ref") or {}).get("id")) for change in changes]
    return {str(ref).removeprefix("refs/heads/").removeprefix("refs/tags/") for ref in refs if ref}


def _default_branch(event: Json) -> str:
    repository = event.get("repository") or {}
    return str(repository.get("default_branch") or (event.get("project") or {}).get("default_branch") or "")


def _changed_files(event: Json) -> list[str]:
    return [path for commit in event.get("commits") or [] for name in ("added", "modified", "removed") for path in commit.get(name) or []]


def _concerns(app: App, source: Json, urls: set[str], branches: set[str], changed: list[str], default: str) -> bool:
    target = str(source.get("targetRevision") or "HEAD").removeprefix("refs/heads/")
    is_tracked = target in branches or (target == "HEAD" and (not default or default in branches))
    if normalise_url(str(source.get("repoURL", ""))) not in urls or not is_tracked:
        return False
    declared = app.annotations.get(_PATHS_ANNOTATION, "")
    if not declared or not changed:
        return True
    base = str(source.get("path") or ".")
    paths = [p.lstrip("/") if p.startswith("/") else posixpath.normpath(posixpath.join(base, p)) for p in declared.split(";") if p]
    return any(path == "." or file == path or file.startswith(f"{path}/") for path in paths for file in changed)
