"""What a person asks of an instance's gateway: check your way now, rotate the key, revoke it."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from infrastructure import relay
from infrastructure.models import ArgoInstance
from infrastructure.requests import Request
from infrastructure.services.enrolment import request_rotation, revoke_gateway
from infrastructure.services.errors import InfrastructureError
from infrastructure.services.health import check_instance
from infrastructure.views.access import back_to, find_instance, needs

CHANGE = "infrastructure.change_argoinstance"
CHECK = "infrastructure.add_healthcheck"


@needs(CHECK)
@require_POST
def check(request: Request, name: str) -> HttpResponse:
    """Ask the gateway to check its whole way now and record what it finds. Goes back to where the button was."""
    instance = find_instance(request, name)
    try:
        check_instance(instance=instance, now=timezone.now())
    except relay.RelayError as error:
        messages.warning(request, f"Not checked: {error}")
    else:
        messages.success(request, f"{instance.name} was checked. What it found stands below.")
    return _back(request, instance)


def _back(request: Request, instance: ArgoInstance) -> HttpResponse:
    is_wizard = request.POST.get("from") == "wizard"
    return HttpResponseRedirect(reverse("instance-connect", args=[instance.name])) if is_wizard else back_to(instance)


@needs(CHANGE)
@require_POST
def rotate_key(request: Request, name: str) -> HttpResponse:
    """The gateway makes a new key and signs in with it; the old one is worthless."""
    instance = find_instance(request, name)
    try:
        request_rotation(instance=instance, by=request.user, now=timezone.now())
    except relay.RelayError as error:
        messages.warning(request, f"The key was not rotated: {error}")
    else:
        messages.success(request, f"The gateway of {instance.name} was asked to make a new key. It reconnects in about a second.")
    return back_to(instance)


@needs(CHANGE)
@require_http_methods(["GET", "POST"])
def revoke_key(request: Request, name: str) -> HttpResponse:
    """Ask first; on POST the key is worthless at once and the stream is closed."""
    instance = find_instance(request, name)
    if request.method == "GET":
        return render(request, "infrastructure/instance_revoke.html", {"place": "instances", "instance": instance})
    try:
        revoke_gateway(instance=instance, by=request.user, now=timezone.now())
    except InfrastructureError as error:
        messages.warning(request, f"Nothing was revoked: {error}")
    else:
        messages.success(request, f"The key of {instance.name} was revoked. Its gateway may come back only with a new registration token.")
    return back_to(instance)
