"""The pages of library sets of variables: one set, its form, and its end."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from deployments import services
from deployments.dashboard.filters import environments, read_filters
from deployments.dashboard.variables import matching, rows_of, ties
from deployments.models import VariableSet
from deployments.services import DeploymentError
from deployments.variable_forms import VariableSetForm
from infrastructure.requests import Request
from infrastructure.views.access import needs

PAGE_SIZE = 200


@login_required
@require_GET
def set_detail(request: Request, pk: int) -> HttpResponse:
    """A library set's values and who includes it; ?q= and ?environment= filter the values."""
    variable_set = _find(request, pk)
    variables = list(variable_set.variables.select_related("variable_set").prefetch_related("environments", "tenants").order_by("position", "pk"))
    filters = read_filters([environments(request.user)], request.GET.dict())
    rows = matching(rows_of(variables), text=request.GET.get("q", ""), environment=filters.chosen.get("environment", ""))
    page_obj = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "place": "variables", "set": variable_set, "page_obj": page_obj, "total": len(variables), "q": request.GET.get("q", ""), "filters": filters,
        "ties": ties(variables), "projects": variable_set.projects.order_by("name", "pk"), "hide_set": True,
    }  # fmt: skip
    return render(request, "variables/set.html", context)


@needs("deployments.add_variableset")
@require_http_methods(["GET", "HEAD", "POST"])
def set_new(request: Request) -> HttpResponse:
    """Make a library set."""
    return _form(request, VariableSet())


@needs("deployments.change_variableset")
@require_http_methods(["GET", "HEAD", "POST"])
def set_edit(request: Request, pk: int) -> HttpResponse:
    """Rename a library set, or describe it anew."""
    return _form(request, _find(request, pk))


@needs("deployments.delete_variableset")
@require_http_methods(["GET", "HEAD", "POST"])
def set_remove(request: Request, pk: int) -> HttpResponse:
    """Ask, naming the projects that lose it, then delete the set."""
    variable_set = _find(request, pk)
    if request.method == "POST":
        services.delete_library_set(variable_set=variable_set, by=request.user, now=timezone.now())
        messages.success(request, f"{variable_set} was deleted. Releases made before keep its variables.")
        return redirect("variables")
    context = {"place": "variables", "set": variable_set, "projects": variable_set.projects.order_by("name", "pk"), "values": variable_set.variables.count()}
    return render(request, "variables/set_remove.html", context)


def _find(request: Request, pk: int) -> VariableSet:
    return get_object_or_404(VariableSet.objects.visible_to(request.user).filter(project=None), pk=pk)


def _form(request: Request, variable_set: VariableSet) -> HttpResponse:
    was = variable_set.name
    form = VariableSetForm(request.POST if request.method == "POST" else None, instance=variable_set)
    if request.method == "POST" and form.is_valid():
        try:
            services.save_library_set(variable_set=variable_set, by=request.user, now=timezone.now())
        except DeploymentError as error:
            field = getattr(error, "field", "")
            form.add_error(field if field in form.fields else None, str(error))
        else:
            messages.success(request, f"{variable_set} was saved.")
            return redirect("variable-set", pk=variable_set.pk)
    context = {"place": "variables", "form": form, "set": variable_set, "was": was}
    return render(request, "variables/set_edit.html", context, status=422 if request.method == "POST" else 200)
