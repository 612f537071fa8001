"""An Argo CD instance, its gateway, and the checks of the way between."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse

from infrastructure.models.base import VisibleQuerySet
from infrastructure.models.scope import Environment
from infrastructure.status import GatewayStatus, TlsMode

# A gateway sends a heartbeat every 10 s; three missed ones make it silent.
SILENT_AFTER = timedelta(seconds=30)
RFC_1123_LABEL = RegexValidator(
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    "Use small letters, digits and hyphens; start and end with a letter or digit. The name becomes a Kubernetes namespace.",
)


class ArgoInstance(models.Model):
    """One Argo CD, registered once, serving one or more environments."""

    name = models.CharField(max_length=40, unique=True, validators=[RFC_1123_LABEL])
    environments = models.ManyToManyField(Environment, related_name="instances")
    api_url = models.URLField(max_length=500, default="https://argocd-server.argocd.svc.cluster.local")
    tls_mode = models.CharField(max_length=20, choices=TlsMode, default=TlsMode.VERIFY)
    ca_bundle = models.TextField(blank=True, default="")
    token_secret = models.CharField(max_length=253, blank=True, default="")  # name of an existing Secret, if the person has one
    may_sync = models.BooleanField(default=True)
    web_ui_url = models.URLField(max_length=500, blank=True, default="")
    default_registries = models.JSONField(default=dict, blank=True)  # {destination server or name: registry}, from Argo CD's clusters
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("instance", args=[self.name])

    @property
    def kubernetes_name(self) -> str:
        """Namespace and Helm release name of its gateway, e.g. "octoargo-eu-west"."""
        return f"octoargo-{self.name}"


class GatewayQuerySet(VisibleQuerySet["Gateway"]):
    def heard_since(self, moment: datetime) -> Self:
        return self.filter(last_seen_at__gte=moment, revoked_at__isnull=True)


class Gateway(models.Model):
    """The enrolled program in the instance's cluster: its public key, and which hub holds its stream."""

    instance = models.OneToOneField(ArgoInstance, on_delete=models.CASCADE, related_name="gateway")
    public_key = models.TextField()  # Ed25519, PEM
    key_id = models.CharField(max_length=64, unique=True)  # SHA-256 of the raw public key, hex
    enrolled_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    relay_url = models.CharField(max_length=300, blank=True, default="")  # the holding hub's relay, "host:port"; "" when not connected
    epoch = models.BigIntegerField(default=0)  # grows with each stream; older data is stale at once
    connected_at = models.DateTimeField(null=True, blank=True)
    disconnected_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    gateway_version = models.CharField(max_length=50, blank=True, default="")
    argocd_version = models.CharField(max_length=50, blank=True, default="")
    capabilities = models.JSONField(default=list, blank=True)  # e.g. ["refresh", "sync"]
    objects = GatewayQuerySet.as_manager()

    def __str__(self) -> str:
        return f"gateway of {self.instance}"

    def status(self, now: datetime) -> GatewayStatus:
        if self.revoked_at is not None:
            return GatewayStatus.REVOKED
        if self.last_seen_at is None:
            return GatewayStatus.REGISTERED
        if self.relay_url and now - self.last_seen_at <= SILENT_AFTER:
            return GatewayStatus.ONLINE
        return GatewayStatus.OFFLINE


class RegistrationToken(models.Model):
    """Lets one gateway enrol, once, within the hour. Only its hash is kept."""

    instance = models.ForeignKey(ArgoInstance, on_delete=models.CASCADE, related_name="registration_tokens")
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    replaced_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"registration token of {self.instance}"


class HealthCheck(models.Model):
    """What one check of an instance found, leg by leg."""

    instance = models.ForeignKey(ArgoInstance, on_delete=models.CASCADE, related_name="health_checks")
    checked_at = models.DateTimeField()
    is_passed = models.BooleanField()
    # [{"leg": "argocd_reachable", "status": "passed", "evidence": "…", "advice": "…", "duration_ms": 6}]
    legs = models.JSONField(default=list)
    objects = VisibleQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["instance", "-checked_at"], name="newest_check_of_an_instance")]

    def __str__(self) -> str:
        return f"check of {self.instance} at {self.checked_at:%Y-%m-%d %H:%M}"


class ConnectionSpan(models.Model):
    """One stretch of time in which an instance's gateway was connected; still open while `ended_at` is None."""

    instance = models.ForeignKey(ArgoInstance, on_delete=models.CASCADE, related_name="connection_spans")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")  # why it ended
    objects = VisibleQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["instance", "-started_at"], name="newest_span_of_an_instance")]

    def __str__(self) -> str:
        return f"{self.instance} from {self.started_at:%Y-%m-%d %H:%M}"
