"""The page to try a template against a release, an environment and a tenant. Nothing is stored."""

from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import Max
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from deployments import services
from deployments.dashboard.trial import Trial, try_template
from deployments.models import Release, Step
from deployments.templating import Mode
from deployments.variable_forms import TrialForm
from infrastructure.models import Project
from infrastructure.requests import Request

NOT_RELEASED = "0.0.0"  # the version of a release that is not made yet


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def template_try(request: Request) -> HttpResponse:
    """GET ?project=&release=: the form. POST: what the template renders to, or 422 with its errors."""
    projects = Project.objects.visible_to(request.user)
    given = request.POST if request.method == "POST" else request.GET
    project = projects.filter(slug=given.get("project", "")).first() or projects.first()
    if project is None:
        return render(request, "variables/try.html", {"place": "variables"})
    form = TrialForm(request.POST if request.method == "POST" else None, user=request.user, projects=projects, project=project, initial=_begun(request))
    trial = _try(form, project, by=request.user, now=timezone.now()) if request.method == "POST" and form.is_valid() else None
    is_refused = request.method == "POST" and (trial is None or bool(trial.errors))
    context = {"place": "variables", "projects": projects, "project": project, "form": form, "trial": trial}
    return render(request, "variables/try.html", context, status=422 if is_refused else 200)


def _begun(request: Request) -> dict[str, str]:
    """What the address says of the form: ?release= (its key), ?environment= and ?tenant= (slugs)."""
    return {name: request.GET[name] for name in ("release", "environment", "tenant") if request.GET.get(name)}


def _try(form: TrialForm, project: Project, *, by: User, now: datetime) -> Trial:
    given = form.cleaned_data
    return try_template(
        given["template"], release=given["release"] or _next_release(project, by=by, now=now), environment=given["environment"], tenant=given["tenant"],
        step_name=given["step"], mode=Mode(given["mode"]), now=now,
    )  # fmt: skip


def _next_release(project: Project, *, by: User, now: datetime) -> Release:
    """What a release made now would hold, with the last one's images; it is not saved."""
    last = Release.objects.filter(project=project).order_by("-created_at", "-pk").first()
    key = (Release.objects.aggregate(newest=Max("pk"))["newest"] or 0) + 1  # as variables tell it
    process = [step.snapshot() for step in Step.objects.filter(project=project).order_by("position", "pk")]
    return Release(
        pk=key, project=project, version=NOT_RELEASED, images=last.images if last else [], process=process, variables=services.snapshot_of(project),
        created_at=now, created_by=by,
    )  # fmt: skip
