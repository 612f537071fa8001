"""The page of an unexpected error: a reference that stands in the log and on the page."""

import secrets
import sys

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils import timezone

log = structlog.get_logger(__name__)


def server_error(request: HttpRequest) -> HttpResponse:
    """Log a reference beside Django's traceback and answer with it; asks neither session nor database, which may be what failed."""
    reference = secrets.token_hex(3)
    error = sys.exc_info()[0]
    log.error("page_failed", reference=reference, method=request.method, path=request.path, error=error and error.__name__)
    page = {"reference": reference, "octoargo_version": settings.VERSION, "now": timezone.now()}
    return HttpResponse(loader.render_to_string("500.html", page), status=500)
