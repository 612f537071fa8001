"""Helm values files: tags at the paths that annotations, or the step, name. Each file stands alone. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from yaml.nodes import MappingNode, ScalarNode

from deployments.manifests import notes
from deployments.manifests.documents import parse_documents
from deployments.manifests.helm_files import ValuesFile, is_referenced, values_files
from deployments.manifests.helm_templates import InvalidTemplate, Reading, Template, closest_path, evaluate, parse_template, read, split_templates, value_at
from deployments.manifests.images import StepImage, StepImages
from deployments.manifests.notes import Note, NoteCode
from deployments.manifests.records import Form, Place
from deployments.manifests.sources import Source
from deployments.manifests.work import FileOutcome, FileWork, Judgement, judge, note_broken, note_of

ANNOTATION = "argo.octopus.com/image-replace-paths"


class ValuesWork(FileWork):
    """Work on one values file. Helm reads its first document only."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(path, text, parse_documents(text))
        self.root = self.documents[0].root if self.documents else None
        self._values: dict[int, str] = {}

    def set(self, path: str, node: ScalarNode, value: str, note: Note) -> None:
        """Make the value at a path read `value`; a second wish for the same value is heard only if it is the same."""
        if self._values.setdefault(id(node), value) != value:
            why = f"two paths want different values at {path} of {self.path}. The first was taken."
            self.notes.append(notes.not_editable(self.path, path, note.image, why))
            return
        place = Place(Form.VALUE, value, path=path)
        if all(candidate.places != (place,) for candidate in self.candidates):
            self.add_value(place, self.documents[0], "/" + "/".join(_escape(key) for key in path.split(".")), node, note, read(node) != value)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def update_helm(source: Source, files: Mapping[str, str], images: StepImages) -> list[FileOutcome]:
    """Set the tags in the values files of a Helm source, a ref source, or one that is both."""
    found, told = values_files(source, files)
    if source.ref and not is_referenced(source) and not found:
        why = f"no values file of a Helm source begins with ${source.ref}/."
        told += [notes.not_tracked(image.text, why) for image in images.images]
    works = {each.path: ValuesWork(each.path, files[each.path]) for each in found}
    for work in works.values():
        _note_unreadable(work, images)
    if any(image.helm_path for image in images.images):
        told += _by_step_paths(list(works.values()), found, images)
    else:
        told += _by_annotations(works, found, images)
    outcomes = [work.finish() for work in works.values()]
    return [*outcomes, FileOutcome("", None, None, tuple(dict.fromkeys(told)))]


def _note_unreadable(work: ValuesWork, images: StepImages) -> None:
    note_broken(work, images)
    if work.root is not None and not isinstance(work.root, MappingNode):
        work.notes.append(notes.not_editable(work.path, "", "", f"{work.path} holds no values by name."))


def _by_annotations(works: Mapping[str, ValuesWork], found: list[ValuesFile], images: StepImages) -> list[Note]:
    """Templates name the images; files of one Helm source share its templates."""
    told: list[Note] = []
    for user, annotation in dict.fromkeys((each.user, each.annotation) for each in found):
        name = f"{ANNOTATION}.{user}" if user else ANNOTATION
        if annotation is None:
            why = f"the annotation {name} is missing, so nobody knows where the images stand in the values."
            told += [notes.not_tracked(image.text, why) for image in images.images]
            continue
        theirs = [works[each.path] for each in found if (each.user, each.annotation) == (user, annotation)]
        for text in split_templates(annotation):
            if not text:
                told.append(notes.no_such_path("", "", "", f"a part of the annotation {name} is empty. It is skipped."))
                continue
            try:
                told += _by_template(theirs, parse_template(text), images)
            except InvalidTemplate as error:
                told.append(notes.no_such_path("", "", "", f"the annotation {name} holds {text}, {error}. It is skipped."))
    return told


def _by_template(works: list[ValuesWork], template: Template, images: StepImages) -> list[Note]:
    """Apply a template to each file; when no file has all its values, say what is missing."""
    readings = [(work, evaluate(template, work.root)) for work in works]
    is_read = False
    for work, reading in readings:
        if reading is not None:
            is_read = True
            _apply(work, reading, images)
    told = []
    for work, reading in readings:
        if reading is None and isinstance(work.root, MappingNode):
            present = [path for path in template.paths if value_at(work.root, path) is not None]
            missing = next(path for path in template.paths if path not in present)
            if not is_read or template.paths[-1] in present:  # a file that overrides the tag alone decides what runs
                told.append(_no_such_path(work, missing, f"the annotation names {missing}"))
    return told


def _no_such_path(work: ValuesWork, path: str, who: str, image: str = "") -> Note:
    closest = closest_path(work.root, path)
    there = f"{work.path} has {closest}. Did you mean that?" if closest else f"{work.path} does not have it."
    return notes.no_such_path(work.path, path, image, f"{who}; {there}")


def _apply(work: ValuesWork, reading: Reading, images: StepImages) -> None:
    judgement = judge(reading.image, images)
    if judgement is None:
        return
    note = note_of(judgement, work.path, reading.tag_path)
    if judgement.code not in notes.QUIET:
        work.notes.append(note)
        return
    value = read(reading.node) if judgement.code is NoteCode.ALREADY_THERE else reading.value_for(judgement.image.tag)
    if value is None:
        why = f"the template of {reading.tag_path} in {work.path} adds {reading.lead}{reading.tail} to the tag, and {judgement.image.tag} does not fit that."
        work.notes.append(notes.not_editable(work.path, reading.tag_path, judgement.image.text, why))
        return
    work.set(reading.tag_path, reading.node, value, note)


def _by_step_paths(works: list[ValuesWork], found: list[ValuesFile], images: StepImages) -> list[Note]:
    """The step says where each image stands; annotations are not asked."""
    told = []
    if any(each.annotation is not None for each in found):
        told.append(notes.not_tracked("", f"the annotation {ANNOTATION} is not used, because the step names paths itself."))
    for image in images.images:
        if not image.helm_path:
            told.append(notes.not_tracked(image.text, f"the step names a Helm path for other images and none for {image.reference.without_tag}."))
            continue
        nodes = [(work, node) for work in works if (node := value_at(work.root, image.helm_path)) is not None]
        for work, node in nodes:
            _at_step_path(work, node, image, images)
        if not nodes:
            told += [_no_such_path(work, image.helm_path, f"the step names {image.helm_path}", image.text) for work in works]
    return told


def _at_step_path(work: ValuesWork, node: ScalarNode, image: StepImage, images: StepImages) -> None:
    value, path = read(node), image.helm_path
    if ":" not in value and "/" not in value:
        same = value == image.tag
        note = notes.already_there(work.path, path, image.text, value) if same else notes.updated(work.path, path, image.text, value, image.tag)
        work.set(path, node, image.tag, note)
        return
    judgement: Judgement | None = judge(value, StepImages([image], images.default_registry))
    if judgement is None:
        why = f"Left alone: {work.path}, {path}, holds {value}, which is not {image.reference.without_tag}."
        work.notes.append(replace(notes.not_editable(work.path, path, image.text, ""), sentence=why))
        return
    note = note_of(judgement, work.path, path)
    if judgement.code in notes.QUIET:
        work.set(path, node, judgement.value, note)
    else:
        work.notes.append(note)
