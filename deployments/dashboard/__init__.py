"""Reads for the pages, as frozen dataclasses: one module a page."""

from deployments.dashboard.deployment import DeploymentView, TakenAlong, deployment_view, taken_along
from deployments.dashboard.plan import PlanView, plan_view

__all__ = ["DeploymentView", "PlanView", "TakenAlong", "deployment_view", "plan_view", "taken_along"]
