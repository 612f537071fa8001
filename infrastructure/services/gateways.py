"""What the hub learns of a gateway's connection: it came, it is heard, it is lost."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from infrastructure.models import SILENT_AFTER, Application, ConnectionSpan, Gateway, HealthCheck, RegistrationToken
from infrastructure.services.errors import StaleEpoch
from infrastructure.signals import applications_reported

KEEP_HISTORY = timedelta(days=30)
SURELY_ALIVE_AFTER = timedelta(seconds=10)  # a stream that lives so long after its loss was written was not lost


@dataclass(frozen=True)
class Hello:
    """How a gateway presents itself when its stream opens."""

    epoch: int
    gateway_version: str = ""
    argocd_version: str = ""
    capabilities: tuple[str, ...] = ()
    instance_id: str = ""


@transaction.atomic
def gateway_connected(*, gateway: Gateway, hello: Hello, relay_url: str, now: datetime) -> Gateway:
    """Write down which hub holds the gateway's newest stream.

    Raises StaleEpoch when a stream with this or a larger epoch was there before, or the key was revoked meanwhile.
    """
    name = gateway.instance.name
    taken = Gateway.objects.filter(pk=gateway.pk, key_id=gateway.key_id, epoch__lt=hello.epoch, revoked_at__isnull=True).update(
        epoch=hello.epoch,
        relay_url=relay_url,
        connected_at=now,
        disconnected_at=None,
        last_seen_at=now,
        last_error="",
        gateway_version=plain(hello.gateway_version),
        argocd_version=plain(hello.argocd_version),
        capabilities=[plain(capability) for capability in hello.capabilities[:50]],
    )
    if not taken:
        raise StaleEpoch(f"The gateway of {name} has opened a newer stream already, or its key changed. This one is closed; connect again.")
    _end_spans(gateway.instance_id, "A newer connection of the gateway took over.", now)
    ConnectionSpan.objects.create(instance_id=gateway.instance_id, started_at=now)
    _tell(gateway.instance_id, now)
    return Gateway.objects.select_related("instance").get(pk=gateway.pk)


def gateways_heard(*, heard: Collection[tuple[int, int]], relay_url: str = "", now: datetime) -> None:
    """Note that the streams, as (gateway id, epoch), are alive. One statement for many.

    One that was marked as lost by mistake (the database was away, say) is held again by `relay_url`.
    """
    alive = list(heard)
    for start in range(0, len(alive), 200):
        condition = Q()
        for pk, epoch in alive[start : start + 200]:
            condition |= Q(pk=pk, epoch=epoch)
        rows = Gateway.objects.filter(condition, revoked_at__isnull=True)
        rows.exclude(relay_url="").update(last_seen_at=now)
        for gateway in rows.filter(relay_url="", disconnected_at__lt=now - SURELY_ALIVE_AFTER) if relay_url else ():
            _hold_again(gateway, relay_url, now)


def gateway_heard(*, gateway: Gateway, epoch: int, now: datetime) -> None:
    """Note that one stream is alive."""
    gateways_heard(heard=[(gateway.pk, epoch)], now=now)


@transaction.atomic
def _hold_again(gateway: Gateway, relay_url: str, now: datetime) -> None:
    still = Gateway.objects.filter(pk=gateway.pk, epoch=gateway.epoch, relay_url="", revoked_at__isnull=True)
    if still.update(relay_url=relay_url, disconnected_at=None, last_seen_at=now, last_error=""):
        ConnectionSpan.objects.create(instance_id=gateway.instance_id, started_at=now)
        _tell(gateway.instance_id, now)


@transaction.atomic
def gateway_lost(*, gateway: Gateway, epoch: int, reason: str, now: datetime) -> bool:
    """Note that the stream ended; False when a newer one holds the gateway and nothing is to be noted."""
    row = Gateway.objects.select_for_update().filter(pk=gateway.pk, epoch=epoch).exclude(relay_url="").first()
    if row is None:
        return False
    end_connection(gateway=row, reason=reason, now=now)
    return True


def end_connection(*, gateway: Gateway, reason: str, now: datetime) -> None:
    """Close the connection in the books, inside the caller's transaction."""
    Gateway.objects.filter(pk=gateway.pk).update(relay_url="", disconnected_at=now, last_error=reason)
    _end_spans(gateway.instance_id, reason, now)
    _tell(gateway.instance_id, now)


@transaction.atomic
def hub_lost(*, relay_url: str, reason: str, now: datetime) -> int:
    """Mark every gateway that this hub's address holds as lost: the hub is gone, or starts anew. Returns how many."""
    held = list(Gateway.objects.select_for_update().filter(relay_url=relay_url))
    for gateway in held:
        end_connection(gateway=gateway, reason=reason, now=now)
    return len(held)


def holders() -> list[str]:
    """The relay addresses of all hubs that hold a gateway, each once."""
    return sorted(set(Gateway.objects.exclude(relay_url="").values_list("relay_url", flat=True)))


@transaction.atomic
def mark_silent_gateways(*, now: datetime) -> int:
    """Mark gateways as lost that are held by a hub but not heard of; their hub may have died. Returns how many."""
    silent = list(Gateway.objects.select_for_update().filter(last_seen_at__lt=now - SILENT_AFTER).exclude(relay_url=""))
    for gateway in silent:
        seconds = int(SILENT_AFTER.total_seconds())
        end_connection(gateway=gateway, reason=f"Silent for more than {seconds} s. The gateway or the network between is down.", now=now)
    return len(silent)


@transaction.atomic
def prune_history(*, now: datetime) -> int:
    """Delete checks and connections older than 30 days, and tokens a week past their end. Returns how many rows."""
    oldest = now - KEEP_HISTORY
    checks, _ = HealthCheck.objects.filter(checked_at__lt=oldest).delete()
    spans, _ = ConnectionSpan.objects.filter(ended_at__lt=oldest).delete()
    tokens, _ = RegistrationToken.objects.filter(expires_at__lt=now - timedelta(days=7)).delete()
    return checks + spans + tokens


def _end_spans(instance_id: int, reason: str, now: datetime) -> None:
    ConnectionSpan.objects.filter(instance_id=instance_id, ended_at__isnull=True).update(ended_at=now, reason=reason)


def _tell(instance_id: int, now: datetime) -> None:
    """Wake whoever waits for the instance's applications: those that are mapped."""
    mapped = Application.objects.filter(instance_id=instance_id, gone_at__isnull=True, sources__is_mapped=True)
    ids = list(mapped.order_by("pk").values_list("pk", flat=True).distinct())
    applications_reported.send(sender=Gateway, application_ids=ids, instance_id=instance_id, now=now)


def plain(text: str) -> str:
    """A version or capability as a column takes it."""
    return text.replace("\x00", "")[:50]
