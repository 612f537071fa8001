"""What every table of ours shares: whose eyes it is for."""

from typing import Any, Self, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models

M = TypeVar("M", bound=models.Model)


class VisibleQuerySet(models.QuerySet[M]):
    """Rows that reach a page pass through `visible_to`."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser | Any) -> Self:
        """Everything for a signed-in, active person; nothing for anybody else."""
        return self.all() if user.is_authenticated and user.is_active else self.none()
