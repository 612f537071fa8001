"""What a project does (its process) and what it ships (its releases)."""

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from deployments.status import CommitMethod, StepKind, TemplateOrigin, VerificationMethod, WaitFor
from infrastructure.models import Environment, Project
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
    # How the change gets to the branch that Argo CD reads.
    commit_method = models.CharField(max_length=20, choices=CommitMethod, default=CommitMethod.DIRECT_COMMIT, db_default=CommitMethod.DIRECT_COMMIT)
    pull_request_environments = models.ManyToManyField(
        Environment, blank=True, related_name="+", help_text="With the commit method “Per environment”: these by pull request, the others by direct commit."
    )
    pull_request_labels = models.CharField(max_length=300, blank=True, default="", db_default="", help_text="Comma-separated.")
    pull_request_reviewers = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="Comma-separated user names, as the Git host knows them."
    )
    # The manifests step.
    template_origin = models.CharField("Templates from", max_length=20, choices=TemplateOrigin, default=TemplateOrigin.GIT, db_default=TemplateOrigin.GIT)
    template_repo_url = models.CharField("Template repository", max_length=1000, blank=True, default="", db_default="")
    template_ref = models.CharField(
        "Branch or tag", max_length=300, blank=True, default="", db_default="", help_text="Empty: the default branch. A release keeps the commit it stands for."
    )
    template_path = models.CharField(
        "Template path", max_length=1000, blank=True, default="", db_default="", help_text="A folder or one file. Empty: everything."
    )
    purge_output = models.BooleanField(
        "Purge the output folder", default=False, db_default=False, help_text="Delete what is in the output folder and not among the templates."
    )
    # The wait step.
    wait_for = models.CharField(max_length=20, choices=WaitFor, default=WaitFor.HEALTHY, db_default=WaitFor.HEALTHY)
    expected_count = models.PositiveIntegerField(null=True, blank=True, help_text="How many applications must match. Empty: at least one.")
    label_selector = models.CharField(max_length=1000, blank=True, default="", db_default="", help_text="As Kubernetes writes it, for example tier=web,!canary")
    commit_hashes = models.TextField(
        blank=True, default="", db_default="", help_text="7 to 40 hexadecimal digits each; the applications must have synced to one of them. Empty: any."
    )
    waits_forever = models.BooleanField("No timeout", default=False, db_default=False)
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
            "commit_method": self.commit_method,
            "pull_request_environments": sorted(self.pull_request_environments.values_list("slug", flat=True)) if self.pk else [],
            "pull_request_labels": self.pull_request_labels,
            "pull_request_reviewers": self.pull_request_reviewers,
            "template_origin": self.template_origin,
            "template_repo_url": self.template_repo_url,
            "template_ref": self.template_ref,
            "template_path": self.template_path,
            "purge_output": self.purge_output,
            "wait_for": self.wait_for,
            "expected_count": self.expected_count,
            "label_selector": self.label_selector,
            "commit_hashes": self.commit_hashes,
            "waits_forever": self.waits_forever,
        }


class Release(models.Model):
    """Immutable: a version, its images, and the process as it was."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="releases")
    version = models.CharField(max_length=100)
    images = models.JSONField()  # full references with a tag: ["ghcr.io/acme/web:1.4.2"]; [] when no step updates images
    # Step.snapshot() of each step, in order; a manifests step's has "templates" too:
    # {"origin": "git", "repo_url", "ref", "commit", "path"} or {"origin": "archive", "archive": id, "name", "sha256", "path"}
    process = models.JSONField()
    variables = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))  # Variable.snapshot() of each value; sensitive ones without it
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
