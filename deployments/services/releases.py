"""Makes releases: a version, its images, and the process as it is now."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from deployments.manifests.images import InvalidImage, parse_step_image
from deployments.models import Release, Step
from deployments.services.errors import InvalidRelease
from infrastructure.models import Project
from infrastructure.services.trail import record_event

VERSION_LENGTH = 100


def create_release(*, project: Project, version: str, images: Iterable[str], by: Any, now: datetime, notes: str = "") -> Release:
    """Make a release of `images`, full references with a tag such as "ghcr.io/acme/web:1.4.2".

    It keeps the project's process as it is now; a project without one gets the single step "Update image tags".
    Raises InvalidRelease.
    """
    version = _checked_version(project, version)
    checked = _checked_images(images)
    try:
        with transaction.atomic():
            release = Release.objects.create(
                project=project,
                version=version,
                images=checked,
                process=[step.snapshot() for step in _process(project)],
                notes=notes.strip(),
                created_at=now,
                created_by=by,
            )
            record_event(kind="release_created", object_name=str(release), by=by, now=now, images=checked)
    except IntegrityError as error:
        raise _taken(project, version) from error
    return release


def _process(project: Project) -> list[Step]:
    steps = list(Step.objects.filter(project=project).order_by("position", "pk"))
    return steps or [Step.objects.get_or_create(project=project, position=1)[0]]


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


def _checked_images(images: Iterable[str]) -> list[str]:
    texts = [text.strip() for text in images if text.strip()]
    if not texts:
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
