"""The overview: tiles, the matrix of projects and environments, and what is under way."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse

from deployments.dashboard.cells import Cell, Group, by_scope, make_cell, read_groups, read_reasons
from deployments.models import Deployment, Release
from deployments.status import DeploymentStatus, LiveSync
from infrastructure.models import SILENT_AFTER, ApplicationSource, ArgoInstance, Environment, Project, Tenant
from infrastructure.status import HealthStatus

UNDER_WAY_SHOWN = 10


@dataclass(frozen=True)
class Tile:
    """A count that leads to what it counts."""

    number: int
    word: str  # gives icon and tone
    label: str
    url: str


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


@dataclass(frozen=True)
class OfflineInstance:
    name: str
    url: str
    last_seen_at: datetime | None
    applications: int


@dataclass(frozen=True)
class Overview:
    """Everything the page needs, in about a dozen queries however many applications there are."""

    sentence: str
    tiles: list[tuple[str, list[Tile]]]
    environments: list[Environment]
    rows: list[Row]
    offline: list[OfflineInstance]
    under_way: list[Deployment]


def overview(*, user: Any, now: datetime, q: str = "", environment: str = "") -> Overview:
    """Read the page; `q` narrows to projects and tenants whose name holds it, `environment` to one column (a slug)."""
    environments = [each for each in Environment.objects.visible_to(user) if not environment or each.slug == environment]
    projects = list(Project.objects.visible_to(user))
    sources = ApplicationSource.objects.visible_to(user).filter(removed_at__isnull=True, application__gone_at__isnull=True)
    groups = read_groups(sources)
    offline = _offline(user, now)
    return Overview(
        sentence=_sentence(projects, len(environments), sources.values("application").distinct().count(), ArgoInstance.objects.visible_to(user).count()),
        tiles=_tiles(groups, len(offline), user),
        environments=environments,
        rows=_rows(groups, projects, environments, q.strip().lower(), user),
        offline=offline,
        under_way=list(_under_way(user)[:UNDER_WAY_SHOWN]),
    )


def _sentence(projects: list[Project], environments: int, applications: int, instances: int) -> str:
    counts = [(len(projects), "project"), (environments, "environment"), (applications, "application"), (instances, "instance")]
    said = [f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts]
    return f"What runs where, and is it what we meant: {said[0]} in {said[1]}, {said[2]} on {said[3]}."


def _under_way(user: Any) -> Any:
    return Deployment.objects.visible_to(user).unfinished().select_related("release__project", "environment", "tenant")


def _tiles(groups: list[Group], offline: int, user: Any) -> list[tuple[str, list[Tile]]]:
    deployments = _under_way(user).values_list("status").order_by().annotate(number=Count("pk"))
    by_status = dict(deployments)

    def counted(condition: Any) -> int:
        return sum(group.sources for group in groups if condition(group))

    def health(word: HealthStatus) -> Tile:
        url = f"{reverse('applications')}?mapped=yes&health={word.value.lower()}"
        return Tile(counted(lambda group: group.health == word), str(word.label), str(word.label), url)

    def live(word: LiveSync) -> Tile:
        return Tile(
            counted(lambda group: group.live_sync == word), str(word.label), str(word.label), f"{reverse('applications')}?live={word.value.replace('_', '-')}"
        )

    def deployment(word: DeploymentStatus) -> Tile:
        return Tile(by_status.get(word, 0), str(word.label), str(word.label), f"{reverse('deployments')}?status={word.value}")

    meant = counted(lambda group: group.is_as_meant)
    return [
        (
            "Needs you",
            [
                health(HealthStatus.DEGRADED),
                live(LiveSync.GIT_DRIFT),
                live(LiveSync.OUT_OF_SYNC),
                live(LiveSync.UNAVAILABLE),
                live(LiveSync.UNKNOWN),
                Tile(offline, "Offline", "Offline", f"{reverse('instances')}?state=offline"),
            ],
        ),
        ("On its way", [deployment(DeploymentStatus.QUEUED), deployment(DeploymentStatus.WAITING), health(HealthStatus.PROGRESSING)]),
        (
            "As meant",
            [
                Tile(meant, "Synced", "Synced, healthy", f"{reverse('applications')}?live=synced&health=healthy"),
                Tile(counted(lambda group: True), "overview", "All", f"{reverse('applications')}?mapped=yes"),
            ],
        ),
    ]


def _rows(groups: list[Group], projects: Iterable[Project], environments: list[Environment], q: str, user: Any) -> list[Row]:
    scopes, reasons = by_scope(groups), read_reasons(groups)
    tenants = {tenant.pk: tenant for tenant in Tenant.objects.visible_to(user)}
    newest = _newest_releases(user)
    rows: list[Row] = []
    for project in projects:
        found = sorted({scope[2] for scope in scopes if scope[0] == project.pk and scope[2] in tenants}, key=lambda pk: tenants[pk or 0].name)
        shown = [tenants[pk or 0] for pk in found if not q or q in tenants[pk or 0].name.lower() or q in project.name.lower()]
        if q and not shown and q not in project.name.lower():
            continue
        release = newest.get(project.pk)
        deploy_url, version = (reverse("release-deploy", args=[release.pk]), release.version) if release else ("", "")
        cells = [(each, _project_cell(scopes, reasons, project, each)) for each in environments]
        sub = f"{len(found)} tenant{'' if len(found) == 1 else 's'}" if found else ""
        rows.append(Row(project.name, sub, False, f"{reverse('applications')}?project={project.slug}", cells, deploy_url, version))
        for tenant in shown:
            cells = [(each, _tenant_cell(scopes, reasons, project, each, tenant)) for each in environments]
            url = f"{reverse('applications')}?project={project.slug}&tenant={tenant.slug}"
            rows.append(Row(tenant.name, f"tenant of {project.name}", True, url, cells, f"{deploy_url}?tenant={tenant.slug}" if deploy_url else "", version))
    return rows


def _project_cell(scopes: dict[Any, list[Group]], reasons: dict[int, str], project: Project, environment: Environment) -> Cell | None:
    groups = [group for scope, found in scopes.items() if scope[:2] == (project.pk, environment.pk) for group in found]
    address = {"project": project.slug, "environment": environment.slug}
    return make_cell(groups, reasons, address=address) if groups else None


def _tenant_cell(scopes: dict[Any, list[Group]], reasons: dict[int, str], project: Project, environment: Environment, tenant: Tenant) -> Cell | None:
    groups = scopes.get((project.pk, environment.pk, tenant.pk), [])
    address = {"project": project.slug, "environment": environment.slug, "tenant": tenant.slug}
    return make_cell(groups, reasons, address=address) if groups else None


def _newest_releases(user: Any) -> dict[int, Release]:
    newest: dict[int, Release] = {}
    for release in Release.objects.visible_to(user).only("pk", "project_id", "version", "created_at").order_by("created_at", "pk"):
        newest[release.project_id] = release
    return newest


def _offline(user: Any, now: datetime) -> list[OfflineInstance]:
    heard = Q(gateway__last_seen_at__gte=now - SILENT_AFTER, gateway__revoked_at__isnull=True) & ~Q(gateway__relay_url="")
    silent = ArgoInstance.objects.visible_to(user).filter(gateway__last_seen_at__isnull=False).exclude(heard).select_related("gateway")
    counted = silent.annotate(number=Count("applications", filter=Q(applications__gone_at__isnull=True)))
    return [OfflineInstance(each.name, each.get_absolute_url(), each.gateway.last_seen_at, each.number) for each in counted]


@dataclass(frozen=True)
class Welcome:
    """Which of the first three steps are done."""

    has_instance: bool
    has_mapping: bool
    has_deployment: bool
    has_project: bool
    has_environment: bool

    @property
    def is_over(self) -> bool:
        return self.has_instance and self.has_mapping


def welcome(user: Any) -> Welcome:
    return Welcome(
        has_instance=ArgoInstance.objects.visible_to(user).filter(gateway__last_seen_at__isnull=False).exists(),
        has_mapping=ApplicationSource.objects.visible_to(user).filter(is_mapped=True).exists(),
        has_deployment=Deployment.objects.visible_to(user).filter(status=DeploymentStatus.SUCCEEDED).exists(),
        has_project=Project.objects.visible_to(user).exists(),
        has_environment=Environment.objects.visible_to(user).exists(),
    )
