"""From an application's source as reported to what the manifests engine needs of it. Pure but for the rows it reads."""

from collections.abc import Mapping
from typing import Any

from deployments.manifests.images import DOCKER_HUB
from deployments.manifests.sources import Source, SourceKind, ValuesUser, why_not_tracked
from deployments.observations import source_of, source_type_of
from infrastructure.models import Application, ApplicationSource

REPLACE_PATHS = "argo.octopus.com/image-replace-paths"


def manifest_source(source: ApplicationSource) -> Source:
    """The source with its value files and annotations; for a ref source with every Helm source of its Application."""
    application = source.application
    return Source(
        kind=_kind(source.kind, has_ref=bool(source.ref)),
        path=source.path,
        name=source.name.strip(),
        ref=source.ref,
        chart=source.chart,
        value_files=_value_files(source_of(application.content, source.position)),
        image_replace_paths=_replace_paths(application, source.name),
        referenced_by=tuple(_values_users(application)) if source.ref else (),
    )


def obstacle_to_writing(source: ApplicationSource) -> str:
    """What is found out before anything is cloned: why this source can never be written to, a sentence; "" if it may be."""
    name = source.application.name
    if obstacle := hydrator_or_no_repository(source):
        return obstacle
    why = why_not_tracked(manifest_source(source), source.repo_url, source.target_revision)
    return f"Not tracked: {name}: {why}" if why else ""


def hydrator_or_no_repository(source: ApplicationSource) -> str:
    """What stands in the way of every kind of step, a sentence; "" for most sources."""
    spec = source.application.content.get("spec")
    name = source.application.name
    if isinstance(spec, Mapping) and spec.get("sourceHydrator"):
        return f"Not tracked: {name} uses Argo CD’s source hydrator, which Octoargo does not write for."
    return "" if source.repo_url else f"Not tracked: {name} names no repository."


def remark(source: ApplicationSource) -> str:
    """What is unusual about a source that we write for all the same, a sentence; "" for most."""
    if not source.ref or source.path is None:
        return ""
    title = f"Source {source.name.strip() or source.position + 1} of {source.application.name}"
    return f"{title} has both a ref and a path. Image tags are updated in its path and in the values files named ${source.ref}/…. Better make it two sources."


def default_registry(source: ApplicationSource) -> str:
    """Whose an unqualified image in Git is: the registry that Argo CD's cluster object names for the destination."""
    registries = source.application.instance.default_registries
    destination = _map(_map(source.application.content, "spec"), "destination")
    for key in ("server", "name"):
        place = destination.get(key)
        if isinstance(place, str) and place and isinstance(registries, Mapping) and registries.get(place):
            return str(registries[place])
    return DOCKER_HUB


def _kind(text: str, *, has_ref: bool) -> SourceKind:
    """Argo CD leaves the kind of a ref-only source empty; of any other it has not told yet."""
    return SourceKind.parse(text) if text or has_ref else SourceKind.UNKNOWN


def _values_users(application: Application) -> list[ValuesUser]:
    entries = _map(application.content, "spec").get("sources")
    users = []
    for position, entry in enumerate(entries if isinstance(entries, list) else []):
        files = _value_files(entry) if isinstance(entry, Mapping) else ()
        if files or source_type_of(application.content, position) == SourceKind.HELM:
            name = str(entry.get("name") or "").strip() if isinstance(entry, Mapping) else ""
            users.append(ValuesUser(name, files, _replace_paths(application, name, is_one_of_many=len(entries or []) > 1)))
    return users


def _replace_paths(application: Application, name: str, *, is_one_of_many: bool | None = None) -> str | None:
    """A named source reads only its own key; an unnamed one the plain key, and only if it is the only source."""
    annotations = _map(_map(application.content, "metadata"), "annotations")
    entries = _map(application.content, "spec").get("sources")
    many = isinstance(entries, list) and len(entries) > 1 if is_one_of_many is None else is_one_of_many
    name = name.strip()
    if not name and many:
        return None
    value = annotations.get(f"{REPLACE_PATHS}.{name}" if name else REPLACE_PATHS)
    return value if isinstance(value, str) else None


def _value_files(entry: Mapping[str, Any]) -> tuple[str, ...]:
    files = _map(entry, "helm").get("valueFiles")
    return tuple(item for item in files if isinstance(item, str)) if isinstance(files, list) else ()


def _map(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}
