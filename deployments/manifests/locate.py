"""Finding places again by their names in a text as it is now. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from deployments.manifests.documents import Document, parse_documents
from deployments.manifests.kubernetes import find_patch_containers
from deployments.manifests.records import Form, Place


def locate(text: str, wanted: Iterable[Place]) -> tuple[list[Place], bool]:
    """Every place of the wanted forms that the text has now, its value in `expected`; and whether all of the text could be read."""
    places = list(wanted)
    words = [place.expected.partition(":")[0].rpartition("/")[2].lower() for place in places]
    documents = parse_documents(text, lambda piece: any(word in piece.lower() for word in words))
    found: list[Place] = []
    for form in dict.fromkeys(place.form for place in places):
        found += _FINDERS[form](documents, [place for place in places if place.form is form])
    return found, not any(document.problem for document in documents)


def _containers(documents: list[Document], _wanted: list[Place]) -> Iterator[Place]:
    for document in documents:
        for found in find_patch_containers(document.root):
            yield replace(found.place, expected=found.place.expected.strip("\n"))


_FINDERS: dict[Form, Callable[[list[Document], list[Place]], Iterable[Place]]] = {
    Form.CONTAINER: _containers,
}
