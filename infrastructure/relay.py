"""Calls an instance's gateway from anywhere (a worker, a page), through the hub that holds its stream.

Each call looks up the holder in the gateway's row; when that hub no longer has the stream it looks once more.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import grpc
import structlog
from django.conf import settings
from django.utils import timezone

from gateway import gateway_pb2, gateway_pb2_grpc
from infrastructure.certificate import hub_identity, server_name
from infrastructure.models import Application, ArgoInstance, Gateway
from infrastructure.sentences import at

log = structlog.get_logger(__name__)
OPTIONS = [("grpc.max_receive_message_length", 64 * 1024 * 1024)]
_KICK_TIMEOUT_S = 3.0


class RelayError(Exception):
    """A gateway could not be asked, or did not do it. The message is a sentence shown to the user as it is."""


class GatewayAway(RelayError):
    """No hub holds a stream of the instance's gateway."""


class GatewayBusy(RelayError):
    """The gateway has too many commands at once; try again in a moment."""


class CommandTimedOut(RelayError):
    """No answer within the deadline; the command may have been carried out or not."""


class CommandFailed(RelayError):
    """The gateway or Argo CD did not do it. `outcome` is one of gateway_pb2.Outcome."""

    def __init__(self, message: str, *, outcome: int) -> None:
        super().__init__(message)
        self.outcome = outcome


def call(*, instance: ArgoInstance, command: gateway_pb2.Command, timeout_s: float) -> gateway_pb2.CommandResult:
    """Run one command and return its (last) result, whatever its outcome.

    Raises GatewayAway, GatewayBusy, CommandTimedOut.
    """
    results = list(stream(instance=instance, command=command, timeout_s=timeout_s))
    if not results:
        raise CommandTimedOut(f"The gateway of {instance.name} ended the command without an answer.")
    return results[-1]


def stream(*, instance: ArgoInstance, command: gateway_pb2.Command, timeout_s: float) -> Iterator[gateway_pb2.CommandResult]:
    """Run one command and yield its results as they come, for example log lines.

    Raises as `call` does. Closing the iterator cancels the command.
    """
    asked = gateway_pb2.Command()
    asked.CopyFrom(command)
    asked.id = asked.id or uuid4().hex
    asked.timeout_ms = asked.timeout_ms or max(1, int(timeout_s * 1000))
    tried = ""
    for _ in range(2):
        relay_url = holder(instance)
        if not relay_url or relay_url == tried:
            break
        tried, answered = relay_url, False
        try:
            for result in _call(relay_url, instance.pk, asked, timeout_s):
                answered = True
                yield result
            return
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE or answered:
                raise _translated(error, instance, timeout_s) from error
    raise away(instance)


def refresh(*, application: Application, hard: bool = False, timeout_s: float = 30.0) -> gateway_pb2.CommandResult:
    """Ask Argo CD to compare the application now; the answer comes when it has."""
    return call(
        instance=application.instance, command=gateway_pb2.Command(refresh=gateway_pb2.Refresh(application=key(application), hard=hard)), timeout_s=timeout_s
    )


def sync(
    *,
    application: Application,
    sync_id: str,
    deployment: str,
    revisions: Sequence[str] = (),
    positions: Sequence[int] = (),
    prune: bool = False,
    timeout_s: float = 30.0,
) -> gateway_pb2.CommandResult:
    """Start a sync; never two with one `sync_id`. `positions` count from 0, one for each revision."""
    asked = gateway_pb2.Sync(application=key(application), sync_id=sync_id, deployment=deployment, revisions=revisions, positions=positions, prune=prune)
    return call(instance=application.instance, command=gateway_pb2.Command(sync=asked), timeout_s=timeout_s)


def terminate(*, application: Application, timeout_s: float = 30.0) -> gateway_pb2.CommandResult:
    """End the operation that runs on the application."""
    return call(instance=application.instance, command=gateway_pb2.Command(terminate=gateway_pb2.Terminate(application=key(application))), timeout_s=timeout_s)


def preflight(*, instance: ArgoInstance, timeout_s: float = 30.0) -> gateway_pb2.CommandResult:
    """Ask the gateway to check its way to Argo CD now; the legs come as a health report."""
    return call(instance=instance, command=gateway_pb2.Command(preflight=gateway_pb2.Preflight()), timeout_s=timeout_s)


def application_detail(*, application: Application, timeout_s: float = 15.0) -> Any:
    """The whole Application, straight from Argo CD. Raises CommandFailed too."""
    return _read(application, gateway_pb2.Command(detail=gateway_pb2.ApplicationDetail(application=key(application))), timeout_s)


def resource_tree(*, application: Application, timeout_s: float = 15.0) -> Any:
    """Argo CD's tree of live objects. Raises CommandFailed too."""
    return _read(application, gateway_pb2.Command(tree=gateway_pb2.ResourceTree(application=key(application))), timeout_s)


def managed_resources(*, application: Application, group: str = "", kind: str = "", namespace: str = "", name: str = "", timeout_s: float = 20.0) -> Any:
    """Desired and live state of managed resources; empty filters mean all. Raises CommandFailed too."""
    asked = gateway_pb2.Diff(application=key(application), group=group, kind=kind, namespace=namespace, name=name)
    return _read(application, gateway_pb2.Command(diff=asked), timeout_s)


def manifests(*, application: Application, revisions: Sequence[str] = (), timeout_s: float = 30.0) -> Any:
    """The manifests that Argo CD renders at the revisions. Raises CommandFailed too."""
    return _read(application, gateway_pb2.Command(manifests=gateway_pb2.Manifests(application=key(application), revisions=revisions)), timeout_s)


def events(*, application: Application, namespace: str = "", name: str = "", uid: str = "", timeout_s: float = 15.0) -> Any:
    """Kubernetes events of the application, or of one of its objects. Raises CommandFailed too."""
    asked = gateway_pb2.Events(application=key(application), resource_namespace=namespace, resource_name=name, resource_uid=uid)
    return _read(application, gateway_pb2.Command(events=asked), timeout_s)


def logs(
    *, application: Application, namespace: str, pod: str, container: str = "", tail_lines: int = 200, follow: bool = False, timeout_s: float = 30.0
) -> Iterator[gateway_pb2.CommandResult]:
    """A pod's log, in pieces as they come."""
    asked = gateway_pb2.Logs(application=key(application), namespace=namespace, pod=pod, container=container, tail_lines=tail_lines, follow=follow)
    return stream(instance=application.instance, command=gateway_pb2.Command(logs=asked), timeout_s=timeout_s)


def kick(*, instance: ArgoInstance, reason: str, rotate: bool = False) -> None:
    """Close the gateway's stream, or ask it to rotate its key. Raises GatewayAway."""
    relay_url = holder(instance)
    if not relay_url or not _kick(relay_url, instance.pk, reason, rotate):
        raise away(instance)


def kick_quietly(*, instance_id: int, relay_url: str, reason: str) -> None:
    """Close a stream if it is there. The database refuses its reports anyway, so a hub that is away does no harm."""
    try:
        if relay_url:
            _kick(relay_url, instance_id, reason, rotate=False)
    except RelayError:
        log.warning("gateway_not_kicked", instance_id=instance_id)


def holder(instance: ArgoInstance) -> str:
    """The address of the hub that holds the gateway's stream, "" if none does."""
    found = Gateway.objects.filter(instance_id=instance.pk, revoked_at__isnull=True).values_list("relay_url", flat=True).first()
    return found or ""


def away(instance: ArgoInstance) -> GatewayAway:
    """The sentence for a gateway that nobody holds, with since when."""
    gateway = Gateway.objects.filter(instance_id=instance.pk).first()
    if gateway is None:
        return GatewayAway(f"{instance.name} has no gateway yet. Run its Helm command.")
    if gateway.revoked_at is not None:
        return GatewayAway(f"The key of {instance.name}'s gateway was revoked. Make a new registration token and run the Helm command again.")
    if gateway.last_seen_at is None:
        return GatewayAway(f"The gateway of {instance.name} is enrolled, but has not connected yet.")
    return GatewayAway(f"{instance.name} is not heard since {at(gateway.last_seen_at, now=timezone.now())}.")


def key(application: Application) -> gateway_pb2.ApplicationKey:
    """How a command names an application: another one under the same name is refused by its uid."""
    return gateway_pb2.ApplicationKey(namespace=application.namespace, name=application.name, project=application.argo_project, uid=application.uid)


def content_of(result: gateway_pb2.CommandResult, *, instance: ArgoInstance) -> Any:
    """The JSON that a command brought. Raises CommandFailed when it brought none."""
    if result.outcome != gateway_pb2.DONE:
        raise CommandFailed(result.message or f"Argo CD of {instance.name} did not answer.", outcome=result.outcome)
    try:
        return json.loads(result.content or b"null")
    except ValueError as error:
        raise CommandFailed(f"Argo CD of {instance.name} answered with something that is not JSON.", outcome=gateway_pb2.UNAVAILABLE) from error


def _read(application: Application, command: gateway_pb2.Command, timeout_s: float) -> Any:
    return content_of(call(instance=application.instance, command=command, timeout_s=timeout_s), instance=application.instance)


def _call(relay_url: str, instance_id: int, command: gateway_pb2.Command, timeout_s: float) -> Iterator[gateway_pb2.CommandResult]:
    with _channel(relay_url) as channel:
        answers = _stub(channel).Call(gateway_pb2.RelayRequest(instance_id=instance_id, command=command), timeout=timeout_s, metadata=_metadata())
        try:
            yield from answers
        finally:
            answers.cancel()


def _kick(relay_url: str, instance_id: int, reason: str, rotate: bool) -> bool:
    try:
        with _channel(relay_url) as channel:
            request = gateway_pb2.KickRequest(instance_id=instance_id, reason=reason, rotate=rotate)
            answer = _stub(channel).Kick(request, timeout=_KICK_TIMEOUT_S, metadata=_metadata())
            return bool(answer.was_connected)
    except grpc.RpcError as error:
        raise GatewayAway("The hub that holds the gateway did not answer. Try again in a moment.") from error


def _channel(relay_url: str) -> grpc.Channel:
    """Plaintext only to this machine itself; elsewhere TLS, trusting the hubs' certificate."""
    if is_loopback(relay_url):
        return grpc.insecure_channel(relay_url, options=OPTIONS)
    credentials = grpc.ssl_channel_credentials(hub_identity().certificate)
    return grpc.secure_channel(relay_url, credentials, options=[*OPTIONS, ("grpc.ssl_target_name_override", server_name())])


def _stub(channel: grpc.Channel) -> gateway_pb2_grpc.RelayServiceStub:
    return gateway_pb2_grpc.RelayServiceStub(channel)  # type: ignore[no-untyped-call]  # generated code has no types


def is_loopback(address: str) -> bool:
    """Is "host:port" on this machine only?"""
    host = address.rsplit(":", 1)[0].strip("[]")
    return host in ("localhost", "::1") or host.startswith("127.")


def _metadata() -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {settings.OCTOARGO_RELAY_TOKEN}")]


def _translated(error: grpc.RpcError, instance: ArgoInstance, timeout_s: float) -> RelayError:
    match error.code():
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return CommandTimedOut(f"The gateway of {instance.name} did not answer within {timeout_s:g} s.")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return GatewayBusy(f"The gateway of {instance.name} has too many commands at once. Try again in a moment.")
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.ABORTED:
            return GatewayAway(f"The connection to the gateway of {instance.name} was lost before it had answered.")
    log.error("relay_call_failed", instance=instance.name, code=str(error.code()))
    return RelayError(f"The hub refused to ask the gateway of {instance.name}: {error.code().name}. Its log says more.")
