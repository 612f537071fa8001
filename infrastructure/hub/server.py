"""Starts and stops a hub: gateways on one port over TLS, our own processes on another."""

import asyncio
from collections.abc import Sequence

import grpc
import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from gateway import gateway_pb2_grpc
from infrastructure.certificate import CertificateMissing
from infrastructure.hub.database import Threads
from infrastructure.hub.enrolment import Enrolment
from infrastructure.hub.gateway_service import SILENT_AFTER_S, GatewayStreams
from infrastructure.hub.interceptors import Doors, RelayDoor
from infrastructure.hub.relay_service import Relay
from infrastructure.hub.streams import Streams
from infrastructure.hub.tls import server_credentials
from infrastructure.relay import is_loopback
from infrastructure.services.gateways import gateways_heard, holders, hub_lost

log = structlog.get_logger(__name__)
WRITE_HEARD_EVERY_S = 5.0
GRACE_S = 2.0
# The interval between pings that we allow must be below the gateways' own, else their connections are closed.
OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 5),
]


class RunningHub:
    """A hub that listens. `port` is the gateways', `relay_address` is "host:port" of the relay."""

    def __init__(self, *, threads: Threads, gateways: grpc.aio.Server, relay: grpc.aio.Server, service: GatewayStreams, streams: Streams) -> None:
        self.port = 0
        self.relay_address = ""
        self.streams = streams
        self._threads = threads
        self._servers = [gateways, relay]
        self._service = service
        self._heard = asyncio.create_task(self._write_heard())

    async def stop(self) -> None:
        """End all streams, write that down, and close the ports."""
        self._heard.cancel()
        await self._service.close()
        await asyncio.gather(*(server.stop(GRACE_S) for server in self._servers))
        self._threads.close()

    async def _write_heard(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(WRITE_HEARD_EVERY_S)
            alive = [(stream.gateway.pk, stream.epoch) for stream in self.streams.all() if loop.time() - stream.heard < WRITE_HEARD_EVERY_S * 4]
            try:
                await self._threads.for_doors(gateways_heard, heard=alive, relay_url=self.relay_address, now=timezone.now())
            except DatabaseError:
                log.exception("heard_not_recorded")


async def start_hub(
    *,
    listen: str | None = None,
    port: int | None = None,
    relay_listen: str | None = None,
    relay_advertise: str | None = None,
    plaintext: bool = False,
    silent_after_s: float = SILENT_AFTER_S,
) -> RunningHub:
    """Start a hub; what is None comes from the settings, port 0 takes a free one.

    `plaintext` is for tests and for a hub behind a proxy that ends TLS. Raises OSError or RuntimeError when a port is taken.
    """
    threads, streams = Threads(), Streams()
    relay, relay_address = await _relay_server(streams, relay_listen or settings.RELAY_LISTEN, relay_advertise or settings.RELAY_ADVERTISE)
    service = GatewayStreams(threads=threads, streams=streams, relay_url=relay_address, silent_after_s=silent_after_s)
    gateways = grpc.aio.server(interceptors=[Doors(threads)], options=OPTIONS)
    gateway_pb2_grpc.add_EnrolmentServiceServicer_to_server(Enrolment(threads), gateways)
    gateway_pb2_grpc.add_GatewayServiceServicer_to_server(service, gateways)
    address = f"{settings.HUB_LISTEN if listen is None else listen}:{settings.HUB_PORT if port is None else port}"
    try:
        bound = gateways.add_insecure_port(address) if plaintext else gateways.add_secure_port(address, server_credentials())
        if not bound:
            raise OSError(f"{address} is taken by another program")
        await _forget_dead_hubs(threads, relay_address)
    except (OSError, RuntimeError, CertificateMissing, DatabaseError):
        await relay.stop(None)
        threads.close()
        raise
    hub = RunningHub(threads=threads, gateways=gateways, relay=relay, service=service, streams=streams)
    hub.port, hub.relay_address = bound, relay_address
    await gateways.start()
    log.info("hub_started", port=bound, relay=relay_address)
    return hub


async def _relay_server(streams: Streams, listen: str, advertise: str) -> tuple[grpc.aio.Server, str]:
    server = grpc.aio.server(interceptors=[RelayDoor()], options=OPTIONS)
    gateway_pb2_grpc.add_RelayServiceServicer_to_server(Relay(streams), server)
    if advertise and is_loopback(advertise) != is_loopback(listen):
        raise RuntimeError("OCTOARGO_RELAY_LISTEN and OCTOARGO_RELAY_ADVERTISE must both be on this machine only, or both be reachable from others")
    bound = server.add_insecure_port(listen) if is_loopback(listen) else server.add_secure_port(listen, server_credentials())
    if not bound:
        raise OSError(f"{listen} is taken by another program")
    await server.start()
    host = advertise or listen.rsplit(":", 1)[0]
    return server, host if advertise and ":" in advertise else f"{host}:{bound}"


async def _forget_dead_hubs(threads: Threads, own: str) -> None:
    """Gateways that an earlier hub at our address, or one on this machine that is gone, still seems to hold are lost."""
    addresses: Sequence[str] = await threads.for_doors(holders)
    for address in addresses:
        if address == own or (is_loopback(address) and not await _answers(address)):
            await threads.for_doors(hub_lost, relay_url=address, reason="The hub was started anew.", now=timezone.now())


async def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), 1.0)
    except (OSError, ValueError, TimeoutError):
        return False
    writer.close()
    return True
