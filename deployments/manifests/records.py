"""What we meant, per file: places by name with the values expected there, and the RFC 6902 patch beside them. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self


class Form(StrEnum):
    """What kind of place an image was found at; it says how to find the place again."""

    CONTAINER = "container"  # of an object in a manifest or a strategic merge patch
    IMAGE_ENTRY = "image_entry"  # of a kustomization's images
    INLINE_CONTAINER = "inline_container"  # of an object in a patch written into a kustomization
    OPERATION = "operation"  # of a JSON 6902 patch in a file of its own
    INLINE_OPERATION = "inline_operation"  # of a JSON 6902 patch written into a kustomization
    VALUE = "value"  # of a Helm values file


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, by names. `expected` is the value as text, so "1.10" stays "1.10"; fields that do not apply are ""."""

    form: Form
    expected: str
    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""  # of the object; of an operation, its target's
    container_list: str = ""  # containers or initContainers
    container: str = ""
    entry: str = ""  # of a kustomization's images: its name
    image: str = ""  # of such an entry: the image it stands for
    path: str = ""  # of a value "web.image.tag", of an operation "/spec/template/spec/containers/0/image"

    def to_dict(self) -> dict[str, str]:
        """As JSON, without the empty fields."""
        return {name: str(value) for name in _FIELDS if (value := getattr(self, name)) or name == "expected"}

    @classmethod
    def from_dict(cls, stored: Mapping[str, str]) -> Self:
        known = {name: stored[name] for name in _FIELDS if name in stored and name != "form"}
        return cls(form=Form(stored["form"]), **known)

    @property
    def identity(self) -> "Place":
        """The place without what is expected there: equal for the same names."""
        return replace(self, expected="", image="")

    def __str__(self) -> str:
        """For sentences: "Deployment/web, container web"."""
        thing = f"{self.kind}/{self.name}" if self.name else self.kind
        if self.form is Form.VALUE:
            return self.path
        if self.form is Form.IMAGE_ENTRY:
            return f"images entry {self.entry}"
        if self.form in (Form.OPERATION, Form.INLINE_OPERATION):
            where = f"patch operation {self.path}" + (f", container {self.container}" if self.container else "")
            return f"{where} of {thing}" if thing else where
        role = "init container" if self.container_list == "initContainers" else "container"
        where = f"{thing}, {role} {self.container}".rstrip() if thing else f"{role} {self.container}".rstrip()
        return f"patch of {where}" if self.form is Form.INLINE_CONTAINER else where


_FIELDS = tuple(field.name for field in fields(Place))


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What we meant one file to hold.

    `patch` is over the JSON array of the file's documents (`documents.as_json`). A record without places stands for the whole file: its bytes count.
    """

    path: str
    patch: tuple[dict[str, Any], ...] = ()
    places: tuple[Place, ...] = ()
    sha256: str = ""  # of the bytes we wrote, or found to be right
    is_deleted: bool = False  # we purged it: the change is that it is not there

    def to_dict(self) -> dict[str, Any]:
        places = [place.to_dict() for place in self.places]
        return {"path": self.path, "patch": list(self.patch), "places": places, "sha256": self.sha256, "is_deleted": self.is_deleted}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        places = tuple(Place.from_dict(place) for place in stored.get("places", ()))
        return cls(stored["path"], tuple(stored.get("patch", ())), places, stored.get("sha256", ""), bool(stored.get("is_deleted", False)))

    def joined_with(self, later: "FileRecord") -> "FileRecord":
        """Both of the same file, worked on one after the other."""
        return FileRecord(self.path, self.patch + later.patch, self.places + later.places, later.sha256)

    @classmethod
    def of_whole_file(cls, path: str, content: bytes) -> Self:
        """The record of a generated file."""
        return cls(path, sha256=hashlib.sha256(content).hexdigest())

    @classmethod
    def of_deletion(cls, path: str) -> Self:
        """The record of a purged file."""
        return cls(path, is_deleted=True)


def sha256_of(content: str | bytes) -> str:
    """Of the bytes as they stand in Git."""
    return hashlib.sha256(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content).hexdigest()
