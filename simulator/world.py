"""Everything one simulated Argo CD consists of, and the questions about it that need more than one part."""

import asyncio
import functools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from simulator import rendering, windows
from simulator.accounts import Accounts
from simulator.clock import Clock
from simulator.cluster import Cluster
from simulator.comparison import Desired
from simulator.config import Config
from simulator.faults import Faults
from simulator.policy import Policy, matches
from simulator.repos import Repositories, SourceError, Tree
from simulator.shapes import Json, normalise_url
from simulator.store import App, Store

Answer = TypeVar("Answer")
SYNTHETIC_SHA = "5" * 40


@dataclass
class World:
    config: Config
    clock: Clock
    store: Store
    cluster: Cluster
    repositories: Repositories
    faults: Faults
    accounts: Accounts
    policy: Policy
    pool: ThreadPoolExecutor
    projects: dict[str, Json] = field(default_factory=dict)
    clusters: list[Json] = field(default_factory=list)
    streams: set[asyncio.Event] = field(default_factory=set)  # one for each open watch: set = look at the faults again

    def now(self) -> datetime:
        return self.clock.now()

    @property
    def release(self) -> tuple[int, int]:
        return self.config.release

    def write(self, app: App, *, status: Json | None = None, metadata: Json | None = None, **top: object) -> None:
        self.store.patch(app, now=self.now(), status=status, metadata=metadata, **top)

    async def in_pool(self, call: Callable[..., Answer], *arguments: object, **named: object) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self.pool, functools.partial(call, *arguments, **named))

    def server_of(self, app: App) -> str | None:
        """The destination's cluster address; None when no cluster has that name or address."""
        destination = app.spec.get("destination") or {}
        for cluster in self.clusters:
            if destination.get("name") and cluster.get("name") == destination["name"]:
                return str(cluster["server"])
            if destination.get("server") and cluster["server"] == destination["server"]:
                return str(cluster["server"])
        return None

    def spec_problem(self, app: App) -> str:
        """The text of an InvalidSpecError, or ''."""
        project = self.projects.get(app.project)
        if project is None:
            return f"Application referencing project {app.project} which does not exist"
        destination = app.spec.get("destination") or {}
        server = self.server_of(app)
        if server is None:
            if destination.get("name"):
                return f"there are no clusters with this name: {destination['name']}"
            return f'cluster "{destination.get("server", "")}" not found'
        allowed = project.get("spec") or {}
        for source in rendering.sources_of(app.spec):
            url = str(source.get("repoURL", ""))
            if not any(matches(normalise_url(glob), normalise_url(url)) for glob in allowed.get("sourceRepos") or []):
                return f"application repo {url} is not permitted in project '{app.project}'"
        namespace = str(destination.get("namespace", ""))
        for place in allowed.get("destinations") or []:
            if matches(place.get("server") or "*", server) and matches(place.get("namespace", ""), namespace):
                return ""
        return f"application destination server '{server}' and namespace '{namespace}' do not match any of the allowed destinations in project '{app.project}'"

    def live_failure(self, app: App) -> str:
        """The text of a ComparisonError while the cluster does not answer, or ''."""
        if not self.faults.find("cluster_down", app=app.key):
            return ""
        return f'Failed to load live state: failed to get cluster info for "{self.server_of(app)}": error synchronizing cache state : connection refused'

    def is_blocked_by_window(self, app: App, *, manual: bool) -> bool:
        return windows.blocks(self.windows_of(app), self.now(), manual=manual)

    def windows_of(self, app: App) -> list[Json]:
        namespace = str((app.spec.get("destination") or {}).get("namespace", ""))
        return windows.assigned(self.projects.get(app.project, {}), name=app.name, namespace=namespace, server=self.server_of(app) or "")

    async def resolve(self, app: App, source: Json, revision: str) -> str:
        if app.synthetic:
            return SYNTHETIC_SHA
        url = str(source.get("repoURL", ""))
        if self.faults.find("repo_down", app=app.key):
            reason = f'Get "{url}/info/refs?service=git-upload-pack": dial tcp 127.0.0.1:443: connect: connection refused'
            raise SourceError(f"rpc error: code = Unknown desc = failed to list refs: {reason}")
        if source.get("chart"):
            return revision
        return await self.in_pool(self.repositories.resolve, url, revision)

    async def desired(self, app: App, sources: list[Json], revisions: list[str] | None = None) -> Desired:
        """What the sources say, at their target revisions unless `revisions` gives others. Raises SourceError, naming the source."""
        if app.synthetic:
            return Desired([SYNTHETIC_SHA], ["Directory"], _synthetic_manifests(app))
        release = rendering.Release(app.name, str((app.spec.get("destination") or {}).get("namespace", "")))
        shas: list[str] = []
        trees: list[Tree] = []
        for i, source in enumerate(sources):
            try:
                wanted = (revisions[i] if revisions and i < len(revisions) else "") or str(source.get("targetRevision") or "")
                shas.append(await self.resolve(app, source, wanted))
                trees.append(await self._tree(source, shas[-1]))
            except SourceError as error:
                raise SourceError(f"failed to generate manifest for source {i + 1} of {len(sources)}: {error}") from None
        return await self.in_pool(_rendered, sources, shas, trees, release)

    async def _tree(self, source: Json, sha: str) -> Tree:
        if source.get("chart"):
            return {}
        return await self.in_pool(self.repositories.tree, str(source.get("repoURL", "")), sha)


def _rendered(sources: list[Json], shas: list[str], trees: list[Tree], release: rendering.Release) -> Desired:
    refs = {str(source["ref"]): tree for source, tree in zip(sources, trees, strict=True) if source.get("ref")}
    kinds, manifests = [], []
    for i, (source, tree) in enumerate(zip(sources, trees, strict=True)):
        try:
            rendered = rendering.render(source, tree, refs=refs, release=release)
        except SourceError as error:
            raise SourceError(f"failed to generate manifest for source {i + 1} of {len(sources)}: {error}") from None
        kinds.append(rendered.source_type)
        manifests += rendered.manifests
    return Desired(shas, kinds, json.loads(json.dumps(manifests, default=str)))


def _synthetic_manifests(app: App) -> list[Json]:
    namespace = str((app.spec.get("destination") or {}).get("namespace", ""))
    template = {"spec": {"containers": [{"name": "app", "image": f"registry.example.test/{app.name}:1.0.0"}]}}
    meta = {"name": app.name, "namespace": namespace}
    manifests: list[Json] = [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": 1, "template": template}}]
    for i in range(app.synthetic - 1):
        manifests.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**meta, "name": f"{app.name}-{i}"}, "data": {"n": str(i)}})
    return manifests
