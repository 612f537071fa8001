"""One of several replicas works: the holder of a Kubernetes Lease."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from gateway.kubernetes_api import coordination_api, namespace

log = structlog.get_logger(__name__)

DURATION_S = 15


class Lease:
    """A Lease that we try to hold. Who loses it stops working before anyone else may start."""

    def __init__(self, name: str, *, api: Any = None, in_namespace: str = "", holder: str = "", duration_s: float = DURATION_S) -> None:
        self._name = name
        self._api = api if api is not None else coordination_api()
        self._namespace = in_namespace or namespace()
        self._holder = holder or socket.gethostname()
        self._duration_s = duration_s
        self._seen: tuple[str, str] = ("", "")  # holder and renewal time as last read
        self._seen_at = 0.0  # by our own steady clock: other machines' clocks are not compared

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work whenever, and only while, we hold the lease; until cancelled."""
        while True:
            while not await self._try():
                await asyncio.sleep(self._duration_s / 5)
            log.info("lease_acquired", lease=self._name, holder=self._holder)
            task = asyncio.ensure_future(work())
            try:
                await self._hold(task)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await self._release()
            log.warning("lease_lost", lease=self._name)

    async def _hold(self, task: "asyncio.Future[None]") -> None:
        """Renew until the work ends or renewing has failed for two thirds of the duration."""
        loop = asyncio.get_running_loop()
        renewed_at = loop.time()
        while loop.time() - renewed_at < self._duration_s * 2 / 3:
            await asyncio.wait([task], timeout=self._duration_s / 5)
            if task.done():
                task.result()
                return
            attempted_at = loop.time()
            try:
                async with asyncio.timeout(self._duration_s / 3):
                    if await self._try():
                        renewed_at = attempted_at
            except TimeoutError:
                log.info("lease_not_renewed", reason="Kubernetes' API is slow")

    async def _try(self) -> bool:
        """Take or renew the lease; True if it is ours now."""
        try:
            return await asyncio.to_thread(self._take)
        except Exception as error:  # ApiException, and urllib3's many
            log.info("lease_not_taken", reason=str(getattr(error, "reason", error)))
            return False

    def _take(self) -> bool:
        from kubernetes.client import ApiException

        try:
            lease = self._api.read_namespaced_lease(self._name, self._namespace, _request_timeout=5)
        except ApiException as error:
            if error.status != 404:
                raise
            self._api.create_namespaced_lease(self._namespace, {"metadata": {"name": self._name}, "spec": self._spec(0)}, _request_timeout=5)
            return True
        spec = lease.spec
        seen = (str(spec.holder_identity or ""), str(spec.renew_time or ""))
        if seen != self._seen:
            self._seen, self._seen_at = seen, time.monotonic()
        is_free = not seen[0] or time.monotonic() - self._seen_at > self._duration_s
        if seen[0] != self._holder and not is_free:
            return False
        transitions = (spec.lease_transitions or 0) + (seen[0] != self._holder)
        body = {"metadata": {"name": self._name, "resourceVersion": lease.metadata.resource_version}, "spec": self._spec(transitions)}
        self._api.replace_namespaced_lease(self._name, self._namespace, body, _request_timeout=5)  # 409 if somebody was faster
        return True

    async def _release(self) -> None:
        """Let the next one begin at once."""
        try:
            await asyncio.to_thread(self._give_back)
        except Exception as error:
            log.info("lease_not_released", reason=str(getattr(error, "reason", error)))

    def _give_back(self) -> None:
        lease = self._api.read_namespaced_lease(self._name, self._namespace, _request_timeout=5)
        if lease.spec.holder_identity == self._holder:
            spec = {**self._spec(lease.spec.lease_transitions or 0), "holderIdentity": ""}
            body = {"metadata": {"name": self._name, "resourceVersion": lease.metadata.resource_version}, "spec": spec}
            self._api.replace_namespaced_lease(self._name, self._namespace, body, _request_timeout=5)

    def _spec(self, transitions: int) -> dict[str, Any]:
        now = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"holderIdentity": self._holder, "leaseDurationSeconds": max(1, int(self._duration_s)), "renewTime": now, "leaseTransitions": transitions}
