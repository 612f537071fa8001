"""A signed-in person's request, as views see it."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """What `login_required` lets through: `user` is a person, `htmx` is false for a whole page."""

    user: User
    htmx: HtmxDetails
