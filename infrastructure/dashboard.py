"""Reads for the pages of instances, as frozen dataclasses. A handful of queries, however many rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Coalesce

from infrastructure.checks import GatewayFacts
from infrastructure.connection import WINDOW, Connection, draw_connection
from infrastructure.models import SILENT_AFTER, Application, ArgoInstance, Environment, Gateway, RegistrationToken
from infrastructure.sentences import at, counted, duration, listed
from infrastructure.status import GatewayStatus, HealthStatus, SyncStatus

Person = AbstractBaseUser | AnonymousUser
_PRESENT = Q(applications__gone_at__isnull=True, applications__isnull=False)
_PROBLEM = (Q(applications__health_status__in=[HealthStatus.DEGRADED, HealthStatus.MISSING]) | Q(applications__sync_status=SyncStatus.OUT_OF_SYNC)) & _PRESENT
SORTS: dict[str, str] = {
    "instance": "name",
    "gateway": "gateway__last_seen_at",
    "last-heard": "gateway__last_seen_at",
    "argo-cd": "gateway__argocd_version",
    "gateway-version": "gateway__gateway_version",
    "applications": "application_count",
    "problems": "problem_count",
}
# Words of the gateway filter; the value travels in the URL.
STATES = {"online": "Online", "offline": "Offline", "waiting": "Waiting"}


@dataclass(frozen=True)
class Problem:
    """Applications that are not as meant, by Argo CD's word: "1 Degraded"."""

    number: int
    word: str
    tone: str
    query: str  # of the applications page


@dataclass(frozen=True)
class InstanceRow:
    """One line of the instances page. `remark` is a sentence, "" if all is well."""

    name: str
    url: str
    status: GatewayStatus
    last_seen_at: datetime | None
    argocd_version: str
    gateway_version: str
    applications: int
    problems: tuple[Problem, ...]
    environments: tuple[str, ...]
    remark: str


def gateway_of(instance: ArgoInstance) -> Gateway | None:
    """Its enrolled gateway, None before the enrolment."""
    return getattr(instance, "gateway", None)


def status_of(instance: ArgoInstance, now: datetime) -> GatewayStatus:
    gateway = gateway_of(instance)
    return gateway.status(now) if gateway else GatewayStatus.REGISTERED


def _in_state(state: str, now: datetime) -> Q:
    """The same decision as Gateway.status, for the database."""
    waiting = Q(gateway__isnull=True) | Q(gateway__revoked_at__isnull=True, gateway__last_seen_at__isnull=True)
    online = Q(gateway__revoked_at__isnull=True, gateway__last_seen_at__gte=now - SILENT_AFTER) & ~Q(gateway__relay_url="")
    return {"online": online, "waiting": waiting, "offline": Q(gateway__isnull=False) & ~waiting & ~online}[state]


def find_instances(user: Person, *, q: str, state: str, environment: Environment | None, sort: str, now: datetime) -> QuerySet[ArgoInstance]:
    """The instances that match, in a total order. `sort` is a key of SORTS, with a leading "-" for descending."""
    found: QuerySet[ArgoInstance] = ArgoInstance.objects.visible_to(user)
    if q:
        found = found.filter(name__icontains=q)
    if state:
        found = found.filter(_in_state(state, now))
    if environment:
        found = found.filter(pk__in=environment.instances.values("pk"))
    key = sort.removeprefix("-")
    if key == "applications":
        found = found.annotate(application_count=Count("applications", filter=_PRESENT))
    if key == "problems":
        found = found.annotate(problem_count=Count("applications", filter=_PROBLEM))
    field = F(SORTS.get(key, "name"))
    order = field.desc(nulls_last=True) if sort.startswith("-") else field.asc(nulls_first=True)
    return found.select_related("gateway").prefetch_related("environments").order_by(order, "name", "pk")


def rows_of(instances: Iterable[ArgoInstance], now: datetime) -> list[InstanceRow]:
    """The lines of one page: two more queries for all of them."""
    page = list(instances)
    words: dict[int, dict[str, int]] = {instance.pk: {} for instance in page}
    counts: dict[int, int] = dict.fromkeys(words, 0)
    groups = Application.objects.filter(instance__in=page, gone_at__isnull=True).values_list("instance_id", "health_status", "sync_status")
    for instance_id, health, sync, number in groups.annotate(number=Count("pk")).order_by():
        counts[instance_id] += number
        for word in (health, sync if sync != health else ""):
            if word:
                words[instance_id][word] = words[instance_id].get(word, 0) + number
    tokens = valid_tokens(page, now)
    return [_row(instance, counts[instance.pk], words[instance.pk], tokens.get(instance.pk), now) for instance in page]


def valid_tokens(instances: Iterable[ArgoInstance], now: datetime) -> dict[int, RegistrationToken]:
    """The registration token that still works, by instance."""
    usable = RegistrationToken.objects.filter(instance__in=list(instances), used_at__isnull=True, replaced_at__isnull=True, expires_at__gt=now)
    return {token.instance_id: token for token in usable.order_by("created_at", "pk")}


def _row(instance: ArgoInstance, applications: int, words: dict[str, int], token: RegistrationToken | None, now: datetime) -> InstanceRow:
    gateway, status = gateway_of(instance), status_of(instance, now)
    return InstanceRow(
        name=instance.name,
        url=instance.get_absolute_url(),
        status=status,
        last_seen_at=gateway.last_seen_at if gateway else None,
        argocd_version=gateway.argocd_version if gateway else "",
        gateway_version=gateway.gateway_version if gateway else "",
        applications=applications,
        problems=_problems(instance.name, status, applications, words),
        environments=tuple(environment.name for environment in instance.environments.all()),
        remark=_remark(instance, gateway, status, applications, token, now),
    )


def _problems(name: str, status: GatewayStatus, applications: int, words: dict[str, int]) -> tuple[Problem, ...]:
    query = f"instance={name}"
    if status is not GatewayStatus.ONLINE:
        return (Problem(applications, "Unknown", "quiet", query),) if applications else ()
    told = [
        (HealthStatus.DEGRADED, "bad", "health=degraded"),
        (HealthStatus.MISSING, "warn", "health=missing"),
        (SyncStatus.OUT_OF_SYNC, "warn", "sync=outofsync"),
    ]
    return tuple(Problem(words[word.value], str(word.label), tone, f"{query}&{more}") for word, tone, more in told if words.get(word.value))


def _remark(instance: ArgoInstance, gateway: Gateway | None, status: GatewayStatus, applications: int, token: RegistrationToken | None, now: datetime) -> str:
    match status:
        case GatewayStatus.ONLINE:
            return ""
        case GatewayStatus.REVOKED:
            return "The gateway’s key was revoked. Make a new registration token on its page to connect it again."
        case GatewayStatus.REGISTERED:
            since = f"Waiting for the first connection since {at(instance.created_at, now=now)}."
            if gateway is not None:
                return f"{since} The gateway has enrolled."
            if token is None:
                return f"{since} The registration token is no longer valid: make a new one."
            return f"{since} The registration token is valid for another {duration(token.expires_at - now)}."
        case _:
            heard = f"Heartbeats stopped at {at(gateway.last_seen_at, now=now)}." if gateway and gateway.last_seen_at else ""
            error = f" Last error: {gateway.last_error.rstrip('.')}." if gateway and gateway.last_error else ""
            known = f" Its {counted(applications, 'application')} show{'s' if applications == 1 else ''} the last known words." if applications else ""
            return f"{heard}{error}{known}".strip()


def summarise_instances(user: Person, now: datetime) -> str:
    """The first sentence of the instances page."""
    visible = ArgoInstance.objects.visible_to(user)
    totals: dict[str, Any] = visible.aggregate(
        all=Count("pk"), offline=Count("pk", filter=_in_state("offline", now)), waiting=Count("pk", filter=_in_state("waiting", now))
    )
    applications = Application.objects.visible_to(user).filter(gone_at__isnull=True).count()
    sentence = f"{counted(totals['all'], 'Argo CD instance')}, {counted(applications, 'application')}."
    told = [_few(totals["offline"], "offline"), _few(totals["waiting"], "waiting for the first connection")]
    told = [part for part in told if part]
    return f"{sentence} {', '.join(told).capitalize()}." if told else f"{sentence} We hear from all of them." if totals["all"] else sentence


def summarise_applications(row: InstanceRow) -> str:
    """What an instance's head says of its applications: "23 applications, 1 Degraded and 2 Out of sync."."""
    sentence = counted(row.applications, "application")
    told = [f"{problem.number} {problem.word}" for problem in row.problems if row.status is GatewayStatus.ONLINE]
    return f"{sentence}, {listed(told)}." if told else f"{sentence}."


def _few(number: int, what: str) -> str:
    return "" if not number else f"one is {what}" if number == 1 else f"{number} are {what}"


def gateway_facts(instance: ArgoInstance, token: RegistrationToken | None, now: datetime) -> GatewayFacts:
    """What the checks need to know of an instance."""
    gateway = gateway_of(instance)
    facts = GatewayFacts(
        status=status_of(instance, now),
        kubernetes_name=instance.kubernetes_name,
        registered_at=instance.created_at,
        token_expires_at=token.expires_at if token else None,
    )
    if gateway is None:
        return facts
    return GatewayFacts(
        status=facts.status,
        kubernetes_name=facts.kubernetes_name,
        registered_at=facts.registered_at,
        token_expires_at=facts.token_expires_at,
        enrolled_at=gateway.enrolled_at,
        connected_at=gateway.connected_at,
        last_seen_at=gateway.last_seen_at,
        last_error=gateway.last_error,
        key_id=gateway.key_id,
    )


def mapping_counts(instance: ArgoInstance) -> tuple[int, int]:
    """(mapped sources, all sources) of the applications that are there."""
    sources = Application.objects.filter(instance=instance, gone_at__isnull=True, sources__removed_at__isnull=True).aggregate(
        mapped=Coalesce(Count("sources", filter=Q(sources__is_mapped=True)), 0), all=Count("sources")
    )
    return sources["mapped"], sources["all"]


def connection_of(instance: ArgoInstance, now: datetime) -> Connection:
    """Its last 24 hours."""
    start = now - WINDOW
    spans = instance.connection_spans.filter(Q(ended_at__isnull=True) | Q(ended_at__gte=start)).order_by("started_at")
    first = instance.connection_spans.order_by("started_at").values_list("started_at", flat=True).first()
    answers = [
        (moment, leg["duration_ms"])
        for moment, legs in instance.health_checks.filter(checked_at__gte=start).order_by("checked_at").values_list("checked_at", "legs")
        for leg in legs
        if leg.get("leg") == "argocd_reachable" and leg.get("duration_ms")
    ]
    return draw_connection(spans=spans.values_list("started_at", "ended_at"), first_connected_at=first, answers=answers, now=now)
