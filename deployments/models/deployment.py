"""A release on its way: the deployment, its step runs, and their targets.

queued -> running <-> waiting -> succeeded | failed | cancelled
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.urls import reverse

from deployments.models.release import Release
from deployments.status import FINISHED, DeploymentStatus, LogLevel, PullRequestState, StepKind, StepStatus, TargetOutcome, Verification
from infrastructure.models import ApplicationSource, Environment, Project, Tenant
from infrastructure.models.base import VisibleQuerySet
from infrastructure.status import ForgeKind


class DeploymentQuerySet(VisibleQuerySet["Deployment"]):
    def unfinished(self) -> Self:
        return self.exclude(status__in=FINISHED).order_by("created_at", "pk")

    def due(self, now: datetime) -> Self:
        """Those a tick may claim: due, and leased by nobody alive."""
        free = models.Q(claimed_until__isnull=True) | models.Q(claimed_until__lt=now)
        return self.unfinished().filter(free, due_at__lte=now)


class Deployment(models.Model):
    """A release on its way to one environment (and tenant)."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="deployments")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="deployments")  # the release's, for lists
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="deployments")
    tenant = models.ForeignKey(Tenant, null=True, blank=True, on_delete=models.PROTECT, related_name="deployments")
    status = models.CharField(max_length=20, choices=DeploymentStatus, default=DeploymentStatus.QUEUED)
    reason = models.TextField(blank=True, default="")  # one sentence: what it waits for, or how it ended
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # None once finished
    claimed_until = models.DateTimeField(null=True, blank=True)  # the lease of the worker that advances it now
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries")  # the first one: its branches are ours
    watched_at = models.DateTimeField(null=True, blank=True)  # when somebody last looked at its page: then Git hosts are asked more often
    attempts = models.PositiveIntegerField(default=0)  # of the current action, for back-off; 0 after each that worked
    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="deployments_by_due_time"),
            models.Index(fields=["project", "environment", "tenant", "-created_at"], name="newest_deployment_of_a_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.release} to {self.environment}" + (f" for {self.tenant}" if self.tenant_id else "")

    def get_absolute_url(self) -> str:
        return reverse("deployment", args=[self.pk])

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED

    def move(self, *, was: DeploymentStatus, to: DeploymentStatus) -> bool:
        """Change the status, unless another worker already has: True for exactly one caller."""
        moved = Deployment.objects.filter(pk=self.pk, status=was).update(status=to) == 1
        if moved:
            self.status = to
        return moved


class StepRun(models.Model):
    """One execution of a step in a deployment."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="step_runs")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=30, choices=StepKind)
    settings = models.JSONField(default=dict)  # the step as the release keeps it
    status = models.CharField(max_length=20, choices=StepStatus, default=StepStatus.QUEUED)
    reason = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True)  # when the wait for the applications began: the timeout counts from here
    finished_at = models.DateTimeField(null=True, blank=True)
    outputs = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))  # output variables: {"ArgoCD.UpdatedApplications": "argocd/shop"}

    class Meta:
        ordering = ["deployment", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["deployment", "position"], name="one_step_run_per_deployment_and_position")]

    def __str__(self) -> str:
        return f"{self.deployment} step {self.position}"


class PullRequest(models.Model):
    """Our pull request into one branch of one repository, for all targets of a step there."""

    step_run = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="pull_requests")
    repo_url = models.CharField(max_length=1000)  # as the first target names it
    repository_key = models.CharField(max_length=1000)  # infrastructure.repositories.repository_key
    forge_kind = models.CharField(max_length=30, choices=ForgeKind)
    branch = models.CharField(max_length=300)  # what it is to be merged into
    head_branch = models.CharField(max_length=300)  # ours
    head_sha = models.CharField(max_length=40)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=300)
    web_url = models.CharField(max_length=1000)
    state = models.CharField(max_length=20, choices=PullRequestState, default=PullRequestState.OPEN)
    merge_sha = models.CharField(max_length=40, blank=True, default="")  # merge, squash or last rebased commit
    reason = models.TextField(blank=True, default="")  # one sentence: why it waits, or how it ended
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)  # when we learnt that it was merged or closed
    checked_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # ask the host from here on; None: nothing to ask
    closing_reason = models.TextField(blank=True, default="")  # why we want it closed; "": we do not
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["step_run", "repository_key", "branch", "pk"]
        constraints = [models.UniqueConstraint(fields=["step_run", "repository_key", "branch"], name="one_pull_request_per_step_run_and_branch")]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="pull_requests_by_due_time"),
            models.Index(fields=["repository_key", "number"], name="pull_request_of_a_repository"),
        ]

    def __str__(self) -> str:
        return f"pull request {self.number} into {self.branch} of {self.repo_url}"


class Target(models.Model):
    """One application source in a step run: what was written, where it stands, why it waits."""

    step_run = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="targets")
    source = models.ForeignKey(ApplicationSource, null=True, on_delete=models.SET_NULL, related_name="targets")
    # As they were when the step ran; the source may change or go.
    instance_name = models.CharField(max_length=40)
    application_namespace = models.CharField(max_length=253)
    application_name = models.CharField(max_length=253)
    application_uid = models.CharField(max_length=64, blank=True, default="")
    source_name = models.CharField(max_length=253, blank=True, default="")
    source_position = models.PositiveSmallIntegerField(default=0)
    repo_url = models.CharField(max_length=1000)
    branch = models.CharField(max_length=300, blank=True, default="")
    path = models.CharField(max_length=1000, blank=True, default="")
    outcome = models.CharField(max_length=20, choices=TargetOutcome, default=TargetOutcome.PENDING)
    verification = models.CharField(max_length=20, choices=Verification, default=Verification.WAITING)
    reason = models.TextField(blank=True, default="")
    notes = models.JSONField(default=list)  # per image: code, file, place, image, sentence
    commit_sha = models.CharField(max_length=40, blank=True, default="")  # ours, or the head at which everything was already there
    pull_request = models.ForeignKey(PullRequest, null=True, blank=True, on_delete=models.SET_NULL, related_name="targets")
    committed_at = models.DateTimeField(null=True, blank=True)
    since_at = models.DateTimeField(null=True, blank=True)  # since when `reason` holds
    healthy_since = models.DateTimeField(null=True, blank=True)  # for the debounce
    refresh_requested_at = models.DateTimeField(null=True, blank=True)
    sync_id = models.CharField(max_length=64, blank=True, default="")  # our id in the operation's infos; "" until a sync was asked for
    sync_requested_at = models.DateTimeField(null=True, blank=True)
    sync_finished_at = models.DateTimeField(null=True, blank=True)  # when our operation (or its successor with our change) was seen to end

    class Meta:
        ordering = ["step_run", "application_name", "source_position", "pk"]
        constraints = [models.UniqueConstraint(fields=["step_run", "source"], name="one_target_per_step_run_and_source")]
        indexes = [models.Index(fields=["source", "-id"], name="newest_target_of_a_source")]

    def __str__(self) -> str:
        return f"{self.application_name} in {self.step_run}"

    @property
    def word(self) -> str:
        """What stands on a page: one that was left out is not waited for."""
        is_left_out = self.outcome == TargetOutcome.SKIPPED and self.verification == Verification.WAITING
        return str(self.get_outcome_display() if is_left_out else self.get_verification_display())


class IntendedChange(models.Model):
    """What we wrote to one file of a target: an RFC 6902 patch with the names it stands for, or a SHA-256."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="intended_changes")
    path = models.CharField(max_length=1000)  # normalised POSIX path from the repository's root
    patch = models.JSONField(default=list)
    places = models.JSONField(default=list)  # manifests.records.Place as dicts
    sha256 = models.CharField(max_length=64, blank=True, default="")  # of the bytes written; for generated files the whole record
    is_deleted = models.BooleanField(default=False, db_default=False)  # purged: the change is that it is not there

    class Meta:
        ordering = ["target", "path", "pk"]
        constraints = [models.UniqueConstraint(fields=["target", "path"], name="one_intended_change_per_target_and_file")]

    def __str__(self) -> str:
        return f"{self.path} of {self.target}"


class LogEntry(models.Model):
    """One line of a deployment's log."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    level = models.CharField(max_length=10, choices=LogLevel, default=LogLevel.INFO)
    text = models.TextField()

    class Meta:
        ordering = ["deployment", "at", "pk"]
        verbose_name_plural = "log entries"

    def __str__(self) -> str:
        return self.text
