"""The pages of variables: all of them, a project's, one value's form, and what a release kept."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deployments import services
from deployments.dashboard.filters import environments, read_filters
from deployments.dashboard.variables import ValueRow, matching, project_counts, rows_of, rows_of_snapshot, takers, ties
from deployments.models import Release, Variable, VariableSet
from deployments.services import DeploymentError
from deployments.variable_forms import VariableForm
from infrastructure.models import Project
from infrastructure.requests import Request
from infrastructure.views.access import needs

PAGE_SIZE = 200


@login_required
@require_GET
def variable_list(request: Request) -> HttpResponse:
    """Projects with their variables' counts, and the library sets."""
    sets = VariableSet.objects.visible_to(request.user).filter(project=None).prefetch_related("projects", "variables").order_by("name", "pk")
    return render(request, "variables/list.html", {"place": "variables", "projects": project_counts(request.user), "sets": sets})


@login_required
@require_GET
def project_variables(request: Request, slug: str) -> HttpResponse:
    """All values that the project's next release takes along; ?q= and ?environment= filter them."""
    project = get_object_or_404(Project.objects.visible_to(request.user), slug=slug)
    variables = services.variables_of(project)
    filters = read_filters([environments(request.user)], request.GET.dict())
    rows = matching(rows_of(variables), text=request.GET.get("q", ""), environment=filters.chosen.get("environment", ""))
    library = VariableSet.objects.visible_to(request.user).filter(project=None).order_by("name", "pk")
    context = {
        "place": "variables", "project": project, "page_obj": _page(request, rows), "total": len(variables), "q": request.GET.get("q", ""), "filters": filters,
        "ties": ties(variables), "takers": takers(project, [variable.snapshot() for variable in variables]),
        "included": library.filter(projects=project).prefetch_related("variables"), "others": library.exclude(projects=project),
    }  # fmt: skip
    return render(request, "variables/project.html", context)


@needs("deployments.change_variableset")
@require_POST
def project_sets(request: Request, slug: str) -> HttpResponse:
    """Include a library set in a project, or exclude it."""
    project = get_object_or_404(Project.objects.visible_to(request.user), slug=slug)
    chosen = request.POST.get("set", "")
    library = VariableSet.objects.visible_to(request.user).filter(project=None)
    variable_set = get_object_or_404(library, pk=int(chosen) if chosen.isascii() and chosen.isdecimal() and len(chosen) < 18 else 0)
    if request.POST.get("do") == "exclude":
        services.exclude_set(variable_set=variable_set, project=project, by=request.user, now=timezone.now())
        messages.success(request, f"Releases of {project} made from now on do without {variable_set}.")
    else:
        services.include_set(variable_set=variable_set, project=project, by=request.user, now=timezone.now())
        messages.success(request, f"Releases of {project} made from now on take {variable_set} along.")
    return redirect("project-variables", slug=project.slug)


@needs("deployments.add_variable")
@require_http_methods(["GET", "HEAD", "POST"])
def project_variable_new(request: Request, slug: str) -> HttpResponse:
    """A new value in a project; ?name= begins with that name."""
    project = get_object_or_404(Project.objects.visible_to(request.user), slug=slug)
    own = VariableSet.objects.filter(project=project).first() or VariableSet(project=project)
    return _form(request, Variable(variable_set=own), project)


@needs("deployments.add_variable")
@require_http_methods(["GET", "HEAD", "POST"])
def set_variable_new(request: Request, pk: int) -> HttpResponse:
    """A new value in a library set."""
    variable_set = get_object_or_404(VariableSet.objects.visible_to(request.user).filter(project=None), pk=pk)
    return _form(request, Variable(variable_set=variable_set), None)


@needs("deployments.change_variable")
@require_http_methods(["GET", "HEAD", "POST"])
def variable_edit(request: Request, pk: int) -> HttpResponse:
    """Change one value; of a sensitive one the page never holds what is stored."""
    variable = _find(request, pk)
    return _form(request, variable, variable.variable_set.project)


@needs("deployments.delete_variable")
@require_http_methods(["GET", "HEAD", "POST"])
def variable_remove(request: Request, pk: int) -> HttpResponse:
    """Ask, then delete one value."""
    variable = _find(request, pk)
    if request.method == "POST":
        services.delete_variable(variable=variable, by=request.user, now=timezone.now())
        messages.success(request, f"{variable.name} was deleted. Releases made before keep it.")
        return HttpResponseRedirect(_home(variable))
    row = rows_of([variable])[0]
    return render(request, "variables/remove.html", {"place": "variables", "variable": variable, "row": row, "home": _home(variable)})


@login_required
@require_GET
def release_variables(request: Request, pk: int) -> HttpResponse:
    """What a release keeps of its project's variables; ?q= filters."""
    release = get_object_or_404(Release.objects.visible_to(request.user).select_related("project"), pk=pk)
    rows = matching(rows_of_snapshot(release.variables), text=request.GET.get("q", ""))
    context = {"place": "releases", "release": release, "page_obj": _page(request, rows), "total": len(release.variables), "q": request.GET.get("q", "")}
    return render(request, "variables/release.html", context)


def _page(request: Request, rows: list[ValueRow]) -> Page[ValueRow]:
    return Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))


def _find(request: Request, pk: int) -> Variable:
    rows = Variable.objects.visible_to(request.user).select_related("variable_set__project").prefetch_related("environments", "tenants")
    return get_object_or_404(rows, pk=pk)


def _home(variable: Variable) -> str:
    """The address of the page the variable stands on."""
    project = variable.variable_set.project
    return reverse("project-variables", args=[project.slug]) if project else reverse("variable-set", args=[variable.variable_set.pk])


def _form(request: Request, variable: Variable, project: Project | None) -> HttpResponse:
    """Show the form, or save what it holds and go back to where the variable stands."""
    home = reverse("project-variables", args=[project.slug]) if project else _home(variable)
    was = variable.name
    begun = {"name": request.GET["name"]} if request.GET.get("name") else {}
    form = VariableForm(request.POST if request.method == "POST" else None, user=request.user, variable=variable, project=project, initial=begun)
    if request.method == "POST" and form.is_valid():
        try:
            _save(request, form, variable, project)
        except DeploymentError as error:
            field = getattr(error, "field", "")
            form.add_error(field if field in form.fields else None, str(error))
        else:
            messages.success(request, f"{variable.name} was saved. Releases made from now on take it along.")
            return HttpResponseRedirect(home)
    if form.errors:
        form.hide_value()
    context = {"place": "variables", "form": form, "variable": variable, "was": was, "project": project, "home": home}
    return render(request, "variables/edit.html", context, status=422 if request.method == "POST" else 200)


def _save(request: Request, form: VariableForm, variable: Variable, project: Project | None) -> None:
    if project and not variable.variable_set.pk:
        variable.variable_set = services.set_of(project)
    given = form.cleaned_data
    variable.name, variable.is_sensitive = given["name"], given["is_sensitive"]
    services.save_variable(
        variable=variable, value=given["value"], environments=given["environments"], tenants=given["tenants"], steps=given.get("steps", []),
        by=request.user, now=timezone.now(),
    )  # fmt: skip
