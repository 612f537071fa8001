"""The list of instances, and one of them with its connection, checks, mapping and properties."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Case, Q, Value, When
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from infrastructure import dashboard
from infrastructure.checks import TITLES, short_key, way_of
from infrastructure.forms import ChangeInstanceForm
from infrastructure.models import ApplicationSource, ArgoInstance, Environment, HealthCheck
from infrastructure.requests import Request
from infrastructure.sentences import counted
from infrastructure.services.errors import InfrastructureError
from infrastructure.services.instances import change_instance, remove_instance
from infrastructure.status import CheckStatus, GatewayStatus
from infrastructure.views.access import back_to, find_instance, needs
from infrastructure.views.environments import chosen_environments
from infrastructure.views.installing import uninstall_command

PER_PAGE = 50
SOURCES_PER_PAGE = 15
_MISMAPPED_FIRST = Case(
    When(~Q(application__problems=[]) | ~Q(mapped_by=""), is_mapped=False, then=Value(0)),
    When(is_mapped=True, then=Value(1)),
    default=Value(2),
)
COLUMNS = [
    ("instance", "Instance", False),
    ("gateway", "Gateway", False),
    ("last-heard", "Last heard", False),
    ("argo-cd", "Argo CD", False),
    ("gateway-version", "Gateway version", False),
    ("applications", "Applications", True),
    ("problems", "Problems", False),
]


@login_required
@require_GET
def index(request: Request) -> HttpResponse:
    """All instances; only the rows when htmx refreshes or filters them."""
    now = timezone.now()
    environments = {environment.slug: environment for environment in Environment.objects.visible_to(request.user)}
    asked = {key: request.GET.get(key, "").strip() for key in ("q", "state", "environment", "sort")}
    ignored = [
        f"There is no {word} “{asked[key]}”, so it is ignored."
        for key, word, known in (
            ("state", "gateway state", dashboard.STATES),
            ("environment", "environment", environments),
            ("sort", "column", [*dashboard.SORTS, *(f"-{key}" for key in dashboard.SORTS)]),
        )
        if asked[key] and asked[key] not in known
    ]
    state = asked["state"] if asked["state"] in dashboard.STATES else ""
    environment = environments.get(asked["environment"])
    sort = asked["sort"] if asked["sort"].removeprefix("-") in dashboard.SORTS else "instance"
    found = dashboard.find_instances(request.user, q=asked["q"][:100], state=state, environment=environment, sort=sort, now=now)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "place": "instances",
        "page": page,
        "rows": dashboard.rows_of(page.object_list, now),
        "chosen": {"q": asked["q"], "state": state, "environment": environment},
        "is_filtered": bool(asked["q"] or state or environment),
        "columns": COLUMNS,
        "sort": sort,
        "states": dashboard.STATES,
        "environments": environments.values(),
        "ignored": ignored,
        "summary": dashboard.summarise_instances(request.user, now),
    }
    return render(request, "infrastructure/instances.html#rows" if request.htmx else "infrastructure/instances.html", context)


@login_required
@require_GET
def detail(request: Request, name: str) -> HttpResponse:
    """One instance; `?part=connection`, `health` or `mapping` answers with that panel alone."""
    now = timezone.now()
    instance = find_instance(request, name)
    part = request.GET.get("part", "")
    if request.htmx and part == "connection":
        return render(request, "infrastructure/instance.html#connection", {"instance": instance, **_connection(instance, now)})
    if request.htmx and part == "health":
        return render(request, "infrastructure/instance.html#health", {"instance": instance, **_health(instance, now)})
    if request.htmx and part == "mapping":
        return render(request, "infrastructure/instance.html#mapping", {"instance": instance, **_mapping(request, instance)})
    gateway, status, row = dashboard.gateway_of(instance), dashboard.status_of(instance, now), dashboard.rows_of([instance], now)[0]
    context = {
        "place": "instances",
        "instance": instance,
        "gateway": gateway,
        "status": status,
        "row": row,
        "summary": dashboard.summarise_applications(row),
        "remark_tone": "busy" if status is GatewayStatus.REGISTERED else "bad" if status is GatewayStatus.REVOKED else "warn",
        "may": "read, refresh, sync" if instance.may_sync else "read, refresh",
        "registries": sorted({str(registry) for registry in instance.default_registries.values()}),
        "key": short_key(gateway.key_id) if gateway else "",
        "uninstall": uninstall_command(instance),
        **_connection(instance, now),
        **_health(instance, now),
        **_mapping(request, instance),
    }
    return render(request, "infrastructure/instance.html", context)


def _connection(instance: ArgoInstance, now: datetime) -> dict[str, Any]:
    return {"connection": dashboard.connection_of(instance, now)}


def _health(instance: ArgoInstance, now: datetime) -> dict[str, Any]:
    checks = list(instance.health_checks.order_by("-checked_at", "-pk")[:10])
    token = dashboard.valid_tokens([instance], now).get(instance.pk)
    way = way_of(dashboard.gateway_facts(instance, token, now), checks[0].legs if checks else [], now=now)
    return {"way": way, "checks": checks, "earlier": [(check, _sentence(check)) for check in checks[1:]]}


def _sentence(check: HealthCheck) -> str:
    """What an earlier check found, in one line."""
    failed = [leg for leg in check.legs if leg.get("status") == CheckStatus.FAILED]
    if not failed:
        return f"{counted(len(check.legs), 'leg')} looked at, none failed."
    return " ".join(f"{TITLES.get(str(leg.get('leg')), 'A leg')}: {leg.get('evidence', '')}" for leg in failed)


def _mapping(request: Request, instance: ArgoInstance) -> dict[str, Any]:
    sources = (
        ApplicationSource.objects.visible_to(request.user)
        .filter(application__instance=instance, application__gone_at__isnull=True, removed_at__isnull=True)
        .select_related("application", "project", "environment", "tenant", "rule")
        .order_by(_MISMAPPED_FIRST, "application__name", "application__namespace", "position", "pk")
    )
    mapped, total = dashboard.mapping_counts(instance)
    return {"sources": Paginator(sources, SOURCES_PER_PAGE).get_page(request.GET.get("page")), "mapped": mapped, "total": total}


@needs("infrastructure.change_argoinstance")
@require_http_methods(["GET", "POST"])
def edit(request: Request, name: str) -> HttpResponse:
    """Change the permitted environments and the address for people."""
    now = timezone.now()
    instance = find_instance(request, name)
    initial = {"environments": [environment.slug for environment in instance.environments.all()], "web_ui_url": instance.web_ui_url}
    form = ChangeInstanceForm(request.POST or None, user=request.user, initial=initial)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            environments = chosen_environments(form.cleaned_data, by=request.user, now=now)
            change_instance(instance=instance, environments=environments, web_ui_url=form.cleaned_data["web_ui_url"], by=request.user, now=now)
        messages.success(request, f"{instance.name} was changed, and its applications are mapped anew.")
        return back_to(instance)
    status = 422 if request.method == "POST" else 200
    return render(request, "infrastructure/instance_edit.html", {"place": "instances", "instance": instance, "form": form}, status=status)


@needs("infrastructure.delete_argoinstance")
@require_http_methods(["GET", "POST"])
def remove(request: Request, name: str) -> HttpResponse:
    """Ask with the command that uninstalls the gateway; remove on POST, or say what still needs the instance."""
    now = timezone.now()
    instance = find_instance(request, name)
    refusal = ""
    if request.method == "POST":
        try:
            remove_instance(instance=instance, by=request.user, now=now)
        except InfrastructureError as error:
            refusal = str(error)
        else:
            messages.success(request, f"{name} was removed. Argo CD and its applications stay as they are.")
            return HttpResponseRedirect(reverse("instances"))
    mapped, _total = dashboard.mapping_counts(instance)
    context = {"place": "instances", "instance": instance, "uninstall": uninstall_command(instance), "mapped": mapped, "refusal": refusal}
    return render(request, "infrastructure/instance_remove.html", context, status=422 if refusal else 200)
