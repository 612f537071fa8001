"""The pages of deployments: the list, and one deployment from queued to finished."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from deployments import services
from deployments.dashboard.deployment import deployment_view
from deployments.dashboard.filters import environments, projects, read_filters
from deployments.models import Deployment
from deployments.services import DeploymentError
from deployments.status import DeploymentStatus
from infrastructure.requests import Request
from infrastructure.views.access import needs

PAGE_SIZE = 50


@login_required
@require_GET
def deployment_list(request: Request) -> HttpResponse:
    """Newest first; filtered by ?project=, ?environment=, ?status= (slugs and words of the URL)."""
    statuses = ("status", "Any status", [(value, str(word)) for value, word in DeploymentStatus.choices])
    filters = read_filters([projects(request.user), environments(request.user), statuses], request.GET.dict())
    columns = {"project": "project__slug", "environment": "environment__slug", "status": "status"}
    rows = Deployment.objects.visible_to(request.user).filter(**{columns[name]: chosen for name, chosen in filters.chosen.items()})
    related = rows.select_related("release__project", "environment", "tenant", "created_by").order_by("-created_at", "-pk")
    page = Paginator(related, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"place": "deployments", "page_obj": page, "filters": filters}
    template = "deployments/list.html#rows" if request.htmx else "deployments/list.html"
    return render(request, template, context)


@login_required
@require_GET
def deployment_detail(request: Request, pk: int) -> HttpResponse:
    """The whole page, or only what moves when htmx asks for it."""
    rows = Deployment.objects.visible_to(request.user).select_related("release__project", "environment", "tenant", "created_by")
    deployment = get_object_or_404(rows, pk=pk)
    services.watch(deployment=deployment, now=timezone.now())
    query = request.GET
    view = deployment_view(deployment, warnings_only="warnings" in query, now=timezone.now(), page=query.get("page"))
    context = {"place": "deployments", "view": view}
    template = "deployments/detail.html#live" if request.htmx else "deployments/detail.html"
    return render(request, template, context)


@needs("deployments.change_deployment")
@require_POST
def deployment_act(request: Request, pk: int) -> HttpResponse:
    """Cancel, retry, or ask Argo CD to look again: ?do= of the button that was pressed."""
    deployment = get_object_or_404(Deployment.objects.visible_to(request.user), pk=pk)
    now = timezone.now()
    try:
        match request.POST.get("do"):
            case "cancel":
                services.cancel_deployment(deployment=deployment, by=request.user, now=now)
                messages.info(request, "Cancelled. What was committed stays in Git.")
            case "retry":
                services.retry_deployment(deployment=deployment, by=request.user, now=now)
            case "refresh":
                services.refresh_targets(deployment=deployment, by=request.user, now=now)
                messages.info(request, "Asked Argo CD to look at Git now.")
            case other:
                messages.warning(request, f"Nothing was done: this page knows no action “{str(other or '')[:40]}”. Use one of its buttons.")
    except DeploymentError as error:
        messages.warning(request, str(error))
    return redirect(deployment)
