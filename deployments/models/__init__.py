"""The tables of what we do."""

from deployments.models.deployment import Deployment, IntendedChange, LogEntry, PullRequest, StepRun, Target
from deployments.models.live import LiveState
from deployments.models.release import Release, Step
from deployments.models.variables import TemplateArchive, Variable, VariableSet
from deployments.models.webhook import Webhook, WebhookDelivery
from infrastructure.models import Project

__all__ = [
    "Deployment",
    "IntendedChange",
    "LiveState",
    "LogEntry",
    "Project",
    "PullRequest",
    "Release",
    "Step",
    "StepRun",
    "Target",
    "TemplateArchive",
    "Variable",
    "VariableSet",
    "Webhook",
    "WebhookDelivery",
]
