"""A big installation for benchmarks.scale: PostgreSQL, ten instances of 1,000 applications, fifty repositories with twenty of them each."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from simulator.forge import BareRepository, make_repository

INSTANCES = 10
PER_INSTANCE = 1_000
REPOSITORIES = 50
PER_REPOSITORY = 20  # of the project shop, which has one application in each of its folders
BATCH = 200  # as the gateway's batches
RESOURCES = 25  # of each application: what makes its content long
PROJECTS = 90
MANIFEST = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n      containers:\n        - image: {image}\n"
IMAGE = "ghcr.io/acme/web"


@contextmanager
def postgresql(folder: Path) -> Iterator[None]:
    """Django on a fresh PostgreSQL, migrated."""
    server = tests("servers").start_postgresql()
    try:
        os.environ |= {"OCTOARGO_DATA_DIR": str(folder / "data"), "OCTOARGO_ALLOWED_HOSTS": "testserver", "OCTOARGO_ALLOW_FILE_REPOSITORIES": "true"}
        os.environ |= {"DJANGO_SETTINGS_MODULE": "octoargo.settings", "OCTOARGO_DATABASE_URL": server.url}
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0, interactive=False)
        yield
        connections.close_all()
    finally:
        server.stop()


def tests(name: str) -> Any:
    """A module of the tests, which carry no annotations."""
    return import_module(f"tests.{name}")


@dataclass
class World:
    """What is registered, and what its gateways say."""

    now: Any
    gateways: list[Any] = field(default_factory=list)
    repositories: list[BareRepository] = field(default_factory=list)

    def reports(self, gateway: int, *, health: str = "Healthy", sync: str = "Synced") -> list[Any]:
        """All applications of a gateway, as it reports them; those of the shop look at their repository's head."""
        names = [f"app-{gateway * PER_INSTANCE + number:05}" for number in range(PER_INSTANCE)]
        heads = {place: repository.head() for place, repository in enumerate(self.repositories)}
        return [self._report(int(name[4:]), name, heads, health, sync) for name in names]

    def _report(self, number: int, name: str, heads: dict[int, str], health: str, sync: str) -> Any:
        from infrastructure.services.reports import Report

        factories = tests("factories")
        shop = number // 10 if number % 10 == 0 else None  # every tenth, so that each instance has some
        place = shop // PER_REPOSITORY if shop is not None else 0
        content = factories.make_content(
            name,
            uid=f"uid-{name}",
            sync=sync,
            health=health,
            annotations=factories.annotations_for("shop" if shop is not None else f"project-{number % PROJECTS:02}"),
            sources=[{"repoURL": self.repositories[place].file_url, "path": f"apps/{name}", "targetRevision": "main"}],
            revision=heads[place] if shop is not None else factories.SHA,
        )
        content["status"]["resources"] = [
            {"kind": "Deployment", "name": f"{name}-{index}", "version": "v1", "status": "Synced", "health": {"status": health}} for index in range(RESOURCES)
        ]
        encoded = json.dumps(content, sort_keys=True).encode()
        seconds = int(self.now.timestamp())
        return Report("argocd", name, f"uid-{name}", content=encoded, digest=hashlib.sha256(encoded).hexdigest(), reconciled_at=seconds)


def make_world(folder: Path) -> World:
    """Ten instances that are heard, ninety projects and the shop, and the shop's fifty repositories."""
    factories = tests("factories")
    world = World(factories.NOW)
    environment = factories.make_environment()
    for name in ("shop", *(f"project-{number:02}" for number in range(PROJECTS))):
        factories.make_project(name)
    for number in range(INSTANCES):
        instance = factories.make_instance(f"instance-{number:02}", environments=[environment])
        world.gateways.append(factories.make_gateway(instance, relay_url="127.0.0.1:1"))
    for place in range(REPOSITORIES):
        names = [f"app-{(place * PER_REPOSITORY + number) * 10:05}" for number in range(PER_REPOSITORY)]
        files: dict[str, bytes | str | None] = {f"apps/{name}/web.yaml": MANIFEST.format(name=name, image=f"{IMAGE}:1.4.1") for name in names}
        world.repositories.append(make_repository(folder / f"repository-{place:02}.git", files))
    return world
