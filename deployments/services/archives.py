"""Keeps archives of templates as they were uploaded: checked once, then never changed."""

import hashlib
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from deployments.archives import MEGABYTE, BadArchive, read_archive
from deployments.models import TemplateArchive
from deployments.services.errors import InvalidRelease
from infrastructure.models import Project
from infrastructure.services.trail import record_event

NAME_LENGTH = 255


def store_archive(*, project: Project, name: str, content: bytes, by: Any, now: datetime) -> TemplateArchive:
    """Keep an uploaded zip or tar.gz; the same bytes again are the archive that is there already.

    Raises InvalidRelease for what cannot be unpacked or could do harm when it is.
    """
    name = _tidy(name)
    if len(content) > settings.LARGEST_UPLOAD:
        raise InvalidRelease(archive_too_large(), field="archive")
    try:
        files = read_archive(content, name)
    except BadArchive as error:
        raise InvalidRelease(str(error), field="archive") from error
    sha256 = hashlib.sha256(content).hexdigest()
    with transaction.atomic():
        values = {"name": name, "content": content, "size": len(content), "uploaded_at": now, "uploaded_by": by}
        archive, is_new = TemplateArchive.objects.get_or_create(project=project, sha256=sha256, defaults=values)
        if is_new:
            record_event(kind="archive_uploaded", object_name=f"{project} {name}", by=by, now=now, sha256=sha256, size=len(content), files=len(files))
    return archive


def archive_too_large() -> str:
    """What is said of a bigger upload."""
    return f"The archive is bigger than {settings.LARGEST_UPLOAD // MEGABYTE} MB. Pack the templates only."


def _tidy(name: str) -> str:
    """A file's name of one line, without folders."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in last if character.isprintable()).strip()[-NAME_LENGTH:] or "templates"
