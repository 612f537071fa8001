"""Health checks: what a gateway found on its way to Argo CD."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from infrastructure import relay
from infrastructure.models import ArgoInstance, Gateway, HealthCheck
from infrastructure.status import CheckStatus

ROW_EVERY_SECONDS = 900  # a row for each quarter of an hour, and one for each change between


@dataclass(frozen=True)
class Leg:
    """One leg of the way. `status` is a CheckStatus; `evidence` and `advice` are sentences."""

    leg: str
    status: str
    evidence: str = ""
    advice: str = ""
    duration_ms: int = 0


@transaction.atomic
def record_health(*, gateway: Gateway, legs: Sequence[Leg], now: datetime) -> HealthCheck:
    """Write a check, or bring the newest one up to date when it found the same in the same quarter of an hour."""
    found = [_plain(leg) for leg in legs[:50]]
    is_passed = bool(found) and all(leg["status"] in (CheckStatus.PASSED, CheckStatus.WARNING) for leg in found)
    newest = HealthCheck.objects.filter(instance_id=gateway.instance_id).order_by("-checked_at", "-pk").first()
    if newest is not None and _said(newest.legs) == _said(found) and _quarter(newest.checked_at) == _quarter(now):
        newest.legs, newest.is_passed, newest.checked_at = found, is_passed, now
        newest.save(update_fields=["legs", "is_passed", "checked_at"])
        return newest
    return HealthCheck.objects.create(instance_id=gateway.instance_id, checked_at=now, is_passed=is_passed, legs=found)


def record_registries(*, gateway: Gateway, registries: Mapping[str, str]) -> None:
    """Keep which registry the instance's clusters name as their default, by destination (server or name)."""
    found = {name.replace("\x00", ""): registry.replace("\x00", "") for name, registry in list(registries.items())[:1000]}
    instance = ArgoInstance.objects.get(pk=gateway.instance_id)
    if instance.default_registries != found:
        instance.default_registries = found
        instance.save(update_fields=["default_registries"])


def check_instance(*, instance: ArgoInstance, now: datetime) -> HealthCheck:
    """Ask the gateway to look at its way to Argo CD now, and record what it found. Raises relay.RelayError."""
    answer = relay.content_of(relay.preflight(instance=instance), instance=instance)
    legs = [_leg(leg) for leg in answer if isinstance(leg, dict)] if isinstance(answer, list) else []
    return record_health(gateway=instance.gateway, legs=legs, now=now)


def _leg(found: dict[str, Any]) -> Leg:
    texts = {name: str(found.get(name, "")) for name in ("leg", "status", "evidence", "advice")}
    duration = found.get("duration_ms")
    return Leg(**texts, duration_ms=duration if isinstance(duration, int) else 0)


def _plain(leg: Leg) -> dict[str, str | int]:
    texts = {key: value.replace("\x00", "")[:2000] for key, value in asdict(leg).items() if isinstance(value, str)}
    if texts["status"] not in CheckStatus.values:
        texts["status"] = CheckStatus.WAITING.value
    return {**texts, "duration_ms": leg.duration_ms}


def _said(legs: Sequence[dict[str, str | int]]) -> list[tuple[object, ...]]:
    """What makes a check another one: each leg's state and advice, but not its wording, which may hold times and counts."""
    return [(leg.get("leg"), leg.get("status"), leg.get("advice")) for leg in legs]


def _quarter(moment: datetime) -> int:
    return int(moment.timestamp()) // ROW_EVERY_SECONDS
