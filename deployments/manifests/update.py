"""The way in: new image tags for the files of one source. Pure: text in, text and records out.

files_needed -> read those -> more_files_needed until it names no more -> update_images
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deployments.manifests import notes
from deployments.manifests.directory import manifest_files, update_manifest
from deployments.manifests.helm import update_helm
from deployments.manifests.helm_files import values_files
from deployments.manifests.images import StepImage, StepImages
from deployments.manifests.kustomize import kustomization_path, patch_files, update_kustomize
from deployments.manifests.notes import Note
from deployments.manifests.paths import Tree
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
    """Of a repository's files at a commit, those the source needs, sorted. Give a `paths.Tree` when you ask for many sources."""
    if why_not_tracked(source):
        return []
    paths = Tree.of(tree_paths)
    needed = {each.path for each in values_files(source, paths)[0]}
    folder = source.folder
    if folder is not None and source.kind is SourceKind.DIRECTORY:
        needed.update(manifest_files(source, paths))
    elif folder is not None and source.kind is SourceKind.KUSTOMIZE:
        kustomization = kustomization_path(folder, paths)
        needed.update([kustomization] if kustomization else [])
    return sorted(needed)


def more_files_needed(files_read: Mapping[str, str], source: Source, tree_paths: Iterable[str]) -> list[str]:
    """Files that those already read name and that are not among them, sorted. Call until it returns nothing."""
    folder = source.folder
    if why_not_tracked(source) or folder is None or source.kind is not SourceKind.KUSTOMIZE:
        return []
    kustomization = kustomization_path(folder, files_read)
    if kustomization is None:
        return []
    missing = [path for path in patch_files(folder, files_read[kustomization]) if path not in files_read]
    return sorted(set(missing).intersection(tree_paths)) if missing else []


def update_images(files: Mapping[str, str], source: Source, images: Sequence[StepImage], default_registry: str = "") -> UpdateResult:
    """Set the images' tags wherever the source's files name them.

    `files` maps repository-relative POSIX paths to text with byte order mark and line ends intact; files that do not decode are left out of it
    and told by the caller. `default_registry` is the cluster's, for images that name none ("" means docker.io).
    """
    reason = why_not_tracked(source)
    if reason:
        return UpdateResult(notes=tuple(notes.not_tracked(image.text, reason) for image in images) or (notes.not_tracked("", reason),))
    wanted = StepImages(images, default_registry)
    outcomes = _by_path(files, source, wanted)
    if source.kind is SourceKind.HELM or source.ref:
        outcomes += update_helm(source, _after(files, outcomes), wanted)
    return _combine(outcomes, source, wanted)


def _by_path(files: Mapping[str, str], source: Source, images: StepImages) -> list[FileOutcome]:
    """What stands below the source's path, but for Helm values."""
    folder = source.folder
    if folder is None:
        return []
    if source.kind is SourceKind.KUSTOMIZE:
        return update_kustomize(folder, files, images)
    if source.kind is SourceKind.DIRECTORY:
        outcomes = (update_manifest(path, files[path], images) for path in manifest_files(source, files))
        return [outcome for outcome in outcomes if outcome is not None]
    return []


def _after(files: Mapping[str, str], outcomes: Sequence[FileOutcome]) -> Mapping[str, str]:
    """The files with what was changed so far: a source in both roles may hold one file in each."""
    changed = {outcome.path: outcome.text for outcome in outcomes if outcome.text is not None}
    return {**files, **changed} if changed else files


def _combine(outcomes: Sequence[FileOutcome], source: Source, images: StepImages) -> UpdateResult:
    changed = {outcome.path: outcome.text for outcome in outcomes if outcome.text is not None}
    records: dict[str, FileRecord] = {}
    for outcome in outcomes:
        if outcome.record is not None:
            earlier = records.get(outcome.path)
            records[outcome.path] = earlier.joined_with(outcome.record) if earlier else outcome.record
    told = list(dict.fromkeys(note for outcome in outcomes for note in outcome.notes))
    mentioned = {note.image for note in told}
    told += [notes.not_tracked(image.text, _nowhere(source, image)) for image in images.images if image.text not in mentioned]
    return UpdateResult(changed, records, tuple(told))


def _nowhere(source: Source, image: StepImage) -> str:
    name = image.reference.without_tag
    folder = source.folder or "the repository's root"
    if source.kind is SourceKind.KUSTOMIZE:
        return f"the kustomization in {folder} has no images entry or patch for {name}. Add one to its images."
    if source.kind is SourceKind.HELM or (source.ref and source.path is None):
        return f"no values file of the source names {name} at its paths."
    return f"nothing under {folder} uses {name}."
