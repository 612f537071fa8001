"""Plain manifests: every YAML and JSON file below a folder, or one patch file. Pure."""

from collections.abc import Iterable

from deployments.manifests import notes
from deployments.manifests.documents import parse_documents
from deployments.manifests.images import StepImages
from deployments.manifests.kubernetes import Found, UnknownKind, find_containers
from deployments.manifests.notes import Note, NoteCode
from deployments.manifests.paths import Tree
from deployments.manifests.sources import Source
from deployments.manifests.work import FileOutcome, FileWork, note_broken

SUFFIXES = (".yaml", ".yml", ".json")
HINT = "ontainers"  # a text without it holds neither containers nor initContainers


def manifest_files(source: Source, paths: Iterable[str]) -> list[str]:
    """The files a folder's manifests may stand in, at all depths."""
    folder = source.folder
    return [] if folder is None else [path for path in Tree.of(paths).below(folder) if path.endswith(SUFFIXES)]


def update_manifest(path: str, text: str, images: StepImages) -> FileOutcome | None:
    """Set the tags in one file of manifests. None when it holds no container."""
    if HINT not in text:
        return None
    words = images.words
    documents = parse_documents(text, lambda piece: HINT in piece and any(word in piece.lower() for word in words))
    work = FileWork(path, text, documents)
    for document in documents:
        if document.root is None:
            continue
        for found in find_containers(document.root):
            if isinstance(found, UnknownKind):
                work.notes.append(_unknown_kind(path, found))
            elif found.node is not None and not found.is_strange and images.parse(found.place.expected.strip("\n")) is not None:
                work.add_image(found.place, document, found.pointer, found.node, images)
            else:
                work.notes.append(_without_image(path, found))
    note_broken(work, images)
    return work.finish()


def _unknown_kind(path: str, found: UnknownKind) -> Note:
    sentence = f"Left alone: {path} holds a {found.kind} of {found.api_version} with containers, a kind that is not known here. Change its tags by hand."
    return Note(NoteCode.UNKNOWN_KIND, path, f"{found.kind}/{found.name}", "", sentence)


def _without_image(path: str, found: Found) -> Note:
    place = str(found.place)
    if found.is_strange or found.node is not None:
        what = "a template" if "{{" in found.place.expected else "not a plain image reference"
        return notes.not_editable(path, place, "", f"the image of {place} in {path} is {what}. Other containers are looked at all the same.")
    return Note(NoteCode.NO_IMAGE, path, place, "", f"Left alone: {path}, {place}, has no image.")
