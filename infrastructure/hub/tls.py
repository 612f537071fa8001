"""TLS of the hub's ports."""

from typing import Any

import grpc

from infrastructure.certificate import hub_identity, thumbprint

__all__ = ["server_credentials", "thumbprint"]


def server_credentials() -> Any:
    """What gRPC needs to show the hub's certificate."""
    identity = hub_identity()
    return grpc.ssl_server_credentials([(identity.key, identity.certificate)])
