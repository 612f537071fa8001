"""Changes from outside: what people and other programs do to the cluster, the accounts and the repositories."""

import asyncio
import copy
import tempfile
import time
from pathlib import Path

from simulator.config import check_application
from simulator.controller import Controller, Level
from simulator.kustomize import strategic_merge
from simulator.rendering import sources_of
from simulator.repos import Repositories
from simulator.rollouts import Rollouts
from simulator.shapes import AppKey, Json, normalise_url, stamp
from simulator.store import App
from simulator.world import World


class EditError(Exception):
    """The change cannot be made; the message says why."""


class Edits:
    def __init__(self, world: World, controller: Controller, rollouts: Rollouts) -> None:
        self._world, self._controller, self._rollouts = world, controller, rollouts

    def application(self, name: str) -> App:
        """By "namespace/name", or by a bare name in the control namespace."""
        namespace, _, bare = name.rpartition("/")
        app = self._world.store.apps.get(AppKey(namespace or self._world.config.control_namespace, bare))
        if app is None:
            raise EditError(f"There is no application {name}.")
        return app

    def put_application(self, given: Json, *, synthetic: int = 0) -> App:
        check_application(given)
        world = self._world
        key = AppKey(str(given["metadata"].get("namespace") or world.config.control_namespace), str(given["metadata"]["name"]))
        app = world.store.apps.get(key)
        if app is None:
            initially = str(given.get("initially", ""))
            app = world.store.create(given, namespace=world.config.control_namespace, now=world.now(), initially=initially, synthetic=synthetic)
        else:
            metadata = {name: given["metadata"].get(name) or {} for name in ("labels", "annotations")}
            world.write(app, metadata=metadata, spec={"project": "default", **given["spec"]})
        self._controller.request(app, Level.LATEST, requested=True)
        return app

    async def delete_application(self, name: str) -> Json:
        """With the resources' finalizer the objects go first, and the deletion shows for a moment."""
        app, world = self.application(name), self._world
        if app.meta.get("finalizers"):
            world.write(app, metadata={"deletionTimestamp": stamp(world.now()), "deletionGracePeriodSeconds": 0})
            await world.clock.sleep(1)
            world.cluster.delete_owned(app.key)
        world.store.delete(app, now=world.now())
        self._controller.forget(app)
        app.wake()
        return {"deleted": str(app.key)}

    async def rename(self, body: Json) -> None:
        """Kubernetes knows no renaming: one goes, another comes and takes over what lives."""
        app = self.application(str(body["application"]))
        given = {"metadata": {**app.meta, "name": str(body["to"])}, "spec": app.spec}
        new = AppKey(app.key.namespace, str(body["to"]))
        self._world.cluster.rename_owner(app.key, new)
        self._world.store.delete(app, now=self._world.now())
        self._controller.forget(app)
        self.put_application(given)

    def change_spec(self, name: str, part: Json) -> None:
        app = self.application(name)
        self._world.write(app, spec={**app.spec, **part})
        self._controller.request(app, Level.LATEST, requested=True)

    def drift(self, body: Json) -> Json:
        """Change (or with patch null delete) one live object, as somebody with kubectl would."""
        app, world = self.application(str(body["application"])), self._world
        fitting = [o for o in world.cluster.owned_by(app.key) if o.key.kind == body["kind"] and o.key.name == body["name"]]
        if not fitting:
            raise EditError(f"{app.key} has no live {body['kind']} {body['name']}.")
        live = fitting[0]
        if body.get("patch") is None:
            world.cluster.delete(world.server_of(app) or "", live.key)
        else:
            applied = world.cluster.change_by_hand(live, strategic_merge(copy.deepcopy(live.manifest), body["patch"]))
            if applied.must_roll_out:
                self._rollouts.start(applied.live)
        self._controller.request(app, Level.LIVE)
        return {"resourceVersion": str(live.version)}

    def put_project(self, body: Json) -> Json:
        self._world.projects[str(body["metadata"]["name"])] = body
        for app in self._world.store.apps.values():
            if app.project == body["metadata"]["name"]:
                self._controller.request(app, Level.LATEST, requested=True)
        return {}

    def put_cluster(self, body: Json) -> Json:
        kept = [c for c in self._world.clusters if c["server"] != body["server"]]
        self._world.clusters[:] = [*kept, body]
        return {}

    def put_repository(self, body: Json) -> Json:
        known = self._world.repositories.configured
        known[:] = [*(r for r in known if normalise_url(r["url"]) != normalise_url(body["url"])), body]
        return {}

    def change_password(self, body: Json) -> Json:
        account = self._world.accounts.get(str(body["account"]))
        account.password, account.password_changed_at = str(body["password"]), int(time.time()) + 1
        return {}

    def revoke_token(self, body: Json) -> None:
        account = self._world.accounts.get(str(body.get("account", "octoargo")))
        for token_id in [body["id"]] if body.get("id") else list(account.tokens):
            account.tokens.pop(token_id, None)

    def expire_token(self, body: Json) -> None:
        self._world.accounts.expire(str(body.get("account", "octoargo")))

    def set_enabled(self, body: Json, *, enabled: bool) -> None:
        self._world.accounts.get(str(body.get("account", "octoargo"))).enabled = enabled

    async def make_big(self, body: Json) -> Json:
        """Many applications that need no Git, in slices so that everything else goes on."""
        count, resources, prefix = int(body["applications"]), int(body.get("resources", 3)), str(body.get("prefix", "big"))
        for i in range(count):
            name = f"{prefix}-{i:05}"
            source = {"repoURL": "https://git.example.test/load.git", "path": name, "targetRevision": "main"}
            spec = {
                "source": source,
                "destination": {"server": self._world.clusters[0]["server"], "namespace": name},
                "project": str(body.get("project", "default")),
            }
            metadata = {"name": name, "labels": dict(body.get("labels") or {}), "annotations": dict(body.get("annotations") or {})}
            self.put_application({"metadata": metadata, "spec": spec, "initially": str(body.get("initially", "synced"))}, synthetic=resources)
            if i % 50 == 49:
                await asyncio.sleep(0.001)
        return {"applications": len(self._world.store.apps)}

    async def push(self, body: Json) -> Json:
        """A commit by somebody else."""
        return {"sha": await self._world.in_pool(_push, self._world.repositories, body)}

    async def announce(self, body: Json) -> Json:
        """What a webhook does, without the HTTP."""
        url, branch = normalise_url(str(body["repo"])), str(body.get("branch", "main"))
        concerned = [
            app
            for app in self._world.store.apps.values()
            if any(normalise_url(str(s.get("repoURL", ""))) == url and str(s.get("targetRevision") or "HEAD") in (branch, "HEAD") for s in sources_of(app.spec))
        ]
        for app in concerned:
            self._controller.annotate(app, "normal")
        return {"refreshed": len(concerned)}


def _push(repositories: Repositories, body: Json) -> str:
    """Clone, change files (None deletes), commit, push; the new commit's SHA."""
    url, branch = str(body["repo"]), str(body.get("branch", "main"))
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder)
        repositories.run(None, "clone", "--quiet", "--depth=1", "--branch", branch, "--", url, folder, url=url)
        for name, content in body["files"].items():
            path = clone / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(str(content))
        repositories.run(clone, "add", "--all")
        who = ("-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.test")
        repositories.run(clone, *who, "commit", "--quiet", "--allow-empty", "-m", str(body.get("message", "Change by hand")))
        repositories.run(clone, "push", "--quiet", "origin", f"HEAD:{branch}", url=url)
        return repositories.run(clone, "rev-parse", "HEAD").decode().strip()
