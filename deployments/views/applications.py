"""The pages of applications: the list, one application, and what a person may do there."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from deployments import services
from deployments.dashboard.application import application_view, release_to_deploy
from deployments.dashboard.applications import application_list
from deployments.models import Deployment, LiveState
from deployments.services import DeploymentError
from gateway import gateway_pb2
from infrastructure import relay
from infrastructure.models import Application
from infrastructure.requests import Request
from infrastructure.views.access import missing_permission

TABS = ("summary", "sources", "deployments", "argocd")
REFRESH_TIMEOUT_S = 20.0
PERMISSIONS = {"refresh": "infrastructure.change_application", "accept": "deployments.change_livestate", "deploy-again": "deployments.add_deployment"}


class NothingToDeploy(DeploymentError):
    """The application's page asked to deploy again what was never deployed."""


@login_required
@require_GET
def applications(request: Request) -> HttpResponse:
    """The whole list, or only its rows when htmx asks for them."""
    shown = application_list(user=request.user, query=request.GET.dict())
    context = {"place": "applications", "list": shown, "page_obj": shown.page}
    return render(request, "applications/list.html#rows" if request.htmx else "applications/list.html", context)


@login_required
@require_GET
def application_detail(request: Request, pk: int) -> HttpResponse:
    """The whole page, or only what moves when htmx asks for it."""
    rows = Application.objects.visible_to(request.user).select_related("instance__gateway", "reconciliation")
    application = get_object_or_404(rows, pk=pk)
    tab = request.GET.get("tab", "")
    context = {"place": "applications", "view": application_view(application, now=timezone.now()), "tab": tab if tab in TABS else TABS[0]}
    return render(request, "applications/detail.html#live" if request.htmx else "applications/detail.html", context)


@login_required
@require_POST
def application_act(request: Request, pk: int) -> HttpResponse:
    """Ask Argo CD to look again, accept a drift, or deploy the last release again: ?do= of the button that was pressed."""
    application = get_object_or_404(Application.objects.visible_to(request.user).select_related("instance__gateway"), pk=pk)
    do = request.POST.get("do", "")
    if do not in PERMISSIONS:
        messages.warning(request, f"Nothing was done: this page knows no action “{do[:40]}”. Use one of its buttons.")
        return redirect(application)
    if not request.user.has_perm(PERMISSIONS[do]):
        raise PermissionDenied(missing_permission(PERMISSIONS[do]))
    if do == "refresh":
        _refresh(request, application)
        return redirect(application)
    state = _state(request, application)
    try:
        if do == "accept":
            services.accept_drift(source=state.source, by=request.user, now=timezone.now())
            messages.info(request, "Accepted. Nothing was written to Git.")
        else:
            return redirect(_deploy_again(request, state))
    except DeploymentError as error:
        messages.warning(request, str(error))
    return redirect(application)


def _state(request: Request, application: Application) -> LiveState:
    """The live state that ?source= names; 404 unless it is one of the application's."""
    source = request.POST.get("source", "")
    related = ("release__project", "deployment__release__project", "source__application", "source__environment", "source__tenant")
    states = LiveState.objects.visible_to(request.user).filter(source__application=application).select_related(*related)
    return get_object_or_404(states, pk=int(source) if source.isdecimal() and len(source) < 19 else 0)


def _deploy_again(request: Request, state: LiveState) -> Deployment:
    release, source = release_to_deploy(state), state.source
    if release is None or source.environment is None:
        raise NothingToDeploy(f"Not deployed: no release is known for {source.application}. Choose one on the releases page.")
    return services.create_deployment(release=release, environment=source.environment, tenant=source.tenant, by=request.user, now=timezone.now())


def _refresh(request: Request, application: Application) -> None:
    try:
        result = relay.refresh(application=application, timeout_s=REFRESH_TIMEOUT_S)
    except relay.CommandTimedOut:
        messages.info(request, "Argo CD was asked to look and has not answered yet.")
    except relay.RelayError as error:
        messages.warning(request, f"Not refreshed: {error}")
    else:
        if result.outcome == gateway_pb2.DONE:
            messages.info(request, "Argo CD has looked again.")
        else:
            messages.warning(request, f"Not refreshed: {result.message}")
