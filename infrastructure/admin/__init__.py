"""Django's admin for everything that exists. Changes go through the services, so that mappings and the trail follow."""

from infrastructure.admin import applications, credentials, instances, rules, scopes, trail

__all__ = ["applications", "credentials", "instances", "rules", "scopes", "trail"]
