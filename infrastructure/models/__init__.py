"""The tables of what exists."""

from infrastructure.models.application import Application, ApplicationSource, MappingRule, Reconciliation
from infrastructure.models.instance import SILENT_AFTER, ArgoInstance, ConnectionSpan, Gateway, HealthCheck, RegistrationToken
from infrastructure.models.records import Event, GitCredential, KnownHost
from infrastructure.models.scope import Environment, Project, Tenant

__all__ = [
    "SILENT_AFTER",
    "Application",
    "ApplicationSource",
    "ArgoInstance",
    "ConnectionSpan",
    "Environment",
    "Event",
    "Gateway",
    "GitCredential",
    "HealthCheck",
    "KnownHost",
    "MappingRule",
    "Project",
    "Reconciliation",
    "RegistrationToken",
    "Tenant",
]
