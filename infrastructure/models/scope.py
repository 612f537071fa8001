"""Where a deployment may go: projects, environments and tenants. A scope is one of each (tenant: or none)."""

from django.db import models

from infrastructure.models.base import VisibleQuerySet


class _Named(models.Model):
    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        abstract = True
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Project(_Named):
    """What is deployed. Its process, releases and deployments live in the deployments app."""

    objects = VisibleQuerySet.as_manager()


class Environment(_Named):
    """Where it is deployed; columns of the overview stand in `position` order."""

    position = models.PositiveIntegerField(default=0)
    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name", "pk"]


class Tenant(_Named):
    """For whom it is deployed."""

    objects = VisibleQuerySet.as_manager()
