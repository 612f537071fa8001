"""The words for what exists: Argo CD's own, and ours for gateways, checks and mappings."""

from django.db import models


class SyncStatus(models.TextChoices):
    """Argo CD's word for an application: does the cluster match Git?"""

    SYNCED = "Synced", "Synced"
    OUT_OF_SYNC = "OutOfSync", "Out of sync"
    UNKNOWN = "Unknown", "Unknown"


class HealthStatus(models.TextChoices):
    """Argo CD's word for an application's live objects, best first."""

    HEALTHY = "Healthy", "Healthy"
    SUSPENDED = "Suspended", "Suspended"
    PROGRESSING = "Progressing", "Progressing"
    MISSING = "Missing", "Missing"
    DEGRADED = "Degraded", "Degraded"
    UNKNOWN = "Unknown", "Unknown"


class GatewayStatus(models.TextChoices):
    """Do we hear from an instance's gateway?"""

    REGISTERED = "registered", "Waiting"
    ONLINE = "online", "Online"
    OFFLINE = "offline", "Offline"
    REVOKED = "revoked", "Offline"


class CheckStatus(models.TextChoices):
    """One leg of a health check."""

    PASSED = "passed", "Passed"
    WAITING = "waiting", "Waiting"
    WARNING = "warning", "Expires soon"
    FAILED = "failed", "Failed"


class TlsMode(models.TextChoices):
    """How a gateway trusts its Argo CD."""

    VERIFY = "verify", "Verify with the system's authorities"
    CUSTOM_CA = "custom_ca", "Verify with a CA bundle"
    SKIP_VERIFY = "skip_verify", "Skip verification"
    PLAINTEXT = "plaintext", "Plaintext (Argo CD runs with --insecure)"


class MappedBy(models.TextChoices):
    """What decided a source's scope."""

    ANNOTATION = "annotation", "annotation"
    RULE = "rule", "rule"
    NOTHING = "", "none"


class CredentialKind(models.TextChoices):
    """How a Git credential signs in."""

    USERNAME_PASSWORD = "username_password", "User name and password or token"
    SSH_KEY = "ssh_key", "SSH key"


class ForgeKind(models.TextChoices):
    """Which software a Git host runs: whose API opens pull requests there."""

    GITHUB = "github", "GitHub"
    GITLAB = "gitlab", "GitLab"
    GITEA = "gitea", "Gitea or Forgejo"
    AZURE_DEVOPS = "azure_devops", "Azure DevOps"
    BITBUCKET_CLOUD = "bitbucket_cloud", "Bitbucket Cloud"
    BITBUCKET_DATA_CENTER = "bitbucket_data_center", "Bitbucket Data Center"
