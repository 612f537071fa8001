"""gRPC: a gateway's stream. One task reads, one writes, one works through the reports; none waits for another stream."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import grpc
import structlog
from django.db import DatabaseError
from django.utils import timezone

from gateway import gateway_pb2, gateway_pb2_grpc
from infrastructure.hub.database import Threads
from infrastructure.hub.interceptors import current_gateway
from infrastructure.hub.recording import Recorder
from infrastructure.hub.streams import Stream, Streams
from infrastructure.models import Gateway
from infrastructure.services.enrolment import rotate_key
from infrastructure.services.errors import GatewayRefused, KeyRefused, StaleEpoch
from infrastructure.services.gateways import Hello, gateway_connected, gateway_lost
from infrastructure.services.reports import checksum_of

log = structlog.get_logger(__name__)
HEARTBEAT_S = 10
SILENT_AFTER_S = 35.0
HELLO_WITHIN_S = 10.0
MAX_BATCH = 200


class GatewayStreams(gateway_pb2_grpc.GatewayServiceServicer):
    """Holds the streams of gateways; the interceptor has refused strangers already."""

    def __init__(self, *, threads: Threads, streams: Streams, relay_url: str, silent_after_s: float = SILENT_AFTER_S) -> None:
        self._threads = threads
        self._streams = streams
        self._relay_url = relay_url
        self._silent_after_s = silent_after_s
        self._goodbyes: set[asyncio.Task[None]] = set()

    async def Connect(self, request_iterator: AsyncIterator[gateway_pb2.GatewayMessage], context: Any) -> None:  # noqa: N802
        """Welcome the gateway, acknowledge each batch once it is in the database, carry commands, until one side ends."""
        gateway = current_gateway.get()
        hello = await self._hello(request_iterator, context)
        stream, wants_snapshot = await self._open(gateway, hello, context)
        self._streams.add(stream)
        log.info("gateway_connected", instance=gateway.instance.name, epoch=stream.epoch, wants_snapshot=wants_snapshot)
        await stream.outgoing.put(_welcome(stream.epoch, wants_snapshot))
        tasks = [
            asyncio.create_task(_guarded(stream, work))
            for work in (
                self._read(stream, request_iterator),
                _write(stream, context),
                Recorder(self._threads, stream).run(),
                self._watch_silence(stream),
            )
        ]
        reason = "The connection was lost."
        try:
            end = await stream.ended
            reason = end.reason
        finally:
            for task in tasks:
                task.cancel()
            self._streams.remove(stream)
            stream.end(grpc.StatusCode.UNAVAILABLE, reason)
            self._say_goodbye(stream, reason)
        if end.code is not grpc.StatusCode.OK:
            await context.abort(end.code, end.reason)

    async def RotateKey(self, request: gateway_pb2.RotateKeyRequest, context: Any) -> gateway_pb2.RotateKeyResponse:  # noqa: N802
        """Replace the key that the call was signed with."""
        try:
            gateway = await self._threads.for_doors(
                rotate_key, gateway=current_gateway.get(), public_key=request.public_key, proof=request.proof, now=timezone.now()
            )
        except KeyRefused as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except GatewayRefused as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        return gateway_pb2.RotateKeyResponse(key_id=gateway.key_id)

    async def close(self) -> None:
        """End all streams and write down that they ended."""
        for stream in self._streams.all():
            stream.end(grpc.StatusCode.UNAVAILABLE, "The hub stops. Connect again in a moment.")
        while self._streams.all():
            await asyncio.sleep(0.01)
        if self._goodbyes:
            await asyncio.wait(self._goodbyes)

    async def _hello(self, messages: AsyncIterator[gateway_pb2.GatewayMessage], context: Any) -> gateway_pb2.Hello:
        try:
            first = await asyncio.wait_for(anext(messages, None), HELLO_WITHIN_S)
        except TimeoutError:
            first = None
        if first is None or first.WhichOneof("message") != "hello":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"The first message of a stream is Hello, within {HELLO_WITHIN_S:g} s.")
        assert first is not None
        return first.hello

    async def _open(self, gateway: Gateway, hello: gateway_pb2.Hello, context: Any) -> tuple[Stream, bool]:
        try:
            checksum = await self._threads.for_reports(checksum_of, gateway.instance)
            row = await self._threads.for_doors(gateway_connected, gateway=gateway, hello=_hello_from(hello), relay_url=self._relay_url, now=timezone.now())
        except StaleEpoch as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except DatabaseError:
            log.exception("gateway_not_connected", instance=gateway.instance.name)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The hub's database did not answer. Connect again in a moment.")
        return Stream(row, hello.epoch), not hello.checksum or hello.checksum != checksum

    async def _read(self, stream: Stream, messages: AsyncIterator[gateway_pb2.GatewayMessage]) -> None:
        loop = asyncio.get_running_loop()
        async for message in messages:
            stream.heard = loop.time()
            match message.WhichOneof("message"):
                case "heartbeat":
                    stream.send(gateway_pb2.HubMessage(heartbeat=gateway_pb2.Heartbeat(sent_at=int(time.time() * 1000))))
                case "result":
                    stream.answer(message.result)
                case "hello":
                    stream.end(grpc.StatusCode.INVALID_ARGUMENT, "A stream has one Hello, its first message.")
                case None:
                    log.warning("message_of_unknown_kind", instance=stream.gateway.instance.name)
                case _:
                    await stream.work.put(message)  # a full queue stops the reading: HTTP/2 then slows the gateway
                    stream.heard = loop.time()
        stream.end(grpc.StatusCode.OK, "The gateway ended the stream.")

    async def _watch_silence(self, stream: Stream) -> None:
        loop = asyncio.get_running_loop()
        while True:
            silent_s = loop.time() - stream.heard
            if silent_s > self._silent_after_s and not stream.work.full():
                stream.end(grpc.StatusCode.DEADLINE_EXCEEDED, f"Nothing was heard for {self._silent_after_s:g} s. Connect again.")
                return
            await asyncio.sleep(max(0.01, min(1.0, self._silent_after_s - silent_s)))

    def _say_goodbye(self, stream: Stream, reason: str) -> None:
        """Write the loss down in a task of its own: this one may be cancelled."""
        goodbye = asyncio.create_task(self._write_lost(stream, reason))
        self._goodbyes.add(goodbye)
        goodbye.add_done_callback(self._goodbyes.discard)

    async def _write_lost(self, stream: Stream, reason: str) -> None:
        try:
            await self._threads.for_doors(gateway_lost, gateway=stream.gateway, epoch=stream.epoch, reason=reason, now=timezone.now())
        except DatabaseError:
            log.exception("loss_not_recorded", instance=stream.gateway.instance.name)  # mark_silent_gateways finds it
        log.info("gateway_lost", instance=stream.gateway.instance.name, epoch=stream.epoch, reason=reason)


async def _guarded(stream: Stream, work: Coroutine[Any, Any, None]) -> None:
    """One of a stream's tasks: when it breaks, the stream ends, and the gateway comes back."""
    try:
        await work
    except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
        stream.end(grpc.StatusCode.UNAVAILABLE, "The connection was lost.")
    except Exception:
        log.exception("stream_broke", instance=stream.gateway.instance.name)
        stream.end(grpc.StatusCode.INTERNAL, "The hub failed on this stream; its log says why. Connect again.")


async def _write(stream: Stream, context: Any) -> None:
    while True:
        await context.write(await stream.outgoing.get())


def _welcome(epoch: int, wants_snapshot: bool) -> gateway_pb2.HubMessage:
    welcome = gateway_pb2.Welcome(epoch=epoch, send_snapshot=wants_snapshot, heartbeat_seconds=HEARTBEAT_S, max_batch=MAX_BATCH)
    return gateway_pb2.HubMessage(welcome=welcome)


def _hello_from(message: gateway_pb2.Hello) -> Hello:
    return Hello(message.epoch, message.gateway_version, message.argocd_version, tuple(message.capabilities), message.instance_id)
