"""The overview: tiles, the matrix of projects and environments, and what is under way."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from deployments.dashboard.matrix import Matrix, read_matrix
from deployments.models import Deployment
from deployments.status import DeploymentStatus, LiveSync
from infrastructure.models import SILENT_AFTER, ApplicationSource, ArgoInstance, Environment, Project
from infrastructure.status import HealthStatus

UNDER_WAY_SHOWN = 10
OFFLINE_SHOWN = 4


@dataclass(frozen=True)
class Tile:
    """A count that leads to what it counts."""

    number: int
    word: str  # gives icon and tone
    label: str
    url: str


@dataclass(frozen=True)
class OfflineInstance:
    """An instance that was heard once and is not heard now."""

    name: str
    url: str
    last_seen_at: datetime | None
    applications: int


@dataclass(frozen=True)
class Overview:
    """Everything the page needs, in about a dozen queries however many applications there are."""

    sentence: str
    tiles: list[tuple[str, list[Tile]]]
    matrix: Matrix
    offline: list[OfflineInstance]
    more_offline: int
    under_way: list[Deployment]
    more_under_way: int
    all_environments: list[Environment]
    environment: str  # the slug chosen, "" for all
    ignored: list[str]  # sentences about values that no filter knows


def overview(*, user: Any, now: datetime, q: str = "", environment: str = "", unfolded: Collection[str] = (), page: str | None = None) -> Overview:
    """Read the page; `q` narrows to projects and tenants whose name holds it, `environment` to one column (a slug)."""
    every = list(Environment.objects.visible_to(user))
    is_known = not environment or environment in {each.slug for each in every}
    ignored = [] if is_known else [f"There is no environment “{environment[:60]}”; that filter was ignored."]
    environment = environment if is_known else ""
    sources = ApplicationSource.objects.visible_to(user).filter(removed_at__isnull=True, application__gone_at__isnull=True)
    shown = [each for each in every if not environment or each.slug == environment]
    offline = _offline(user, now)
    statuses = dict(Deployment.objects.visible_to(user).unfinished().order_by().values_list("status").annotate(number=Count("pk")))
    under_way = list(_under_way(user)[:UNDER_WAY_SHOWN])
    return Overview(
        sentence=_sentence(user, len(every), sources),
        tiles=_tiles(_tally(sources), statuses, len(offline)),
        matrix=read_matrix(user=user, sources=sources, environments=shown, q=q.strip(), unfolded=unfolded, page=page),
        offline=offline[:OFFLINE_SHOWN],
        more_offline=max(0, len(offline) - OFFLINE_SHOWN),
        under_way=under_way,
        more_under_way=sum(statuses.values()) - len(under_way),
        all_environments=every,
        environment=environment,
        ignored=ignored,
    )


def _sentence(user: Any, environments: int, sources: QuerySet[ApplicationSource]) -> str:
    counts = [
        (Project.objects.visible_to(user).count(), "project"),
        (environments, "environment"),
        (sources.order_by().values("application").distinct().count(), "application"),
        (ArgoInstance.objects.visible_to(user).count(), "instance"),
    ]
    said = [f"{number:,} {word}{'' if number == 1 else 's'}" for number, word in counts]
    return f"What runs where, and is it what we meant: {said[0]} in {said[1]}, {said[2]} on {said[3]}."


def _under_way(user: Any) -> Any:
    return Deployment.objects.visible_to(user).unfinished().select_related("release__project", "environment", "tenant")


def _tally(sources: QuerySet[ApplicationSource]) -> Counter[tuple[str, str]]:
    """How many mapped sources have which health and live sync: one query, a few dozen rows."""
    rows = sources.filter(is_mapped=True).order_by().values_list("application__health_status", "live__live_sync").annotate(number=Count("pk"))
    tally: Counter[tuple[str, str]] = Counter()
    for health, live_sync, number in rows:
        tally[health, live_sync or LiveSync.UNKNOWN] += number
    return tally


def _tiles(tally: Counter[tuple[str, str]], statuses: dict[str, int], offline: int) -> list[tuple[str, list[Tile]]]:
    def health(word: HealthStatus) -> Tile:
        number = sum(count for (each, _), count in tally.items() if each == word)
        return Tile(number, str(word.label), str(word.label), f"{reverse('applications')}?mapped=yes&health={word.value.lower()}")

    def live(word: LiveSync) -> Tile:
        number = sum(count for (_, each), count in tally.items() if each == word)
        return Tile(number, str(word.label), str(word.label), f"{reverse('applications')}?live={word.value.replace('_', '-')}")

    def deployment(word: DeploymentStatus) -> Tile:
        return Tile(statuses.get(word, 0), str(word.label), str(word.label), f"{reverse('deployments')}?status={word.value}")

    meant = tally[HealthStatus.HEALTHY, LiveSync.SYNCED]
    troubles = [health(HealthStatus.DEGRADED), *map(live, (LiveSync.GIT_DRIFT, LiveSync.OUT_OF_SYNC, LiveSync.UNAVAILABLE, LiveSync.UNKNOWN))]
    return [
        ("Needs you", [*troubles, Tile(offline, "Offline", "Offline", f"{reverse('instances')}?state=offline")]),
        (
            "On its way",
            [
                deployment(DeploymentStatus.QUEUED),
                deployment(DeploymentStatus.AWAITING_MERGE),
                deployment(DeploymentStatus.WAITING),
                health(HealthStatus.PROGRESSING),
            ],
        ),
        (
            "As meant",
            [
                Tile(meant, "Synced", "Synced, healthy", f"{reverse('applications')}?live=synced&health=healthy"),
                Tile(tally.total(), "overview", "All", f"{reverse('applications')}?mapped=yes"),
            ],
        ),
    ]


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


def is_ready(user: Any) -> bool:
    """Is there anything for the overview to show?"""
    has_instance = ArgoInstance.objects.visible_to(user).filter(gateway__last_seen_at__isnull=False).exists()
    return has_instance and ApplicationSource.objects.visible_to(user).filter(is_mapped=True).exists()


def welcome(user: Any) -> Welcome:
    return Welcome(
        has_instance=ArgoInstance.objects.visible_to(user).filter(gateway__last_seen_at__isnull=False).exists(),
        has_mapping=ApplicationSource.objects.visible_to(user).filter(is_mapped=True).exists(),
        has_deployment=Deployment.objects.visible_to(user).filter(status=DeploymentStatus.SUCCEEDED).exists(),
        has_project=Project.objects.visible_to(user).exists(),
        has_environment=Environment.objects.visible_to(user).exists(),
    )
