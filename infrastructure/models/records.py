"""Git credentials, and the trail of who did what."""

from django.conf import settings
from django.db import models

from infrastructure.models.base import VisibleQuerySet
from infrastructure.status import CredentialKind


class GitCredential(models.Model):
    """Signs in to the repositories on its allow-list. The secret is encrypted at rest and never rendered."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=CredentialKind, default=CredentialKind.USERNAME_PASSWORD)
    username = models.CharField(max_length=200, blank=True, default="")
    secret_encrypted = models.TextField(blank=True, default="", editable=False)  # infrastructure.secrets: AES-GCM, bound to this row
    known_hosts = models.TextField(blank=True, default="")
    repositories = models.TextField(
        help_text="One pattern a line: a repository's URL, * stands for any part of its path. For example https://git.example.com/platform/*"
    )
    created_at = models.DateTimeField()
    tested_at = models.DateTimeField(null=True, blank=True)
    test_result = models.TextField(blank=True, default="")
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def patterns(self) -> list[str]:
        """Its allow-list, e.g. ["https://git.example.com/platform/*"]."""
        return [line.strip() for line in self.repositories.splitlines() if line.strip()]


class Event(models.Model):
    """Something somebody did: append-only, written in the transaction of the change."""

    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=60)  # lower_snake, past tense: instance_registered
    object_name = models.CharField(max_length=300)
    detail = models.JSONField(default=dict)
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["-at"], name="newest_events")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_name}"
