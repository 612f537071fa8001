"""Environments, tenants and projects: a change of a slug decides every mapping anew."""

from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from infrastructure.admin.base import ServiceAdmin
from infrastructure.models import Environment, Project, Tenant
from infrastructure.services import delete_scope, save_scope

Named = TypeVar("Named", Project, Environment, Tenant)


class ScopeAdmin(ServiceAdmin[Named]):
    """A name, a slug, and how many sources are mapped to it."""

    list_display: Any = ["name", "slug", "mapped_sources"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Named]:
        present = Q(sources__is_mapped=True, sources__removed_at__isnull=True, sources__application__gone_at__isnull=True)
        counted: QuerySet[Named] = super().get_queryset(request).annotate(source_count=Count("sources", filter=present))
        return counted

    @admin.display(description="mapped sources", ordering="source_count")
    def mapped_sources(self, obj: Any) -> int:
        return int(obj.source_count)

    def write(self, obj: Named, *, by: User, now: Any, form: Any) -> None:
        save_scope(row=obj, by=by, now=now)

    def erase(self, obj: Named, *, by: User, now: Any) -> None:
        delete_scope(row=obj, by=by, now=now)


@admin.register(Environment)
class EnvironmentAdmin(ScopeAdmin[Environment]):
    """Their position is the order of the overview's columns."""

    list_display = ["name", "slug", "position", "mapped_sources"]


@admin.register(Tenant)
class TenantAdmin(ScopeAdmin[Tenant]):
    """For whom we deploy."""


@admin.register(Project)
class ProjectAdmin(ScopeAdmin[Project]):
    """What we deploy."""
