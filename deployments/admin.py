"""Django's admin of what we do: a project's process to change, and everything that Octoargo writes to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from deployments.models import Deployment, IntendedChange, LiveState, LogEntry, PullRequest, Release, Step, StepRun, Target
from deployments.step_forms import STEP_FIELDSETS, StepForm
from infrastructure.admin.base import ReadOnlyAdmin, TabularInline
from infrastructure.admin.scopes import ProjectAdmin
from infrastructure.models import Project
from infrastructure.services.trail import record_event


class StepInline(TabularInline[Step, Project]):
    """The process, on its project's page."""

    model = Step
    form = StepForm
    template = "admin/edit_inline/stacked.html"  # a step has too many fields for one line
    extra = 0
    fieldsets = STEP_FIELDSETS
    ordering = ["position"]
    verbose_name_plural = "Process: the steps of a deployment. A release keeps them as they are when it is made"


admin.site.unregister(Project)


@admin.register(Project)
class ProjectWithProcessAdmin(ProjectAdmin):
    """What we deploy, and how."""

    inlines = [StepInline]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """The event tells the process as it is now, with what stands in tables of its own."""
        before = _process_of(form.instance)
        super().save_formset(request, form, formset, change)
        after = _process_of(form.instance)
        if after != before:
            record_event(kind="process_changed", object_name=form.instance.slug, by=request.user, now=timezone.now(), steps=after)


def _process_of(project: Project) -> list[dict[str, Any]]:
    return [step.snapshot() for step in Step.objects.filter(project=project).order_by("position")]


class StepRunInline(TabularInline[StepRun, Deployment]):
    """How a deployment's steps went."""

    model = StepRun
    extra = 0
    can_delete = False
    fields = ["position", "name", "status", "reason", "started_at", "waiting_since", "finished_at"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin[Release]):
    """Releases never change once made."""

    list_display = ["__str__", "project", "version", "deployment_count", "created_at", "created_by"]
    list_filter = ["project"]
    list_select_related = ["project", "created_by"]
    search_fields = ["version", "project__name", "notes"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Release]:
        return super().get_queryset(request).annotate(number_of_deployments=Count("deployments"))

    @admin.display(description="deployments", ordering="number_of_deployments")
    def deployment_count(self, obj: Any) -> int:
        return int(obj.number_of_deployments)


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin[Deployment]):
    """Cancel and retry on the deployment's own page."""

    list_display = ["pk", "release", "environment", "tenant", "status", "reason", "created_at", "created_by"]
    list_filter = ["status", "project", "environment"]
    list_select_related = ["release__project", "environment", "tenant", "created_by"]
    search_fields = ["release__version", "project__name", "tenant__name"]
    show_full_result_count = False
    inlines = [StepRunInline]


@admin.register(StepRun)
class StepRunAdmin(ReadOnlyAdmin[StepRun]):
    """Executions of steps."""

    list_display = ["deployment", "position", "name", "status", "reason", "started_at", "finished_at"]
    list_filter = ["status", "kind"]
    list_select_related = ["deployment__release__project", "deployment__environment", "deployment__tenant"]
    ordering = ["-pk"]
    show_full_result_count = False


@admin.register(PullRequest)
class PullRequestAdmin(ReadOnlyAdmin[PullRequest]):
    """Our pull requests; merge or close them on their Git host."""

    list_display = ["number", "title", "repo_url", "branch", "state", "reason", "opened_at", "ended_at", "checked_at"]
    list_filter = ["state", "forge_kind"]
    search_fields = ["title", "repo_url", "head_branch"]
    ordering = ["-pk"]
    show_full_result_count = False


class IntendedChangeInline(TabularInline[IntendedChange, Target]):
    """What was written to a target's files."""

    model = IntendedChange
    extra = 0
    can_delete = False
    fields = ["path", "patch", "sha256"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Target)
class TargetAdmin(ReadOnlyAdmin[Target]):
    """Application sources in step runs: what was written, where it stands, why it waits."""

    list_display = ["application_name", "instance_name", "outcome", "verification", "reason", "commit_sha", "committed_at"]
    list_filter = ["verification", "outcome"]
    search_fields = ["application_name", "commit_sha"]
    ordering = ["-pk"]
    show_full_result_count = False
    inlines = [IntendedChangeInline]


@admin.register(LiveState)
class LiveStateAdmin(ReadOnlyAdmin[LiveState]):
    """Our word for every source. Accept a drift, or deploy again, on the application's page."""

    list_display = ["source", "live_sync", "reason", "release", "deployed_at", "checked_at", "accepted_at"]
    list_filter = ["live_sync", "source__project", "source__environment"]
    list_select_related = ["source__application", "release__project"]
    search_fields = ["source__application__name", "release__version"]
    ordering = ["source__application__name", "pk"]
    show_full_result_count = False


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin[LogEntry]):
    """The logs of all deployments, newest first."""

    list_display = ["at", "level", "deployment", "text"]
    list_filter = ["level"]
    list_select_related = ["deployment__release__project", "deployment__environment", "deployment__tenant"]
    search_fields = ["text"]
    ordering = ["-at", "-pk"]
    show_full_result_count = False
