"""Pure: which applications a caller asked for, and which fields of them: label selectors and the `fields` whitelist by version."""

import re
from typing import Any

from simulator.rendering import sources_of
from simulator.shapes import UNKNOWN, ApiError, Json, normalise_url
from simulator.store import App

_BASE_FIELDS = frozenset(
    [
        "metadata.name",
        "metadata.namespace",
        "metadata.annotations",
        "metadata.labels",
        "metadata.creationTimestamp",
        "metadata.deletionTimestamp",
        "spec",
        "status.sync.status",
        "status.health",
        "status.summary",
        "status.resources",
        "status.operationState.startedAt",
        "status.operationState.finishedAt",
        "status.operationState.phase",
        "operation.sync",
        "status.operationState.operation.sync",
    ]
)
_FIELDS_3_5 = frozenset(f"spec.{name}" for name in ["destination", "project", "source", "sources", "sourceHydrator", "syncPolicy"]) | {"status.sync.revision"}
_TERM = re.compile(r"^(?P<key>[\w./-]+)\s*(?P<op>==|=|!=|\s+in\s+|\s+notin\s+)\s*(?P<value>.*)$")


def selects(selector: str, labels: dict[str, str]) -> bool:
    """Kubernetes label selectors: `a=b, c!=d, e in (f,g), h, !i`. Raises ApiError (500, as Argo CD) when it cannot be parsed."""
    return all(_holds(term.strip(), labels) for term in re.split(r",(?![^(]*\))", selector) if term.strip())


def _holds(term: str, labels: dict[str, str]) -> bool:
    found = _TERM.match(term)
    if not found:
        if not re.fullmatch(r"!?[A-Za-z0-9][\w./-]*", term):
            raise ApiError(UNKNOWN, f"error parsing the selector: unable to parse requirement: found '{term}', expected: identifier")
        return (term.lstrip("!") in labels) != term.startswith("!")
    key, operator, value = found["key"], found["op"].strip(), found["value"].strip()
    match operator:
        case "=" | "==":
            return labels.get(key) == value
        case "!=":
            return labels.get(key) != value
    is_in = labels.get(key) in {part.strip() for part in value.strip("()").split(",")}
    return is_in if operator == "in" else not is_in


def matches_query(app: App, *, projects: list[str], selector: str, name: str, repo: str, namespace: str) -> bool:
    """Empty values select everything."""
    return (
        (not projects or app.project in projects)
        and (not name or app.name == name)
        and (not namespace or app.key.namespace == namespace)
        and (not repo or any(normalise_url(str(s.get("repoURL", ""))) == normalise_url(repo) for s in sources_of(app.spec)))
        and (not selector or selects(selector, app.meta.get("labels") or {}))
    )


def list_fields(fields: str, items: list[Json], *, release: tuple[int, int]) -> list[Json]:
    """`items.…` names of the whitelist; anything else is silently absent. `-a,b` drops instead."""
    names = [name.removeprefix("items.") for name in fields.lstrip("-").split(",") if name.startswith("items.")]
    if fields.startswith("-"):
        if any(name not in _allowed(release) for name in names):
            raise ApiError(UNKNOWN, "failed to marshal error message")
        return [without(item, names) for item in items]
    return [_picked(item, [name for name in names if name in _allowed(release)]) for item in items]


def _allowed(release: tuple[int, int]) -> frozenset[str]:
    allowed = _BASE_FIELDS
    if release >= (3, 2):
        allowed |= {"status.sourceHydrator"}
    return allowed | _FIELDS_3_5 if release >= (3, 5) else allowed


def _picked(item: Json, names: list[str]) -> Json:
    picked: Json = {"metadata": {}, "spec": {}, "status": {}}
    for name in names:
        source = "status.operationState.syncResult" if name == "status.operationState.operation.sync" else name  # a misnomer of Argo CD's
        value = value_at(item, source)
        if value is not None:
            put_at(picked, name, value)
    return {key: value for key, value in picked.items() if value or key == "metadata"}


def picked_paths(document: Json, names: list[str]) -> Json:
    """The generic filter of the streams: any path."""
    picked: Json = {}
    for name in names:
        value = value_at(document, name)
        if value is not None:
            put_at(picked, name, value)
    return picked


def without(item: Json, names: list[str]) -> Json:
    for name in names:
        item = _dropped(item, name.split("."))
    return item


def _dropped(document: Any, path: list[str]) -> Any:
    if not isinstance(document, dict) or path[0] not in document:
        return document
    if len(path) == 1:
        return {key: value for key, value in document.items() if key != path[0]}
    return {**document, path[0]: _dropped(document[path[0]], path[1:])}


def value_at(document: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def put_at(document: Json, dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    document[last] = value
