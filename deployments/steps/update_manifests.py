"""The step that writes rendered templates into Git: what it plans; steps.writing does the rest."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.git import Reader
from deployments.git.reads import PLAIN_FILES, Entry
from deployments.manifests import notes
from deployments.manifests.notes import Note, NoteCode
from deployments.manifests.output import Layout, OutputFolder, counted, folder_for, folders_above, inside, lay_out, listed
from deployments.manifests.paths import Tree
from deployments.manifests.records import FileRecord
from deployments.models import Deployment, Release, StepRun
from deployments.status import TargetOutcome
from deployments.steps.edits import EditPlan, SourceEdit
from deployments.steps.sources import hydrator_or_no_repository
from deployments.steps.templates import RenderedFiles, rendered_templates
from deployments.steps.variables import variables_for
from infrastructure.models import ApplicationSource, Environment, Tenant
from infrastructure.scoping import annotation_key

FOLDER, LINK, SUBMODULE = "040000", "120000", "160000"
FEW_FOLDERS = 4  # that are listed one by one
LONGEST_PATH = 1000  # as IntendedChange.path holds it
MOST_TOLD = 20  # files of one target, each with a note of its own


@dataclass(frozen=True)
class ManifestsWriter:
    """Plans the rendered files of one step for any sources. Satisfies steps.writers.Writer."""

    rendered: RenderedFiles
    purge: bool

    def obstacle(self, source: ApplicationSource) -> str:
        return obstacle_to_output(source)

    def warnings(self, sources: Sequence[ApplicationSource]) -> list[str]:
        return [*self.rendered.warnings, *self.rendered.remarks, *same_content(sources)]

    def plan(self, reader: Reader, sources: Sequence[tuple[int, ApplicationSource]]) -> EditPlan:
        """Plan the files of every source, and what a purge deletes; a source whose folder cannot be written to is skipped and says why."""
        folders = {key: output_folder(source) for key, source in sources}
        tree = _Tree(reader, {folder.path for folder in folders.values() if not folder.problem} if self.purge else set())
        problems = {key: folder.problem or tree.obstacle(folder.path, self.rendered.files) for key, folder in folders.items()}
        written = {key: folders[key].path for key, problem in problems.items() if not problem}
        layout = lay_out(written.values(), self.rendered.files, tree.existing(written.values()), purge=self.purge)
        before = tree.contents(layout)
        changes = _changes(layout, before)
        edits = {key: _skipped(problem) for key, problem in problems.items() if problem}
        edits |= {key: _edit(layout, folder, changes, before, tree.untold(folder)) for key, folder in written.items()}
        return EditPlan(reader.sha, {path: before[path] for path in changes}, changes, edits)

    def description(self) -> str:
        return ""


def writer(step_run: StepRun) -> ManifestsWriter:
    """Read and render the step's templates. Raises StepRefused with every error, before any repository is touched; StepBlocked."""
    deployment = step_run.deployment
    return writer_for(
        release=deployment.release,
        environment=deployment.environment,
        tenant=deployment.tenant,
        step=step_run.settings,
        position=step_run.position,
        deployment=deployment,
    )


def writer_for(
    *, release: Release, environment: Environment, tenant: Tenant | None, step: Mapping[str, Any], position: int, deployment: Deployment | None = None
) -> ManifestsWriter:
    """The same for a dry run. `step` is as the release keeps it."""
    name = str(step.get("name") or "")
    variables = variables_for(release=release, environment=environment, tenant=tenant, step_name=name, step_number=position, deployment=deployment)
    rendered = rendered_templates(step.get("templates"), variables)
    return ManifestsWriter(RenderedFiles(rendered.files, (*variables.warnings, *rendered.warnings), rendered.remarks), purge=bool(step.get("purge_output")))


def obstacle_to_output(source: ApplicationSource) -> str:
    """Why no manifests can be written for the source, a sentence; "" if they can. Needs no file. Its kind does not matter."""
    name = source.application.name
    if obstacle := hydrator_or_no_repository(source):
        return obstacle
    if source.chart:
        return f"Not tracked: {name}: {source.chart} comes from a chart repository. Only Git branches can be written."
    if source.repo_url.startswith("oci://"):
        return f"Not tracked: {name}: the source comes from an OCI registry. Only Git branches can be written."
    problem = output_folder(source).problem
    return f"Not tracked: {name}: {problem}" if problem else ""


def output_folder(source: ApplicationSource) -> OutputFolder:
    """From the source's own annotation: a named source reads only its own key, an unnamed one the plain key, if it is the only source."""
    application, name = source.application, source.name.strip()
    metadata, spec = application.content.get("metadata"), application.content.get("spec")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    entries = spec.get("sources") if isinstance(spec, Mapping) else None
    is_read = bool(name) or not (isinstance(entries, list) and len(entries) > 1)
    key = annotation_key("path", name)
    value = annotations.get(key) if isinstance(annotations, Mapping) and is_read else None
    title = f"source {name}" if name else "the source"
    return folder_for(title=title, annotation=key, annotated=value if isinstance(value, str) else None, path=source.path, ref=source.ref)


def same_content(sources: Iterable[ApplicationSource]) -> list[str]:
    """A sentence for each application of which several sources get the same files."""
    by_application: dict[int, list[ApplicationSource]] = defaultdict(list)
    for source in sources:
        if not obstacle_to_output(source):
            by_application[source.application_id].append(source)
    return [
        f"{group[0].application.name}: its sources {', '.join(source.name.strip() or str(source.position + 1) for source in group)} all get the same files."
        for group in by_application.values()
        if len(group) > 1
    ]


class _Tree:
    """What one commit has at the output folders. `purged` are those that are listed, one process for each or one for all."""

    def __init__(self, reader: Reader, purged: Collection[str]) -> None:
        self._reader = reader
        self._entries: dict[str, Entry] = {}
        for folder in purged if len(purged) <= FEW_FOLDERS else [""]:
            self._entries |= reader.listing(folder)
        self._paths = Tree(path for path, entry in self._entries.items() if entry.is_plain_file or entry.mode == LINK)

    def obstacle(self, folder: str, names: Iterable[str]) -> str:
        """Why files cannot be written there: links are never followed, and nothing is written over them; "" when they can."""
        paths = [inside(folder, name) for name in names]
        if long := next((path for path in paths if len(path) > LONGEST_PATH), None):
            return f"{long[:60]}… is longer than {LONGEST_PATH:,} characters. Choose a shorter output folder."
        above = folders_above(paths)
        modes = {path: entry.mode for path, entry in self._reader.entries([*above, *paths]).items() if entry is not None}
        for path in above:
            if modes.get(path, FOLDER) != FOLDER:
                return f"{path} is {_what(modes[path])} and not a folder, so nothing is written through it. Move it away."
        for path in paths:
            if modes.get(path, PLAIN_FILES[0]) not in PLAIN_FILES:
                return f"{path} is {_what(modes[path])}, so no file is written over it. Move it away."
        return ""

    def existing(self, folders: Iterable[str]) -> dict[str, list[str]]:
        """Files and links below each folder: what a purge may delete. Submodules stay."""
        return {folder: [path for path in self._paths.below(folder) if _can_be_told(path)] for folder in folders}

    def untold(self, folder: str) -> list[str]:
        """What a purge leaves because its name cannot be written down."""
        return [ascii(path) for path in self._paths.below(folder) if not _can_be_told(path)]

    def contents(self, layout: Layout) -> dict[str, bytes | None]:
        """What is there now of all that is written or deleted; of a link, what it points to is not read."""
        links = {path: b"" for path in layout.deleted if self._entries[path].mode == LINK}
        return {**self._reader.read_files([path for path in (*layout.files, *sorted(layout.deleted)) if path not in links]), **links}


def _changes(layout: Layout, before: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    new: dict[str, bytes | None] = {path: content for path, content in sorted(layout.files.items()) if before[path] != content}
    return new | dict.fromkeys(sorted(layout.deleted))


def _edit(layout: Layout, folder: str, changes: Mapping[str, bytes | None], before: Mapping[str, bytes | None], untold: Sequence[str]) -> SourceEdit:
    paths = layout.of(folder)
    records = {path: FileRecord.of_whole_file(path, layout.files[path]) if path in layout.files else FileRecord.of_deletion(path) for path in paths}
    changed = [path for path in paths if path in changes]
    told = [_note_of_change(path, changes[path], before[path]) for path in changed[:MOST_TOLD]]
    if len(changed) > MOST_TOLD:
        told.append(Note(NoteCode.UPDATED, "", "", "", f"Updated: and {counted(len(changed) - MOST_TOLD, 'more file')} below {_shown(folder)}."))
    if same := len(paths) - len(changed):
        told.append(Note(NoteCode.ALREADY_THERE, "", "", "", f"Already there: {counted(same, 'file')} below {_shown(folder)}. Verified all the same."))
    if overruled := sorted(layout.overruled.get(folder, ())):
        told.append(notes.not_editable(overruled[0], "", "", f"another source, whose output folder is deeper, writes {listed(overruled)} with other content."))
    if untold:
        told.append(notes.not_editable("", "", "", f"{listed(untold)}, below {_shown(folder)}, cannot be purged: such a name cannot be written down."))
    return SourceEdit(TargetOutcome.UPDATED if changed else TargetOutcome.ALREADY_THERE, records, tuple(told))


def _note_of_change(path: str, after: bytes | None, before: bytes | None) -> Note:
    if after is None:
        return Note(NoteCode.DELETED, path, "", "", f"Deleted: {path} is not among the templates.")
    return Note(NoteCode.UPDATED, path, "", "", f"Updated: {path} is {'new' if before is None else 'as rendered now'}.")


def _skipped(problem: str) -> SourceEdit:
    return SourceEdit(TargetOutcome.SKIPPED, {}, (notes.not_tracked("", problem),))


def _can_be_told(path: str) -> bool:
    """Git takes any bytes as a name; the records and the commit take one line of text."""
    return path.isprintable() and len(path) <= LONGEST_PATH


def _what(mode: str) -> str:
    return {FOLDER: "a folder", LINK: "a symbolic link", SUBMODULE: "a submodule"}.get(mode, "a file")


def _shown(folder: str) -> str:
    return folder or "the repository's root"
