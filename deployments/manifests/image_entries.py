"""The `images` of a kustomization: newTag set or added, digest taken out. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from yaml.nodes import MappingNode, Node, ScalarNode

from deployments.manifests import notes
from deployments.manifests.documents import Document, is_null, is_text, items_of, lookup, text_of
from deployments.manifests.edits import Intent, Splice, UnsafeEdit, double_quoted, replace_scalar
from deployments.manifests.images import StepImage, StepImages
from deployments.manifests.kubernetes import MAX_CONTAINERS
from deployments.manifests.records import Form, Place
from deployments.manifests.work import Candidate, FileWork


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `images`."""

    node: MappingNode
    index: int
    place: Place  # expected: its newTag, with "@" and the digest if it has one
    tag: ScalarNode | None  # written in the entry itself
    digest: str
    is_odd: bool  # its newTag is something else than a text


def find_entries(root: Node | None) -> Iterator[Entry]:
    """The entries that are mappings."""
    for index, node in enumerate(items_of(lookup(root, "images"))[:MAX_CONTAINERS]):
        if isinstance(node, MappingNode):
            name, digest = text_of(lookup(node, "name")), text_of(lookup(node, "digest"))
            image = text_of(lookup(node, "newName")) or name
            own = next((value for key, value in reversed(node.value) if key.value == "newTag"), None)
            value = text_of(lookup(node, "newTag")) + (f"@{digest}" if digest else "")
            place = Place(Form.IMAGE_ENTRY, value, entry=name, image=image)
            yield Entry(node, index, place, own if isinstance(own, ScalarNode) else None, digest, own is not None and not (is_null(own) or is_text(own)))


def update_entries(work: FileWork, document: Document, images: StepImages) -> None:
    """Set newTag of every entry that stands for one of the images."""
    entries = list(find_entries(document.root))
    wanted: dict[int, set[str]] = {}  # per newTag node, what the entries that share it shall have
    for entry in entries:
        if entry.tag is not None:
            image = _image_of(entry, images)
            wanted.setdefault(id(entry.tag), set()).add(image.tag if image else entry.tag.value)
    for entry in entries:
        if not entry.place.entry:
            where = f"images entry {entry.index + 1}"
            work.notes.append(notes.not_editable(work.path, where, "", f"{where} of {work.path} has no name."))
            continue
        reference = images.parse(entry.place.image)
        image = _image_of(entry, images)
        if image is not None:
            is_shared = entry.tag is not None and len(wanted[id(entry.tag)]) > 1
            _update_entry(work, document, entry, image, is_shared=is_shared)
        elif reference is not None and (alike := images.named_alike(reference)) is not None:
            work.notes.append(notes.other_registry(work.path, str(entry.place), alike.text, reference.qualified, alike.reference.qualified))


def _image_of(entry: Entry, images: StepImages) -> StepImage | None:
    reference = images.parse(entry.place.image)
    return images.same(reference) if reference is not None else None


def _update_entry(work: FileWork, document: Document, entry: Entry, image: StepImage, *, is_shared: bool) -> None:
    where = str(entry.place)
    place = replace(entry.place, expected=image.tag)
    pointer = f"/{document.index}/images/{entry.index}/newTag"
    if entry.place.expected == image.tag:
        note = notes.already_there(work.path, where, image.text, image.tag)
        work.candidates.append(Candidate((place,), (note,), pointer, image.tag))
        return
    if is_shared or entry.is_odd:
        what = "is an alias that other images share" if is_shared else "is not a plain text"
        why = f"newTag of {where} in {work.path} {what}. Give it a value of its own."
        work.notes.append(notes.not_editable(work.path, where, image.text, why))
        return
    note = notes.updated(work.path, where, image.text, entry.place.expected.removeprefix("@"), image.tag)
    try:
        intent = _edit(work.text, document, entry, image.tag)
    except UnsafeEdit as error:
        work.notes.append(notes.unsafe_edit(work.path, where, image.text, str(error)))
        return
    work.candidates.append(Candidate((place,), (note,), pointer, image.tag, intent))


def _edit(text: str, document: Document, entry: Entry, tag: str) -> Intent:
    """newTag set where it stands, put in the digest's place, or appended as last key; a digest beside newTag is removed."""
    at = next((n for n, (key, _) in enumerate(entry.node.value) if key.value == "digest"), None)
    if entry.tag is None:
        intent = Intent(keys={id(entry.node): {"newTag": tag}})
        if at is None:
            intent.splices.append(_append(text, document, entry.node, tag))
        else:
            key, value = entry.node.value[at]
            intent.splices.append(Splice(document.base + key.start_mark.index, _end(document, value), _pair(key, tag)))
            intent.keys[id(entry.node)]["digest"] = None
        return intent
    is_right = entry.tag.value == tag and not is_null(entry.tag)
    intent = Intent() if is_right else replace_scalar(text, document, entry.tag, tag, quote=True)
    if at is not None:
        intent.splices.append(_remove(text, document, entry.node, at))
        intent.keys[id(entry.node)] = {"digest": None}
    return intent


def _pair(like: Node, tag: str) -> str:
    quote = like.style if isinstance(like, ScalarNode) and like.style in ("'", '"') else ""
    return f"{quote}newTag{quote}: {double_quoted(tag)}"


def _end(document: Document, node: Node) -> int:
    return int(document.base + node.end_mark.index)


def _append(text: str, document: Document, node: MappingNode, tag: str) -> Splice:
    key, value = node.value[-1]
    end = _end(document, value)
    if node.flow_style:
        return Splice(end, end, f", {_pair(key, tag)}")
    if end < document.base + key.start_mark.index:  # an alias: its marks are its anchor's
        end = _end(document, key)
    first = node.value[0][0]
    line_end = text.find("\n", end)
    if line_end < 0:
        newline = "\r\n" if "\r\n" in text else "\n"
        line_end = len(text)
    elif text[line_end - 1] == "\r":
        newline, line_end = "\r\n", line_end - 1
    else:
        newline = "\n"
    return Splice(line_end, line_end, f"{newline}{' ' * first.start_mark.column}{_pair(first, tag)}")


def _remove(text: str, document: Document, node: MappingNode, at: int) -> Splice:
    """Take out a key and its value: with its line, or with its comma."""
    key, value = node.value[at]
    start, end = document.base + key.start_mark.index, _end(document, value)
    if at == 0:
        following = node.value[1][0] if len(node.value) > 1 else None
        if following is None:
            raise UnsafeEdit("the entry holds nothing but a digest")
        return Splice(start, document.base + following.start_mark.index, "")
    if node.flow_style:
        return Splice(_end(document, node.value[at - 1][1]), end, "")
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    if text[line_start:start].strip():
        raise UnsafeEdit("the digest does not stand on a line of its own")
    if line_end < 0:
        before = line_start - 1
        return Splice(before - 1 if text[before - 1] == "\r" else before, len(text), "")
    return Splice(line_start, line_end + 1, "")
