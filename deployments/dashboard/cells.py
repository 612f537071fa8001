"""The cells of the overview: what the applications of a scope have in common, and what is not as meant. Counted by the database."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, QuerySet
from django.urls import reverse

from deployments.dashboard.application import TONES, WORST_FIRST
from deployments.live_status import worst_health
from deployments.models import LiveState
from deployments.status import LiveSync
from infrastructure.models import ApplicationSource
from infrastructure.status import HealthStatus

Scope = tuple[int, int, int | None]  # project, environment, tenant or None


@dataclass(frozen=True)
class Group:
    """Sources of one scope that agree on version, health and live sync."""

    scope: Scope
    version: str  # "" if never deployed
    health: str
    live_sync: LiveSync
    sources: int
    application: int  # one of them
    deployed_at: datetime | None
    first_state: int | None  # a live state that can tell the reason

    @property
    def is_as_meant(self) -> bool:
        return self.live_sync == LiveSync.SYNCED and self.health == HealthStatus.HEALTHY


@dataclass(frozen=True)
class Cell:
    """What stands in one cell of the matrix."""

    url: str
    version: str
    deployed_at: datetime | None
    health: str  # Argo CD's word, the worst
    live_word: str
    tone: str
    why: str
    sources: int
    is_deployed: bool


def read_groups(sources: QuerySet[ApplicationSource]) -> list[Group]:
    """One query: as many rows as there are different states, however many applications there are."""
    columns = ("project_id", "environment_id", "tenant_id", "live__release__version", "application__health_status", "live__live_sync")
    rows = sources.filter(is_mapped=True).order_by().values(*columns)
    counted = rows.annotate(sources=Count("pk"), application=Min("application_id"), deployed_at=Max("live__deployed_at"), first_state=Min("live__pk"))
    return [_group(row) for row in counted]


def _group(row: dict[str, Any]) -> Group:
    return Group(
        scope=(row["project_id"], row["environment_id"], row["tenant_id"]),
        version=row["live__release__version"] or "",
        health=row["application__health_status"],
        live_sync=LiveSync(row["live__live_sync"] or LiveSync.UNKNOWN),
        sources=row["sources"],
        application=row["application"],
        deployed_at=row["deployed_at"],
        first_state=row["first_state"],
    )


def read_reasons(groups: Iterable[Group]) -> dict[int, str]:
    """One sentence for each group that is not as meant."""
    wanted = [group.first_state for group in groups if group.first_state is not None and group.live_sync != LiveSync.SYNCED]
    return dict(LiveState.objects.filter(pk__in=wanted).values_list("pk", "reason"))


def by_scope(groups: Iterable[Group]) -> dict[Scope, list[Group]]:
    found: dict[Scope, list[Group]] = defaultdict(list)
    for group in groups:
        found[group.scope].append(group)
    return found


def make_cell(groups: list[Group], reasons: dict[int, str], *, address: dict[str, str]) -> Cell:
    """Roll groups up. `address` filters the list of applications to the cell: {"project": "shop", "environment": "staging"}."""
    versions: Counter[str] = Counter()
    for group in groups:
        versions[group.version] += group.sources
    deployed = {version: count for version, count in versions.items() if version}
    total = sum(versions.values())
    version = max(deployed, key=lambda each: (deployed[each], each), default="")
    worst = min(groups, key=lambda group: WORST_FIRST.index(group.live_sync))
    health = worst_health(group.health for group in groups)
    one = groups[0].application if total == 1 else 0
    return Cell(
        url=reverse("application", args=[one]) if one else f"{reverse('applications')}?{urlencode(address)}",
        version=version,
        deployed_at=max((group.deployed_at for group in groups if group.deployed_at), default=None),
        health=health,
        live_word=str(worst.live_sync.label),
        tone=_tone(worst.live_sync, health) if deployed or health == HealthStatus.DEGRADED else "",
        why=_why(worst, version, deployed.get(version, 0), total, reasons),
        sources=total,
        is_deployed=bool(deployed),
    )


def _why(worst: Group, version: str, on_version: int, total: int, reasons: dict[int, str]) -> str:
    spread = f"{on_version} of {total} on {version}." if version and on_version < total else ""
    reason = reasons.get(worst.first_state or 0, "") if version else ""
    return f"{spread} {reason}".strip()


def _tone(live_sync: LiveSync, health: str) -> str:
    if health == HealthStatus.DEGRADED:
        return "bad"
    if health == HealthStatus.MISSING:
        return "warn"
    return TONES[live_sync] or ("busy" if health == HealthStatus.PROGRESSING else "")
