"""The lease of the worker that advances a deployment: a conditional UPDATE, so that exactly one caller gets it.

While a deployment is claimed its `due_at` is the end of the lease: a worker that dies leaves it due. An event meanwhile sets
`due_at` to now, and that stands when the lease is given back.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.db import connection
from django.db.models import Q

from deployments.models import Deployment

LEASE = timedelta(seconds=60)
RENEW_EVERY_S = 15.0


class LeaseLost(Exception):
    """Another worker has taken the deployment over; it finds what this one has pushed."""


@dataclass
class Lease:
    """The right to advance one deployment until `until`. Renewed by a thread, so read `until` when it is needed."""

    deployment_id: int
    until: datetime

    def confirm(self) -> None:
        """Lock the row in the caller's transaction. Raises LeaseLost."""
        if not Deployment.objects.filter(pk=self.deployment_id, claimed_until=self.until).update(claimed_until=self.until):
            raise LeaseLost

    def renew(self, until: datetime) -> bool:
        """False when it is lost."""
        mine = Deployment.objects.filter(pk=self.deployment_id, claimed_until=self.until)
        mine.filter(due_at=self.until).update(due_at=until)
        if not mine.update(claimed_until=until):
            return False
        self.until = until
        return True

    def give_back(self, *, due_at: datetime | None, not_before: datetime | None = None) -> None:
        """End the lease. `due_at` None: the deployment is finished. An event that came meanwhile keeps its earlier time, but `not_before`."""
        mine = Deployment.objects.filter(pk=self.deployment_id, claimed_until=self.until)
        if due_at is None:
            mine.update(claimed_until=None, due_at=None)
            return
        mine.filter(Q(due_at=self.until) | Q(due_at__gt=due_at)).update(due_at=due_at)
        if not_before is not None:
            mine.filter(due_at__lt=not_before).update(due_at=not_before)
        mine.update(claimed_until=None)


def claim(deployment: Deployment, now: datetime) -> Lease | None:
    """Take the lease; None when the deployment is finished or somebody has it."""
    until = now + LEASE
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    taken = Deployment.objects.unfinished().filter(free, pk=deployment.pk).order_by().update(claimed_until=until, due_at=until)
    return Lease(deployment.pk, until) if taken else None


@contextmanager
def renewed(lease: Lease, now: datetime) -> Iterator[None]:
    """Keep the lease while a slow push runs; the thread writes only when the block takes longer than RENEW_EVERY_S."""
    stop = threading.Event()
    begun = monotonic()

    def renew() -> None:
        try:
            while not stop.wait(RENEW_EVERY_S):
                if not lease.renew(now + timedelta(seconds=monotonic() - begun) + LEASE):
                    return
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name=f"lease of deployment {lease.deployment_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
