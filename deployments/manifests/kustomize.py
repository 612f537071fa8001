"""Kustomizations: the images entries, and the patches they hold or name. Bases and components are shared with others and left alone. Pure."""

from collections.abc import Container, Mapping

from yaml.nodes import MappingNode

from deployments.manifests import notes
from deployments.manifests.documents import Document, lookup, parse_documents, text_of
from deployments.manifests.edits import Intent, Splice, UnsafeEdit, splice_inside
from deployments.manifests.image_entries import update_entries
from deployments.manifests.images import StepImages
from deployments.manifests.notes import Note
from deployments.manifests.patches import InlinePatch, PatchFile, find_in_patch, is_kustomization, patches_of
from deployments.manifests.paths import join
from deployments.manifests.sources import KUSTOMIZATIONS
from deployments.manifests.work import Candidate, FileOutcome, FileWork, note_broken


def kustomization_path(folder: str, paths: Container[str]) -> str | None:
    """The file Kustomize reads in a folder."""
    candidates = (f"{folder}/{name}" if folder else name for name in KUSTOMIZATIONS)
    return next((path for path in candidates if path in paths), None)


def patch_files(folder: str, text: str) -> list[str]:
    """The repository paths of the patches a kustomization names."""
    root = _root(parse_documents(text))
    joined = (join(folder, patch.written) for patch in patches_of(root) if isinstance(patch, PatchFile) and not patch.written.startswith("/"))
    return list(dict.fromkeys(path for path in joined if path))


def update_kustomize(folder: str, files: Mapping[str, str], images: StepImages) -> list[FileOutcome]:
    """Set the tags in the kustomization of a folder and in its patches."""
    path = kustomization_path(folder, files)
    if path is None:
        missing = f"{folder}/{KUSTOMIZATIONS[0]}" if folder else KUSTOMIZATIONS[0]
        told = [notes.missing_file(missing, image.text, f"there is no kustomization in {folder or 'the root of the repository'}.") for image in images.images]
        return [FileOutcome(missing, None, None, tuple(told))]
    documents = parse_documents(files[path])
    work = FileWork(path, files[path], documents)
    root = _root(documents)
    if root is None:
        note_broken(work, images)
        if not work.notes:
            work.notes += [notes.not_editable(path, "", image.text, f"{path} is not one kustomization.") for image in images.images]
        return [work.finish()]
    update_entries(work, documents[0], images)
    outcomes = []
    for patch in patches_of(root):
        if isinstance(patch, InlinePatch):
            _update_inline(work, documents[0], patch, images)
    for written in dict.fromkeys(patch.written for patch in patches_of(root) if isinstance(patch, PatchFile)):
        outcomes.append(_update_file(folder, written, path, files, images))
    return [work.finish(), *outcomes]


def _root(documents: list[Document]) -> MappingNode | None:
    """The kustomization, if the file holds just one."""
    if len(documents) != 1 or not isinstance(documents[0].root, MappingNode):
        return None
    root = documents[0].root
    kind, api_version = text_of(lookup(root, "kind")), text_of(lookup(root, "apiVersion"))
    fits = (not api_version or is_kustomization(root)) and kind.lower() in ("", "kustomization", "component")
    return root if fits else None


def _update_inline(work: FileWork, document: Document, patch: InlinePatch, images: StepImages) -> None:
    """A patch written into the kustomization: its own text is worked on, then carried over to where it stands."""
    text = patch.node.value
    inner_documents = parse_documents(text)
    inner = FileWork(work.path, text, inner_documents)
    for inner_document in inner_documents:
        for found in find_in_patch(inner_document, patch.target):
            if found.node is not None and not found.is_strange:
                inner.add_image(found.place, inner_document, found.pointer, found.node, images)
    note_broken(inner, images)
    new_text, kept = inner.edited()
    work.notes += inner.notes
    if not kept:
        return
    told = tuple(note for candidate in kept for note in candidate.notes)
    splices: list[Splice] = [splice for candidate in kept if candidate.intent is not None for splice in candidate.intent.splices]
    try:
        intent: Intent | None = splice_inside(work.text, document, patch.node, list(dict.fromkeys(splices))) if splices else None
    except UnsafeEdit as error:
        work.notes += [notes.unsafe_edit(work.path, note.place, note.image, str(error)) for note in told]
        return
    places = tuple(place for candidate in kept for place in candidate.places)
    work.candidates.append(Candidate(places, told, f"/{document.index}{patch.pointer}", new_text, intent))


def _update_file(folder: str, written: str, named_by: str, files: Mapping[str, str], images: StepImages) -> FileOutcome:
    path = None if written.startswith("/") else join(folder, written)
    if path is None or path not in files:
        return FileOutcome(path or written, None, None, (_missing_patch(written, named_by, is_outside=path is None),))
    text = files[path]
    words = images.words
    documents = parse_documents(text, lambda piece: any(word in piece.lower() for word in words))
    work = FileWork(path, text, documents)
    for document in documents:
        for found in find_in_patch(document):
            if found.node is not None and not found.is_strange:
                work.add_image(found.place, document, found.pointer, found.node, images)
    note_broken(work, images)
    return work.finish()


def _missing_patch(written: str, named_by: str, *, is_outside: bool) -> Note:
    why = "which is outside of the repository" if is_outside else "which is not in the repository or not a text"
    return notes.missing_file(written, "", f"{named_by} names the patch {written}, {why}.")
