"""Finding places by their names in a text as it is now. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from deployments.manifests.documents import Document, parse_documents
from deployments.manifests.helm_templates import read, value_at
from deployments.manifests.image_entries import find_entries
from deployments.manifests.kubernetes import find_patch_containers
from deployments.manifests.patches import InlinePatch, find_in_patch, patches_of
from deployments.manifests.records import Form, Place


def locate(text: str, wanted: Iterable[Place]) -> tuple[list[Place], bool]:
    """Every place of the wanted forms that the text has now, its value in `expected`; and whether all of the text could be read."""
    places = list(wanted)
    words = [(place.image or place.expected.partition(":")[0]).rpartition("/")[2].lower() for place in places]
    documents = parse_documents(text, lambda piece: any(word in piece.lower() for word in words))
    found: list[Place] = []
    for form in dict.fromkeys(place.form for place in places):
        found += _FINDERS[form](documents, [place for place in places if place.form is form])
    return found, not any(document.problem for document in documents)


def _containers(documents: list[Document], _wanted: list[Place]) -> Iterator[Place]:
    for document in documents:
        for found in find_patch_containers(document.root):
            yield _found(found.place)


def _operations(documents: list[Document], _wanted: list[Place]) -> Iterator[Place]:
    for document in documents:
        for found in find_in_patch(document):
            if found.place.form is Form.OPERATION:
                yield _found(found.place)


def _inline(documents: list[Document], wanted: list[Place]) -> Iterator[Place]:
    for document in documents[:1]:
        for patch in patches_of(document.root):
            if isinstance(patch, InlinePatch):
                for inner in parse_documents(patch.node.value):
                    for found in find_in_patch(inner, patch.target):
                        if found.place.form is wanted[0].form:
                            yield _found(found.place)


def _entries(documents: list[Document], _wanted: list[Place]) -> Iterator[Place]:
    for document in documents[:1]:
        for entry in find_entries(document.root):
            yield entry.place


def _values(documents: list[Document], wanted: list[Place]) -> Iterator[Place]:
    for document in documents[:1]:
        for place in wanted:
            node = value_at(document.root, place.path)
            if node is not None:
                yield replace(place, expected=read(node))


def _found(place: Place) -> Place:
    return replace(place, expected=place.expected.strip("\n"))


_FINDERS: dict[Form, Callable[[list[Document], list[Place]], Iterable[Place]]] = {
    Form.CONTAINER: _containers,
    Form.OPERATION: _operations,
    Form.INLINE_CONTAINER: _inline,
    Form.INLINE_OPERATION: _inline,
    Form.IMAGE_ENTRY: _entries,
    Form.VALUE: _values,
}
