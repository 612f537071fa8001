"""The way to the hub: a channel over TLS, and the calls that give us an identity."""

import asyncio
import hashlib
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway import __version__
from gateway import gateway_pb2 as pb
from gateway import gateway_pb2_grpc as rpc
from gateway.config import HubConfig
from gateway.identity import Identity

_PROBE_S = 10.0
_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.enable_retries", 0),
    # A channel lives for one attempt; the back-off is the agent's.
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.use_local_subchannel_pool", 1),
]


class HubError(Exception):
    """The hub cannot be used. `leg` is the first that failed: dns, tcp, tls, identity, enrolment or stream."""

    def __init__(self, leg: str, message: str, advice: str = "", *, is_refusal: bool = False, is_stale: bool = False) -> None:
        super().__init__(message)
        self.leg = leg
        self.advice = advice
        self.is_refusal = is_refusal  # trying again soon is of no use
        self.is_stale = is_stale  # the hub knows a larger epoch: our clock went back


@dataclass(frozen=True)
class Link:
    """An open channel, and what was seen on the way."""

    channel: grpc.aio.Channel
    evidence: str


async def open_link(hub: HubConfig) -> Link:
    """Look at each leg of the way, then open a channel that trusts exactly what is configured.

    Raises HubError.
    """
    evidence, certificate = await _probe(hub)
    if hub.plaintext:
        return Link(grpc.aio.insecure_channel(hub.address, options=_OPTIONS), f"{evidence} Plaintext, because it is configured so.")
    options = list(_OPTIONS)
    if hub.thumbprint:
        roots: bytes | None = certificate.public_bytes(Encoding.PEM) if certificate else b""
        options.append(("grpc.ssl_target_name_override", _name_in(certificate) or hub.host if certificate else hub.host))
    else:
        roots = hub.ca_file.read_bytes() if hub.ca_file else _system_roots()
    credentials = grpc.ssl_channel_credentials(root_certificates=roots)
    return Link(grpc.aio.secure_channel(hub.address, credentials, options=options), evidence)


async def enrol(channel: grpc.aio.Channel, identity: Identity, *, token: str, timeout_s: float) -> Identity:
    """Trade the registration token for an identity. With the same key and token it may be repeated.

    Raises HubError.
    """
    request = pb.EnrolRequest(public_key=identity.public_key, proof=identity.proof(token.encode()), gateway_version=__version__)
    try:
        response = await rpc.EnrolmentServiceStub(channel).Enrol(request, metadata=bearer(token), timeout=timeout_s)
    except grpc.aio.AioRpcError as error:
        if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT):
            advice = "Make a new registration token on the instance's page and run the Helm command shown there."
            raise HubError("enrolment", f"The hub refused the registration token: {_detail(error)}", advice, is_refusal=True) from error
        raise stream_error(error) from error
    return identity.enrolled(instance=response.instance, token_sha256=hashlib.sha256(token.encode()).hexdigest())


async def rotate(channel: grpc.aio.Channel, *, old: Identity, new: Identity, timeout_s: float) -> None:
    """Replace the old key by the new one at the hub.

    Raises HubError.
    """
    request = pb.RotateKeyRequest(public_key=new.public_key, proof=new.proof(old.public_key))
    try:
        await rpc.GatewayServiceStub(channel).RotateKey(request, metadata=bearer(old.bearer()), timeout=timeout_s)
    except grpc.aio.AioRpcError as error:
        raise stream_error(error) from error


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Call metadata."""
    return (("authorization", f"Bearer {token}"),)


def stream_error(error: grpc.aio.AioRpcError) -> HubError:
    """Say what a failed call means."""
    match error.code():
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            advice = "The key was revoked, or the instance removed. Make a new registration token on the instance's page and run the Helm command shown there."
            return HubError("identity", f"The hub does not accept our key: {_detail(error)}", advice, is_refusal=True)
        case grpc.StatusCode.UNAVAILABLE:
            return HubError("stream", f"The hub is not available: {_detail(error)}", "It is tried again by itself.")
        case grpc.StatusCode.FAILED_PRECONDITION:
            return HubError("stream", f"The hub refuses the stream: {_detail(error)}", "It is tried again by itself.", is_stale=True)
        case grpc.StatusCode.UNIMPLEMENTED:
            return HubError("stream", "What answers there is not an Octoargo hub.", "Check OCTOARGO_HUB_ADDRESS: the hub's host and port, not the web pages'.")
        case _:
            return HubError("stream", f"The stream ended: {_detail(error)}")


def _detail(error: grpc.aio.AioRpcError) -> str:
    return f"{(error.details() or error.code().name).strip().removesuffix('.')}."


async def _probe(hub: HubConfig) -> tuple[str, x509.Certificate | None]:
    """Try DNS, TCP and TLS one by one: gRPC itself says only "unavailable"."""
    if not hub.thumbprint and any(os.environ.get(name) for name in ("https_proxy", "grpc_proxy", "http_proxy")):
        return f"{hub.address} is reached through a proxy.", None
    address = await _resolve(hub)
    context = None if hub.plaintext else _context(hub)
    try:
        async with asyncio.timeout(_PROBE_S):
            _, writer = await asyncio.open_connection(hub.host, hub.port, ssl=context, server_hostname=None if context is None else hub.host)
    except ssl.SSLError as error:
        raise _tls_error(hub, error) from error
    except TimeoutError as error:
        raise HubError("tcp", f"{hub.address} ({address}) does not answer.", f"Allow TCP {hub.port} from this namespace to {hub.host}.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise HubError("tcp", f"{hub.address} ({address}) refuses the connection: {reason}.", f"Is the hub running, and TCP {hub.port} allowed?") from error
    tls = writer.get_extra_info("ssl_object")
    der: bytes = tls.getpeercert(binary_form=True) if tls is not None else b""
    writer.close()
    if tls is None:
        return f"{hub.host} is {address}; port {hub.port} is open.", None
    certificate = x509.load_der_x509_certificate(der)
    _compare_thumbprint(hub, der)
    return f"{hub.host} is {address}; port {hub.port} is open; {tls.version()}, {_trust(hub)}.", certificate


async def _resolve(hub: HubConfig) -> str:
    try:
        async with asyncio.timeout(_PROBE_S):
            found = await asyncio.get_running_loop().getaddrinfo(hub.host, hub.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        raise HubError("dns", f"{hub.host} cannot be resolved.", "Check OCTOARGO_HUB_ADDRESS and the cluster's DNS.") from error
    return str(found[0][4][0])


def _context(hub: HubConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(hub.ca_file) if hub.ca_file else None)
    context.set_alpn_protocols(["h2"])
    if hub.thumbprint:  # compared below, before anything is sent
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _tls_error(hub: HubConfig, error: ssl.SSLError) -> HubError:
    if isinstance(error, ssl.SSLCertVerificationError):
        leg = "identity" if "hostname" in str(error.verify_message).lower() or "IP address" in str(error.verify_message) else "tls"
        advice = "Set OCTOARGO_HUB_THUMBPRINT or OCTOARGO_HUB_CA_FILE (hub.thumbprint or hub.caBundle in the chart's values) as the instance's page shows."
        return HubError(leg, f"The certificate of {hub.address} is not trusted: {error.verify_message}.", advice)
    advice = "Does the port speak TLS? Plaintext must be asked for by OCTOARGO_HUB_PLAINTEXT=true."
    return HubError("tls", f"TLS with {hub.address} failed: {error.reason or error}.", advice)


def _compare_thumbprint(hub: HubConfig, der: bytes) -> None:
    presented = hashlib.sha256(der).hexdigest()
    if hub.thumbprint and presented != hub.thumbprint:
        message = f"The certificate of {hub.address} has another thumbprint than configured: {presented}, expected {hub.thumbprint}. Nothing was sent to it."
        advice = "If the hub's certificate was replaced, copy the new command from the instance's page. If not, somebody stands in between."
        raise HubError("identity", message, advice)


def _trust(hub: HubConfig) -> str:
    if hub.thumbprint:
        return f"certificate pinned by its thumbprint {hub.thumbprint[:8]}…"
    return "certificate trusted by the configured authority" if hub.ca_file else "certificate trusted by the system's authorities"


def _name_in(certificate: x509.Certificate) -> str:
    """A name the pinned certificate carries, for gRPC to compare with."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    dns = names.get_values_for_type(x509.DNSName)
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [a for a in names.get_values_for_type(x509.IPAddress) if not hasattr(a, "prefixlen")]
    return dns[0].replace("*", "any") if dns else str(addresses[0]) if addresses else ""


def _system_roots() -> bytes | None:
    """The system's authorities; None leaves gRPC to its own list."""
    file = ssl.get_default_verify_paths().cafile
    return Path(file).read_bytes() if file and Path(file).is_file() else None
