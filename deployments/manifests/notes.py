"""What is told about each image and place: one sentence per note. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self


class NoteCode(StrEnum):
    """What became of an image at a place, or of a file, or why nothing did."""

    UPDATED = "updated"
    DELETED = "deleted"  # a file, purged
    ALREADY_THERE = "already_there"
    OTHER_REGISTRY = "other_registry"
    PINNED = "pinned"
    NO_SUCH_PATH = "no_such_path"
    NOT_TRACKED = "not_tracked"
    NOT_EDITABLE = "not_editable"
    NO_IMAGE = "no_image"  # a container without one
    UNKNOWN_KIND = "unknown_kind"  # an object with containers that we do not know
    MISSING_FILE = "missing_file"
    UNSAFE_EDIT = "unsafe_edit"  # the edit failed its own check and was refused


QUIET = frozenset({NoteCode.UPDATED, NoteCode.DELETED, NoteCode.ALREADY_THERE})  # all others ask for a look


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence about an image, a file and a place; each of them "" when it does not apply."""

    code: NoteCode
    file: str
    place: str
    image: str
    sentence: str

    def to_dict(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, str]) -> Self:
        return cls(NoteCode(stored["code"]), stored["file"], stored["place"], stored["image"], stored["sentence"])


def updated(file: str, place: str, image: str, was: str, now: str) -> Note:
    change = f"has {now} now; it had {was}" if was else f"has {now} now; it had no tag"
    return Note(NoteCode.UPDATED, file, place, image, f"Updated: {file}, {place}, {change}.")


def already_there(file: str, place: str, image: str, tag: str) -> Note:
    return Note(NoteCode.ALREADY_THERE, file, place, image, f"Already there: {file}, {place}, has {tag}. It is verified all the same.")


def pinned(file: str, place: str, image: str, name: str) -> Note:
    return Note(NoteCode.PINNED, file, place, image, f"Left alone: {file}, {place}, pins {name} to a digest. Remove the digest to let tags through.")


def other_registry(file: str, place: str, image: str, found: str, wanted: str) -> Note:
    return Note(NoteCode.OTHER_REGISTRY, file, place, image, f"Left alone: {file}, {place}, says {found}, the release says {wanted}.")


def not_editable(file: str, place: str, image: str, why: str) -> Note:
    return Note(NoteCode.NOT_EDITABLE, file, place, image, f"Not editable: {why}")


def not_tracked(image: str, why: str, file: str = "") -> Note:
    return Note(NoteCode.NOT_TRACKED, file, "", image, f"Not tracked: {why}")


def unsafe_edit(file: str, place: str, image: str, why: str) -> Note:
    sentence = f"Left alone: the edit of {file}, {place}, did not pass its check ({why}). Nothing there was changed; report this file as a bug."
    return Note(NoteCode.UNSAFE_EDIT, file, place, image, sentence)


def no_such_path(file: str, path: str, image: str, why: str) -> Note:
    return Note(NoteCode.NO_SUCH_PATH, file, path, image, f"No such path: {why}")


def missing_file(file: str, image: str, why: str) -> Note:
    return Note(NoteCode.MISSING_FILE, file, "", image, f"Skipped: {why}")
