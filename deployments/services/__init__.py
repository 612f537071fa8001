"""Every change of more than one row; one function per intention."""

from deployments.services.advance import advance
from deployments.services.archives import archive_too_large, store_archive
from deployments.services.asking import refresh_targets
from deployments.services.errors import (
    DeploymentError,
    InvalidRelease,
    InvalidVariable,
    NoMappedApplications,
    NotAccepted,
    NotCancelled,
    NotRefreshed,
    NotRetried,
)
from deployments.services.lifecycle import cancel_deployment, create_deployment, retry_deployment
from deployments.services.live import accept_drift, claim_due_live_states, judge_sources, sweep_live_states
from deployments.services.plans import DeploymentPlan, RepositoryPlan, TargetPlan, plan
from deployments.services.pull_requests import settle_pull_requests, watch
from deployments.services.releases import create_release, needs_archive, needs_images
from deployments.services.variable_sets import delete_library_set, exclude_set, include_set, save_library_set
from deployments.services.variables import delete_variable, save_variable, set_of, snapshot_of, variables_of
from deployments.services.waking import wake_for_applications
from deployments.steps.leases import claim

__all__ = [
    "DeploymentError",
    "DeploymentPlan",
    "InvalidRelease",
    "InvalidVariable",
    "NoMappedApplications",
    "NotAccepted",
    "NotCancelled",
    "NotRefreshed",
    "NotRetried",
    "RepositoryPlan",
    "TargetPlan",
    "accept_drift",
    "advance",
    "archive_too_large",
    "cancel_deployment",
    "claim",
    "claim_due_live_states",
    "create_deployment",
    "create_release",
    "delete_library_set",
    "delete_variable",
    "exclude_set",
    "include_set",
    "judge_sources",
    "needs_archive",
    "needs_images",
    "plan",
    "refresh_targets",
    "retry_deployment",
    "save_library_set",
    "save_variable",
    "set_of",
    "settle_pull_requests",
    "snapshot_of",
    "store_archive",
    "sweep_live_states",
    "variables_of",
    "wake_for_applications",
    "watch",
]
