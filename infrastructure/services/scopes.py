"""Projects, environments and tenants: every change of one decides mappings anew."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from infrastructure.models import Environment, Project, Tenant
from infrastructure.services.errors import ScopeInvalid
from infrastructure.services.mapping import remap
from infrastructure.services.trail import record_event
from infrastructure.signals import scope_removing

Named = TypeVar("Named", Project, Environment, Tenant)


@transaction.atomic
def save_scope(*, row: Named, by: Any, now: datetime) -> Named:
    """Save a new or changed project, environment or tenant and map by it.

    Raises ScopeInvalid, for example when the slug is taken.
    """
    kind = type(row).__name__.lower()
    try:
        row.full_clean()
    except ValidationError as error:
        raise ScopeInvalid(" ".join(error.messages)) from error
    is_new = row.pk is None
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:  # somebody else was faster
        raise ScopeInvalid(f"There is a {kind} with the slug {row.slug} or the name {row.name} already. Choose others.") from error
    record_event(kind=f"{kind}_{'added' if is_new else 'changed'}", object_name=row.slug, by=by, now=now, name=row.name)
    remap(now=now)
    return row


@transaction.atomic
def delete_scope(*, row: Project | Environment | Tenant, by: Any, now: datetime) -> None:
    """Delete it; what was mapped to it is not mapped any more. Raises ScopeInvalid while deployments hold it (scope_removing)."""
    kind, slug, name = type(row).__name__.lower(), row.slug, row.name
    scope_removing.send(sender=type(row), row=row)
    try:
        row.delete()
    except ProtectedError as error:
        raise ScopeInvalid(f"{name} was not deleted: releases or deployments belong to it, and their history stays.") from error
    record_event(kind=f"{kind}_deleted", object_name=slug, by=by, now=now, name=name)
    remap(now=now)


@transaction.atomic
def order_environments(*, environments: Sequence[Environment], by: Any, now: datetime) -> None:
    """Put the environments in the given order, first to last."""
    for position, environment in enumerate(environments):
        Environment.objects.filter(pk=environment.pk).update(position=position)
    record_event(kind="environments_ordered", object_name="environments", by=by, now=now, slugs=[environment.slug for environment in environments])
