"""Works through what one gateway reports, in order, and acknowledges each batch once it is in the database."""

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
import structlog
from django.db import DataError, Error
from django.utils import timezone

from gateway import gateway_pb2
from infrastructure.hub.database import Threads
from infrastructure.hub.streams import Stream
from infrastructure.services.errors import StaleEpoch
from infrastructure.services.health import Leg, record_health, record_registries
from infrastructure.services.reports import Batch, Report, checksum_of, record_batch, record_reconciled

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Recorder:
    """The one task of a stream that writes to the database."""

    def __init__(self, threads: Threads, stream: Stream) -> None:
        self._threads = threads
        self._stream = stream

    async def run(self) -> None:
        """Record until the stream ends. Whatever goes wrong ends the stream with a sentence; the gateway sends again."""
        while True:
            message = await self._stream.work.get()
            try:
                await self._record(message)
            except StaleEpoch as error:
                self._stream.end(grpc.StatusCode.ABORTED, str(error))
                return
            except Error:
                log.exception("report_not_recorded", instance=self._stream.gateway.instance.name)
                self._stream.end(grpc.StatusCode.UNAVAILABLE, "The hub's database did not take the report. Connect again and send it again.")
                return

    async def _record(self, message: gateway_pb2.GatewayMessage) -> None:
        match message.WhichOneof("message"):
            case "reports":
                await self._reports(message.reports)
            case "reconciled":
                times = [(entry.namespace, entry.name, entry.reconciled_at) for entry in message.reconciled.entries]
                await self._in_database(record_reconciled, times=times)
            case "health":
                await self._health(message.health)
            case "checksum":
                await self._compare(message.checksum)

    async def _reports(self, message: gateway_pb2.ReportBatch) -> None:
        batch = _batch(message)
        seen = self._seen(batch)
        error = ""
        try:
            recorded = await self._in_database(record_batch, batch=batch, seen=seen)
            if recorded.refused:
                error = f"{len(recorded.refused)} applications have a name that cannot be stored."
        except DataError:
            log.exception("batch_refused", instance=self._stream.gateway.instance.name, sequence=batch.sequence)
            error = "The database refused the content of this batch."
        if batch.is_snapshot_end:
            self._stream.snapshot = None
        await self._stream.outgoing.put(gateway_pb2.HubMessage(ack=gateway_pb2.Ack(sequence=batch.sequence, error=error)))

    def _seen(self, batch: Batch) -> set[tuple[str, str]] | None:
        """Collect the snapshot's keys; what changes while it is under way was seen too."""
        stream = self._stream
        if batch.is_snapshot and stream.snapshot is None:
            stream.snapshot = set()
        if stream.snapshot is not None:
            stream.snapshot.update(report.key for report in batch.reports if not report.is_deleted)
        return stream.snapshot

    async def _health(self, message: gateway_pb2.HealthReport) -> None:
        legs = [Leg(leg.leg, leg.status, leg.evidence, leg.advice, leg.duration_ms) for leg in message.legs]
        await self._threads.for_reports(record_health, gateway=self._stream.gateway, legs=legs, now=timezone.now())
        if message.HasField("registries"):
            await self._threads.for_reports(record_registries, gateway=self._stream.gateway, registries=dict(message.registries.by_destination))

    async def _compare(self, message: gateway_pb2.Checksum) -> None:
        ours = await self._threads.for_reports(checksum_of, self._stream.gateway.instance)
        if ours != message.checksum and self._stream.snapshot is None and self._stream.work.empty():
            request = gateway_pb2.SnapshotRequest(reason="The checksum differs from what the hub holds.")
            self._stream.send(gateway_pb2.HubMessage(snapshot=request))

    async def _in_database(self, work: Callable[..., T], **values: Any) -> T:
        return await self._threads.for_reports(work, gateway=self._stream.gateway, epoch=self._stream.epoch, now=timezone.now(), **values)


def _batch(message: gateway_pb2.ReportBatch) -> Batch:
    reports = tuple(
        Report(report.namespace, report.name, report.uid, report.is_deleted, report.content, report.digest, report.reconciled_at)
        for report in message.applications
    )
    return Batch(message.sequence, reports, message.is_snapshot, message.is_snapshot_end)
