"""Every change of more than one row; one function per intention."""

from deployments.services.advance import advance
from deployments.services.errors import DeploymentError, InvalidRelease, NoMappedApplications, NotAccepted, NotCancelled, NotRetried
from deployments.services.lifecycle import cancel_deployment, create_deployment, retry_deployment
from deployments.services.releases import create_release
from deployments.services.waking import wake_for_applications
from deployments.steps.leases import claim

__all__ = [
    "DeploymentError",
    "InvalidRelease",
    "NoMappedApplications",
    "NotAccepted",
    "NotCancelled",
    "NotRetried",
    "advance",
    "cancel_deployment",
    "claim",
    "create_deployment",
    "create_release",
    "retry_deployment",
    "wake_for_applications",
]
