"""An Application's source as the engine needs it. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from deployments.manifests.paths import normalise

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
IMPLICIT_VALUES = ("values.yaml", "values.yml", "Values.yaml", "Values.yml")


class SourceKind(StrEnum):
    """What Argo CD says the source is."""

    DIRECTORY = "Directory"
    KUSTOMIZE = "Kustomize"
    HELM = "Helm"
    PLUGIN = "Plugin"
    UNKNOWN = "Unknown"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Argo CD leaves it empty for plain folders and ref sources. Case does not count."""
        if not text:
            return cls("Directory")
        return next((kind for kind in cls if kind.value.lower() == text.strip().lower()), cls("Unknown"))


@dataclass(frozen=True, slots=True)
class ValuesUser:
    """A Helm source of the same Application that may name files of a ref source: `$values/prod.yaml`."""

    name: str  # of the Helm source, "" when it has none
    value_files: tuple[str, ...]
    image_replace_paths: str | None = None  # its annotation; None when it has none


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of spec.source(s) with all that decides which files are edited, and how."""

    kind: SourceKind
    path: str | None = None  # None when absent; "", "." and "./" are the repository's root
    name: str = ""
    ref: str = ""
    chart: str = ""
    value_files: tuple[str, ...] = ()  # helm.valueFiles as written
    image_replace_paths: str | None = None  # the annotation argo.octopus.com/image-replace-paths of this source, or None
    referenced_by: tuple[ValuesUser, ...] = ()  # for a ref source: every Helm source of the Application, itself included if it is one

    @property
    def folder(self) -> str | None:
        """The path, normalised; None when absent or out of the repository."""
        return None if self.path is None else normalise(self.path)


def why_not_tracked(source: Source, repo_url: str = "", revision: str = "") -> str:
    """Why nothing of the source can be written, as a sentence for a note, or "". Needs no file, so ask before anything is cloned."""
    title = f"source {source.name}" if source.name else "the source"
    if source.chart:
        return f"{source.chart} comes from a chart repository{f' at {revision}' if revision else ''}. Only Git branches can be written."
    if repo_url.startswith("oci://"):
        return f"{title} comes from an OCI registry. Only Git branches can be written."
    if source.ref:  # its files are found by name; its own path, if it has one, is looked at as far as it can be
        return ""
    if source.path is None:
        return f"{title} has no path. Give it one in the Application."
    if source.folder is None:
        return f"the path {source.path} of {title} leaves its repository."
    if source.kind is SourceKind.PLUGIN:
        return f"{title} is rendered by a plugin, and only the plugin knows where its images stand."
    if source.kind is SourceKind.UNKNOWN:
        return f"Argo CD has not said what kind {title} is. It does after its next comparison."
    return ""
