"""Work on one file: places judged, edits collected, carried out with their check, and told. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from yaml.nodes import ScalarNode

from deployments.manifests import notes
from deployments.manifests.documents import Document
from deployments.manifests.edits import Intent, UnsafeEdit, apply_intents, replace_scalar
from deployments.manifests.images import ImageReference, StepImage, StepImages
from deployments.manifests.notes import Note, NoteCode
from deployments.manifests.records import FileRecord, Place, sha256_of

_MAX_SINGLE_TRIES = 20
_MAX_BROKEN_TOLD = 20


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to become of one image found."""

    code: NoteCode
    found: ImageReference
    image: StepImage
    value: str  # the reference as it shall read


def judge(value: str, images: StepImages) -> Judgement | None:
    """Compare an image found in Git with the step's; None when it is none of them."""
    found = images.parse(value)
    if found is None:
        return None
    image = images.same(found)
    if image is None:
        alike = images.named_alike(found)
        return None if alike is None else Judgement(NoteCode.OTHER_REGISTRY, found, alike, value)
    if found.digest:
        return Judgement(NoteCode.PINNED, found, image, value)
    if found.tag == image.tag:
        return Judgement(NoteCode.ALREADY_THERE, found, image, value)
    return Judgement(NoteCode.UPDATED, found, image, found.with_tag(image.tag))


def note_of(judgement: Judgement, file: str, place: str) -> Note:
    """The sentence for a judgement."""
    found, image = judgement.found, judgement.image
    match judgement.code:
        case NoteCode.UPDATED:
            return notes.updated(file, place, image.text, found.tag, image.tag)
        case NoteCode.ALREADY_THERE:
            return notes.already_there(file, place, image.text, image.tag)
        case NoteCode.PINNED:
            return notes.pinned(file, place, image.text, found.without_tag)
        case _:
            return notes.other_registry(file, place, image.text, found.qualified, image.reference.qualified)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value of the file that is ours: places it stands for, where the patch points, and the edit if it needs one."""

    places: tuple[Place, ...]  # with what is expected there
    notes: tuple[Note, ...]
    pointer: str  # JSON pointer over the file's documents
    value: str  # of the node at `pointer` once all is done
    intent: Intent | None = None


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file. `text` is None when nothing changed, `record` when nothing in it is ours."""

    path: str
    text: str | None
    record: FileRecord | None
    notes: tuple[Note, ...]


class FileWork:
    """Collects what to do to one file."""

    def __init__(self, path: str, text: str, documents: Sequence[Document]) -> None:
        self.path = path
        self.text = text
        self.documents = documents
        self.notes: list[Note] = []
        self.candidates: list[Candidate] = []

    def add_image(self, place: Place, document: Document, pointer: str, node: ScalarNode, images: StepImages) -> None:
        """Judge the reference at a scalar and do what follows from it."""
        judgement = judge(node.value.strip("\n"), images)
        if judgement is None:
            return
        note = note_of(judgement, self.path, str(place))
        if judgement.code not in notes.QUIET:
            self.notes.append(note)
            return
        self.add_value(replace(place, expected=judgement.value), document, pointer, node, note, judgement.code is NoteCode.UPDATED)

    def add_value(self, place: Place, document: Document, pointer: str, node: ScalarNode, note: Note, is_change: bool, *, quote: bool = False) -> None:
        """Record that a scalar shall read `place.expected`, and change it if it does not yet."""
        pointer = f"/{document.index}{pointer}"
        try:
            intent = replace_scalar(self.text, document, node, place.expected, quote=quote) if is_change else None
        except UnsafeEdit as error:
            self.notes.append(notes.unsafe_edit(self.path, str(place), note.image, str(error)))
            return
        value = intent.values[id(node)] if intent is not None else node.value
        self.candidates.append(Candidate((place,), (note,), pointer, value, intent))

    def finish(self) -> FileOutcome:
        """Carry out the edits that pass their check; the others are refused and told."""
        text, kept = self.edited()
        places = tuple(place for candidate in kept for place in candidate.places)
        patch = tuple({"op": "replace", "path": candidate.pointer, "value": candidate.value} for candidate in kept)
        record = FileRecord(self.path, patch, places, sha256_of(text)) if kept else None
        told = [note for candidate in kept for note in candidate.notes]
        return FileOutcome(self.path, text if text != self.text else None, record, tuple(told + self.notes))

    def edited(self) -> tuple[str, list[Candidate]]:
        """The new text and the candidates it carries out; what was refused is in the notes."""
        changing = [candidate for candidate in self.candidates if candidate.intent is not None]
        if not changing:
            return self.text, self.candidates
        try:
            return self._apply(changing), self.candidates
        except UnsafeEdit as error:
            refused = self._refused(changing, str(error))
        kept = [candidate for candidate in self.candidates if id(candidate) not in refused]
        changing = [candidate for candidate in kept if candidate.intent is not None]
        try:
            return self._apply(changing) if changing else self.text, kept
        except UnsafeEdit as error:
            self._refuse(changing, str(error))
            return self.text, [candidate for candidate in kept if candidate.intent is None]

    def _apply(self, candidates: Sequence[Candidate]) -> str:
        return apply_intents(self.text, self.documents, [candidate.intent for candidate in candidates if candidate.intent is not None])

    def _refused(self, changing: Sequence[Candidate], reason: str) -> set[int]:
        """Try each edit by itself, so that one bad place does not hold back the others of its file."""
        refused = set()
        for candidate in changing:
            if len(changing) <= _MAX_SINGLE_TRIES:
                try:
                    self._apply([candidate])
                except UnsafeEdit as error:
                    self._refuse([candidate], str(error))
                    refused.add(id(candidate))
            else:
                self._refuse([candidate], reason)
                refused.add(id(candidate))
        return refused

    def _refuse(self, candidates: Sequence[Candidate], reason: str) -> None:
        for candidate in candidates:
            for note in candidate.notes:
                self.notes.append(notes.unsafe_edit(self.path, note.place, note.image, reason))


def note_broken(work: FileWork, images: StepImages) -> None:
    """Tell of documents that could not be read, if they can have anything to do with images."""
    broken = [document for document in work.documents if document.root is None and document.problem]
    if not broken:
        return
    others = any(document.root is not None for document in work.documents)
    for document in broken[:_MAX_BROKEN_TOLD]:
        piece = work.text[document.start : document.end].lower()
        if "image" not in piece:
            continue
        named = [image.text for image in images.images if image.reference.key[1].rpartition("/")[2] in piece]
        tail = " Its other documents are looked at all the same." if others else ""
        where = f"line {document.line}"
        what = f"{where} of {work.path} {document.problem}" if document.problem.startswith("is a") else f"{work.path} {document.problem}, {where}"
        work.notes += [notes.not_editable(work.path, where, image, f"{what}.{tail}") for image in named or [""]]
