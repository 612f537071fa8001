"""The overview, and the first-start page in its place while there is nothing to see."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from deployments.dashboard.overview import is_ready, overview, welcome
from infrastructure.requests import Request


@login_required
@require_GET
def show(request: Request) -> HttpResponse:
    """Tiles, matrix and what is under way; ?q=, ?environment= and ?page= narrow it, ?unfold= shows many tenants, ?show=live puts the words first."""
    if not is_ready(request.user):
        template = "overview/welcome.html#steps" if request.htmx else "overview/welcome.html"
        return render(request, template, {"place": "overview", "start": welcome(request.user)})
    q, query = request.GET.get("q", ""), request.GET
    seen = overview(
        user=request.user, now=timezone.now(), q=q, environment=query.get("environment", ""), unfolded=query.getlist("unfold"), page=query.get("page")
    )
    context = {"place": "overview", "overview": seen, "matrix": seen.matrix, "q": q, "shows_live": query.get("show") == "live"}
    return render(request, "overview/overview.html#live" if request.htmx else "overview/overview.html", context)
