"""The words for what we do: deployments, steps, targets, and our live sync."""

from django.db import models


class DeploymentStatus(models.TextChoices):
    """queued -> (running <-> awaiting_merge <-> waiting) -> succeeded | failed | cancelled."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Committing"
    AWAITING_MERGE = "awaiting_merge", "Awaiting merge"
    WAITING = "waiting", "Verifying"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


PAUSED = (DeploymentStatus.AWAITING_MERGE, DeploymentStatus.WAITING)  # hold no lease and no place in the cap
FINISHED = (DeploymentStatus.SUCCEEDED, DeploymentStatus.FAILED, DeploymentStatus.CANCELLED)


class StepStatus(models.TextChoices):
    """One execution of a step. `awaiting_merge` and `waiting` hold no worker and no place in the task cap."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Committing"
    AWAITING_MERGE = "awaiting_merge", "Awaiting merge"
    WAITING = "waiting", "Verifying"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class StepKind(models.TextChoices):
    """The kinds of steps a process may have."""

    UPDATE_IMAGES = "update_images", "Update Argo CD application image tags"
    UPDATE_MANIFESTS = "update_manifests", "Update Argo CD application manifests"
    WAIT_FOR_APPLICATIONS = "wait_for_applications", "Wait for Argo CD applications"


class CommitMethod(models.TextChoices):
    """How a step's change gets to the branch that Argo CD reads."""

    DIRECT_COMMIT = "direct_commit", "Direct commit"
    PULL_REQUEST = "pull_request", "Pull request"
    PER_ENVIRONMENT = "per_environment", "Per environment"


class TemplateOrigin(models.TextChoices):
    """Where a manifests step takes its templates from."""

    GIT = "git", "Folder of a Git repository"
    ARCHIVE = "archive", "Archive uploaded with the release"


class WaitFor(models.TextChoices):
    """What a wait step wants of the applications."""

    EXISTS = "exists", "Applications exist"
    HEALTHY = "healthy", "Applications are healthy"


class PullRequestState(models.TextChoices):
    """A pull request as its host last told it."""

    OPEN = "open", "Awaiting merge"
    MERGED = "merged", "Merged"
    CLOSED = "closed", "Closed"


class VerificationMethod(models.TextChoices):
    """When a step is done."""

    COMMIT_CREATED = "commit_created", "Commit created"
    PULL_REQUEST_MERGED = "pull_request_merged", "Pull request merged"
    APPLICATION_HEALTHY = "application_healthy", "Application healthy"


class Verification(models.TextChoices):
    """Is a target done?"""

    WAITING = "waiting", "Waiting"
    VERIFIED = "verified", "Succeeded"
    FAILED = "failed", "Failed"


class TargetOutcome(models.TextChoices):
    """What a step did to a target's files."""

    PENDING = "pending", "Queued"
    UPDATED = "updated", "Updated"
    ALREADY_THERE = "already_there", "Already there"
    SKIPPED = "skipped", "Not tracked"


class LiveSync(models.TextChoices):
    """Is what runs what we meant? Design section 8."""

    SYNCED = "synced", "Synced"
    OUT_OF_SYNC = "out_of_sync", "Out of sync"
    GIT_DRIFT = "git_drift", "Git drift"
    UNKNOWN = "unknown", "Unknown"
    WAITING = "waiting", "Waiting"
    UNAVAILABLE = "unavailable", "Unavailable"


class LogLevel(models.TextChoices):
    """How much a log line asks for attention."""

    INFO = "info", "info"
    WARN = "warn", "warn"
    ERROR = "error", "error"


class NoteCode(models.TextChoices):
    """What became of one image or file of one application: nothing is silent."""

    UPDATED = "updated", "Updated"
    DELETED = "deleted", "Deleted"
    ALREADY_THERE = "already_there", "Already there"
    OTHER_REGISTRY = "other_registry", "Other registry"
    PINNED = "pinned", "Pinned"
    NO_SUCH_PATH = "no_such_path", "No such path"
    NOT_TRACKED = "not_tracked", "Not tracked"
    NOT_EDITABLE = "not_editable", "Not editable"
