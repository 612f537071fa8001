"""Pure: as much of Kustomize as deployments touch: resources and bases, images, names, namespace, labels, patches, generators of literals."""

import copy
import posixpath
from typing import Any

import jsonpatch
import yaml

from simulator.documents import load_documents
from simulator.health import CLUSTER_SCOPED
from simulator.policy import matches
from simulator.repos import SourceError, Tree
from simulator.shapes import Json, group_of, pod_template

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def file_in(tree: Tree, path: str) -> str:
    return next((name for name in (posixpath.join(path, n) for n in NAMES) if name in tree), "")


def render(options: Json, tree: Tree, path: str) -> list[Json]:
    """`options` are the application's own: images, namePrefix, nameSuffix, namespace, commonLabels."""
    documents = _build(tree, path, depth=0)
    own = {**options, "images": [_image_argument(text) for text in options.get("images") or []]}
    return [_transform(document, own) for document in documents]


def _build(tree: Tree, path: str, *, depth: int) -> list[Json]:
    name = file_in(tree, path)
    if not name or depth > 10:
        raise SourceError(f"rpc error: code = Unknown desc = unable to find one of '{', '.join(NAMES)}' in directory '{path}'")
    spec = _load(tree[name], name)
    documents: list[Json] = []
    for entry in [*(spec.get("resources") or []), *(spec.get("bases") or [])]:
        documents += _resource(tree, posixpath.normpath(posixpath.join(path, str(entry))), depth=depth)
    documents += [_generated(given, "ConfigMap") for given in spec.get("configMapGenerator") or []]
    documents += [_generated(given, "Secret") for given in spec.get("secretGenerator") or []]
    for patch in _patches(spec, tree, path):
        documents = [_patched(document, patch) for document in documents]
    return [_transform(document, spec) for document in documents]


def _resource(tree: Tree, name: str, *, depth: int) -> list[Json]:
    if name in tree:
        return load_documents(tree[name].decode("utf-8-sig", errors="replace"), posixpath.basename(name))
    if file_in(tree, name):
        return _build(tree, name, depth=depth + 1)
    raise SourceError(f"rpc error: code = Unknown desc = accumulating resources from '{name}': no such file or directory")


def _load(content: bytes, name: str) -> Json:
    try:
        spec = yaml.safe_load(content.decode("utf-8-sig", errors="replace"))
    except yaml.YAMLError as error:
        raise SourceError(f"rpc error: code = Unknown desc = invalid Kustomization {name}: {error}".replace("\n", " ")) from None
    return spec if isinstance(spec, dict) else {}


def _generated(given: Json, kind: str) -> Json:
    pairs = dict(str(literal).split("=", 1) for literal in given.get("literals") or [])
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": given.get("name", "")}, "data" if kind == "ConfigMap" else "stringData": pairs}


def _patches(spec: Json, tree: Tree, path: str) -> list[Json]:
    """As [{"target": {...}, "content": a mapping or a JSON patch's list}]."""
    found = []
    for entry in [*(spec.get("patches") or []), *(spec.get("patchesJson6902") or [])]:
        text = entry.get("patch") or tree.get(posixpath.normpath(posixpath.join(path, str(entry.get("path", "")))), b"").decode(errors="replace")
        found += [{"target": entry.get("target") or {}, "content": content} for content in yaml.safe_load_all(text) if content]
    for entry in spec.get("patchesStrategicMerge") or []:
        text = tree.get(posixpath.normpath(posixpath.join(path, str(entry))), str(entry).encode()).decode(errors="replace")
        found += [{"target": {}, "content": content} for content in yaml.safe_load_all(text) if isinstance(content, dict)]
    return found


def _patched(document: Json, patch: Json) -> Json:
    content, target = patch["content"], patch["target"]
    if not target and isinstance(content, dict):
        target = {"kind": content.get("kind"), "name": (content.get("metadata") or {}).get("name")}
    if not _is_target(document, target):
        return document
    if isinstance(content, list):
        return dict(jsonpatch.apply_patch(copy.deepcopy(document), content))
    kept = {key: document[key] for key in ("apiVersion", "kind")}
    merged = strategic_merge(document, content)
    merged["metadata"]["name"] = document["metadata"]["name"]
    return {**merged, **kept}


def _is_target(document: Json, target: Json) -> bool:
    found = {"kind": document["kind"], "name": document["metadata"].get("name", ""), "group": group_of(document)}
    return all(matches(str(target[key]).replace(".*", "*"), found[key]) for key in found if target.get(key))


def strategic_merge(base: Any, patch: Any) -> Any:
    """Mappings merge, null removes, lists of named things merge by name, other lists are replaced."""
    if isinstance(base, dict) and isinstance(patch, dict):
        merged = {key: value for key, value in base.items() if key not in patch}
        return {key: _merged_value(base, patch, key) for key in [*base, *(k for k in patch if k not in base)] if patch.get(key, "") is not None} | merged
    if isinstance(base, list) and isinstance(patch, list) and all(isinstance(item, dict) and "name" in item for item in [*base, *patch]):
        by_name = {item["name"]: item for item in patch}
        old = [strategic_merge(item, by_name.pop(item["name"], {})) for item in base]
        return old + list(by_name.values())
    return copy.deepcopy(patch)


def _merged_value(base: Json, patch: Json, key: str) -> Any:
    if key not in patch:
        return base[key]
    return strategic_merge(base[key], patch[key]) if key in base else copy.deepcopy(patch[key])


def _transform(document: Json, spec: Json) -> Json:
    document = copy.deepcopy(document)
    meta = document.setdefault("metadata", {})
    if spec.get("namespace") and document["kind"] not in CLUSTER_SCOPED:
        meta["namespace"] = spec["namespace"]
    if spec.get("namePrefix") or spec.get("nameSuffix"):
        meta["name"] = f"{spec.get('namePrefix') or ''}{meta.get('name', '')}{spec.get('nameSuffix') or ''}"
    labels = dict(spec.get("commonLabels") or {})
    for entry in spec.get("labels") or []:
        labels |= entry.get("pairs") or {}
    if labels:
        meta["labels"] = {**(meta.get("labels") or {}), **labels}
    if spec.get("commonAnnotations"):
        meta["annotations"] = {**(meta.get("annotations") or {}), **spec["commonAnnotations"]}
    _set_images(document, spec.get("images") or [])
    return document


def _set_images(document: Json, images: list[Json]) -> None:
    pod = pod_template(document).get("spec") or {}
    for container in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]:
        for image in images:
            if image.get("name") and container.get("image"):
                container["image"] = _replaced(str(container["image"]), image)


def _replaced(reference: str, image: Json) -> str:
    name, tag = split_image(reference)
    if name != image["name"]:
        return reference
    name = str(image.get("newName") or name)
    if image.get("digest"):
        return f"{name}@{image['digest']}"
    return f"{name}:{image['newTag']}" if image.get("newTag") not in (None, "") else name + tag


def split_image(reference: str) -> tuple[str, str]:
    """("ghcr.io/acme/web", ":1.4.2"); a digest keeps its "@"."""
    name, at, digest = reference.partition("@")
    if at:
        return name, at + digest
    head, colon, tag = name.rpartition(":")
    return (head, colon + tag) if colon and "/" not in tag else (name, "")


def _image_argument(text: str) -> Json:
    """`old=new:tag`, `name:tag` or `name@digest`, as in spec.source.kustomize.images."""
    old, _, new = text.rpartition("=")
    name, tag = split_image(new)
    image: Json = {"name": old or name, "newName": name}
    return {**image, "digest": tag[1:]} if tag.startswith("@") else {**image, "newTag": tag[1:]}
