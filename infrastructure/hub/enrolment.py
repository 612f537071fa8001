"""gRPC: enrolment and key rotation."""

from typing import Any

import grpc
from django.utils import timezone

from gateway import gateway_pb2, gateway_pb2_grpc
from infrastructure.hub.database import Threads
from infrastructure.hub.interceptors import current_token
from infrastructure.services.enrolment import enrol
from infrastructure.services.errors import KeyRefused, TokenRefused


class Enrolment(gateway_pb2_grpc.EnrolmentServiceServicer):
    """Trades a registration token for an identity; the interceptor has refused unknown tokens already."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def Enrol(self, request: gateway_pb2.EnrolRequest, context: Any) -> gateway_pb2.EnrolResponse:  # noqa: N802
        try:
            gateway = await self._threads.for_doors(
                enrol,
                token=current_token.get(),
                public_key=request.public_key,
                proof=request.proof,
                gateway_version=request.gateway_version,
                now=timezone.now(),
            )
        except TokenRefused as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        except KeyRefused as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return gateway_pb2.EnrolResponse(instance=gateway.instance.name, key_id=gateway.key_id)
