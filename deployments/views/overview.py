"""The overview, and the first-start page in its place while there is nothing to see."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from deployments.dashboard.overview import overview, welcome
from infrastructure.models import Environment
from infrastructure.requests import Request


@login_required
@require_GET
def show(request: Request) -> HttpResponse:
    """Tiles, matrix and what is under way; ?q= and ?environment= narrow it, ?show=live puts the words first."""
    start = welcome(request.user)
    if not start.is_over:
        template = "overview/welcome.html#steps" if request.htmx else "overview/welcome.html"
        return render(request, template, {"place": "overview", "start": start})
    q, environment = request.GET.get("q", ""), request.GET.get("environment", "")
    known = list(Environment.objects.visible_to(request.user))
    context = {
        "place": "overview",
        "overview": overview(user=request.user, now=timezone.now(), q=q, environment=environment),
        "all_environments": known,
        "q": q,
        "chosen_environment": environment,
        "shows_live": request.GET.get("show") == "live",
    }
    return render(request, "overview/overview.html#live" if request.htmx else "overview/overview.html", context)
