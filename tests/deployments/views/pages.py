"""Rows that pages show, written straight into the tables: quick, and in any state."""

import html
import re

from deployments.models import Deployment, LiveState, LogEntry, Release, StepRun, Target
from deployments.status import DeploymentStatus, StepKind, StepStatus
from infrastructure.models import Application, ApplicationSource
from tests.factories import NOW, SHA, make_application, make_content, make_environment, make_project, make_source

STEP = {"name": "Update image tags", "kind": StepKind.UPDATE_IMAGES, "verification": "application_healthy", "trigger_sync": False, "timeout_s": 180}


def text_of(response):
    """What a person reads: no tags, no entities, single spaces."""
    body = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(body)).strip()


def release_row(version="1.4.2", *, project=None, **values):
    values = {"images": [f"ghcr.io/acme/web:{version}"], "process": [STEP], "created_at": NOW, **values}
    return Release.objects.get_or_create(project=project or make_project(), version=version, defaults=values)[0]


def deployment_row(status=DeploymentStatus.SUCCEEDED, *, release=None, environment=None, sources=(), target=None, **values):
    """A deployment with its step run, a target per source and two lines of log."""
    release = release or release_row()
    is_finished = status in (DeploymentStatus.SUCCEEDED, DeploymentStatus.FAILED, DeploymentStatus.CANCELLED)
    values = {"created_at": NOW, "reason": f"It is {status}.", "due_at": None if is_finished else NOW, **values}
    values = {"project": release.project, "environment": environment or make_environment(), "finished_at": NOW if is_finished else None, **values}
    deployment = Deployment.objects.create(release=release, status=status, **values)
    step_status = StepStatus(status)
    waiting_since = NOW if step_status == StepStatus.WAITING else None
    run = StepRun.objects.create(
        deployment=deployment, position=1, name=STEP["name"], kind=STEP["kind"], settings=STEP, status=step_status, started_at=NOW, waiting_since=waiting_since
    )
    for source in sources:
        target_row(run, source, **(target or {}))
    LogEntry.objects.create(deployment=deployment, at=NOW, text="Step 1 began: Update image tags.")
    LogEntry.objects.create(deployment=deployment, at=NOW, level="warn", text="The push lost the race; applied again.")
    return deployment


def target_row(run, source, **values):
    application = source.application
    values = {"outcome": "updated", "verification": "verified", "reason": "Synced and healthy.", "commit_sha": SHA, "branch": "main", **values}
    return Target.objects.create(
        step_run=run,
        source=source,
        instance_name=application.instance.name,
        application_namespace=application.namespace,
        application_name=application.name,
        repo_url=source.repo_url,
        path=source.path or "",
        **values,
    )


def live_row(source, live_sync="synced", *, version="1.4.2", **values):
    """Our word for a source; `version` "" if it was never deployed."""
    release = release_row(version, project=source.project) if version else None
    values = {"reason": f"It is {live_sync}.", "deployed_at": NOW if version else None, "checked_at": NOW, **values}
    return LiveState.objects.create(source=source, live_sync=live_sync, release=release, **values)


def drift_row(source, **values):
    """A drift that a commit made, with everything the page tells about it."""
    detail = {
        "scenario": 4,
        "argo_revision": SHA,
        "our_commit": "a" * 40,
        "file": "envs/production/web.yaml",
        "place": "Deployment/web, container web",
        "expected": "ghcr.io/acme/web:1.4.2",
        "found": "ghcr.io/acme/web:1.4.1",
        "mark": ["envs/production/web.yaml", "Deployment/web, container web", "ghcr.io/acme/web:1.4.1"],
        "commit": "b" * 40,
        "author": "Kestrel",
        "at": NOW.isoformat(),
    }
    return live_row(source, "git_drift", detail=detail, checked_revision=SHA, reason="envs/production/web.yaml has 1.4.1, we wrote 1.4.2.", **values)


def many_sources(number, *, instance, projects, environments, tenants=(None,), live_sync="synced"):
    """A big installation, written in bulk: applications spread over projects, environments and tenants, all with a live state."""
    applications = Application.objects.bulk_create(
        Application(
            instance=instance,
            namespace="argocd",
            name=f"app-{index:05}",
            uid=f"uid-{index}",
            digest=str(index),
            content=make_content(f"app-{index:05}"),
            sync_status="Synced",
            health_status="Healthy",
            first_reported_at=NOW,
            reported_at=NOW,
        )
        for index in range(number)
    )
    sources = ApplicationSource.objects.bulk_create(
        ApplicationSource(
            application=application,
            position=0,
            repo_url="https://git.example.test/shop/deploy.git",
            path=f"apps/{application.name}",
            target_revision="main",
            kind="Directory",
            revision=SHA,
            is_mapped=True,
            mapped_by="annotation",
            mapping_reason="As its annotations say.",
            project=projects[index % len(projects)],
            environment=environments[index // len(projects) % len(environments)],
            tenant=tenants[index // (len(projects) * len(environments)) % len(tenants)],
        )
        for index, application in enumerate(applications)
    )
    releases = {project.pk: release_row(project=project) for project in projects}
    LiveState.objects.bulk_create(
        LiveState(source=source, live_sync=live_sync, release=releases[source.project_id], deployed_at=NOW, reason="As meant.") for source in sources
    )
    return sources


def source_in(environment="production", *, name=None, project=None, tenant=None, instance=None, **application):
    """A mapped source of a new application."""
    row = make_application(name, instance=instance, **application) if instance else make_application(name, **application)
    return make_source(row, project=project or make_project(), environment=make_environment(environment), tenant=tenant)
