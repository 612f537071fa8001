"""Which values files a source uses, and by which templates their images are found. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from deployments.manifests import notes
from deployments.manifests.notes import Note
from deployments.manifests.paths import join, normalise
from deployments.manifests.sources import IMPLICIT_VALUES, Source, SourceKind


@dataclass(frozen=True, slots=True)
class ValuesFile:
    """One values file in the repository, and the annotation of the Helm source that uses it."""

    path: str
    user: str  # the Helm source's name, "" when it has none
    annotation: str | None


def values_files(source: Source, paths: Collection[str]) -> tuple[list[ValuesFile], list[Note]]:
    """The files of both roles of a source, and what is wrong with those that are named. `paths` are the repository's, or those read."""
    found: list[ValuesFile] = []
    told: list[Note] = []
    folder = source.folder
    if source.kind is SourceKind.HELM and folder is not None:
        implicit = next((path for name in IMPLICIT_VALUES if (path := f"{folder}/{name}".lstrip("/")) in paths), None)
        if implicit is not None:
            found.append(ValuesFile(implicit, source.name, source.image_replace_paths))
        for written in source.value_files:
            if not written.startswith("$"):
                _add(written, join(folder, written), ("", source.name, source.image_replace_paths), paths, found, told)
    if source.ref:
        for user in source.referenced_by:
            for written in user.value_files:
                rest = written.removeprefix(f"${source.ref}/")
                if rest != written:
                    _add(written, normalise(rest), (source.ref, user.name, user.image_replace_paths), paths, found, told)
    return list(dict.fromkeys(found)), told


def _add(written: str, path: str | None, user: tuple[str, str, str | None], paths: Collection[str], found: list[ValuesFile], told: list[Note]) -> None:
    if "://" in written:
        told.append(notes.missing_file(written, "", f"the values file {written} does not come from this repository."))
    elif not path:
        told.append(notes.not_editable(written, "", "", f"the values file {written} is outside of the repository."))
    elif path not in paths:
        told.append(notes.missing_file(path, "", f"the values file {path} is not in the repository or not a text."))
    else:
        found.append(ValuesFile(path, user[1], user[2]))


def is_referenced(source: Source) -> bool:
    """Does any Helm source name a file of this ref source?"""
    return any(written.startswith(f"${source.ref}/") for user in source.referenced_by for written in user.value_files)
