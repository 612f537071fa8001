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
    version: str  # "" if nothing of ours is there
    health: str
    live_sync: LiveSync
    sources: int
    application: int  # one of them
    deployed_at: datetime | None
    first_state: int | None  # a live state that can tell the reason

    @property
    def is_deployed(self) -> bool:
        """Has Octoargo ever begun to deploy it?"""
        return bool(self.version) or self.live_sync != LiveSync.UNKNOWN


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
    is_deployable: bool  # by a deployment to the row's own scope: a project's row is the one without tenant


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
    wanted = [group.first_state for group in groups if group.first_state is not None and group.is_deployed and group.live_sync != LiveSync.SYNCED]
    return dict(LiveState.objects.filter(pk__in=wanted).values_list("pk", "reason"))


def by_scope(groups: Iterable[Group]) -> dict[Scope, list[Group]]:
    found: dict[Scope, list[Group]] = defaultdict(list)
    for group in groups:
        found[group.scope].append(group)
    return found


def make_cell(groups: list[Group], reasons: dict[int, str], *, address: dict[str, str]) -> Cell:
    """Roll groups up. `address` filters the list of applications to the cell: {"project": "shop", "environment": "staging"}.

    What was never deployed counts for health and is told in the spread; our word is the worst of what was deployed.
    """
    deployed = [group for group in groups if group.is_deployed]
    worst = min(deployed or groups, key=lambda group: WORST_FIRST.index(group.live_sync))
    health = worst_health(group.health for group in groups)
    total = sum(group.sources for group in groups)
    return Cell(
        url=reverse("application", args=[groups[0].application]) if total == 1 else f"{reverse('applications')}?{urlencode(address)}",
        version=_commonest_version(deployed),
        deployed_at=max((group.deployed_at for group in groups if group.deployed_at), default=None),
        health=health,
        live_word=str(worst.live_sync.label),
        tone=_tone(worst.live_sync, health) if deployed or health == HealthStatus.DEGRADED else "",
        why=" ".join(filter(None, [_spread(groups), _ailing(groups, health), _reason(worst, reasons)])),
        sources=total,
        is_deployed=bool(deployed),
        is_deployable="tenant" in address or any(group.scope[2] is None for group in groups),
    )


def _versions(groups: Iterable[Group]) -> Counter[str]:
    versions: Counter[str] = Counter()
    for group in groups:
        versions[group.version] += group.sources
    return versions


def _commonest_version(groups: Iterable[Group]) -> str:
    named = {version: count for version, count in _versions(groups).items() if version}
    return max(named, key=lambda version: (named[version], version), default="")


def _spread(groups: list[Group]) -> str:
    """How many are on the version shown: "3 of 5 on 1.4.2, 2 not deployed yet.", "" when all are."""
    version, total = _commonest_version(groups), sum(group.sources for group in groups)
    on_it = _versions(groups)[version]
    if not version or on_it == total:
        return ""
    never = sum(group.sources for group in groups if not group.is_deployed)
    return f"{on_it} of {total} on {version}{f', {never} not deployed yet' if never else ''}."


def _ailing(groups: list[Group], health: str) -> str:
    """How many have the worst health, where that is not all of them and asks for a look."""
    total, ill = sum(group.sources for group in groups), sum(group.sources for group in groups if group.health == health)
    if health not in (HealthStatus.DEGRADED, HealthStatus.MISSING, HealthStatus.PROGRESSING) or ill == total:
        return ""
    return f"{ill} of {total} {'is' if ill == 1 else 'are'} {HealthStatus(health).label}."


def _reason(worst: Group, reasons: dict[int, str]) -> str:
    is_telling = worst.is_deployed and worst.live_sync != LiveSync.SYNCED
    return reasons.get(worst.first_state or 0, "") if is_telling else ""


def _tone(live_sync: LiveSync, health: str) -> str:
    if health == HealthStatus.DEGRADED:
        return "bad"
    if health == HealthStatus.MISSING:
        return "warn"
    return TONES[live_sync] or ("busy" if health == HealthStatus.PROGRESSING else "")
