"""What every page shows: the version, and the moment it was made."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone


def page(request: HttpRequest) -> dict[str, Any]:
    return {"octoargo_version": settings.VERSION, "now": timezone.now()}
