"""gRPC: from workers and web processes to a gateway whose stream this hub holds."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from gateway import gateway_pb2, gateway_pb2_grpc
from infrastructure.hub.streams import Stream, StreamBusy, Streams

LONGEST_S = 3600.0


class Relay(gateway_pb2_grpc.RelayServiceServicer):
    """Never reachable from outside; the interceptor has refused strangers already."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def Call(self, request: gateway_pb2.RelayRequest, context: Any) -> AsyncIterator[gateway_pb2.CommandResult]:  # noqa: N802
        """Hand the command to the gateway and its results back, until the last one or the caller's deadline."""
        stream = self._streams.get(request.instance_id)
        if stream is None or stream.ended.done():
            await context.abort(grpc.StatusCode.UNAVAILABLE, "This hub does not hold the gateway's stream. Look again who does.")
        assert stream is not None
        try:
            results = stream.ask(request.command)
        except StreamBusy:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many commands wait for this gateway.")
        is_answered = False
        try:
            while not is_answered:
                result = await _next(results, context)
                if result is None:
                    await context.abort(grpc.StatusCode.ABORTED, "The gateway's connection was lost before it had answered.")
                assert result is not None
                is_answered = not result.has_more
                yield result
        finally:
            stream.forget(request.command.id, cancel=not is_answered)

    async def Kick(self, request: gateway_pb2.KickRequest, context: Any) -> gateway_pb2.KickResponse:  # noqa: N802
        """Close a stream, or ask its gateway to rotate its key."""
        stream = self._streams.get(request.instance_id)
        if stream is None or stream.ended.done():
            return gateway_pb2.KickResponse(was_connected=False)
        if request.rotate:
            return gateway_pb2.KickResponse(was_connected=_ask_rotation(stream))
        stream.end(grpc.StatusCode.UNAUTHENTICATED, request.reason)
        return gateway_pb2.KickResponse(was_connected=True)


def _ask_rotation(stream: Stream) -> bool:
    return stream.send(gateway_pb2.HubMessage(rotate=gateway_pb2.RotateRequest()))


async def _next(results: asyncio.Queue[gateway_pb2.CommandResult | None], context: Any) -> gateway_pb2.CommandResult | None:
    remaining = context.time_remaining()
    try:
        return await asyncio.wait_for(results.get(), LONGEST_S if remaining is None else max(0.0, min(LONGEST_S, remaining)))
    except TimeoutError:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "The gateway did not answer in time.")
    return None
