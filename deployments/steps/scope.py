"""Which application sources a deployment is about, and what stands in the way of writing to them."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db.models import QuerySet

from deployments.models import Deployment
from infrastructure.models import Application, ApplicationSource, ArgoInstance, Environment, Project, Tenant
from infrastructure.scoping import PREFIX
from infrastructure.sentences import at
from infrastructure.status import GatewayStatus

PROBLEMS_TOLD = 50


def sources_in_scope(*, project: Project, environment: Environment, tenant: Tenant | None) -> QuerySet[ApplicationSource]:
    """The mapped sources of applications that exist, with application, instance and gateway, in a total order."""
    mapped = ApplicationSource.objects.filter(project=project, environment=environment, tenant=tenant, is_mapped=True)
    here = mapped.filter(removed_at__isnull=True, application__gone_at__isnull=True)
    return here.select_related("application__instance__gateway").order_by(
        "application__instance__name", "application__name", "application__namespace", "position", "pk"
    )


def sources_of(deployment: Deployment) -> QuerySet[ApplicationSource]:
    return sources_in_scope(project=deployment.project, environment=deployment.environment, tenant=deployment.tenant)


def scoping_problems(*, project: Project, environment: Environment) -> list[tuple[str, str]]:
    """What is wrong with the annotations of applications that name the project: (application, sentence), of at most PROBLEMS_TOLD applications.

    Those that name another environment we know are left out: theirs are told when we deploy there.
    """
    rows = Application.objects.filter(gone_at__isnull=True).exclude(problems=[]).order_by("instance__name", "name", "namespace", "pk")
    known = frozenset(slug.lower() for slug in Environment.objects.values_list("slug", flat=True))
    about = [
        (name, problems)
        for name, problems, annotations in rows.values_list("name", "problems", "content__metadata__annotations")
        if _is_about(annotations, project=project, environment=environment, known=known)
    ]
    return [(name, str(sentence)) for name, problems in about[:PROBLEMS_TOLD] for sentence in problems]


def _is_about(annotations: object, *, project: Project, environment: Environment, known: Collection[str]) -> bool:
    if project.slug.lower() not in _values_of("project", annotations):
        return False
    named = _values_of("environment", annotations) & frozenset(known)
    return not named or environment.slug.lower() in named


def _values_of(part: str, annotations: object) -> frozenset[str]:
    """What the annotations of all sources say, lower-case."""
    key = f"{PREFIX}{part}"
    texts = annotations if isinstance(annotations, Mapping) else {}
    return frozenset(str(value).strip().lower() for name, value in texts.items() if name == key or name.startswith(f"{key}."))


def nothing_mapped(*, project: Project, environment: Environment, tenant: Tenant | None) -> str:
    """A sentence for when no source is in scope, and what stands in the way of those that seem meant."""
    problems = scoping_problems(project=project, environment=environment)
    told = "".join(f" {name}: {sentence}" for name, sentence in problems[:3])
    return f"no application is mapped to {scope_name(project=project, environment=environment, tenant=tenant)}.{told}"


def scope_name(*, project: Project, environment: Environment, tenant: Tenant | None) -> str:
    """E.g. "shop, Production and Outlet", or "shop and Production"."""
    return f"{project}, {environment} and {tenant}" if tenant else f"{project} and {environment}"


def silent_since(instance: ArgoInstance, now: datetime) -> datetime | None:
    """Since when an instance's gateway is not heard; None while it is. Never heard: since it was registered."""
    gateway = getattr(instance, "gateway", None)
    if gateway is None:
        return instance.created_at
    if gateway.status(now) == GatewayStatus.ONLINE:
        return None
    seen: datetime | None = gateway.last_seen_at
    return seen or instance.created_at


def waits_for_instances(sources: Iterable[ApplicationSource], now: datetime) -> str:
    """Why the sources' data is not fresh, a sentence; "" when it is."""
    silent = {}
    for source in sources:
        instance = source.application.instance
        if instance.name not in silent and (since := silent_since(instance, now)) is not None:
            silent[instance.name] = since
    if not silent:
        return ""
    name, since = sorted(silent.items())[0]
    others = f", and {len(silent) - 1} more" if len(silent) > 1 else ""
    return f"Waiting for {name}{others}: not heard since {at(since, now=now)}. We go on when its gateway is back."
