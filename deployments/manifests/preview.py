"""Every image a source's files name, for previews: nothing is changed or compared. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployments.manifests.directory import HINT, manifest_files
from deployments.manifests.documents import parse_documents
from deployments.manifests.helm_files import values_files
from deployments.manifests.helm_templates import InvalidTemplate, evaluate, parse_template, split_templates
from deployments.manifests.image_entries import find_entries
from deployments.manifests.images import DOCKER_HUB, ImageReference, parse_cached
from deployments.manifests.kubernetes import Found, UnknownKind, find_containers
from deployments.manifests.kustomize import kustomization_path, patch_files
from deployments.manifests.patches import InlinePatch, find_in_patch, patches_of
from deployments.manifests.records import Form, Place
from deployments.manifests.sources import Source, SourceKind, why_not_tracked


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image as a file names it."""

    file: str
    place: Place
    form: Form
    image: ImageReference


def find_images(files: Mapping[str, str], source: Source, default_registry: str = "") -> list[FoundImage]:
    """Every image of a source, in the order of files and places; texts that are no references are left out."""
    if why_not_tracked(source):
        return []
    found: list[FoundImage] = []
    for file, place, text in _places(files, source):
        image = parse_cached(text.strip("\n"), default_registry or DOCKER_HUB)
        if image is not None:
            found.append(FoundImage(file, place, place.form, image))
    return found


def _places(files: Mapping[str, str], source: Source) -> Iterator[tuple[str, Place, str]]:
    folder = source.folder
    if folder is not None and source.kind is SourceKind.DIRECTORY:
        for path in manifest_files(source, files):
            if HINT in files[path]:
                yield from _in_manifest(path, files[path])
    elif folder is not None and source.kind is SourceKind.KUSTOMIZE:
        yield from _in_kustomization(folder, files)
    yield from _in_values(files, source)


def _mentions_image(piece: str) -> bool:
    return "image" in piece


def _in_manifest(path: str, text: str) -> Iterator[tuple[str, Place, str]]:
    for document in parse_documents(text, _mentions_image):
        for found in find_containers(document.root):
            if not isinstance(found, UnknownKind):
                yield from _usable(path, found)


def _usable(path: str, found: Found) -> Iterator[tuple[str, Place, str]]:
    if found.node is not None and not found.is_strange:
        yield path, found.place, found.place.expected


def _in_kustomization(folder: str, files: Mapping[str, str]) -> Iterator[tuple[str, Place, str]]:
    path = kustomization_path(folder, files)
    if path is None:
        return
    for document in parse_documents(files[path])[:1]:
        for entry in find_entries(document.root):
            yield path, entry.place, f"{entry.place.image}:{entry.place.expected}"
        for patch in patches_of(document.root):
            if isinstance(patch, InlinePatch):
                for inner in parse_documents(patch.node.value):
                    for found in find_in_patch(inner, patch.target):
                        yield from _usable(path, found)
    for patch_path in patch_files(folder, files[path]):
        for document in parse_documents(files.get(patch_path, ""), _mentions_image):
            for found in find_in_patch(document):
                yield from _usable(patch_path, found)


def _in_values(files: Mapping[str, str], source: Source) -> Iterator[tuple[str, Place, str]]:
    for each in values_files(source, files)[0]:
        documents = parse_documents(files[each.path])
        for text in split_templates(each.annotation or ""):
            try:
                reading = evaluate(parse_template(text), documents[0].root if documents else None)
            except InvalidTemplate:
                continue
            if reading is not None:
                yield each.path, Place(Form.VALUE, reading.image, path=reading.tag_path), reading.image
