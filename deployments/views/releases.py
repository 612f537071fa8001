"""The pages of releases: the list, a new one, one release, and what it would change."""

from collections.abc import Iterable

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from deployments import services
from deployments.dashboard.deployment import taken_along
from deployments.dashboard.filters import projects, read_filters
from deployments.dashboard.plan import plan_view
from deployments.dashboard.release import pinned_templates, step_lines
from deployments.forms import DeployForm, ReleaseForm
from deployments.models import Deployment, Release
from deployments.services import DeploymentError
from infrastructure.models import Project
from infrastructure.requests import Request
from infrastructure.uploads import TOO_LARGE
from infrastructure.views.access import needs

PAGE_SIZE = 50


@login_required
@require_GET
def release_list(request: Request) -> HttpResponse:
    """Newest first; filtered by ?project=."""
    filters = read_filters([projects(request.user)], request.GET.dict())
    rows = Release.objects.visible_to(request.user).filter(**{f"{name}__slug": chosen for name, chosen in filters.chosen.items()})
    page = Paginator(rows.select_related("project", "created_by").order_by("-created_at", "-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"place": "releases", "page_obj": page, "filters": filters}
    return render(request, "releases/list.html#rows" if request.htmx else "releases/list.html", context)


@needs("deployments.add_release")
@require_http_methods(["GET", "POST"])
def release_new(request: Request) -> HttpResponse:
    """Make a release; afterwards its page, what it would change, or a deployment at once."""
    every = Project.objects.visible_to(request.user)
    named = request.POST.get("project") or request.GET.get("project", "")
    project = every.filter(slug=named).first() or every.first()
    form = ReleaseForm(request.POST or None, request.FILES or None, user=request.user, projects=every, project=project)
    if request.META.get(TOO_LARGE) and "archive" in form.fields:
        form.add_error("archive", services.archive_too_large())
    if request.method == "POST" and form.is_valid():
        try:
            release = _make_release(request, form)
        except DeploymentError as error:
            field = getattr(error, "field", "")
            form.add_error(field if field in form.fields else None, str(error))
        else:
            environment = form.cleaned_data["environment"]
            if form.cleaned_data["then"] == "dry-run" and environment:
                return redirect(f"{reverse('release-deploy', args=[release.pk])}?environment={environment.slug}")
            return redirect(release)
    status = 422 if request.method == "POST" else 200
    context = {"place": "releases", "form": form, "project": project, "taken": taken_along(project) if project else None}
    return render(request, "releases/new.html", context, status=status)


def _make_release(request: Request, form: ReleaseForm) -> Release:
    """With the archive that came along, or one that is here. Raises DeploymentError."""
    filled, now = form.cleaned_data, timezone.now()
    upload, archive = filled.get("archive"), filled.get("stored_archive")
    if upload:
        archive = services.store_archive(project=filled["project"], name=upload.name, content=upload.read(), by=request.user, now=now)
    return services.create_release(
        project=filled["project"], version=filled["version"], images=filled["images"], notes=filled["notes"], archive=archive, by=request.user, now=now
    )


@login_required
@require_GET
def release_detail(request: Request, pk: int) -> HttpResponse:
    """What is in the release, and where it has been."""
    release = get_object_or_404(Release.objects.visible_to(request.user).select_related("project", "created_by"), pk=pk)
    deployments = release.deployments.select_related("release__project", "environment", "tenant", "created_by").order_by("-created_at", "-pk")[:PAGE_SIZE]
    return _release_page(request, release, DeployForm(user=request.user, release=release), deployments)


def _release_page(request: Request, release: Release, form: DeployForm, deployments: Iterable[Deployment], *, status: int = 200) -> HttpResponse:
    context = {
        "place": "releases",
        "release": release,
        "pinned": pinned_templates(release),
        "lines": step_lines(release),
        "deployments": deployments,
        "form": form,
    }
    return render(request, "releases/detail.html", context, status=status)


@needs("deployments.add_deployment")
@require_http_methods(["GET", "HEAD", "POST"])
def release_deploy(request: Request, pk: int) -> HttpResponse:
    """GET ?environment=&tenant=: what it would change (nothing is written). POST: deploy it."""
    release = get_object_or_404(Release.objects.visible_to(request.user).select_related("project"), pk=pk)
    form = DeployForm(request.POST if request.method == "POST" else request.GET, user=request.user, release=release)
    if not form.is_valid():
        deployments = release.deployments.select_related("release__project", "environment", "tenant", "created_by").order_by("-created_at", "-pk")[:PAGE_SIZE]
        return _release_page(request, release, form, deployments, status=422)
    environment, tenant = form.cleaned_data["environment"], form.cleaned_data["tenant"]
    try:
        if request.method == "POST":
            return redirect(services.create_deployment(release=release, environment=environment, tenant=tenant, by=request.user, now=timezone.now()))
        plan = plan_view(services.plan(release=release, environment=environment, tenant=tenant))
    except DeploymentError as error:
        form.add_error(None, str(error))
        return _release_page(request, release, form, [], status=422)
    return render(request, "releases/plan.html", {"place": "releases", "release": release, "environment": environment, "tenant": tenant, "plan": plan})
