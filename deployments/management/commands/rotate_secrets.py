"""`manage.py rotate_secrets`: all secrets at rest under the first of OCTOARGO_ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from deployments.services.keys import rotate_secrets


class Command(BaseCommand):
    """Put a new key first among OCTOARGO_ENCRYPTION_KEYS, restart, run this, then take the old key away."""

    help = "Encrypts all stored secrets again with the first of OCTOARGO_ENCRYPTION_KEYS."

    def handle(self, *_: Any, **__: Any) -> None:
        """Raises CommandError when a secret could not be read, after all others were done."""
        rotation = rotate_secrets(by=None, now=timezone.now())
        self.stdout.write(f"{rotation.rotated} secrets encrypted again, {rotation.unchanged} had the first key already.")
        if rotation.unreadable:
            raise CommandError("Keep the old keys, or enter these again:\n" + "\n".join(rotation.unreadable))
