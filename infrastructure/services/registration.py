"""Registration tokens: one hour, single use, kept as a hash."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from infrastructure.models import ArgoInstance, RegistrationToken
from infrastructure.services.errors import TokenRefused
from infrastructure.services.trail import record_event

LIFETIME = timedelta(hours=1)
REFUSED = "The token is used up or older than an hour. Make a new one; the old one is worthless."


@transaction.atomic
def new_registration_token(*, instance: ArgoInstance, by: Any, now: datetime) -> tuple[RegistrationToken, str]:
    """Make a token and return its row and its text, which nobody can read again. Older unused ones end here."""
    instance.registration_tokens.filter(used_at__isnull=True, replaced_at__isnull=True).update(replaced_at=now)
    text = f"octo_{secrets.token_urlsafe(32)}"
    token = RegistrationToken.objects.create(instance=instance, token_sha256=hash_token(text), created_at=now, expires_at=now + LIFETIME)
    record_event(kind="registration_token_made", object_name=instance.name, by=by, now=now, expires_at=token.expires_at.isoformat())
    return token, text


def current_token(instance: ArgoInstance, now: datetime) -> RegistrationToken | None:
    """The token a gateway could enrol with now, or None."""
    usable = instance.registration_tokens.filter(used_at__isnull=True, replaced_at__isnull=True, expires_at__gt=now)
    return usable.order_by("-created_at", "-pk").first()


def find_token(*, token: str, now: datetime) -> RegistrationToken:
    """Return the row of an unexpired token. A used one is returned too: the key that used it may ask again.

    Raises TokenRefused.
    """
    found = RegistrationToken.objects.select_related("instance").filter(token_sha256=hash_token(token), replaced_at__isnull=True, expires_at__gt=now).first()
    if found is None:
        raise TokenRefused(REFUSED)
    return found


def hash_token(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
