"""The list of applications: one row a source, filtered, sorted and paged by the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet

from deployments.dashboard.filters import Described, Filter, environments, projects, read_filters
from deployments.status import LiveSync
from infrastructure.models import ApplicationSource, ArgoInstance, Tenant
from infrastructure.status import HealthStatus, SyncStatus

PAGE_SIZE = 50
MOST_WORDS = 10  # of a search
MAPPED = {"yes": "Mapped", "no": "Not mapped"}
SORTS = {
    "name": ("Application", "application__name"),
    "instance": ("Instance", "application__instance__name"),
    "project": ("Project", "project__name"),
    "environment": ("Environment", "environment__position"),
    "tenant": ("Tenant", "tenant__name"),
    "version": ("Version", "live__release__version"),
    "health": ("Health", "application__health_status"),
    "sync": ("Argo CD", "application__sync_status"),
    "live": ("Live sync", "live__live_sync"),
    "changed": ("Changed", "application__reported_at"),
}


@dataclass(frozen=True)
class ApplicationList:
    """The page: rows of ApplicationSource, and the state of the toolbar."""

    page: Page[ApplicationSource]
    filters: list[Filter]
    q: str
    sort: str
    ignored: list[str]  # sentences about values that no filter knows
    total: int
    instances: int

    @property
    def is_filtered(self) -> bool:
        return bool(self.q or any(each.chosen for each in self.filters))

    @property
    def columns(self) -> list[tuple[str, str]]:
        return [(key, title) for key, (title, _) in SORTS.items()]


def application_list(*, user: Any, query: Mapping[str, str]) -> ApplicationList:
    """Read one page of the list; `query` is the address's: q, project, environment, tenant, instance, health, sync, live, mapped, sort, page."""
    filters = read_filters(_filters(user), query)
    ignored = filters.ignored
    rows = ApplicationSource.objects.visible_to(user).filter(removed_at__isnull=True, application__gone_at__isnull=True)
    total, instances = rows.values("application").distinct().count(), ArgoInstance.objects.visible_to(user).count()
    for name, chosen in filters.chosen.items():
        rows = rows.filter(_condition(name, chosen))
    q = query.get("q", "").strip()
    for word in q.split()[:MOST_WORDS]:
        rows = rows.filter(
            Q(application__name__icontains=word) | Q(project__name__icontains=word) | Q(repo_url__icontains=word) | Q(revision__istartswith=word)
        )
    sort = _sort(query.get("sort", ""), ignored)
    related = ("application__instance", "project", "environment", "tenant", "live__release")
    ordered = _ordered(rows.select_related(*related).defer("application__content"), sort)
    page = Paginator(ordered, PAGE_SIZE).get_page(query.get("page"))
    return ApplicationList(page, filters.each, q, sort, ignored, total, instances)


def _filters(user: Any) -> list[Described]:
    return [
        projects(user),
        environments(user),
        ("tenant", "All tenants", list(Tenant.objects.visible_to(user).values_list("slug", "name"))),
        ("instance", "All instances", [(name, name) for name in ArgoInstance.objects.visible_to(user).values_list("name", flat=True)]),
        ("health", "Any health", [(value.lower(), str(label)) for value, label in HealthStatus.choices]),
        ("sync", "Any sync", [(value.lower(), str(label)) for value, label in SyncStatus.choices]),
        ("live", "Any live sync", [(value.replace("_", "-"), str(label)) for value, label in LiveSync.choices]),
        ("mapped", "Mapped or not", list(MAPPED.items())),
    ]


def _condition(name: str, chosen: str) -> Q:
    match name:
        case "project" | "environment" | "tenant":
            return Q(**{f"{name}__slug": chosen}) & Q(is_mapped=True)
        case "instance":
            return Q(application__instance__name=chosen)
        case "health":
            return Q(application__health_status__iexact=chosen)
        case "sync":
            return Q(application__sync_status__iexact=chosen)
        case "live":
            judged = Q(live__live_sync=chosen.replace("-", "_"))
            return (judged | Q(live__isnull=True) if chosen == LiveSync.UNKNOWN else judged) & Q(is_mapped=True)
        case _:
            return Q(is_mapped=chosen == "yes")


def _sort(asked: str, ignored: list[str]) -> str:
    if asked and asked.removeprefix("-") not in SORTS:
        ignored.append(f"The list cannot be sorted by “{asked[:60]}”; it is sorted by name.")
        return "name"
    return asked or "name"


def _ordered(rows: QuerySet[ApplicationSource], sort: str) -> QuerySet[ApplicationSource]:
    column = F(SORTS[sort.removeprefix("-")][1])
    first = column.desc(nulls_last=True) if sort.startswith("-") else column.asc(nulls_last=True)
    return rows.order_by(first, "application__name", "application__namespace", "application__instance__name", "position", "pk")
