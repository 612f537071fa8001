"""The overview's matrix: projects by environments, a page of projects at a time, their tenants folded when there are many."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from deployments.dashboard.cells import Cell, Group, Scope, by_scope, make_cell, read_groups, read_reasons
from deployments.models import Release
from infrastructure.models import ApplicationSource, Environment, Project, Tenant

PROJECTS_PER_PAGE = 25
FOLDED_FROM = 6  # tenants
WIDE_FROM = 7  # environments


@dataclass(frozen=True)
class Row:
    """A project, or a tenant of one; a cell an environment, None where nothing is mapped."""

    name: str
    sub: str
    is_tenant: bool
    url: str
    cells: list[tuple[Environment, Cell | None]]
    deploy_url: str  # where its newest release can be deployed, "" if there is none
    newest: str
    fold: str = ""  # "open" or "closed" if it has many tenants
    unfold: tuple[str, ...] = ()  # the address's ?unfold= once its fold is turned


@dataclass(frozen=True)
class Matrix:
    """One page of it."""

    environments: list[Environment]
    rows: list[Row]
    page: Page[Any]

    @property
    def is_wide(self) -> bool:
        return len(self.environments) >= WIDE_FROM


@dataclass(frozen=True)
class _Seen:
    """What all rows of a page are made from."""

    scopes: dict[Scope, list[Group]]
    reasons: dict[int, str]
    environments: list[Environment]
    tenants: dict[int, Tenant]
    q: str
    unfolded: Collection[str]


def read_matrix(
    *, user: Any, sources: QuerySet[ApplicationSource], environments: list[Environment], q: str = "", unfolded: Collection[str] = (), page: str | None = None
) -> Matrix:
    """Read a page of projects. `q` narrows to projects and tenants whose name holds it; `unfolded` are slugs of projects that show all tenants."""
    projects = _projects(user, sources, q)
    shown = Paginator(projects, PROJECTS_PER_PAGE).get_page(page)
    groups = read_groups(sources.filter(project__in=[project.pk for project in shown.object_list]))
    tenants = Tenant.objects.visible_to(user).in_bulk({group.scope[2] for group in groups if group.scope[2] is not None})
    seen = _Seen(by_scope(groups), read_reasons(groups), environments, tenants, q.lower(), unfolded)
    return Matrix(environments, [row for project in shown.object_list for row in _rows(project, seen)], shown)


def _projects(user: Any, sources: QuerySet[ApplicationSource], q: str) -> Any:
    newest = Release.objects.visible_to(user).filter(project=OuterRef("pk")).order_by("-created_at", "-pk")
    projects = Project.objects.visible_to(user).annotate(newest_pk=Subquery(newest.values("pk")[:1]), newest_version=Subquery(newest.values("version")[:1]))
    if q:
        of_tenants = sources.filter(is_mapped=True, tenant__name__icontains=q).order_by().values("project_id")
        projects = projects.filter(Q(name__icontains=q) | Q(pk__in=of_tenants))
    return projects.order_by("name", "pk")


def _rows(project: Any, seen: _Seen) -> list[Row]:
    found = sorted({scope[2] for scope in seen.scopes if scope[0] == project.pk and scope[2] in seen.tenants}, key=lambda pk: seen.tenants[pk or 0].name)
    tenants = [seen.tenants[pk or 0] for pk in found]
    wanted = [tenant for tenant in tenants if seen.q and seen.q in tenant.name.lower()]
    is_long, is_open = len(tenants) >= FOLDED_FROM, project.slug in seen.unfolded
    shown = wanted or (tenants if is_open or not is_long else [])
    fold = "" if not is_long or wanted else "open" if is_open else "closed"
    turned = tuple(sorted(set(seen.unfolded) ^ {project.slug}))
    return [_project_row(project, len(tenants), fold, turned, seen), *(_tenant_row(project, tenant, seen) for tenant in shown)]


def _project_row(project: Any, tenants: int, fold: str, turned: tuple[str, ...], seen: _Seen) -> Row:
    sub = f"{tenants} tenant{'' if tenants == 1 else 's'}{', folded' if fold == 'closed' else ''}" if tenants else ""
    cells = [(each, _cell(seen, {"project": project, "environment": each}, tenants=None)) for each in seen.environments]
    url, deploy = f"{reverse('applications')}?project={project.slug}", _deploy_url(project)
    return Row(project.name, sub, False, url, cells, deploy, project.newest_version or "", fold, turned)


def _tenant_row(project: Any, tenant: Tenant, seen: _Seen) -> Row:
    cells = [(each, _cell(seen, {"project": project, "environment": each, "tenant": tenant}, tenants=[tenant.pk])) for each in seen.environments]
    url, deploy = f"{reverse('applications')}?project={project.slug}&tenant={tenant.slug}", _deploy_url(project)
    return Row(tenant.name, f"tenant of {project.name}", True, url, cells, f"{deploy}?tenant={tenant.slug}" if deploy else "", project.newest_version or "")


def _deploy_url(project: Any) -> str:
    return reverse("release-deploy", args=[project.newest_pk]) if project.newest_pk else ""


def _cell(seen: _Seen, scope: dict[str, Any], *, tenants: list[int] | None) -> Cell | None:
    """The cell of a scope; `tenants` None means all of them and none."""
    project, environment = scope["project"].pk, scope["environment"].pk
    kinds: list[int | None] = [*tenants] if tenants is not None else [None, *seen.tenants]
    groups = [group for tenant in kinds for group in seen.scopes.get((project, environment, tenant), [])]
    address = {name: row.slug for name, row in scope.items()}
    return make_cell(groups, seen.reasons, address=address) if groups else None
