"""Fills an empty database for the demo, through the same services as the pages."""

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.models import Step
from deployments.status import VerificationMethod
from infrastructure.models import ArgoInstance, Environment, Gateway, GitCredential, MappingRule, Project, Tenant
from infrastructure.services import credentials, instances, mapping, registration
from infrastructure.status import CredentialKind, TlsMode
from octoargo.demo import billing
from octoargo.keys import created_once

ENVIRONMENTS = ("Development", "Staging", "Production")
INSTANCES = {"eu-west": ("development", "staging", "production"), "us-east": ("production",)}
LOGIN = "admin"


def password() -> str:
    """The demo's password, made once."""
    return created_once(settings.DATA_DIR / "admin-password", lambda: secrets.token_urlsafe(9))


def fill(world: dict[str, Any]) -> None:
    """Make what is missing; started again, nothing is."""
    person = User.objects.filter(username=LOGIN).first() or User.objects.create_superuser(LOGIN, password=password())
    for position, name in enumerate(ENVIRONMENTS):
        Environment.objects.get_or_create(slug=name.lower(), defaults={"name": name, "position": position})
    for name in ("North", "South"):
        Tenant.objects.get_or_create(slug=name.lower(), defaults={"name": name})
    for slug, verification in (("shop", VerificationMethod.APPLICATION_HEALTHY), ("catalog", VerificationMethod.COMMIT_CREATED)):
        project, _ = Project.objects.get_or_create(slug=slug, defaults={"name": slug})
        Step.objects.get_or_create(project=project, position=1, defaults={"verification": verification, "timeout_s": 60})
    if not GitCredential.objects.filter(name="demo").exists():
        git = world["git"]
        credential = GitCredential(name="demo", kind=CredentialKind.USERNAME_PASSWORD, username=git["username"], repositories=f"{git['url']}/*")
        credentials.save_credential(credential=credential, secret=git["password"], by=person, now=timezone.now())
    billing.fill(world, by=person, now=timezone.now())
    billing.connect_webhook(world, by=person, now=timezone.now())
    for name, environments in INSTANCES.items():
        if not ArgoInstance.objects.filter(name=name).exists():
            instances.register_instance(
                name=name, environments=list(Environment.objects.filter(slug__in=environments)), api_url=world["argocd"][name]["url"],
                tls_mode=TlsMode.PLAINTEXT, web_ui_url=world["argocd"][name]["url"], by=person, now=timezone.now(),
            )  # fmt: skip
    _edge_rule(person)


def _edge_rule(person: User) -> None:
    """shop-us-edge carries no annotation: a rule maps it."""
    if MappingRule.objects.filter(name="edge").exists():
        return
    rule = MappingRule(
        name="edge", instance=ArgoInstance.objects.get(name="us-east"), application_name="shop-*", label_selector="tier=edge",
        project=Project.objects.get(slug="shop"), environment=Environment.objects.get(slug="production"),
    )  # fmt: skip
    mapping.save_rule(rule=rule, by=person, now=timezone.now())


def gateway_environment(name: str, world: dict[str, Any], *, thumbprint: str) -> dict[str, str]:
    """What `python -m gateway` needs; with a registration token as the wizard makes one, unless it has enrolled already."""
    instance = ArgoInstance.objects.get(name=name)
    token = ""
    if not Gateway.objects.filter(instance=instance, revoked_at__isnull=True).exists():
        _, token = registration.new_registration_token(instance=instance, by=User.objects.get(username=LOGIN), now=timezone.now())
    return {
        "OCTOARGO_HUB_ADDRESS": settings.HUB_ADDRESS,
        "OCTOARGO_HUB_THUMBPRINT": thumbprint,
        "OCTOARGO_REGISTRATION_TOKEN": token,
        "OCTOARGO_STATE_DIR": str(settings.DATA_DIR / "gateways" / name),
        "ARGOCD_URL": world["argocd"][name]["url"],
        "ARGOCD_TOKEN": world["argocd"][name]["token"],
        "ARGOCD_TLS": "plaintext",
    }
