"""What a project does (its process) and what it ships (its releases)."""

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from deployments.status import StepKind, VerificationMethod
from infrastructure.models import Project
from infrastructure.models.base import VisibleQuerySet

DEFAULT_TIMEOUT_S = 180


class Step(models.Model):
    """One entry of a project's process."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100, default="Update image tags")
    kind = models.CharField(max_length=30, choices=StepKind, default=StepKind.UPDATE_IMAGES)
    verification = models.CharField(max_length=30, choices=VerificationMethod, default=VerificationMethod.APPLICATION_HEALTHY)
    trigger_sync = models.BooleanField(default=False)
    timeout_s = models.PositiveIntegerField(default=DEFAULT_TIMEOUT_S, help_text="Seconds to wait for the applications before the step fails")
    commit_summary = models.CharField(max_length=200, blank=True, default="")  # "" means the built-in sentence
    commit_description = models.TextField(blank=True, default="")
    helm_paths = models.TextField(
        "Helm value paths",
        blank=True,
        default="",
        db_default="",
        help_text="One a line: image = path of its value, for example ghcr.io/acme/web = web.image.tag. "
        "With any, the step writes these paths in all Helm sources, and their image-replace-paths annotations do not count.",
    )
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["project", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["project", "position"], name="one_step_per_project_and_position")]

    def __str__(self) -> str:
        return f"{self.project} step {self.position}: {self.name}"

    def snapshot(self) -> dict[str, Any]:
        """This step as a release keeps it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "verification": self.verification,
            "trigger_sync": self.trigger_sync,
            "timeout_s": self.timeout_s,
            "commit_summary": self.commit_summary,
            "commit_description": self.commit_description,
            "helm_paths": self.helm_paths,
        }


class Release(models.Model):
    """Immutable: a version, its images, and the process as it was."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="releases")
    version = models.CharField(max_length=100)
    images = models.JSONField()  # full references with a tag: ["ghcr.io/acme/web:1.4.2"]
    process = models.JSONField()  # Step.snapshot() of each step, in order
    notes = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="one_release_per_project_and_version")]

    def __str__(self) -> str:
        return f"{self.project} {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("release", args=[self.pk])
