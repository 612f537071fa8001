"""Webhooks that Git hosts call, and what they delivered."""

import uuid

from django.conf import settings
from django.db import models

from infrastructure.models.base import VisibleQuerySet
from infrastructure.status import ForgeKind


class Webhook(models.Model):
    """An address of ours that one Git host calls: a call only makes us look sooner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=30, choices=ForgeKind)
    secret_encrypted = models.TextField(blank=True, default="", editable=False)  # infrastructure.secrets: AES-GCM, bound to this row
    repositories = models.TextField(blank=True, default="")  # allow-list, a pattern a line, as GitCredential's; "": any
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    last_delivery_at = models.DateTimeField(null=True, blank=True)
    last_delivery_said = models.TextField(blank=True, default="")
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def patterns(self) -> list[str]:
        """The repositories it may speak for; [] for any."""
        return [line.strip() for line in self.repositories.splitlines() if line.strip()]


class WebhookDelivery(models.Model):
    """One delivery we have seen, kept a week: the same one again is no work."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    delivery_id = models.CharField(max_length=200)
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["-received_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["webhook", "delivery_id"], name="one_row_per_webhook_delivery")]
        indexes = [models.Index(fields=["received_at"], name="webhook_deliveries_by_time")]

    def __str__(self) -> str:
        return self.delivery_id
