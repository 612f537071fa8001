"""Pure: an Application as a gateway reports it -> the columns and sources that we keep. Any bytes are survived."""

import json
import math
from dataclasses import dataclass
from typing import Any

from gateway.trim import without_passwords

MAX_CONTENT = 1_000_000  # bytes; gateways trim to a quarter of this
UNREADABLE = "The gateway reported this application in a form that cannot be read. Update the gateway; what you see is empty."
TOO_LARGE = "The gateway reported more than 1 MB for this application, so it is not kept. Update the gateway; what you see is empty."


@dataclass(frozen=True)
class ReportedSource:
    """One entry of spec.source(s). `path` None: absent. `revision`: what Argo CD looks at, a commit only if 40 hex digits."""

    position: int
    name: str
    repo_url: str
    path: str | None
    target_revision: str
    chart: str
    ref: str
    kind: str
    revision: str


@dataclass(frozen=True)
class ReportedApplication:
    """What the content says; `problem` is a sentence when it could not be read."""

    content: dict[str, Any]
    argo_project: str
    sync_status: str
    health_status: str
    sources: tuple[ReportedSource, ...]
    problem: str = ""


def read_application(content: bytes) -> ReportedApplication:
    """Read a report's content. Unreadable or too large content gives an empty application with the problem."""
    if len(content) > MAX_CONTENT:
        return _empty(TOO_LARGE)
    try:
        # Gateways take passwords out too; older ones did less.
        parsed = json.loads(without_passwords(content), parse_constant=lambda _: None, parse_float=_finite)
        document = _storable(parsed) if b"\\u" in content or b"\x00" in content else parsed
    except (ValueError, RecursionError):
        return _empty(UNREADABLE)
    if not isinstance(document, dict):
        return _empty(UNREADABLE)
    spec, status = _mapping(document.get("spec")), _mapping(document.get("status"))
    return ReportedApplication(
        content=document,
        argo_project=_text(spec.get("project"), 253) or "default",
        sync_status=_text(_mapping(status.get("sync")).get("status"), 20),
        health_status=_text(_mapping(status.get("health")).get("status"), 20),
        sources=tuple(_sources(spec, status)),
    )


def is_storable_name(text: str, *, limit: int = 253) -> bool:
    """Can it be the key of a row: neither empty, nor too long, nor with characters that a database refuses?"""
    return 0 < len(text) <= limit and _clean(text) == text


def _empty(problem: str) -> ReportedApplication:
    return ReportedApplication({}, "default", "", "", (), problem)


def _sources(spec: dict[str, Any], status: dict[str, Any]) -> list[ReportedSource]:
    """Argo CD's precedence: sourceHydrator's syncSource, sources, source."""
    several = [_mapping(entry) for entry in _list(spec.get("sources"))]
    hydrator = _mapping(spec.get("sourceHydrator"))
    sync = _mapping(status.get("sync"))
    if hydrator:
        dry, synced = _mapping(hydrator.get("drySource")), _mapping(hydrator.get("syncSource"))
        entries = [{"repoURL": dry.get("repoURL"), "path": synced.get("path"), "targetRevision": synced.get("targetBranch")}]
    else:
        entries = several or [_mapping(spec.get("source"))]
    is_multiple = bool(several) and not hydrator
    kinds = _list(status.get("sourceTypes")) if is_multiple else [status.get("sourceType")]
    revisions = _list(sync.get("revisions")) if is_multiple else [sync.get("revision")]
    return [_source(position, entry, _at(kinds, position), _at(revisions, position)) for position, entry in enumerate(entries[:100])]


def _source(position: int, entry: dict[str, Any], kind: Any, revision: Any) -> ReportedSource:
    path = entry.get("path")
    return ReportedSource(
        position=position,
        name=_text(entry.get("name"), 253),
        repo_url=_text(entry.get("repoURL"), 1000),
        path=_text(path, 1000) if isinstance(path, str) else None,
        target_revision=_text(entry.get("targetRevision"), 300),
        chart=_text(entry.get("chart"), 300),
        ref=_text(entry.get("ref"), 253),
        kind=_text(kind, 20),
        revision=_text(revision, 300),
    )


def _text(value: Any, limit: int) -> str:
    return _clean(value)[:limit] if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """Without what PostgreSQL refuses: NUL and lone halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _storable(item) for key, item in value.items()}
    return value


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(values: list[Any], position: int) -> Any:
    return values[position] if position < len(values) else None
