"""Argo CD's Applications as last reported, and the scope of each of their sources."""

from django.db import models
from django.urls import reverse

from infrastructure.models.base import VisibleQuerySet
from infrastructure.models.instance import ArgoInstance
from infrastructure.models.scope import Environment, Project, Tenant
from infrastructure.status import HealthStatus, MappedBy, SyncStatus


class Application(models.Model):
    """One Argo CD Application. Never deleted when it vanishes: `gone_at` says since when it is gone."""

    instance = models.ForeignKey(ArgoInstance, on_delete=models.CASCADE, related_name="applications")
    namespace = models.CharField(max_length=253)
    name = models.CharField(max_length=253)
    uid = models.CharField(max_length=64)  # another uid under the same name: deleted and recreated
    argo_project = models.CharField(max_length=253, default="default")
    content = models.JSONField(default=dict)  # the trimmed Application, as the gateway sent it
    digest = models.CharField(max_length=64)  # SHA-256 of the reported content
    sync_status = models.CharField(max_length=20, choices=SyncStatus, default=SyncStatus.UNKNOWN)
    health_status = models.CharField(max_length=20, choices=HealthStatus, default=HealthStatus.UNKNOWN)
    epoch = models.BigIntegerField(default=0)  # of the stream that reported it last
    first_reported_at = models.DateTimeField()
    reported_at = models.DateTimeField()  # when the content last changed
    gone_at = models.DateTimeField(null=True, blank=True)
    problems = models.JSONField(default=list)  # of its annotations, sentences
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["name", "namespace", "pk"]
        constraints = [models.UniqueConstraint(fields=["instance", "namespace", "name"], name="one_application_per_instance_namespace_and_name")]
        indexes = [
            models.Index(fields=["name", "namespace"], name="applications_by_name"),
            models.Index(fields=["health_status"], name="applications_by_health"),
            models.Index(fields=["sync_status"], name="applications_by_sync"),
            models.Index(fields=["-reported_at"], name="newest_reported_applications"),  # the event stream asks for the newest each second
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("application", args=[self.pk])

    @property
    def argo_url(self) -> str:
        """Its page in Argo CD's web UI, or "" when the instance's address is not known."""
        base = self.instance.web_ui_url.rstrip("/")
        return f"{base}/applications/{self.namespace}/{self.name}" if base else ""


class Reconciliation(models.Model):
    """When Argo CD last compared an application. A narrow table: it changes every period with nothing else new."""

    application = models.OneToOneField(Application, primary_key=True, on_delete=models.CASCADE, related_name="reconciliation")
    reconciled_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.application} at {self.reconciled_at:%Y-%m-%d %H:%M:%S}"


class ApplicationSource(models.Model):
    """One entry of an Application's spec.source(s), and the scope it is mapped to."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="sources")
    position = models.PositiveSmallIntegerField()  # from 0, as in spec.sources
    name = models.CharField(max_length=253, blank=True, default="")
    repo_url = models.CharField(max_length=1000, blank=True, default="")
    path = models.CharField(max_length=1000, null=True, blank=True)  # None: absent; "" and ".": the repository's root
    target_revision = models.CharField(max_length=300, blank=True, default="")  # "" means HEAD
    chart = models.CharField(max_length=300, blank=True, default="")
    ref = models.CharField(max_length=253, blank=True, default="")
    kind = models.CharField(max_length=20, blank=True, default="")  # Directory, Kustomize, Helm, Plugin; "" while Argo CD has not said
    revision = models.CharField(max_length=300, blank=True, default="")  # what Argo CD looks at; a commit only if 40 hex digits
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="sources")
    environment = models.ForeignKey(Environment, null=True, blank=True, on_delete=models.SET_NULL, related_name="sources")
    tenant = models.ForeignKey(Tenant, null=True, blank=True, on_delete=models.SET_NULL, related_name="sources")
    mapped_by = models.CharField(max_length=20, choices=MappedBy, blank=True, default=MappedBy.NOTHING)
    rule = models.ForeignKey("MappingRule", null=True, blank=True, on_delete=models.SET_NULL, related_name="sources")
    is_mapped = models.BooleanField(default=False)  # project and environment are known, and no problem forbids
    mapping_reason = models.TextField(blank=True, default="")  # a sentence: why it is mapped, or why not
    removed_at = models.DateTimeField(null=True, blank=True)  # no longer in the Application's spec
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["application__name", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["application", "position"], name="one_source_per_application_and_position")]
        indexes = [models.Index(fields=["project", "environment", "tenant"], name="sources_by_scope")]

    def __str__(self) -> str:
        return f"{self.application} source {self.name or self.position}"


class MappingRule(models.Model):
    """Maps sources without annotations to a scope. Every given condition must match; empty ones match all."""

    name = models.CharField(max_length=100, unique=True)
    instance = models.ForeignKey(ArgoInstance, null=True, blank=True, on_delete=models.CASCADE, related_name="mapping_rules")
    argo_project = models.CharField(max_length=253, blank=True, default="", help_text="Glob over Argo CD's project, for example team-*")
    application_name = models.CharField(max_length=253, blank=True, default="", help_text="Glob over the application's name, for example shop-*")
    path = models.CharField(max_length=500, blank=True, default="", help_text="Glob over the source's path, for example envs/production/*")
    label_selector = models.CharField(max_length=500, blank=True, default="", help_text="Kubernetes label selector, for example team=shop,tier!=edge")
    repository = models.CharField(max_length=500, blank=True, default="", help_text="Glob over the repository's URL")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="mapping_rules")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="mapping_rules")
    tenant = models.ForeignKey(Tenant, null=True, blank=True, on_delete=models.CASCADE, related_name="mapping_rules")
    is_enabled = models.BooleanField(default=True)
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
