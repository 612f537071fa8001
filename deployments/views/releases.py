"""The pages of releases: the list, a new one, one release, and what it would change."""

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
from deployments.forms import DeployForm, ReleaseForm
from deployments.models import Release
from deployments.services import DeploymentError
from infrastructure.models import Project
from infrastructure.requests import Request
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
    project = every.filter(slug=request.GET.get("project", "")).first() or every.first()
    form = ReleaseForm(request.POST or None, user=request.user, projects=every, project=project)
    if request.method == "POST" and form.is_valid():
        try:
            release = services.create_release(
                project=form.cleaned_data["project"], version=form.cleaned_data["version"], images=form.cleaned_data["images"],
                notes=form.cleaned_data["notes"], by=request.user, now=timezone.now(),
            )  # fmt: skip
        except DeploymentError as error:
            form.add_error(getattr(error, "field", "") or None, str(error))
        else:
            environment = form.cleaned_data["environment"]
            if form.cleaned_data["then"] == "dry-run" and environment:
                return redirect(f"{reverse('release-deploy', args=[release.pk])}?environment={environment.slug}")
            return redirect(release)
    status = 422 if request.method == "POST" else 200
    context = {"place": "releases", "form": form, "project": project, "taken": taken_along(project) if project else None}
    return render(request, "releases/new.html", context, status=status)


@login_required
@require_GET
def release_detail(request: Request, pk: int) -> HttpResponse:
    """What is in the release, and where it has been."""
    release = get_object_or_404(Release.objects.visible_to(request.user).select_related("project", "created_by"), pk=pk)
    deployments = release.deployments.select_related("release__project", "environment", "tenant", "created_by").order_by("-created_at", "-pk")[:PAGE_SIZE]
    context = {"place": "releases", "release": release, "deployments": deployments, "form": DeployForm(user=request.user, release=release)}
    return render(request, "releases/detail.html", context)


@needs("deployments.add_deployment")
@require_http_methods(["GET", "HEAD", "POST"])
def release_deploy(request: Request, pk: int) -> HttpResponse:
    """GET ?environment=&tenant=: what it would change (nothing is written). POST: deploy it."""
    release = get_object_or_404(Release.objects.visible_to(request.user).select_related("project"), pk=pk)
    form = DeployForm(request.POST if request.method == "POST" else request.GET, user=request.user, release=release)
    if not form.is_valid():
        deployments = release.deployments.select_related("release__project", "environment", "tenant", "created_by").order_by("-created_at", "-pk")[:PAGE_SIZE]
        context = {"place": "releases", "release": release, "deployments": deployments, "form": form}
        return render(request, "releases/detail.html", context, status=422)
    environment, tenant = form.cleaned_data["environment"], form.cleaned_data["tenant"]
    try:
        if request.method == "POST":
            return redirect(services.create_deployment(release=release, environment=environment, tenant=tenant, by=request.user, now=timezone.now()))
        plan = plan_view(services.plan(release=release, environment=environment, tenant=tenant))
    except DeploymentError as error:
        form.add_error(None, str(error))
        return render(request, "releases/detail.html", {"place": "releases", "release": release, "deployments": [], "form": form}, status=422)
    return render(request, "releases/plan.html", {"place": "releases", "release": release, "environment": environment, "tenant": tenant, "plan": plan})
