"""Who may come in. Every call is authenticated here, before any handler runs."""

import hmac
import re
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import grpc
import jwt
import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from infrastructure.hub.database import Threads
from infrastructure.models import Gateway
from infrastructure.services.enrolment import gateway_for_key, public_key_of
from infrastructure.services.errors import GatewayRefused, InfrastructureError
from infrastructure.services.registration import find_token

log = structlog.get_logger(__name__)
AUDIENCE, ISSUER = "octoargo-hub", "octoargo-gateway"
CLOCKS_MAY_DIFFER_S = 30
LONGEST_LIFE_S = 300
KEY_ID = re.compile("[0-9a-f]{64}")
PACKAGE = "/octoargo.gateway.v1."

# Set by the interceptor for the handler of the same call.
current_gateway: ContextVar[Gateway] = ContextVar("current_gateway")
current_token: ContextVar[str] = ContextVar("current_token")


class Refused(Exception):
    """A stranger. The message says why and what to do; it names no secret."""


class Doors(grpc.aio.ServerInterceptor):
    """For gateways: enrolment by registration token, the stream by a short-lived token signed with the gateway's key."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._used_until: dict[str, float] = {}  # token id -> when it would no longer be taken anyway

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        service = details.method.removeprefix(PACKAGE).split("/")[0]
        try:
            bearer = _bearer(details.invocation_metadata)
            if service == "EnrolmentService":
                await self._threads.for_doors(find_token, token=bearer, now=timezone.now())
                current_token.set(bearer)
            elif service == "GatewayService":
                current_gateway.set(await self._gateway(bearer))
            else:
                raise Refused("There is no such service on this port.")
        except (Refused, InfrastructureError) as error:
            log.warning("gateway_refused", method=details.method, reason=str(error))
            return _abort(details.method, grpc.StatusCode.UNAUTHENTICATED, str(error))
        except DatabaseError:
            log.exception("gateway_not_authenticated")
            return _abort(details.method, grpc.StatusCode.UNAVAILABLE, "The hub's database did not answer. Connect again in a moment.")
        return await continuation(details)

    async def _gateway(self, bearer: str) -> Gateway:
        try:
            key_id = str(jwt.get_unverified_header(bearer).get("kid", ""))
        except (jwt.InvalidTokenError, RecursionError) as error:
            raise Refused("The call carries no signed token of a gateway.") from error
        if not KEY_ID.fullmatch(key_id):
            raise Refused("The signed token names no key of a gateway.")
        gateway = await self._threads.for_doors(gateway_for_key, key_id=key_id)
        claims = _claims(bearer, gateway)
        self._take_once(str(claims["jti"]), float(claims["exp"]) + CLOCKS_MAY_DIFFER_S)
        return gateway

    def _take_once(self, token_id: str, until: float) -> None:
        now = time.time()
        if len(self._used_until) > 1000:
            self._used_until = {known: end for known, end in self._used_until.items() if end > now}
        if self._used_until.get(token_id, 0) > now:
            raise Refused("The signed token was used before. Sign a new one for each connection.")
        self._used_until[token_id] = until


class RelayDoor(grpc.aio.ServerInterceptor):
    """For our own workers and web processes: the hubs' shared token."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        try:
            if not hmac.compare_digest(_bearer(details.invocation_metadata).encode(), settings.OCTOARGO_RELAY_TOKEN.encode()):
                raise Refused("The relay token is another one. Give all processes the same OCTOARGO_RELAY_TOKEN.")
        except Refused as error:
            log.warning("relay_refused", method=details.method, reason=str(error))
            return _abort(details.method, grpc.StatusCode.UNAUTHENTICATED, str(error))
        return await continuation(details)


def _claims(bearer: str, gateway: Gateway) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            bearer,
            key=public_key_of(gateway),
            algorithms=["EdDSA"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=CLOCKS_MAY_DIFFER_S,
            options={"require": ["exp", "iat", "jti", "aud", "iss"]},
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
        raise GatewayRefused(f"The signed token is out of date. Set the cluster's clock: it may differ by {CLOCKS_MAY_DIFFER_S} s.") from error
    except jwt.InvalidTokenError as error:
        raise GatewayRefused("The signed token is not right: its signature, audience or issuer is another.") from error
    if float(claims["exp"]) - float(claims["iat"]) > LONGEST_LIFE_S:
        raise GatewayRefused(f"The signed token lives longer than {LONGEST_LIFE_S} s. Update the gateway.")
    return claims


def _bearer(metadata: Any) -> str:
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str) and value.startswith("Bearer "):
            return value.removeprefix("Bearer ").strip()
    raise Refused("The call carries no authorization.")


def _abort(method: str, code: grpc.StatusCode, sentence: str) -> grpc.RpcMethodHandler:
    async def refuse(_: Any, context: Any) -> None:
        await context.abort(code, sentence)

    if method.endswith(("/Connect",)):
        return grpc.stream_stream_rpc_method_handler(refuse)
    if method.endswith("/Call"):
        return grpc.unary_stream_rpc_method_handler(refuse)
    return grpc.unary_unary_rpc_method_handler(refuse)
