"""Pure: from an application's source and a tree of files to manifests: plain directories, and which of the three kinds a source is."""

import fnmatch
import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator import helm, kustomize
from simulator.documents import load_documents, looks_like_an_object
from simulator.health import CLUSTER_SCOPED
from simulator.repos import SourceError, Tree
from simulator.shapes import Json


@dataclass(frozen=True)
class Rendered:
    """What one source gives: its kind ("" for a source that is only a ref) and its manifests."""

    source_type: str
    manifests: list[Json]


@dataclass(frozen=True)
class Release:
    """What a source knows of its application."""

    name: str
    namespace: str


def sources_of(spec: Json) -> list[Json]:
    """The sources that count: the hydrator's sync source, else `sources`, else `source`."""
    hydrator = spec.get("sourceHydrator") or {}
    if hydrator.get("syncSource"):
        dry, sync = hydrator.get("drySource") or {}, hydrator["syncSource"]
        return [{"repoURL": dry.get("repoURL", ""), "path": sync.get("path", ""), "targetRevision": sync.get("targetBranch", "")}]
    return list(spec.get("sources") or []) or [spec.get("source") or {}]


def is_multi(spec: Json) -> bool:
    return bool(spec.get("sources")) and not (spec.get("sourceHydrator") or {}).get("syncSource")


def render(source: Json, tree: Tree, *, refs: Mapping[str, Tree], release: Release) -> Rendered:
    """Raises SourceError with the text Argo CD's repo-server would give.

    `refs` are the trees of the other sources by `$name`.
    """
    if source.get("chart"):
        return Rendered("Helm", [])
    if source.get("ref") and not source.get("path"):
        return Rendered("", [])
    path = posixpath.normpath(source.get("path") or ".").strip("/")
    path = "" if path == "." else path
    if path and not any(name.startswith(f"{path}/") for name in tree):
        raise SourceError(f"rpc error: code = Unknown desc = {path}: app path does not exist")
    kind = source_type(source, tree, path)
    match kind:
        case "Helm":
            documents = helm.render(source.get("helm") or {}, tree, path, refs=refs, name=release.name, namespace=release.namespace)
        case "Kustomize":
            documents = kustomize.render(source.get("kustomize") or {}, tree, path)
        case _:
            documents = _directory(source.get("directory") or {}, tree, path)
    return Rendered(kind, [_placed(document, release.namespace) for document in documents])


def source_type(source: Json, tree: Tree, path: str) -> str:
    for kind in ("Helm", "Kustomize", "Directory"):
        if source.get(kind.lower()):
            return kind
    if posixpath.join(path, "Chart.yaml") in tree:
        return "Helm"
    return "Kustomize" if kustomize.file_in(tree, path) else "Directory"


def _directory(options: Json, tree: Tree, path: str) -> list[Json]:
    documents: list[Json] = []
    for name in sorted(tree):
        relative = posixpath.relpath(name, path or ".")
        if relative.startswith("../") or not relative.endswith((".yaml", ".yml", ".json")):
            continue
        if ("/" in relative and not options.get("recurse")) or not _is_chosen(options, relative):
            continue
        text = tree[name].decode("utf-8-sig", errors="replace")
        if relative.endswith(".json"):
            documents += _json_documents(text, posixpath.basename(name))
        elif looks_like_an_object(text):
            documents += load_documents(text, posixpath.basename(name))
    return documents


def _is_chosen(options: Json, relative: str) -> bool:
    def fits(globs: Any) -> bool:
        return any(fnmatch.fnmatch(relative, glob) for glob in str(globs).strip("{}").split(","))

    if options.get("exclude") and fits(options["exclude"]):
        return False
    return not options.get("include") or fits(options["include"])


def _json_documents(text: str, name: str) -> list[Json]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise SourceError(f'rpc error: code = FailedPrecondition desc = Failed to unmarshal "{name}": {error}') from None
    return [document] if isinstance(document, dict) and document.get("kind") and document.get("apiVersion") else []


def _placed(document: Json, namespace: str) -> Json:
    """With the destination's namespace where none is given and the kind has one."""
    meta = dict(document.get("metadata") or {})
    if document["kind"] in CLUSTER_SCOPED:
        meta.pop("namespace", None)
    elif not meta.get("namespace"):
        meta["namespace"] = namespace
    return {**document, "metadata": meta}
