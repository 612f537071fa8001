"""Which application sources a deployment is about, and what stands in the way of writing to them."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from deployments.models import Deployment
from infrastructure.models import ApplicationSource, ArgoInstance, Environment, Project, Tenant
from infrastructure.sentences import at
from infrastructure.status import GatewayStatus


def sources_in_scope(*, project: Project, environment: Environment, tenant: Tenant | None) -> QuerySet[ApplicationSource]:
    """The mapped sources of applications that exist, with application, instance and gateway, in a total order."""
    mapped = ApplicationSource.objects.filter(project=project, environment=environment, tenant=tenant, is_mapped=True)
    here = mapped.filter(removed_at__isnull=True, application__gone_at__isnull=True)
    return here.select_related("application__instance__gateway").order_by(
        "application__instance__name", "application__name", "application__namespace", "position", "pk"
    )


def sources_of(deployment: Deployment) -> QuerySet[ApplicationSource]:
    return sources_in_scope(project=deployment.project, environment=deployment.environment, tenant=deployment.tenant)


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
