"""The wizard: describe an instance, install its gateway, watch it connect.

The Argo CD token travels from the form into one answer that nobody may store; the registration token is on the page
that made it and nowhere else.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from infrastructure import dashboard
from infrastructure.argocd_token import TokenCheck
from infrastructure.checks import Way, way_of
from infrastructure.forms import InstanceForm
from infrastructure.models import ArgoInstance, RegistrationToken
from infrastructure.requests import Request
from infrastructure.sentences import counted
from infrastructure.services.errors import InstanceInvalid
from infrastructure.services.instances import register_instance
from infrastructure.services.registration import LIFETIME, current_token, new_registration_token
from infrastructure.status import CheckStatus, GatewayStatus
from infrastructure.views.access import find_instance, needs
from infrastructure.views.environments import chosen_environments
from infrastructure.views.installing import account_commands, install_texts, what_it_needs

ADD = "infrastructure.add_argoinstance"


@never_cache
@sensitive_post_parameters("argocd_token")
@sensitive_variables("form", "token")
@needs(ADD)
@require_http_methods(["GET", "POST"])
def add(request: Request) -> HttpResponse:
    """Step 1. What a valid form registers is answered with step 2, because the tokens on it are shown only once."""
    now = timezone.now()
    form = InstanceForm(request.POST or None, user=request.user, now=now)
    if request.method == "POST" and form.is_valid():
        try:
            instance = _register(form, request, now)
        except InstanceInvalid as error:
            form.add_error(error.field or None, str(error))
        else:
            row, token = new_registration_token(instance=instance, by=request.user, now=now)
            argocd_token = form.cleaned_data["argocd_token"]
            return _install_page(request, instance, row, now, token=token, argocd_token=argocd_token, token_check=form.token_check)
    context = {"place": "instances", "form": form, "accounts": account_commands(), "needs": what_it_needs(), "step": 1}
    return render(request, "infrastructure/wizard_describe.html", context, status=422 if form.is_bound else 200)


@transaction.atomic
@sensitive_variables("form", "values")
def _register(form: InstanceForm, request: Request, now: datetime) -> ArgoInstance:
    values = form.cleaned_data
    environments = chosen_environments(values, by=request.user, now=now)
    return register_instance(
        name=values["name"],
        environments=environments,
        api_url=values["api_url"],
        tls_mode=values["tls_mode"],
        ca_bundle=values["ca_bundle"],
        web_ui_url=values["web_ui_url"],
        token_secret=values["token_secret"],
        may_sync=values["may"] == "sync",
        by=request.user,
        now=now,
    )


@needs(ADD)
@require_GET
def install(request: Request, name: str) -> HttpResponse:
    """Step 2 again, without the tokens: they are not kept. The panel of the registration token refreshes itself."""
    now = timezone.now()
    instance = find_instance(request, name)
    return _install_page(request, instance, current_token(instance, now), now)


@never_cache
@needs(ADD)
@require_POST
def new_token(request: Request, name: str) -> HttpResponse:
    """A new registration token, and step 2 with it: this answer is the only place that shows it."""
    now = timezone.now()
    instance = find_instance(request, name)
    row, token = new_registration_token(instance=instance, by=request.user, now=now)
    return _install_page(request, instance, row, now, token=token)


@sensitive_variables("token", "argocd_token", "context")
def _install_page(
    request: Request,
    instance: ArgoInstance,
    row: RegistrationToken | None,
    now: datetime,
    *,
    token: str = "",
    argocd_token: str = "",
    token_check: TokenCheck | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "place": "instances",
        "step": 2,
        "instance": instance,
        "gateway": dashboard.gateway_of(instance),
        "registration": row,
        "minutes_left": int((row.expires_at - now).total_seconds() // 60) if row else 0,
        "lifetime_minutes": int(LIFETIME.total_seconds() // 60),
        "token": token,
        "has_argocd_token": bool(argocd_token),
        "token_check": token_check,
        "texts": install_texts(instance, token=token, argocd_token=argocd_token),
        "needs": what_it_needs(),
    }
    is_part = request.htmx and request.method == "GET"
    response = render(request, "infrastructure/wizard_install.html#token" if is_part else "infrastructure/wizard_install.html", context)
    response["Cache-Control"] = "no-store"
    return response


@needs()
@require_GET
def connect(request: Request, name: str) -> HttpResponse:
    """Step 3: every leg, ticked off as it happens. The last answer of a finished one carries no trigger."""
    now = timezone.now()
    instance = find_instance(request, name)
    token = current_token(instance, now)
    check = instance.health_checks.order_by("-checked_at", "-pk").first()
    facts = dashboard.gateway_facts(instance, token, now)
    way = way_of(facts, check.legs if check else [], now=now)
    context = {
        "place": "instances",
        "step": 3,
        "instance": instance,
        "gateway": dashboard.gateway_of(instance),
        "facts": facts,
        "check": check,
        "way": way,
        "groups": _groups(way),
        "outcome": _outcome(way),
        "url": reverse("instance-connect", args=[instance.name]),
        "ways": _ways(way, facts.status),
        "hub_address": what_it_needs().address,
    }
    template = "infrastructure/wizard_connect.html"
    return render(request, f"{template}#legs" if request.htmx else template, context)


def _groups(way: Way) -> list[dict[str, Any]]:
    """The two halves of the way, the failed one first."""
    halves = [("to-hub", "Gateway to Octoargo", way.to_hub), ("to-argo-cd", "Gateway to Argo CD", way.to_argo_cd)]
    groups = []
    for key, title, legs in halves:
        counts = {status: sum(leg.status is status for leg in legs) for status in CheckStatus}
        failed, warning, waiting = counts[CheckStatus.FAILED], counts[CheckStatus.WARNING], counts[CheckStatus.WAITING]
        told = [f"{counts[CheckStatus.PASSED]} of {len(legs)} passed"]
        told += [f"{failed} failed"] if failed else []
        told += [counted(warning, "warning")] if warning else []
        told += [f"{waiting} wait{'s' if waiting == 1 else ''}"] if waiting else []
        groups.append({"key": key, "title": f"{title}: {', '.join(told)}", "legs": legs, "has_failed": failed > 0})
    return sorted(groups, key=lambda group: not group["has_failed"])


def _ways(way: Way, status: GatewayStatus) -> dict[str, dict[str, str]]:
    """The two arrows of the picture: tone, icon and word."""
    if status is GatewayStatus.ONLINE:
        to_hub = {"tone": "good", "icon": "passed", "word": "Stream open"}
    elif status is GatewayStatus.REGISTERED:
        to_hub = {"tone": "busy", "icon": "waiting", "word": "Waiting"}
    else:
        to_hub = {"tone": "bad", "icon": "failed", "word": "Not connected"}
    failed = next((leg for leg in way.to_argo_cd if leg.status is CheckStatus.FAILED), None)
    if failed:
        word = {"argocd_tls": "TLS refused", "token": "Token refused", "permissions": "Not permitted"}.get(failed.key, "Not reached")
        to_argo_cd = {"tone": "bad", "icon": "failed", "word": word}
    elif any(leg.status is CheckStatus.WAITING for leg in way.to_argo_cd):
        to_argo_cd = {"tone": "busy", "icon": "waiting", "word": "Waiting"}
    else:
        to_argo_cd = {"tone": "good", "icon": "passed", "word": "Reports arrive"}
    return {"hub": to_hub, "argo_cd": to_argo_cd}


def _outcome(way: Way) -> tuple[str, str]:
    """(word, status slug) of the head's badge."""
    if way.failed:
        return f"{way.failed} check{'s' if way.failed > 1 else ''} failed", "failed"
    if way.is_complete:
        return "Connected", "passed"
    return "Waiting", "waiting"
