"""Where Kubernetes objects name their images: the containers and initContainers of the kinds we know. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from yaml.nodes import MappingNode, Node, ScalarNode

from deployments.manifests.documents import is_null, is_text, items_of, lookup, text_of
from deployments.manifests.records import Form, Place

TEMPLATE = ("spec", "template", "spec")
KINDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("v1", "Pod"): ("spec",),
    ("v1", "PodTemplate"): ("template", "spec"),
    ("v1", "ReplicationController"): TEMPLATE,
    ("apps/v1", "Deployment"): TEMPLATE,
    ("apps/v1", "StatefulSet"): TEMPLATE,
    ("apps/v1", "DaemonSet"): TEMPLATE,
    ("apps/v1", "ReplicaSet"): TEMPLATE,
    ("batch/v1", "Job"): TEMPLATE,
    ("batch/v1", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    ("argoproj.io/v1alpha1", "Rollout"): TEMPLATE,
}
_POD_SPECS = tuple(dict.fromkeys(KINDS.values()))
LISTS = ("containers", "initContainers")
MAX_OBJECTS = MAX_CONTAINERS = 10_000  # per document: aliases could make it any number
_LIST_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A place that names an image, or should. `node` is None when it is missing; `place.expected` is the value found."""

    place: Place
    pointer: str  # JSON pointer into its document
    node: ScalarNode | None
    is_strange: bool = False  # something else than a text stands there


@dataclass(frozen=True, slots=True)
class UnknownKind:
    """An object that holds a container list though we do not know its kind."""

    api_version: str
    kind: str
    name: str


def find_containers(root: Node | None, form: Form = Form.CONTAINER) -> Iterator[Found | UnknownKind]:
    """Every container of a document's object, or of the objects in a `kind: List`."""
    objects = _objects(root, "", _LIST_DEPTH)
    return islice((found for pointer, node in islice(objects, MAX_OBJECTS) for found in _of_object(node, pointer, form)), MAX_CONTAINERS)


def find_patch_containers(root: Node | None, form: Form = Form.CONTAINER) -> Iterator[Found]:
    """The containers of a strategic merge patch, whose kind may be told by the patch's target only: then each pod spec we know of is looked for."""
    objects = _objects(root, "", _LIST_DEPTH)
    return islice((found for pointer, node in islice(objects, MAX_OBJECTS) for found in _of_patch(node, pointer, form)), MAX_CONTAINERS)


def _of_patch(node: MappingNode, pointer: str, form: Form) -> Iterator[Found]:
    api_version, kind = text_of(lookup(node, "apiVersion")), text_of(lookup(node, "kind"))
    place = object_place(node, form, api_version, kind)
    for steps in (KINDS[api_version, kind],) if (api_version, kind) in KINDS else _POD_SPECS:
        yield from containers_at(node, pointer, steps, place)


def _objects(root: Node | None, pointer: str, depth: int) -> Iterator[tuple[str, MappingNode]]:
    """The objects of a document. A List of Lists may be any number of them by aliases, so each mapping counts once."""
    stack: list[tuple[Node | None, str, int]] = [(root, pointer, depth)]
    seen: set[int] = set()
    while stack:
        node, at, left = stack.pop()
        if not isinstance(node, MappingNode) or id(node) in seen:
            continue
        seen.add(id(node))
        if text_of(lookup(node, "kind")) != "List" or text_of(lookup(node, "apiVersion")) != "v1":
            yield at, node
        elif left:
            stack += [(item, f"{at}/items/{index}", left - 1) for index, item in reversed([*enumerate(items_of(lookup(node, "items")))])]


def _of_object(node: MappingNode, pointer: str, form: Form) -> Iterator[Found | UnknownKind]:
    api_version, kind = text_of(lookup(node, "apiVersion")), text_of(lookup(node, "kind"))
    if not api_version or not kind:
        return
    steps = KINDS.get((api_version, kind))
    place = object_place(node, form, api_version, kind)
    if steps is None:
        if holds_containers(node):
            yield UnknownKind(api_version, kind, place.name)
        return
    yield from containers_at(node, pointer, steps, place)


def object_place(node: Node, form: Form, api_version: str, kind: str) -> Place:
    """The object itself as a place, to be completed by a container."""
    metadata = lookup(node, "metadata")
    name = text_of(lookup(metadata, "name")) or text_of(lookup(metadata, "generateName"))
    return Place(form, "", api_version, kind, text_of(lookup(metadata, "namespace")), name)


def containers_at(node: Node, pointer: str, steps: tuple[str, ...], place: Place) -> Iterator[Found]:
    """The containers of the pod spec that stands at `steps` below an object."""
    spec: Node | None = node
    for step in steps:
        spec = lookup(spec, step)
    if spec is not None:
        yield from containers_of(spec, "/".join((pointer, *steps)), place)


def containers_of(spec: Node, pointer: str, place: Place) -> Iterator[Found]:
    """The containers of a pod spec."""
    for name in LISTS:
        for index, container in enumerate(items_of(lookup(spec, name))[:MAX_CONTAINERS]):
            yield container_image(container, f"{pointer}/{name}/{index}", place, name)


def container_image(container: Node, pointer: str, place: Place, container_list: str) -> Found:
    """The image of one container of the object (or operation) at `place`."""
    image = lookup(container, "image")
    value = text_of(image)
    named = replace(place, expected=value, container_list=container_list, container=text_of(lookup(container, "name")))
    node = image if isinstance(image, ScalarNode) and value else None
    return Found(named, f"{pointer}/image", node, _is_strange(container, image))


def _is_strange(container: Node, image: Node | None) -> bool:
    if not isinstance(container, MappingNode):
        return True
    return image is not None and not is_null(image) and not is_text(image)


def holds_containers(root: Node) -> bool:
    """Is there a container list with images anywhere below?"""
    stack, seen = [root], {id(root)}
    while stack:
        node = stack.pop()
        children = [value for _, value in node.value] if isinstance(node, MappingNode) else items_of(node)
        if isinstance(node, MappingNode):
            for key, value in node.value:
                if key.value in LISTS and any(text_of(lookup(item, "image")) for item in items_of(value)):
                    return True
        for child in children:
            if not isinstance(child, ScalarNode) and id(child) not in seen:
                seen.add(id(child))
                stack.append(child)
    return False
