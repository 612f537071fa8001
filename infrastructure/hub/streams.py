"""The gateways' streams that this hub holds, and the commands that wait for an answer on them."""

import asyncio
from dataclasses import dataclass

import grpc

from gateway import gateway_pb2
from infrastructure.models import Gateway
from infrastructure.services.reports import Key

OUTGOING = 256  # messages that may wait for a slow gateway
WORK = 8  # batches that may wait for the database; then the gateway is not read
CALLS = 64  # commands at once on one stream
RESULTS = 256  # pieces of a streamed answer that may wait for who asked


class StreamBusy(Exception):
    """Too many commands wait on the stream."""


@dataclass(frozen=True)
class End:
    """Why a stream ends, as the gateway is told."""

    code: grpc.StatusCode
    reason: str


class Stream:
    """One gateway's stream. Whoever wants to send puts into `outgoing`; one task writes."""

    def __init__(self, gateway: Gateway, epoch: int) -> None:
        self.gateway = gateway
        self.epoch = epoch
        self.instance_id = gateway.instance_id
        self.outgoing: asyncio.Queue[gateway_pb2.HubMessage] = asyncio.Queue(OUTGOING)
        self.work: asyncio.Queue[gateway_pb2.GatewayMessage] = asyncio.Queue(WORK)
        self.ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self.heard = asyncio.get_running_loop().time()
        self.snapshot: set[Key] | None = None  # the keys of the snapshot that is under way
        self._calls: dict[str, asyncio.Queue[gateway_pb2.CommandResult | None]] = {}

    def end(self, code: grpc.StatusCode, reason: str) -> None:
        """End the stream; the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(End(code, reason))
        for waiting in self._calls.values():
            _put_last(waiting, None)

    def send(self, message: gateway_pb2.HubMessage) -> bool:
        """Put a message that may be dropped; False when the gateway does not keep up."""
        try:
            self.outgoing.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True

    def ask(self, command: gateway_pb2.Command) -> asyncio.Queue[gateway_pb2.CommandResult | None]:
        """Send a command; its results come in the queue, None when the stream ends. Raises StreamBusy."""
        if self.ended.done() or len(self._calls) >= CALLS or command.id in self._calls:
            raise StreamBusy
        results: asyncio.Queue[gateway_pb2.CommandResult | None] = asyncio.Queue(RESULTS)
        if not self.send(gateway_pb2.HubMessage(command=command)):
            raise StreamBusy
        self._calls[command.id] = results
        return results

    def answer(self, result: gateway_pb2.CommandResult) -> None:
        """Hand a result to who asked. Who reads too slowly loses the answer and is told so by its end."""
        waiting = self._calls.get(result.id)
        if waiting is None:
            return
        if result.has_more and waiting.qsize() >= RESULTS - 1:
            self.forget(result.id, cancel=True)
            _put_last(waiting, None)
            return
        _put_last(waiting, result)

    def forget(self, command_id: str, *, cancel: bool) -> None:
        """Nobody waits for the command any more; `cancel` tells the gateway."""
        if self._calls.pop(command_id, None) is not None and cancel:
            self.send(gateway_pb2.HubMessage(cancel=gateway_pb2.CancelCommand(id=command_id)))


class Streams:
    """All streams of this hub, one for each instance: the newest."""

    def __init__(self) -> None:
        self._by_instance: dict[int, Stream] = {}

    def add(self, stream: Stream) -> None:
        """Hold the stream; an older one of the same instance ends."""
        older = self._by_instance.get(stream.instance_id)
        self._by_instance[stream.instance_id] = stream
        if older is not None:
            older.end(grpc.StatusCode.ABORTED, f"A newer connection of the gateway of {stream.gateway.instance.name} took over.")

    def remove(self, stream: Stream) -> None:
        if self._by_instance.get(stream.instance_id) is stream:
            del self._by_instance[stream.instance_id]

    def get(self, instance_id: int) -> Stream | None:
        return self._by_instance.get(instance_id)

    def all(self) -> list[Stream]:
        return list(self._by_instance.values())


def _put_last(queue: asyncio.Queue[gateway_pb2.CommandResult | None], item: gateway_pb2.CommandResult | None) -> None:
    """Put, and make room by dropping the oldest: the end of an answer must arrive."""
    while queue.full():
        queue.get_nowait()
    queue.put_nowait(item)
