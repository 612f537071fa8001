"""The smallest valid rows of what exists. Every argument can be overridden."""

import itertools
import json
from datetime import UTC, datetime
from hashlib import sha256

from django.contrib.auth import get_user_model

from infrastructure.models import (
    Application,
    ApplicationSource,
    ArgoInstance,
    Environment,
    Gateway,
    MappingRule,
    Project,
    Tenant,
)
from infrastructure.status import HealthStatus, MappedBy, SyncStatus

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
SHA = "8e1f0c0f6d5f4f0c8d0b6b3c2a1908f7e6d5c4b3"
_numbers = itertools.count(1)


def make_user(**values):
    number = next(_numbers)
    values = {"username": f"wren-{number}", "is_active": True, **values}
    return get_user_model().objects.create_user(**values)


def make_environment(slug="production", **values):
    found = Environment.objects.filter(slug=slug).first()
    return found or Environment.objects.create(slug=slug, **{"name": slug.capitalize(), **values})


def make_project(slug="shop", **values):
    found = Project.objects.filter(slug=slug).first()
    return found or Project.objects.create(slug=slug, **{"name": slug.capitalize(), **values})


def make_tenant(slug="north", **values):
    found = Tenant.objects.filter(slug=slug).first()
    return found or Tenant.objects.create(slug=slug, **{"name": slug.capitalize(), **values})


def make_instance(name=None, *, environments=None, **values):
    """An instance that serves production, or the given environments."""
    values = {"name": name or f"instance-{next(_numbers)}", "created_at": NOW, **values}
    instance = ArgoInstance.objects.create(**values)
    instance.environments.set(environments if environments is not None else [make_environment()])
    return instance


def make_gateway(instance=None, **values):
    """A gateway that is heard now; give relay_url="" for one that is away."""
    number = next(_numbers)
    values = {
        "instance": instance or make_instance(),
        "public_key": "",
        "key_id": sha256(str(number).encode()).hexdigest(),
        "enrolled_at": NOW,
        "relay_url": "127.0.0.1:1",
        "epoch": 1,
        "connected_at": NOW,
        "last_seen_at": NOW,
        **values,
    }
    return Gateway.objects.create(**values)


def make_content(
    name="shop-production",
    *,
    namespace="argocd",
    annotations=None,
    labels=None,
    sources=None,
    kind="Directory",
    revision=SHA,
    sync="Synced",
    health="Healthy",
    uid="uid-1",
):
    """A trimmed Application as a gateway reports it. `sources`: one makes spec.source, several spec.sources."""
    sources = sources or [{"repoURL": "https://git.example.test/shop/deploy.git", "path": "envs/production", "targetRevision": "main"}]
    is_single = len(sources) == 1
    spec = {"project": "default", "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}}
    status = {"health": {"status": health}, "sync": {"status": sync}}
    if is_single:
        spec["source"], status["sourceType"], status["sync"]["revision"] = sources[0], kind, revision
    else:
        spec["sources"], status["sourceTypes"] = sources, [kind] * len(sources)
        status["sync"]["revisions"] = [revision] * len(sources)
    metadata = {"name": name, "namespace": namespace, "uid": uid, "labels": labels or {}, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": spec, "status": status}


def annotations_for(project="shop", environment="production", tenant="", *, source=""):
    suffix = f".{source}" if source else ""
    found = {f"argo.octopus.com/project{suffix}": project, f"argo.octopus.com/environment{suffix}": environment}
    return {**found, f"argo.octopus.com/tenant{suffix}": tenant} if tenant else found


def make_application(name=None, *, instance=None, **values):
    """An application as last reported: Synced and Healthy."""
    name = name or f"app-{next(_numbers)}"
    values = {
        "instance": instance or make_instance(),
        "namespace": "argocd",
        "name": name,
        "uid": f"uid-{name}",
        "content": make_content(name, uid=f"uid-{name}"),
        "sync_status": SyncStatus.SYNCED,
        "health_status": HealthStatus.HEALTHY,
        "first_reported_at": NOW,
        "reported_at": NOW,
        **values,
    }
    encoded = json.dumps(values["content"], sort_keys=True).encode()
    return Application.objects.create(**{"digest": sha256(encoded).hexdigest(), **values})


def make_source(application=None, **values):
    """A plain-manifest source of a new application, mapped to shop in production by its annotations."""
    values = {
        "application": application or make_application(),
        "position": 0,
        "repo_url": "https://git.example.test/shop/deploy.git",
        "path": "envs/production",
        "target_revision": "main",
        "kind": "Directory",
        "revision": SHA,
        "is_mapped": True,
        "mapped_by": MappedBy.ANNOTATION,
        "mapping_reason": "As its annotations say.",
        **values,
    }
    if values["is_mapped"]:
        values = {"project": values.get("project") or make_project(), "environment": values.get("environment") or make_environment(), **values}
    return ApplicationSource.objects.create(**values)


def make_rule(name=None, **values):
    """A rule that maps everything to shop in production."""
    values = {"name": name or f"rule-{next(_numbers)}", **values}
    values = {"project": values.get("project") or make_project(), "environment": values.get("environment") or make_environment(), **values}
    return MappingRule.objects.create(**values)
