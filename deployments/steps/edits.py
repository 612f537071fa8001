"""Plans the edits of several sources at one commit of their repository: the same code for the commit and for the dry run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deployments.git import Reader
from deployments.manifests import notes
from deployments.manifests.images import StepImage
from deployments.manifests.notes import Note
from deployments.manifests.paths import Tree
from deployments.manifests.records import FileRecord
from deployments.manifests.sources import Source
from deployments.manifests.update import UpdateResult, files_needed, more_files_needed, update_images
from deployments.status import TargetOutcome
from deployments.steps.sources import default_registry, manifest_source
from infrastructure.models import ApplicationSource


@dataclass(frozen=True)
class Editable:
    """One source to edit; `key` is the caller's name for it."""

    key: int
    source: Source
    default_registry: str


@dataclass(frozen=True)
class SourceEdit:
    """What becomes of one source."""

    outcome: TargetOutcome
    records: Mapping[str, FileRecord] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    @property
    def reason(self) -> str:
        """Why nothing was written, a sentence."""
        return next((note.sentence for note in self.notes), "Nothing of the release is in its files.")


@dataclass(frozen=True)
class EditPlan:
    """What one commit would hold: per file the bytes before and after, and what that means per source."""

    sha: str
    before: Mapping[str, bytes | None]  # None: it was not there
    changes: Mapping[str, bytes | None]  # None: it is deleted
    edits: Mapping[int, SourceEdit]


def editable_of(key: int, source: ApplicationSource) -> Editable:
    return Editable(key, manifest_source(source), default_registry(source))


def plan_edits(reader: Reader, editables: Sequence[Editable], images: Sequence[StepImage]) -> EditPlan:
    """Plan the edits in memory, reading only the files that the sources need."""
    files = _Files(reader)
    changes: dict[str, str] = {}
    edits = {}
    for editable in editables:
        result, undecodable = _update(files, editable, images, changes)
        changes |= result.changed
        edits[editable.key] = _edit(result, undecodable, changes)
    before = {path: files.raw[path] for path in changes}
    return EditPlan(reader.sha, before, {path: _encode(text) for path, text in changes.items()}, edits)


def _update(files: "_Files", editable: Editable, images: Sequence[StepImage], changes: Mapping[str, str]) -> tuple[UpdateResult, list[str]]:
    """Against the files as they are at the commit; if an earlier source changes the same ones otherwise, on top of that."""
    texts, undecodable = files.needed_by(editable.source)
    result = update_images(texts, editable.source, images, editable.default_registry)
    if any(path in changes and changes[path] != text for path, text in result.changed.items()):
        texts = {path: changes.get(path, text) for path, text in texts.items()}
        result = update_images(texts, editable.source, images, editable.default_registry)
    return result, undecodable


def _edit(result: UpdateResult, undecodable: list[str], changes: Mapping[str, str]) -> SourceEdit:
    told = (*result.notes, *(_not_text(path) for path in undecodable))
    if not result.records:
        return SourceEdit(TargetOutcome.SKIPPED, {}, told)
    is_updated = any(path in changes for path in result.records)
    return SourceEdit(TargetOutcome.UPDATED if is_updated else TargetOutcome.ALREADY_THERE, result.records, told)


class _Files:
    """The files of one commit, each read once."""

    def __init__(self, reader: Reader) -> None:
        self.raw: dict[str, bytes] = {}
        self._reader = reader
        self._texts: dict[str, str | None] = {}
        self._tree: Tree | None = None

    def needed_by(self, source: Source) -> tuple[dict[str, str], list[str]]:
        """Texts by path, and the paths of those that are no text."""
        tree = self._paths()
        wanted = files_needed(source, tree)
        texts: dict[str, str] = {}
        undecodable: list[str] = []
        while wanted:
            self._read(wanted)
            for path in wanted:
                text = self._texts[path]
                if text is not None:
                    texts[path] = text
                elif path in self.raw:
                    undecodable.append(path)
            wanted = [path for path in more_files_needed(texts, source, tree) if path not in self._texts]
        return texts, undecodable

    def _paths(self) -> Tree:
        if self._tree is None:
            self._tree = Tree(self._reader.list_tree(""))
        return self._tree

    def _read(self, paths: Iterable[str]) -> None:
        new = [path for path in paths if path not in self._texts]
        for path, content in self._reader.read_files(new).items():
            self._texts[path] = decode(content)
            if content is not None:
                self.raw[path] = content


def decode(content: bytes | None) -> str | None:
    """The text with byte order mark and line ends intact; None when it is not there or no UTF-8."""
    if content is None:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _encode(text: str) -> bytes:
    return text.encode("utf-8")


def _not_text(path: str) -> Note:
    return notes.not_editable(path, "", "", f"{path} is not UTF-8 text.")
