"""A small world for deployments: a real bare repository, an instance that is heard, applications mapped to shop in production."""

from dataclasses import dataclass, field
from datetime import timedelta

from deployments.models import Deployment, Release, Target
from deployments.services import advance, create_deployment, create_release
from infrastructure.models import Application, Gateway, Reconciliation
from simulator.forge import make_repository
from tests.factories import NOW, make_application, make_content, make_environment, make_gateway, make_instance, make_project, make_source

MANIFEST = """\
# the shop's web
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  template:
    spec:
      containers:
        - name: web
          image: ghcr.io/acme/web:{tag}  # kept
"""


def manifest(tag="1.4.1", name="web"):
    return MANIFEST.format(tag=tag, name=name)


def make_release(version="1.4.2", *, images=("ghcr.io/acme/web:1.4.2",), step=None, project=None):
    """A release of the shop; `step` changes settings of its single step, e.g. {"verification": "commit_created"}."""
    release = create_release(project=project or make_project(), version=version, images=list(images), by=None, now=NOW)
    if step:
        release.process = [{**entry, **step} for entry in release.process]
        release.save()
    return release


@dataclass
class World:
    """A repository and what follows it."""

    repository: object
    instance: object
    applications: list = field(default_factory=list)
    now: object = NOW

    def application(self, index=0):
        return self.applications[index]

    def later(self, seconds):
        """Time passes; the gateway is heard all the while."""
        self.now += timedelta(seconds=seconds)
        self.hear()
        return self.now

    def hear(self):
        Gateway.objects.filter(instance=self.instance).update(last_seen_at=self.now)

    def reports(self, *, index=0, revision=None, sync="Synced", health="Healthy", **status):
        """What Argo CD says of an application from now on, at the repository's head if not said otherwise."""
        application = self.applications[index]
        source = application.sources.first()
        content = make_content(
            application.name, sources=[_spec(source)], revision=revision or self.repository.head(), sync=sync, health=health, uid=application.uid
        )
        operation = status.pop("operation", None)
        content["status"].update(status)
        if operation:
            content["operation"] = operation
        Application.objects.filter(pk=application.pk).update(content=content, sync_status=sync, health_status=health, reported_at=self.now, gone_at=None)
        Reconciliation.objects.update_or_create(application=application, defaults={"reconciled_at": self.now})

    def deploy(self, release=None, **values):
        release = release or make_release()
        return create_deployment(release=release, environment=make_environment(), by=None, now=self.now, **values)

    def advance(self, deployment, *, until=None, most=30):
        """Advance without time passing until it has the status, or nothing more happens at this moment."""
        for _ in range(most):
            advance(deployment=Deployment.objects.get(pk=deployment.pk), now=self.now)
            deployment.refresh_from_db()
            if deployment.status == until or deployment.due_at is None or deployment.due_at > self.now:
                break
        return deployment


def make_world(tmp_path, *, names=("shop-web",), tag="1.4.1", url=None, name="deploy", instance=None, now=NOW):
    """Applications named `names`, each in its folder apps/<name> of one repository. A given instance brings its own gateway."""
    repository = make_repository(tmp_path / f"{name}.git", {f"apps/{each}/web.yaml": manifest(tag, each) for each in names})
    if instance is None:
        instance = make_instance()
        make_gateway(instance)
    world = World(repository, instance, now=now)
    for each in names:
        add_application(world, each, url=url or repository.file_url)
    return world


def add_application(world, name, *, url=None, **values):
    application = make_application(name, instance=world.instance)
    values = {"repo_url": url or world.repository.file_url, "path": f"apps/{name}", **values}
    make_source(application, revision=world.repository.head(), **values)
    world.applications.append(application)
    world.reports(index=len(world.applications) - 1)
    return application


def operation_state(phase, revision, *, started_at=NOW, finished_at=None, **operation):
    """status.operationState of an operation; `operation` are fields of operation.sync, and `info`."""
    info = operation.pop("info", [])
    state = {"phase": phase, "startedAt": _time(started_at), "operation": {"sync": operation, "info": info}, "syncResult": {"revision": revision}}
    if finished_at is not None:
        state["finishedAt"] = _time(finished_at)
    return state


def targets_of(deployment):
    return list(Target.objects.filter(step_run__deployment=deployment).order_by("application_name", "pk"))


def _spec(source):
    spec = {"repoURL": source.repo_url, "path": source.path, "targetRevision": source.target_revision}
    return {key: value for key, value in spec.items() if value is not None}


def _time(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


__all__ = ["Release", "World", "add_application", "make_release", "make_world", "manifest", "operation_state", "targets_of"]
