"""Makes releases: a version, its images, and the process, templates and variables as they are now."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from deployments.manifests.images import InvalidImage, parse_step_image
from deployments.models import Release, Step, TemplateArchive
from deployments.services.errors import InvalidRelease
from deployments.services.pinning import is_manifests_step, pinned_process, takes_archive
from deployments.services.variables import snapshot_of
from deployments.status import StepKind
from infrastructure.models import Project
from infrastructure.services.trail import record_event

VERSION_LENGTH = 100


def create_release(
    *, project: Project, version: str, images: Iterable[str], by: Any, now: datetime, notes: str = "", archive: TemplateArchive | None = None
) -> Release:
    """Make a release of `images`, full references with a tag such as "ghcr.io/acme/web:1.4.2"; none when no step updates images.

    It keeps the project's process and variables as they are now; a project without a process gets the single step "Update image tags".
    A step that writes manifests is pinned to the commit its branch or tag stands for now (its Git host is called), or to `archive`.
    Raises InvalidRelease.
    """
    version = _checked_version(project, version)
    process = [step.snapshot() for step in _process(project)]
    checked = _checked_images(images, are_needed=any(step["kind"] == StepKind.UPDATE_IMAGES for step in process))
    pinned = pinned_process(process, archive)  # before the transaction: hosts take their time
    try:
        with transaction.atomic():
            release = Release.objects.create(
                project=project,
                version=version,
                images=checked,
                process=pinned,
                variables=snapshot_of(project),
                notes=notes.strip(),
                created_at=now,
                created_by=by,
            )
            record_event(kind="release_created", object_name=str(release), by=by, now=now, images=checked, templates=_told(pinned))
    except IntegrityError as error:
        raise _taken(project, version) from error
    return release


def needs_images(project: Project) -> bool:
    """Whether a release of the project must name images."""
    return any(step.kind == StepKind.UPDATE_IMAGES for step in _steps(project)) or not _steps(project)


def needs_archive(project: Project) -> bool:
    """Whether a release of the project must name an archive of templates."""
    return any(takes_archive({"kind": step.kind, "template_origin": step.template_origin}) for step in _steps(project))


def _steps(project: Project) -> list[Step]:
    return list(Step.objects.filter(project=project).order_by("position", "pk"))


def _told(process: list[dict[str, Any]]) -> list[str]:
    """For the audit trail: which commits or archives."""
    return [str(step["templates"].get("commit") or step["templates"].get("sha256")) for step in process if is_manifests_step(step)]


def _process(project: Project) -> list[Step]:
    return _steps(project) or [Step.objects.get_or_create(project=project, position=1)[0]]


def _checked_version(project: Project, version: str) -> str:
    version = version.strip()
    if not version:
        raise InvalidRelease("Give the release a version, for example 1.4.2.", field="version")
    if len(version) > VERSION_LENGTH or not version.isprintable():
        raise InvalidRelease(f"A version is one line of at most {VERSION_LENGTH} characters.", field="version")
    if Release.objects.filter(project=project, version=version).exists():
        raise _taken(project, version)
    return version


def _taken(project: Project, version: str) -> InvalidRelease:
    return InvalidRelease(f"{project} has a release {version} already. Releases do not change; give this one another version.", field="version")


def _checked_images(images: Iterable[str], *, are_needed: bool) -> list[str]:
    texts = [text.strip() for text in images if text.strip()]
    if not texts and are_needed:
        raise InvalidRelease("Name at least one image with its tag, for example ghcr.io/acme/web:1.4.2.", field="images")
    seen: dict[tuple[str, str], str] = {}
    for text in texts:
        try:
            reference = parse_step_image(text)
        except InvalidImage as error:
            raise InvalidRelease(str(error), field="images") from error
        other = seen.setdefault(reference.key, text)
        if other != text:
            raise InvalidRelease(f"{other} and {text} are the same image with two tags. Keep one.", field="images")
    return list(dict.fromkeys(texts))
