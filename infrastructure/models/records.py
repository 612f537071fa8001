"""Git credentials, the SSH host keys we trust, and the trail of who did what."""

from django.conf import settings
from django.db import models

from infrastructure.models.base import VisibleQuerySet
from infrastructure.status import CredentialKind, ForgeKind


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
    forge_kind = models.CharField(
        "Git host", max_length=30, choices=ForgeKind, blank=True, default="", db_default="", help_text="Empty: recognised from the repository's URL."
    )
    forge_web_url = models.URLField("Web address", max_length=500, blank=True, default="", db_default="")  # "": derived from the repository's URL
    forge_api_url = models.URLField("API address", max_length=500, blank=True, default="", db_default="")
    # What the Git host's API said of its rate when it last answered this credential.
    api_limit = models.PositiveIntegerField(null=True, blank=True)
    api_remaining = models.PositiveIntegerField(null=True, blank=True)
    api_reset_at = models.DateTimeField(null=True, blank=True)
    api_retry_at = models.DateTimeField(null=True, blank=True)  # we back off until then
    api_said = models.TextField(blank=True, default="", db_default="")  # why, a sentence
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


class KnownHost(models.Model):
    """A host key that a person has confirmed: Git over SSH talks to no other."""

    host = models.CharField(max_length=253)  # lower-case name or address
    port = models.PositiveIntegerField(default=22)
    key_type = models.CharField(max_length=60)  # "ssh-ed25519"
    key = models.TextField()  # base64, as in a known_hosts file
    fingerprint = models.CharField(max_length=100)  # "SHA256:…"
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["host", "port", "key_type", "pk"]
        constraints = [models.UniqueConstraint(fields=["host", "port", "key"], name="one_row_per_host_key")]

    def __str__(self) -> str:
        return f"{self.key_type} of {self.host}" + ("" if self.port == 22 else f":{self.port}")


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
