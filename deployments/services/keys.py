"""Secrets at rest under a new key: everything that is stored encrypted is encrypted again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from deployments.models import Variable, Webhook
from infrastructure.models import GitCredential
from infrastructure.secrets import SecretUnreadable, rotate
from infrastructure.services.trail import record_event

# Model, field, and what its secrets are bound to, before the row's key.
HOLDERS: tuple[tuple[type[models.Model], str, str], ...] = (
    (GitCredential, "secret_encrypted", "git_credential"),
    (Variable, "value_encrypted", "variable"),
    (Webhook, "secret_encrypted", "webhook"),
)


@dataclass(frozen=True)
class Rotation:
    """How it went: secrets encrypted again, those that had the key already, and a sentence for each that no key opens."""

    rotated: int
    unchanged: int
    unreadable: tuple[str, ...]


def rotate_secrets(*, by: Any, now: datetime) -> Rotation:
    """Encrypt each secret again with the first of OCTOARGO_ENCRYPTION_KEYS; may be called at any time, twice too.

    Afterwards the other keys may go, unless some secrets were unreadable: those must be entered again.
    """
    rotated, unchanged, unreadable = 0, 0, []
    for model, field, prefix in HOLDERS:
        for key, name, stored in _stored(model, field):
            try:
                fresh = rotate(stored, row=f"{prefix}:{key}")
            except SecretUnreadable as error:
                unreadable.append(f"{model._meta.verbose_name} {name}: {error}")
                continue
            if fresh == stored:
                unchanged += 1
            else:  # somebody may have entered another in the meantime: that one has the first key
                rotated += model._default_manager.filter(pk=key, **{field: stored}).update(**{field: fresh})
    record_event(kind="secrets_rotated", object_name="secrets", by=by, now=now, rotated=rotated, unchanged=unchanged, unreadable=len(unreadable))
    return Rotation(rotated, unchanged, tuple(unreadable))


def _stored(model: type[models.Model], field: str) -> Iterator[tuple[Any, str, str]]:
    """Key, name and stored text of each row that has a secret."""
    rows = model._default_manager.exclude(**{field: ""}).order_by("pk").values_list("pk", "name", field)
    yield from list(rows)
