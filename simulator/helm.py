"""Pure: as much of Helm as an image tag needs: values merged in Helm's order, templates by `simulator.templates`."""

import copy
import posixpath
from collections.abc import Mapping
from typing import Any

import yaml

from simulator import templates
from simulator.documents import Loader, load_documents
from simulator.repos import SourceError, Tree
from simulator.shapes import Json


def render(options: Json, tree: Tree, path: str, *, refs: Mapping[str, Tree], name: str, namespace: str) -> list[Json]:
    """`options` is spec.source.helm. Raises SourceError."""
    chart = _mapping(tree[posixpath.join(path, "Chart.yaml")], "Chart.yaml")
    scope: Json = {
        "Values": values_of(options, tree, path, refs=refs),
        "Release": {"Name": options.get("releaseName") or name, "Namespace": options.get("namespace") or namespace, "Service": "Helm"},
        "Chart": {"Name": chart.get("name", ""), "Version": str(chart.get("version", "")), "AppVersion": str(chart.get("appVersion", ""))},
        "Capabilities": {"KubeVersion": {"Version": "v1.34.0"}, "APIVersions": []},
    }
    folder = posixpath.join(path, "templates") + "/"
    files = {file: tree[file].decode("utf-8-sig", errors="replace") for file in sorted(tree) if file.startswith(folder)}
    documents: list[Json] = []
    try:
        named = templates.definitions(files.values())
        for file, text in files.items():
            if file.endswith((".yaml", ".yml")):
                documents += load_documents(templates.render(text, scope, named), posixpath.basename(file))
    except templates.TemplateError as error:
        raise SourceError(f"rpc error: code = Unknown desc = failed to execute helm template command: Error: {error}") from None
    return documents


def values_of(options: Json, tree: Tree, path: str, *, refs: Mapping[str, Tree]) -> Json:
    """values.yaml, valueFiles, values, valuesObject, parameters: the later ones win."""
    merged = _mapping(tree.get(posixpath.join(path, "values.yaml"), b""), "values.yaml")
    for file in options.get("valueFiles") or []:
        content = _value_file(str(file), tree, path, refs)
        if content is None and not options.get("ignoreMissingValueFiles"):
            reason = f"Error: open {file}: no such file or directory"
            raise SourceError(f"rpc error: code = Unknown desc = failed to execute helm template command: {reason}")
        merged = merge(merged, _mapping(content or b"", str(file)))
    merged = merge(merged, _mapping(str(options.get("values") or "").encode(), "values"))
    merged = merge(merged, options.get("valuesObject") or {})
    for parameter in options.get("parameters") or []:
        text = str(parameter.get("value", ""))
        _set(merged, str(parameter.get("name", "")), text if parameter.get("forceString") else yaml.safe_load(text or '""'))
    return merged


def _value_file(file: str, tree: Tree, path: str, refs: Mapping[str, Tree]) -> bytes | None:
    if file.startswith("$"):
        ref, _, rest = file[1:].partition("/")
        return refs[ref].get(posixpath.normpath(rest)) if ref in refs else None
    where = file.lstrip("/") if file.startswith("/") else posixpath.join(path, file)
    return tree.get(posixpath.normpath(where))


def _mapping(content: bytes, name: str) -> Json:
    try:
        found: Any = yaml.load(content.decode("utf-8-sig", errors="replace"), Loader=Loader)  # noqa: S506  # a safe loader
    except yaml.YAMLError as error:
        reason = str(error).replace("\n", " ")
        raise SourceError(f"rpc error: code = Unknown desc = failed to execute helm template command: failed to parse {name}: {reason}") from None
    return found if isinstance(found, dict) else {}


def merge(base: Json, over: Json) -> Json:
    merged = copy.deepcopy(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def _set(values: Json, dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
    values[last] = value
