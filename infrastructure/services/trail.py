"""The audit trail: one append-only event per change, written in the change's transaction."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from infrastructure.models import Event

Person = AbstractBaseUser | None  # None: Octoargo itself, or a gateway


def record_event(*, kind: str, object_name: str, by: Any, now: datetime, **detail: Any) -> Event:
    """Write that `by` did `kind` (lower_snake, past tense) to the object. `detail` holds JSON values and never a secret."""
    person = by if by is not None and getattr(by, "pk", None) else None
    return Event.objects.create(at=now, by=person, kind=kind, object_name=object_name[:300], detail=detail)
