"""The tables of what we do."""

from deployments.models.deployment import Deployment, IntendedChange, LogEntry, StepRun, Target
from deployments.models.live import LiveState
from deployments.models.release import Release, Step
from infrastructure.models import Project

__all__ = ["Deployment", "IntendedChange", "LiveState", "LogEntry", "Project", "Release", "Step", "StepRun", "Target"]
