"""Where each application source is mapped, by what and why."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from infrastructure.admin.base import ReadOnlyAdmin, TabularInline
from infrastructure.models import Application, ApplicationSource
from infrastructure.status import MappedBy


class MappingFilter(admin.SimpleListFilter):
    """Is it mapped, and if not, was it meant to be?"""

    title = "mapping"
    parameter_name = "mapping"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mapped", "Mapped"), ("problem", "Meant to be, but not mapped"), ("conflict", "Rules disagree"), ("none", "Nothing maps it")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApplicationSource]) -> QuerySet[ApplicationSource]:
        is_meant = ~Q(mapped_by="") | ~Q(application__problems=[])
        match self.value():
            case "mapped":
                return queryset.filter(is_mapped=True)
            case "problem":
                return queryset.filter(is_meant, is_mapped=False)
            case "conflict":
                return queryset.filter(is_mapped=False, mapped_by=MappedBy.RULE)
            case "none":
                return queryset.filter(is_mapped=False).exclude(is_meant)
        return queryset


@admin.register(ApplicationSource)
class ApplicationSourceAdmin(ReadOnlyAdmin[ApplicationSource]):
    """The list to scope by: filter, find, see why, and go to the annotations or add a rule."""

    list_display = ["place", "scope", "mapped", "why", "links"]
    list_filter = [MappingFilter, "mapped_by", "application__instance", "project", "environment", "tenant", "rule"]
    list_select_related = ["application__instance", "project", "environment", "tenant", "rule"]
    list_per_page = 50
    search_fields = ["application__name", "application__argo_project", "repo_url", "path", "name"]
    ordering = ["application__name", "application__namespace", "position", "pk"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApplicationSource]:
        there = super().get_queryset(request).filter(removed_at__isnull=True, application__gone_at__isnull=True)
        return there.defer("application__content")

    @admin.display(description="source of", ordering="application__name")
    def place(self, obj: ApplicationSource) -> str:
        named = f"{obj.name}: " if obj.name else ""
        source = f"{named}{obj.path or obj.chart or '/'} in {'/'.join(obj.repo_url.rstrip('/').split('/')[-2:])}"
        return format_html('{}<br><span class="quiet">{}, {}</span>', obj.application.name, obj.application.instance.name, source)

    @admin.display(description="scope", ordering="project__name")
    def scope(self, obj: ApplicationSource) -> str:
        return ", ".join(str(part) for part in (obj.project, obj.environment, obj.tenant) if part) or "-"

    @admin.display(description="why", ordering="mapping_reason")
    def why(self, obj: ApplicationSource) -> str:
        return obj.mapping_reason

    @admin.display(description="mapped by", ordering="mapped_by")
    def mapped(self, obj: ApplicationSource) -> str:
        return f"rule {obj.rule.name}" if obj.rule else str(obj.get_mapped_by_display())

    @admin.display(description="")
    def links(self, obj: ApplicationSource) -> str:
        application = obj.application
        address = reverse("annotations", args=[application.instance.name])
        rule = f"{reverse('admin:infrastructure_mappingrule_add')}?{urlencode({'instance': application.instance_id, 'application_name': application.name})}"
        return format_html('<a href="{}?application={}">Annotate</a><br><a href="{}">Add a rule</a>', address, application.pk, rule)


class SourceInline(TabularInline[ApplicationSource, Application]):
    """The sources of an application, to look at."""

    model = ApplicationSource
    fields = ["position", "name", "repo_url", "path", "target_revision", "project", "environment", "tenant", "mapped_by", "mapping_reason"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, *_args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin[Application]):
    """Argo CD's applications as reported."""

    list_display = ["name", "namespace", "instance", "argo_project", "sync_status", "health_status", "reported_at", "gone_at"]
    list_filter = ["instance", "sync_status", "health_status"]
    list_select_related = ["instance"]
    search_fields = ["name", "argo_project"]
    inlines = [SourceInline]
    show_full_result_count = False
