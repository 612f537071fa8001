"""Every change of more than one row; one function per intention."""

from deployments.services.advance import advance
from deployments.services.asking import refresh_targets
from deployments.services.errors import DeploymentError, InvalidRelease, NoMappedApplications, NotAccepted, NotCancelled, NotRefreshed, NotRetried
from deployments.services.lifecycle import cancel_deployment, create_deployment, retry_deployment
from deployments.services.live import accept_drift, claim_due_live_states, judge_sources, sweep_live_states
from deployments.services.plans import DeploymentPlan, RepositoryPlan, TargetPlan, plan
from deployments.services.releases import create_release
from deployments.services.waking import wake_for_applications
from deployments.steps.leases import claim

__all__ = [
    "DeploymentError",
    "DeploymentPlan",
    "InvalidRelease",
    "NoMappedApplications",
    "NotAccepted",
    "NotCancelled",
    "NotRefreshed",
    "NotRetried",
    "RepositoryPlan",
    "TargetPlan",
    "accept_drift",
    "advance",
    "cancel_deployment",
    "claim",
    "claim_due_live_states",
    "create_deployment",
    "create_release",
    "judge_sources",
    "plan",
    "refresh_targets",
    "retry_deployment",
    "sweep_live_states",
    "wake_for_applications",
]
