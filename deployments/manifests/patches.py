"""Where patches name images: strategic merge patches and JSON 6902 operations, in files or written into a kustomization. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from deployments.manifests.documents import Document, is_text, items_of, lookup, text_of
from deployments.manifests.kubernetes import LISTS, MAX_CONTAINERS, Found, container_image, containers_of, find_patch_containers
from deployments.manifests.records import Form, Place

_OPERATIONS = frozenset({"add", "replace"})  # `test` and the others never write an image
_NESTING = 12


@dataclass(frozen=True, slots=True)
class InlinePatch:
    """A patch written into a kustomization."""

    node: ScalarNode
    pointer: str  # JSON pointer into the kustomization
    target: Place  # what it patches, as far as it says


@dataclass(frozen=True, slots=True)
class PatchFile:
    """A patch in a file of its own, as the kustomization names it."""

    written: str


def patches_of(root: Node | None) -> list[InlinePatch | PatchFile]:
    """All patches of a kustomization, in the order they stand there."""
    found: list[InlinePatch | PatchFile] = []
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        for index, entry in enumerate(items_of(lookup(root, key))[:MAX_CONTAINERS]):
            found += _patch(entry, f"/{key}/{index}")
    return found


def _patch(entry: Node, pointer: str) -> Iterator[InlinePatch | PatchFile]:
    if isinstance(entry, ScalarNode):
        value = text_of(entry).strip()
        if "\n" in value or value.startswith("{"):
            yield InlinePatch(entry, pointer, _target(None))
        elif value:
            yield PatchFile(value)
        return
    inline = lookup(entry, "patch")
    if isinstance(inline, ScalarNode) and is_text(inline):
        yield InlinePatch(inline, f"{pointer}/patch", _target(lookup(entry, "target")))
    path = text_of(lookup(entry, "path")).strip()
    if path:
        yield PatchFile(path)


def _target(node: Node | None) -> Place:
    group, version = text_of(lookup(node, "group")), text_of(lookup(node, "version"))
    api_version = f"{group}/{version}" if group and version else version or group
    return Place(Form.INLINE_OPERATION, "", api_version, text_of(lookup(node, "kind")), text_of(lookup(node, "namespace")), text_of(lookup(node, "name")))


def find_in_patch(document: Document, target: Place | None = None) -> Iterator[Found]:
    """Every place of one patch document that writes an image. `target` is given for patches within a kustomization."""
    root = document.root
    if isinstance(root, SequenceNode):
        place = target if target is not None else Place(Form.OPERATION, "")
        for index, operation in enumerate(root.value[:MAX_CONTAINERS]):
            if text_of(lookup(operation, "op")) in _OPERATIONS:
                path = text_of(lookup(operation, "path"))
                yield from _of_operation(lookup(operation, "value"), f"/{index}/value", replace(place, path=path))
    elif isinstance(root, MappingNode) and not is_kustomization(root):
        yield from find_patch_containers(root, Form.CONTAINER if target is None else Form.INLINE_CONTAINER)


def is_kustomization(root: Node) -> bool:
    """Does it say that it is one?"""
    return text_of(lookup(root, "apiVersion")).startswith("kustomize.config.k8s.io")


def _of_operation(value: Node | None, pointer: str, place: Place) -> Iterator[Found]:
    parts = place.path.split("/")
    if isinstance(value, ScalarNode):
        if parts[-1] == "image" and any(name in parts for name in LISTS):
            yield Found(replace(place, expected=text_of(value)), pointer, value if is_text(value) else None, not is_text(value))
    elif parts[-1] in LISTS and isinstance(value, SequenceNode):
        for index, container in enumerate(value.value[:MAX_CONTAINERS]):
            yield container_image(container, f"{pointer}/{index}", place, parts[-1])
    elif len(parts) > 1 and parts[-2] in LISTS and isinstance(value, MappingNode):
        yield container_image(value, pointer, place, parts[-2])
    elif value is not None:
        yield from _nested(value, pointer, place)


def _nested(root: Node, pointer: str, place: Place) -> Iterator[Found]:
    """Pod specs somewhere within the value of an operation."""
    stack, seen = [(root, pointer, 0)], {id(root)}
    while stack:
        node, at, depth = stack.pop()
        if not isinstance(node, MappingNode) or depth > _NESTING:
            continue
        yield from containers_of(node, at, place)
        for key, value in node.value:
            if isinstance(value, MappingNode) and id(value) not in seen:
                seen.add(id(value))
                stack.append((value, f"{at}/{_escape(str(key.value))}", depth + 1))


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
