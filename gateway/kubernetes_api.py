"""The few things asked of Kubernetes. Its library is imported only where a cluster is used."""

from pathlib import Path
from typing import Any

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class NotInClusterError(Exception):
    """There is no service account. The message says what to do."""


def core_api() -> Any:
    """The client for Secrets."""
    return _client().CoreV1Api()


def coordination_api() -> Any:
    """The client for Leases."""
    return _client().CoordinationV1Api()


def namespace() -> str:
    """Our own namespace.

    Raises NotInClusterError outside a pod.
    """
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotInClusterError(_ADVICE) from error


def _client() -> Any:
    from kubernetes import client, config

    try:
        config.load_incluster_config()
    except config.ConfigException as error:
        raise NotInClusterError(_ADVICE) from error
    return client


_ADVICE = "This does not run in a pod with a service account. Outside a cluster use OCTOARGO_STATE_DIR, and no OCTOARGO_LEASE_NAME."
