"""Variables of templates and messages, and archives of templates."""

from typing import Any

from django.conf import settings
from django.db import models

from infrastructure.models import Environment, Project, Tenant
from infrastructure.models.base import VisibleQuerySet


class VariableSet(models.Model):
    """A project's own variables, or a library set that several projects include."""

    project = models.OneToOneField(Project, null=True, blank=True, on_delete=models.CASCADE, related_name="variable_set")  # None: a library set
    name = models.CharField(max_length=100, unique=True)  # of a project's own: its key with "project:" before it
    description = models.TextField(blank=True, default="")
    projects = models.ManyToManyField(Project, blank=True, related_name="library_sets")  # who includes a library set
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return f"Variables of {self.project}" if self.project_id else self.name

    @property
    def is_library(self) -> bool:
        return self.project_id is None


class Variable(models.Model):
    """One value of a variable and where it applies; several rows of one name are its values for several scopes."""

    variable_set = models.ForeignKey(VariableSet, on_delete=models.CASCADE, related_name="variables")
    name = models.CharField(max_length=300)
    value = models.TextField(blank=True, default="")  # "" when it is sensitive
    value_encrypted = models.TextField(blank=True, default="", editable=False)  # infrastructure.secrets: AES-GCM, bound to this row
    is_sensitive = models.BooleanField(default=False)
    environments = models.ManyToManyField(Environment, blank=True, related_name="+")
    tenants = models.ManyToManyField(Tenant, blank=True, related_name="+")
    steps = models.JSONField(default=list)  # names of steps of the project's process; [] for all, and in library sets
    position = models.PositiveIntegerField(default=0)  # order of definition
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["variable_set", "name", "position", "pk"]
        indexes = [models.Index(fields=["variable_set", "name"], name="variables_of_a_set_by_name")]

    def __str__(self) -> str:
        return self.name

    def snapshot(self) -> dict[str, Any]:
        """As a release keeps it; a sensitive value is left out, because it may never reach Git."""
        return {
            "name": self.name,
            "value": "" if self.is_sensitive else self.value,
            "is_sensitive": self.is_sensitive,
            "is_library": self.variable_set.is_library,
            "library_set": self.variable_set.name if self.variable_set.is_library else "",
            "environments": sorted(environment.slug for environment in self.environments.all()),
            "tenants": sorted(tenant.slug for tenant in self.tenants.all()),
            "steps": list(self.steps),
        }


class TemplateArchive(models.Model):
    """A zip or tar.gz of templates, as it was uploaded. Never changes; a release names it."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="template_archives")
    name = models.CharField(max_length=255)  # the file's name
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    size = models.PositiveIntegerField()  # bytes
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-uploaded_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["project", "sha256"], name="one_archive_per_project_and_content")]

    def __str__(self) -> str:
        return self.name
