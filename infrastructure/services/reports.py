"""What gateways report of Argo CD's Applications, written in one transaction a batch."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from django.db import transaction

from infrastructure.models import Application, ArgoInstance, Gateway, Reconciliation
from infrastructure.reported import ReportedApplication, is_storable_name, read_application
from infrastructure.services.errors import StaleEpoch
from infrastructure.services.mapping import Scopes
from infrastructure.services.sources import record_sources
from infrastructure.signals import applications_reported
from infrastructure.status import HealthStatus, SyncStatus

log = structlog.get_logger(__name__)
Key = tuple[str, str]  # namespace, name
_COLUMNS = [
    "uid",
    "argo_project",
    "content",
    "digest",
    "sync_status",
    "health_status",
    "epoch",
    "first_reported_at",
    "reported_at",
    "gone_at",
    "problems",
]


@dataclass(frozen=True)
class Report:
    """One application as reported. `content` is its trimmed JSON, `digest` the SHA-256 of it in hex."""

    namespace: str
    name: str
    uid: str = ""
    is_deleted: bool = False
    content: bytes = b""
    digest: str = ""
    reconciled_at: int = 0  # Unix seconds, 0 if never

    @property
    def key(self) -> Key:
        return self.namespace, self.name


@dataclass(frozen=True)
class Batch:
    """Reports that are committed and acknowledged together."""

    sequence: int
    reports: tuple[Report, ...] = ()
    is_snapshot: bool = False
    is_snapshot_end: bool = False


@dataclass(frozen=True)
class Recorded:
    """What a batch changed: ids of applications, and the keys that no database can hold."""

    changed: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    refused: tuple[Key, ...] = ()


@transaction.atomic
def record_batch(*, gateway: Gateway, epoch: int, batch: Batch, now: datetime, seen: Collection[Key] | None = None) -> Recorded:
    """Write a batch; the caller acknowledges it after this returns.

    `seen` holds every key of the snapshot that this batch ends (None: the batch's own); others are gone.
    What is already written is not touched again, so a batch may come twice. Raises StaleEpoch.
    """
    _check_epoch(gateway, epoch)
    newest = {report.key: report for report in batch.reports}
    reports = [report for report in newest.values() if is_storable_name(report.namespace) and is_storable_name(report.name)]
    refused = tuple(key for key, report in newest.items() if report not in reports)
    existing = _existing(gateway, reports)
    changed = _write(gateway, epoch, [report for report in reports if not report.is_deleted], existing, now)
    gone = [existing[report.key] for report in reports if report.is_deleted and report.key in existing and existing[report.key].gone_at is None]
    if batch.is_snapshot_end:
        gone += _not_in(gateway, set(newest) if seen is None else seen)
    _mark_gone(gone, now)
    _write_reconciled([(known.pk, report.reconciled_at) for report in reports if (known := existing.get(report.key)) is not None])
    recorded = Recorded(tuple(changed), tuple(application.pk for application in gone), refused)
    if recorded.changed or recorded.gone:
        applications_reported.send(sender=Application, application_ids=[*recorded.changed, *recorded.gone], now=now)
    return recorded


@transaction.atomic
def record_reconciled(*, gateway: Gateway, epoch: int, times: Sequence[tuple[str, str, int]], now: datetime) -> None:
    """Write when Argo CD last compared applications: (namespace, name, Unix seconds). Unknown ones are left out. Raises StaleEpoch."""
    _check_epoch(gateway, epoch)
    wanted = {(namespace, name): moment for namespace, name, moment in times}
    known = gateway.instance.applications.filter(gone_at__isnull=True).values_list("namespace", "name", "pk")
    _write_reconciled([(pk, wanted[namespace, name]) for namespace, name, pk in known.order_by("pk") if (namespace, name) in wanted])


def checksum_of(instance: ArgoInstance) -> str:
    """SHA-256 over the sorted lines "<uid> <digest>\\n" of the instance's applications that are not gone."""
    rows = Application.objects.filter(instance=instance, gone_at__isnull=True).order_by().values_list("uid", "digest")
    lines = sorted(f"{uid} {digest}\n" for uid, digest in rows)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _check_epoch(gateway: Gateway, epoch: int) -> None:
    """Lock the gateway's row, so that batches of one instance follow each other."""
    if not list(Gateway.objects.select_for_update().filter(pk=gateway.pk, epoch=epoch, revoked_at__isnull=True).values_list("pk")):
        raise StaleEpoch(f"The gateway of {gateway.instance.name} has opened a newer stream, or its key was revoked. This stream ends.")


def _existing(gateway: Gateway, reports: Sequence[Report]) -> dict[Key, Application]:
    rows = Application.objects.filter(instance_id=gateway.instance_id, name__in={report.name for report in reports}).defer("content").order_by()
    return {(row.namespace, row.name): row for row in rows}


def _write(gateway: Gateway, epoch: int, reports: Sequence[Report], existing: dict[Key, Application], now: datetime) -> list[int]:
    """Create or update what differs; return the ids. `existing` gets the new rows."""
    different = [report for report in reports if not _is_known(report, existing.get(report.key))]
    if not different:
        return []
    scopes = Scopes.read()
    read = {report.key: read_application(report.content) for report in different}
    rows = [_row(gateway, epoch, report, read[report.key], existing.get(report.key), now) for report in different]
    saved = Application.objects.bulk_create(rows, update_conflicts=True, unique_fields=["instance", "namespace", "name"], update_fields=_COLUMNS)
    pairs = [(application, read[application.namespace, application.name]) for application in saved]
    for application in saved:
        existing[application.namespace, application.name] = application
    if record_sources(pairs=pairs, instance=gateway.instance, scopes=scopes, now=now):
        Application.objects.bulk_update([application for application in saved if application.problems], ["problems"])
    return [application.pk for application in saved]


def _is_known(report: Report, row: Application | None) -> bool:
    return row is not None and row.gone_at is None and (row.uid, row.digest) == (report.uid[:64], report.digest[:64])


def _row(gateway: Gateway, epoch: int, report: Report, read: ReportedApplication, before: Application | None, now: datetime) -> Application:
    is_same = before is not None and before.uid == report.uid[:64]
    return Application(
        instance_id=gateway.instance_id,
        namespace=report.namespace,
        name=report.name,
        uid=report.uid.replace("\x00", "")[:64],
        argo_project=read.argo_project,
        content=read.content,
        digest=report.digest.replace("\x00", "")[:64],
        sync_status=read.sync_status if read.sync_status in SyncStatus.values else SyncStatus.UNKNOWN,
        health_status=read.health_status if read.health_status in HealthStatus.values else HealthStatus.UNKNOWN,
        epoch=epoch,
        first_reported_at=before.first_reported_at if before is not None and is_same else now,
        reported_at=now,
        gone_at=None,
        problems=[read.problem] if read.problem else [],
    )


def _not_in(gateway: Gateway, seen: Collection[Key]) -> list[Application]:
    here = Application.objects.filter(instance_id=gateway.instance_id, gone_at__isnull=True).only("pk", "namespace", "name").order_by()
    return [row for row in here if (row.namespace, row.name) not in seen]


def _mark_gone(applications: Sequence[Application], now: datetime) -> None:
    ids = [application.pk for application in applications]
    for start in range(0, len(ids), 500):
        Application.objects.filter(pk__in=ids[start : start + 500]).update(gone_at=now)


def _write_reconciled(times: Sequence[tuple[int, int]]) -> None:
    rows = [Reconciliation(application_id=pk, reconciled_at=moment) for pk, seconds in times if (moment := _moment(seconds)) is not None]
    if rows:
        Reconciliation.objects.bulk_create(rows, batch_size=400, update_conflicts=True, unique_fields=["application"], update_fields=["reconciled_at"])


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
