"""A realistic small world for looking at every page: each status once, and names as long as people make them."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from deployments.models import Deployment, LogEntry, Step, Target
from infrastructure.models import ConnectionSpan, HealthCheck, Reconciliation
from infrastructure.status import MappedBy
from tests.deployments.factories import manifest
from tests.deployments.views.pages import deployment_row, drift_row, live_row, release_row
from tests.factories import make_application, make_content, make_environment, make_gateway, make_instance, make_project, make_rule, make_source, make_tenant

LONG = "a-very-long-name-that-somebody-chose-for-an-application-of-production-eu-1"
HEALTHS = ("Healthy", "Degraded", "Progressing", "Suspended", "Missing", "Unknown", "Healthy")
WORDS = ("synced", "out_of_sync", "waiting", "unknown", "unavailable", "unknown", "synced")
LEGS = ("argocd_reachable", "argocd_tls", "argocd_version", "token", "permissions", "watch", "applications")


@dataclass
class World:
    """Addresses of pages worth a look."""

    drifted: int
    unmapped: int
    several: int
    failed_application: int
    deployments: dict[str, int]
    release: int
    long: int


def make_world(repository=None):
    """Fill the database; with a `repository` (its URL) the first project's files are there for a dry run."""
    now = timezone.now()
    places = [make_environment(slug, position=index) for index, slug in enumerate(("development", "staging", "production"))]
    west = make_instance("prod-eu-west", environments=places, web_ui_url="https://argocd.example.test")
    make_gateway(west, last_seen_at=now + timedelta(hours=1), connected_at=now - timedelta(hours=10), argocd_version="v3.4.2", gateway_version="0.1.0")
    ConnectionSpan.objects.create(instance=west, started_at=now - timedelta(hours=10))
    legs = [{"leg": name, "status": "passed", "evidence": "Fine.", "advice": "", "duration_ms": 4} for name in LEGS]
    HealthCheck.objects.create(instance=west, checked_at=now, is_passed=True, legs=legs)
    south = make_instance("prod-ap-south", environments=places)
    make_gateway(south, relay_url="", last_seen_at=now - timedelta(minutes=7))
    make_instance("stage-2", created_at=now - timedelta(minutes=19))
    release = _release(now, repository)
    sources = _sources(west, places, release, repository.file_url if repository else "https://git.example.test/shop/deploy.git")
    make_source(make_application("payments", instance=south), project=make_project("payments"))
    reason = "Not mapped: argo.octopus.com/environment of ledger is “prod”, and no environment has that slug. Did you mean production?"
    lost = make_source(make_application("ledger", instance=west), is_mapped=False, mapped_by=MappedBy.ANNOTATION, mapping_reason=reason)
    make_rule("everything of the edge", application_name="edge-*", project=make_project("catalog"))
    return World(
        drifted=_drifted(west, now).application_id,
        unmapped=lost.application_id,
        several=_several(west).application_id,
        failed_application=sources[4].application_id,
        deployments=_deployments(release, sources, places, now),
        release=release.pk,
        long=_long(west, places).application_id,
    )


def _release(now, repository):
    shop = make_project("shop")
    Step.objects.create(project=shop, position=1)
    if repository:
        source = {"repo_url": repository.file_url, "path": "apps/shop-web", "revision": repository.head(), "environment": make_environment("development")}
        make_source(make_application("shop-web"), project=shop, **source)
    release_row("1.4.1", project=shop, created_at=now - timedelta(days=8))
    return release_row("1.4.2", project=shop, created_at=now - timedelta(hours=2), notes="The cart is fixed.\nAnd the search.")


def _sources(instance, places, release, repo_url):
    """One source a health and live sync in production, some for tenants."""
    sources = []
    for index, (health, word) in enumerate(zip(HEALTHS, WORDS, strict=True)):
        tenant = make_tenant(("north", "south")[index % 2]) if index > 3 else None
        application = make_application(f"shop-{index}", instance=instance, health_status=health, sync_status="OutOfSync" if word == "out_of_sync" else "Synced")
        Reconciliation.objects.create(application=application, reconciled_at=timezone.now() - timedelta(seconds=40))
        source = make_source(application, project=release.project, environment=places[index % 3], tenant=tenant, repo_url=repo_url, path=f"apps/shop-{index}")
        live_row(source, word, version="" if word == "unknown" else "1.4.2", reason=f"Deployment/web differs, it is {word}.")
        sources.append(source)
    return sources


def _drifted(instance, now):
    content = make_content("search")
    content["status"]["operationState"] = {"phase": "Succeeded", "message": "successfully synced", "operation": {"initiatedBy": {"automated": True}}}
    source = make_source(
        make_application("search", instance=instance, content=content), project=make_project("search"), repo_url="https://github.com/acme/search.git"
    )
    deployment = deployment_row(release=release_row("9.0.2", project=source.project), sources=[source], target={"commit_sha": "a" * 40})
    target = Target.objects.get(step_run__deployment=deployment)
    target.intended_changes.create(
        path="envs/production/web.yaml",
        places=[{"form": "container", "expected": "ghcr.io/acme/web:1.4.2"}, {"form": "container", "expected": "ghcr.io/acme/job:1.4.2"}],
    )
    drift_row(source, version="9.0.2", deployment=deployment, target=target)
    return source


def _several(instance):
    application = make_application("catalog", instance=instance, problems=["Two sources have the name values; name them apart."])
    make_source(application, name="chart", chart="catalog", path=None, kind="Helm", is_mapped=False, mapping_reason="Not mapped: no annotation names it.")
    values = make_source(application, name="values", position=1, ref="values", path=None, project=make_project("catalog"))
    live_row(values, "synced", version="3.8.4")
    return values


def _long(instance, places):
    project = make_project("platform", name=LONG)
    source = make_source(
        make_application(f"{LONG}-application", instance=instance), project=project, environment=places[0], path=f"envs/{LONG}/{LONG}", name=LONG
    )
    live_row(source, "git_drift", version=f"2026.11.24-{'c' * 40}", reason=f"envs/{LONG}/{LONG}.yaml has another value than we wrote.")
    for index in range(30):
        live_row(make_source(make_application(instance=instance), project=project, environment=places[0], tenant=make_tenant(f"tenant-{index:02}")))
    return source


def _deployments(release, sources, places, now):
    """One in each state, with notes of every kind."""
    codes = ("updated", "already_there", "other_registry", "pinned", "no_such_path", "not_tracked", "not_editable")
    notes = [
        {"code": code, "file": f"envs/production/{code}.yaml", "place": "x", "image": "ghcr.io/acme/web:1.4.2", "sentence": f"This became {code}."}
        for code in codes
    ]
    found = {}
    for status in ("queued", "running", "waiting", "succeeded", "failed", "cancelled"):
        shown = [] if status == "queued" else sources[:3]
        target = {"notes": notes, "verification": "failed" if status == "failed" else "verified", "since_at": now}
        reason = "Waiting for prod-eu-west: application shop-0 is at 97a2c11, our commit 8def123 is newer. Argo CD checks again within 3 minutes."
        deployment = deployment_row(status, release=release, environment=places[2], sources=shown, target=target, created_at=now, reason=reason)
        found[status] = deployment.pk
    waiting = Deployment.objects.get(pk=found["waiting"])
    waiting.step_runs.update(waiting_since=now)
    Target.objects.filter(step_run__deployment=waiting, application_name="shop-2").update(verification="waiting", reason="Progressing since 14:30.")
    LogEntry.objects.create(deployment=waiting, at=now, level="error", text=f"Not pushed to https://git.example.test/{LONG}/{LONG}.git: refused.")
    failed = Deployment.objects.get(pk=found["failed"])
    sources[4].live.deployment = failed
    sources[4].live.save()
    return found


__all__ = ["LONG", "World", "make_world", "manifest"]
