"""The drawer that writes the annotations for you: choose the scope, copy the command or the YAML."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from infrastructure.annotations import AnnotationPlan, kubectl_command, plan_annotations
from infrastructure.forms import AnnotationsForm
from infrastructure.models import Application, ApplicationSource
from infrastructure.requests import Request
from infrastructure.views.access import find_instance

CHOSEN = ("project", "environment", "tenant")


@login_required
@require_GET
def annotations(request: Request, name: str) -> HttpResponse:
    """A page of its own, or a drawer's content for htmx. Without an application it asks which one."""
    instance = find_instance(request, name)
    applications = Application.objects.visible_to(request.user).filter(instance=instance, gone_at__isnull=True)
    asked = request.GET.get("application", "")
    application = applications.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    if asked and application is None:
        raise Http404(f"There is no such application in {name}. It may be gone from Argo CD.")
    context: dict[str, Any] = {"place": "instances", "instance": instance, "application": application}
    if application is None:
        context["applications"] = applications.order_by("name", "namespace", "pk")[:500]
    else:
        context |= _drawer(request, instance, application)
    template = "infrastructure/annotations.html"
    return render(request, f"{template}#drawer" if request.htmx else template, context)


def _drawer(request: Request, instance: Any, application: Application) -> dict[str, Any]:
    sources = list(application.sources.filter(removed_at__isnull=True).select_related("project", "environment", "tenant").order_by("position", "pk"))
    choices = [(str(index), _title(source, index)) for index, source in enumerate(sources)]
    has_chosen = any(key in request.GET for key in CHOSEN)
    given = request.GET if has_chosen else None
    initial = {"source": [value for value, _ in choices], **_first_scope(sources)}
    form = AnnotationsForm(given, user=request.user, instance=instance, source_choices=choices, initial=initial)
    plan: AnnotationPlan | None = None
    if form.is_bound and form.is_valid() and sources:
        scope = {key: getattr(form.cleaned_data[key], "slug", "") for key in CHOSEN}
        chosen = [int(index) for index in form.cleaned_data["source"]] or list(range(len(sources)))
        plan = plan_annotations(names=[source.name for source in sources], chosen=chosen, scope=scope, present=_present(application))
    command = kubectl_command(plan, namespace=application.namespace, application=application.name) if plan else ""
    return {"form": form, "plan": plan, "command": command, "sources": sources}


def _title(source: ApplicationSource, index: int) -> str:
    name = f"source {source.name}" if source.name else f"source {index + 1}, without a name"
    return f"{name}: {source.path or source.chart or 'the repository’s root'} in {source.repo_url}"


def _first_scope(sources: list[ApplicationSource]) -> dict[str, str]:
    """What is mapped already is the proposal."""
    for source in sources:
        if source.project_id or source.environment_id:
            return {key: getattr(getattr(source, key), "slug", "") for key in CHOSEN}
    return {}


def _present(application: Application) -> dict[str, str]:
    metadata = application.content.get("metadata") if isinstance(application.content, dict) else None
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
