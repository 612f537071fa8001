"""Register, change and remove an Argo CD instance."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from django.db import IntegrityError, transaction

from infrastructure import relay
from infrastructure.models import ArgoInstance, Environment
from infrastructure.services.errors import InstanceInvalid, InstanceNameTaken
from infrastructure.services.mapping import remap
from infrastructure.services.trail import record_event
from infrastructure.signals import instance_removing
from infrastructure.status import TlsMode

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SECRET_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_HOST = re.compile(r"\[?[A-Za-z0-9][-A-Za-z0-9.:_]*\]?")


@transaction.atomic
def register_instance(
    *,
    name: str,
    environments: Collection[Environment],
    api_url: str,
    tls_mode: str,
    ca_bundle: str = "",
    web_ui_url: str = "",
    token_secret: str = "",
    may_sync: bool = True,
    by: Any,
    now: datetime,
) -> ArgoInstance:
    """Write down an instance whose gateway may then enrol.

    Raises InstanceNameTaken, or InstanceInvalid with the field that is wrong.
    """
    instance = ArgoInstance(
        name=name.strip(),
        api_url=api_url.strip().rstrip("/"),
        tls_mode=tls_mode,
        ca_bundle=ca_bundle.strip(),
        web_ui_url=web_ui_url.strip(),
        token_secret=token_secret.strip(),
        may_sync=may_sync,
        created_at=now,
        created_by=by if getattr(by, "pk", None) else None,
    )
    _check_name(instance.name)
    _check(instance, environments)
    try:
        with transaction.atomic():
            instance.save()
    except IntegrityError as error:
        raise InstanceNameTaken(_taken(instance.name), field="name") from error
    instance.environments.set(environments)
    record_event(kind="instance_registered", object_name=instance.name, by=by, now=now, environments=_slugs(environments), may_sync=may_sync)
    return instance


@transaction.atomic
def change_instance(
    *,
    instance: ArgoInstance,
    environments: Collection[Environment],
    web_ui_url: str,
    api_url: str | None = None,
    tls_mode: str | None = None,
    ca_bundle: str | None = None,
    token_secret: str | None = None,
    may_sync: bool | None = None,
    by: Any,
    now: datetime,
) -> ArgoInstance:
    """Change what is given (None keeps a value). What the gateway itself uses takes effect with the next helm upgrade.

    Raises InstanceInvalid.
    """
    given = {"web_ui_url": web_ui_url, "api_url": api_url, "tls_mode": tls_mode, "ca_bundle": ca_bundle, "token_secret": token_secret, "may_sync": may_sync}
    before = {field: getattr(instance, field) for field in given}
    for field, value in given.items():
        if value is not None:
            setattr(instance, field, value.strip() if isinstance(value, str) else value)
    instance.api_url = instance.api_url.rstrip("/")
    _check(instance, environments)
    instance.save()
    instance.environments.set(environments)
    changed = sorted(field for field in given if getattr(instance, field) != before[field])
    remap(instances=[instance], now=now)
    record_event(kind="instance_changed", object_name=instance.name, by=by, now=now, changed=changed, environments=_slugs(environments))
    return instance


@transaction.atomic
def remove_instance(*, instance: ArgoInstance, by: Any, now: datetime) -> None:
    """Remove the instance, its gateway, applications and mappings. Whoever still needs it refuses by raising (instance_removing)."""
    instance_removing.send(sender=ArgoInstance, instance=instance, now=now)
    name, instance_id, relay_url = instance.name, instance.pk, relay.holder(instance)
    record_event(kind="instance_removed", object_name=name, by=by, now=now, applications=instance.applications.count())
    instance.delete()
    transaction.on_commit(lambda: relay.kick_quietly(instance_id=instance_id, relay_url=relay_url, reason=f"Instance {name} was removed."))


def _check_name(name: str) -> None:
    if not _LABEL.fullmatch(name):
        raise InstanceInvalid(
            "Use small letters, digits and hyphens; start and end with a letter or digit. The name becomes a Kubernetes namespace.", field="name"
        )
    if len(name) > 40:
        raise InstanceInvalid("Use at most 40 characters: the name becomes part of a Kubernetes namespace.", field="name")
    if ArgoInstance.objects.filter(name=name).exists():
        raise InstanceNameTaken(_taken(name), field="name")


def _taken(name: str) -> str:
    return f"An instance named {name} exists already. Choose another name, or open that one."


def _check(instance: ArgoInstance, environments: Collection[Environment]) -> None:
    if not environments:
        raise InstanceInvalid("Choose at least one environment. Applications may only be mapped to the environments an instance serves.", field="environments")
    if instance.tls_mode not in TlsMode.values:
        raise InstanceInvalid("Choose how the gateway trusts Argo CD.", field="tls_mode")
    _check_url(instance.api_url, "api_url", "https://argocd-server.argocd.svc.cluster.local")
    if instance.web_ui_url:
        _check_url(instance.web_ui_url, "web_ui_url", "https://argocd.example.com")
    is_plain_url = urlsplit(instance.api_url).scheme == "http"
    if is_plain_url != (instance.tls_mode == TlsMode.PLAINTEXT):
        wanted = "Plaintext needs an address that begins with http://." if not is_plain_url else "An address that begins with http:// needs the mode plaintext."
        raise InstanceInvalid(f"{wanted} Change the address or how the gateway trusts Argo CD.", field="api_url")
    if instance.tls_mode == TlsMode.CUSTOM_CA:
        _check_bundle(instance.ca_bundle)
    if instance.token_secret and not _SECRET_NAME.fullmatch(instance.token_secret):
        raise InstanceInvalid("A Secret's name has small letters, digits, dots and hyphens.", field="token_secret")


def _check_url(url: str, field: str, example: str) -> None:
    refused = InstanceInvalid(f"Give an address that begins with https:// or http://, for example {example}.", field=field)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise refused from error
    if parts.scheme not in ("http", "https") or not host or not _HOST.fullmatch(host) or len(url) > 500 or re.search(r"[\s\x00-\x1f]", url):
        raise refused
    if parts.username or parts.password:
        raise InstanceInvalid("Leave user name and password out of the address; the gateway uses its own token.", field=field)


def _check_bundle(bundle: str) -> None:
    try:
        x509.load_pem_x509_certificates(bundle.encode())
    except ValueError as error:
        raise InstanceInvalid("Paste the CA bundle as PEM: one or more blocks that begin with -----BEGIN CERTIFICATE-----.", field="ca_bundle") from error


def _slugs(environments: Collection[Environment]) -> list[str]:
    return sorted(environment.slug for environment in environments)
