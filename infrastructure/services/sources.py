"""The rows of an application's sources, kept in step with its spec, and their mapping."""

from collections.abc import Sequence
from datetime import datetime

from infrastructure.models import Application, ApplicationSource, ArgoInstance
from infrastructure.reported import ReportedApplication, ReportedSource
from infrastructure.services.mapping import MAPPING_FIELDS, Scopes, mapping_of, scoped_application

_REPORTED_FIELDS = ["name", "repo_url", "path", "target_revision", "chart", "ref", "kind", "revision"]
_COLUMNS = [*_REPORTED_FIELDS, *MAPPING_FIELDS, "removed_at"]


def record_sources(*, pairs: Sequence[tuple[Application, ReportedApplication]], instance: ArgoInstance, scopes: Scopes, now: datetime) -> bool:
    """Write the sources of the reported applications; True when an application's `problems` were set (and are not saved yet)."""
    before: dict[int, dict[int, ApplicationSource]] = {}
    for row in ApplicationSource.objects.filter(application__in=[application for application, _ in pairs]).order_by("position"):
        before.setdefault(row.application_id, {})[row.position] = row
    changed: list[ApplicationSource] = []
    removed: list[int] = []
    has_problems = False
    for application, read in pairs:
        known = before.get(application.pk, {})
        changed += _decide(application, read, known, instance, scopes)
        removed += [row.pk for position, row in known.items() if position >= len(read.sources) and row.removed_at is None]
        has_problems |= bool(application.problems)
    if changed:
        ApplicationSource.objects.bulk_create(changed, update_conflicts=True, unique_fields=["application", "position"], update_fields=_COLUMNS)
    if removed:
        ApplicationSource.objects.filter(pk__in=removed).update(removed_at=now)
    return has_problems


def _decide(
    application: Application, read: ReportedApplication, known: dict[int, ApplicationSource], instance: ArgoInstance, scopes: Scopes
) -> list[ApplicationSource]:
    """The rows that differ from what is in the database, mapped. Sets the application's problems."""
    rows = [_row(application, source) for source in read.sources]
    scoped = scoped_application(application=application, metadata=read.content.get("metadata"), sources=rows, instance=instance.name)
    decided, problems = scopes.decide(instance.pk, scoped)
    application.problems = [*application.problems, *problems]
    for scope, row in zip(decided, rows, strict=True):
        scopes.apply(scope, row)
    return [row for row in rows if (old := known.get(row.position)) is None or _values(old) != _values(row)]


def _row(application: Application, source: ReportedSource) -> ApplicationSource:
    return ApplicationSource(application=application, position=source.position, **{field: getattr(source, field) for field in _REPORTED_FIELDS})


def _values(row: ApplicationSource) -> tuple[object, ...]:
    return (*(getattr(row, field) for field in _REPORTED_FIELDS), *mapping_of(row), row.removed_at)
