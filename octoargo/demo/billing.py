"""Billing: the demo's project that is written from templates, by pull request in Production, with a webhook from the Git host."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import httpx2
from django.conf import settings

from deployments import services
from deployments.models import Step, Variable, VariableSet, Webhook
from deployments.services.webhooks import create_webhook, rotate_secret
from deployments.status import CommitMethod, StepKind, TemplateOrigin
from infrastructure.models import Environment, Project
from simulator.demo_files import CATALOG, SHOP
from simulator.demo_templates import BILLING, TEMPLATES

WEBHOOK = "demo"
VARIABLES = (("Currency", "EUR", ()), ("Replicas", "1", ()), ("Replicas", "3", ("production",)), ("Features", "invoices,reminders", ()))
SECRET = ("Database.Password", "correct horse battery staple")
LIBRARY = ("Company", (("Team", "harbour"),))
TEMPLATE_LINES = 'data:\n  password: "#{Database.Password}"\n'


def fill(world: dict[str, Any], *, by: Any, now: datetime) -> None:
    """Make what is missing."""
    project, is_new = Project.objects.get_or_create(slug="billing", defaults={"name": "billing"})
    if is_new or not Step.objects.filter(project=project).exists():
        _make_process(project, world)
        _make_variables(project, by=by, now=now)


def _make_process(project: Project, world: dict[str, Any]) -> None:
    step = Step.objects.create(
        project=project,
        position=1,
        name="Update manifests",
        kind=StepKind.UPDATE_MANIFESTS,
        timeout_s=120,
        commit_method=CommitMethod.PER_ENVIRONMENT,
        commit_summary="Deploy billing #{Octopus.Release.Number} to #{Octopus.Environment.Name}",
        pull_request_labels="octoargo",
        template_origin=TemplateOrigin.GIT,
        template_repo_url=f"{world['git']['url']}/{TEMPLATES}",
        template_ref="main",
        template_path="billing",
        purge_output=True,
    )
    step.pull_request_environments.set(Environment.objects.filter(slug="production"))


def _make_variables(project: Project, *, by: Any, now: datetime) -> None:
    own = services.set_of(project)
    for name, value, environments in VARIABLES:
        _save(Variable(variable_set=own, name=name), value, environments, by=by, now=now)
    _save(Variable(variable_set=own, name=SECRET[0], is_sensitive=True), SECRET[1], by=by, now=now)
    library, values = LIBRARY
    company = VariableSet.objects.filter(name=library).first() or services.save_library_set(variable_set=VariableSet(name=library), by=by, now=now)
    for name, value in values:
        _save(Variable(variable_set=company, name=name), value, by=by, now=now)
    services.include_set(variable_set=company, project=project, by=by, now=now)


def _save(variable: Variable, value: str, environments: Iterable[str] = (), *, by: Any, now: datetime) -> None:
    places = Environment.objects.filter(slug__in=environments)
    services.save_variable(variable=variable, value=value, environments=places, tenants=[], steps=[], by=by, now=now)


def connect_webhook(world: dict[str, Any], *, by: Any, now: datetime) -> None:
    """Tell the Git host to call us; it forgets that whenever it starts, and we keep no secret that could be read again."""
    git = world["git"]
    hook = Webhook.objects.filter(name=WEBHOOK).first()
    if hook is None:
        hook, secret = create_webhook(name=WEBHOOK, kind="gitea", repositories=f"{git['url']}/*", by=by, now=now)
    else:
        secret = rotate_secret(webhook=hook, by=by, now=now)
    for repository in (SHOP, CATALOG, BILLING):
        body = {
            "type": "gitea",
            "active": True,
            "events": ["push", "pull_request"],
            "config": {"url": f"{settings.PUBLIC_URL}/hooks/gitea/{hook.pk}", "content_type": "json", "secret": secret},
        }
        path = repository.removesuffix(".git")
        answer = httpx2.post(f"{git['url']}/api/v1/repos/{path}/hooks", json=body, headers={"Authorization": f"token {git['password']}"}, timeout=30)
        answer.raise_for_status()
