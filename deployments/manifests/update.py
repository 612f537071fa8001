"""The way in: new image tags for the files of one source. Pure: text in, text and records out.

files_needed -> read those -> more_files_needed until it names no more -> update_images
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deployments.manifests import notes
from deployments.manifests.directory import manifest_files, update_manifest
from deployments.manifests.images import StepImage, StepImages
from deployments.manifests.notes import Note
from deployments.manifests.records import FileRecord
from deployments.manifests.sources import Source, SourceKind, why_not_tracked
from deployments.manifests.work import FileOutcome


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What the images make of a source's files."""

    changed: dict[str, str] = field(default_factory=dict)  # path -> the whole new text
    records: dict[str, FileRecord] = field(default_factory=dict)  # path -> what we mean, for changed files and for those that were right already
    notes: tuple[Note, ...] = ()


def files_needed(source: Source, tree_paths: Iterable[str]) -> list[str]:
    """Of a repository's files at a commit, those the source needs, sorted."""
    if why_not_tracked(source):
        return []
    paths = sorted(tree_paths)
    needed: list[str] = []
    if source.path is not None and source.kind is SourceKind.DIRECTORY:
        needed += manifest_files(source, paths)
    return sorted(set(needed))


def more_files_needed(files_read: Mapping[str, str], source: Source, tree_paths: Iterable[str]) -> list[str]:
    """Files that those already read name and that are not among them. Call until it returns nothing."""
    return []


def update_images(files: Mapping[str, str], source: Source, images: Sequence[StepImage], default_registry: str) -> UpdateResult:
    """Set the images' tags wherever the source's files name them.

    `files` maps repository-relative POSIX paths to text with byte order mark and line ends intact; files that do not decode are left out of it
    and told by the caller. `default_registry` is the cluster's, for images that name none ("" means docker.io).
    """
    reason = why_not_tracked(source)
    if reason:
        return UpdateResult(notes=tuple(notes.not_tracked(image.text, reason) for image in images) or (notes.not_tracked("", reason),))
    wanted = StepImages(images, default_registry)
    outcomes: list[FileOutcome] = []
    if source.path is not None and source.kind is SourceKind.DIRECTORY:
        outcomes += _update_directory(files, source, wanted)
    return _combine(outcomes, source, wanted)


def _update_directory(files: Mapping[str, str], source: Source, images: StepImages) -> list[FileOutcome]:
    outcomes = (update_manifest(path, files[path], images) for path in manifest_files(source, sorted(files)))
    return [outcome for outcome in outcomes if outcome is not None]


def _combine(outcomes: Sequence[FileOutcome], source: Source, images: StepImages) -> UpdateResult:
    changed = {outcome.path: outcome.text for outcome in outcomes if outcome.text is not None}
    records = {outcome.path: outcome.record for outcome in outcomes if outcome.record is not None}
    told = [note for outcome in outcomes for note in outcome.notes]
    mentioned = {note.image for note in told}
    where = f"under {source.folder}" if source.folder else "in the repository"
    told += [notes.not_tracked(image.text, f"nothing {where} uses {image.reference.without_tag}.") for image in images.images if image.text not in mentioned]
    return UpdateResult(changed, records, tuple(told))
