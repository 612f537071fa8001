"""One stream to the hub, from greeting to end: reports out, commands in.

Hello -> Welcome -> reports, reconciled times, heartbeats, health, results, checksums | acks, commands, requests -> end
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import structlog

from gateway import __version__
from gateway import gateway_pb2 as pb
from gateway import gateway_pb2_grpc as rpc
from gateway.commands import Commands
from gateway.config import Timing
from gateway.health import Health
from gateway.hub_link import HubError, bearer, stream_error
from gateway.identity import Identity
from gateway.reports import Reports

log = structlog.get_logger(__name__)

_OUTGOING = 64  # messages waiting to be written
_MAX_COMMANDS = 32  # at once
_DEFAULT_HEARTBEAT_S, _DEFAULT_BATCH = 10, 100
_MISSED_HEARTBEATS = 3


@dataclass(frozen=True)
class Parts:
    """What every stream of this process shares."""

    reports: Reports
    commands: Commands
    health: Health
    timing: Timing
    instance_id: str  # the pod or host name
    rotate: Callable[[grpc.aio.Channel, Identity], Awaitable[None]]
    on_welcome: Callable[[], Awaitable[None]]


class Session:
    """A stream signed by one identity. `run` returns when it should simply be opened again."""

    def __init__(self, parts: Parts, channel: grpc.aio.Channel, identity: Identity, epoch: int) -> None:
        self._parts = parts
        self._channel = channel
        self._identity = identity
        self._epoch = epoch
        self._outgoing: asyncio.Queue[pb.GatewayMessage] = asyncio.Queue(_OUTGOING)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._welcome = pb.Welcome()
        self._told_version = ""
        self._heard_at = time.monotonic()
        self._ends = asyncio.Event()  # set: open a new stream, for example with a new key

    async def run(self) -> None:
        """Live until the stream ends.

        Raises HubError.
        """
        call = rpc.GatewayServiceStub(self._channel).Connect(metadata=bearer(self._identity.bearer()))
        try:
            await self._greet(call)
            await self._parts.on_welcome()
            self._parts.reports.start_stream(send_snapshot=self._welcome.send_snapshot)
            self._parts.health.on_report = self._send_health
            self._parts.health.want()
            await _until_first(
                self._write(call), self._read(call), self._report(), self._beat(), self._report_reconciled(), self._compare_checksums(), self._end()
            )
        except grpc.aio.AioRpcError as error:
            raise stream_error(error) from error
        finally:
            self._parts.health.on_report = None
            for task in self._running.values():
                task.cancel()
            call.cancel()

    async def _greet(self, call: Any) -> None:
        """Say who we are and wait for the welcome."""
        parts = self._parts
        self._told_version = parts.health.argocd_version
        hello = pb.Hello(
            epoch=self._epoch,
            gateway_version=__version__,
            argocd_version=self._told_version,
            capabilities=parts.commands.capabilities,
            checksum=parts.reports.greet(),
            instance_id=parts.instance_id,
        )
        try:
            async with asyncio.timeout(parts.timing.hub_s):
                await call.write(pb.GatewayMessage(hello=hello))
                first = await call.read()
        except TimeoutError as error:
            raise HubError("stream", f"The hub did not answer our greeting within {parts.timing.hub_s:.0f} s.") from error
        except asyncio.InvalidStateError as error:  # the call ended before our greeting was written
            raise await _end_of(call) from error
        if first is grpc.aio.EOF:
            raise await _end_of(call)
        if first.WhichOneof("message") != "welcome":
            raise HubError("stream", "The hub's first message is not a welcome. Do gateway and hub have versions that fit?")
        self._welcome = first.welcome
        log.info("stream_opened", epoch=self._epoch, snapshot=first.welcome.send_snapshot, instance=self._identity.instance)

    # Outgoing

    async def _write(self, call: Any) -> None:
        """The only writer of the stream."""
        while True:
            message = await self._outgoing.get()
            try:
                await call.write(message)
            except asyncio.InvalidStateError as error:
                raise await _end_of(call) from error

    async def _report(self) -> None:
        reports, max_batch = self._parts.reports, self._welcome.max_batch or _DEFAULT_BATCH
        while True:
            reports.changed.clear()
            now = time.monotonic()
            batch = reports.next_batch(now=now, max_batch=max_batch)
            if batch is not None:
                await self._outgoing.put(pb.GatewayMessage(reports=batch))
                continue
            try:
                async with asyncio.timeout(reports.next_due_s(now)):
                    await reports.changed.wait()
            except TimeoutError:
                pass

    async def _beat(self) -> None:
        """Send heartbeats, and notice when the hub does not answer them."""
        period = self._welcome.heartbeat_seconds or _DEFAULT_HEARTBEAT_S
        while True:
            await self._outgoing.put(pb.GatewayMessage(heartbeat=pb.Heartbeat(sent_at=int(time.time() * 1000))))
            await asyncio.sleep(period)
            silent_s = time.monotonic() - self._heard_at
            if silent_s > _MISSED_HEARTBEATS * period:
                raise HubError("stream", f"Nothing was heard of the hub for {silent_s:.0f} s.", "It is tried again by itself.")

    async def _report_reconciled(self) -> None:
        while True:
            await asyncio.sleep(self._parts.timing.reconciled_s)
            while (times := self._parts.reports.reconciled_times()).entries:
                await self._outgoing.put(pb.GatewayMessage(reconciled=times))

    async def _compare_checksums(self) -> None:
        """Only when nothing is under way: else the hub's would differ for a good reason."""
        reports = self._parts.reports
        while True:
            await asyncio.sleep(self._parts.timing.checksum_s)
            while not reports.is_settled:
                await asyncio.sleep(min(1.0, self._parts.timing.checksum_s))
            await self._outgoing.put(pb.GatewayMessage(checksum=pb.Checksum(checksum=reports.checksum(), applications=len(reports))))

    async def _send_health(self, report: pb.HealthReport) -> None:
        """Never wait: the next report says the same and more. Another version of Argo CD is told by a new greeting."""
        with contextlib.suppress(asyncio.QueueFull):
            self._outgoing.put_nowait(pb.GatewayMessage(health=report))
        if self._parts.health.argocd_version != self._told_version:
            self._ends.set()

    async def _send_result(self, result: pb.CommandResult) -> None:
        await self._outgoing.put(pb.GatewayMessage(result=result))

    # Incoming

    async def _read(self, call: Any) -> None:
        while True:
            message = await call.read()
            if message is grpc.aio.EOF:
                raise await _end_of(call)
            self._heard_at = time.monotonic()
            await self._take(message)

    async def _take(self, message: pb.HubMessage) -> None:
        match message.WhichOneof("message"):
            case "ack":
                if message.ack.error:
                    log.warning("batch_refused", sequence=message.ack.sequence, reason=message.ack.error)
                self._parts.reports.acknowledged(message.ack.sequence)
            case "command":
                await self._start(message.command)
            case "cancel":
                task = self._running.get(message.cancel.id)
                if task is not None:
                    task.cancel()
            case "snapshot":
                log.info("snapshot_requested", reason=message.snapshot.reason)
                self._parts.reports.start_snapshot()
            case "rotate":
                await self._start_rotation()
            case _:
                pass  # a heartbeat, or something newer than we are

    async def _start(self, command: pb.Command) -> None:
        if command.id in self._running:
            return
        if len(self._running) >= _MAX_COMMANDS:
            result = pb.CommandResult(id=command.id, outcome=pb.UNAVAILABLE, message=f"The gateway is busy with {_MAX_COMMANDS} other commands.")
            await self._send_result(result)
            return
        self._keep(command.id, self._parts.commands.run(command, self._send_result))

    async def _start_rotation(self) -> None:
        if "rotation" not in self._running:
            self._keep("rotation", self._rotate())

    async def _rotate(self) -> None:
        """Change the key and come back with the new one."""
        try:
            await self._parts.rotate(self._channel, self._identity)
        except HubError as error:
            log.warning("key_not_rotated", reason=str(error))
        self._ends.set()

    async def _end(self) -> None:
        await self._ends.wait()

    def _keep(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))


async def _until_first(*work: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, stop the others, and pass on how it ended."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        await task


async def _end_of(call: Any) -> HubError:
    """Why the stream ended, by its status."""
    code, details = await call.code(), await call.details()
    if code is grpc.StatusCode.OK:
        return HubError("stream", "The hub closed the stream.", "It is opened again by itself.")
    return stream_error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details))
