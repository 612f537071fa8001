"""Environments named in a form of an instance: made on the way, so that nobody has to leave the page."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from infrastructure.models import Environment
from infrastructure.services.scopes import save_scope


@transaction.atomic
def chosen_environments(values: dict[str, Any], *, by: Any, now: datetime) -> list[Environment]:
    """The environments a valid form asks for: those ticked, and those named anew. One that exists is not made twice."""
    ticked: Iterable[Environment] = values["environments"]
    chosen = {environment.slug: environment for environment in ticked}
    for name in values.get("new_environments") or []:
        slug = slugify(name)
        if slug not in chosen:
            chosen[slug] = Environment.objects.filter(slug=slug).first() or _make(slug, name, by, now)
    return list(chosen.values())


def _make(slug: str, name: str, by: Any, now: datetime) -> Environment:
    last = Environment.objects.aggregate(last=Max("position"))["last"]
    position = 0 if last is None else last + 1
    return save_scope(row=Environment(slug=slug, name=name, position=position), by=by, now=now)
