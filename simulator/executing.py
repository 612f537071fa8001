"""Applies the batches of one sync attempt to the cluster: hooks, waves, pruning, failures."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator import planning
from simulator.cluster import LiveObject
from simulator.comparison import without_ignored
from simulator.controller import Controller, Level
from simulator.planning import Batch, Task
from simulator.policy import matches
from simulator.rollouts import Rollouts
from simulator.shapes import AppKey, Json, Key, annotations_of, key_of, stamp
from simulator.store import App, until
from simulator.world import World

if TYPE_CHECKING:
    from simulator.operations import Run

_EVENTS_KEPT = 50
_NOBODY = AppKey("", "")
_UNSUCCESSFUL = "one or more synchronization tasks completed unsuccessfully"


class Halted(Exception):
    """Somebody has terminated the operation."""


@dataclass
class Outcome:
    phase: str  # Succeeded, Failed, Error
    message: str
    changed: bool = False  # whether any object was
    had_hooks: bool = False


class Executor:
    def __init__(self, world: World, controller: Controller, rollouts: Rollouts) -> None:
        self._world = world
        self._controller = controller
        self._rollouts = rollouts

    async def execute(self, run: "Run", *, hold: Callable[[], Awaitable[None]], let_go: Callable[[], None], report: Callable[[str], None]) -> Outcome:
        """Run all batches. Comparisons are held off while objects are applied; `run.results` grows as it goes."""
        batches = self._plan(run)
        if run.is_dry:
            await self.pause(run.app, self._world.config.knobs.apply_seconds_per_resource)
            run.results = [self._dry_result(run, task) for batch in batches for task in batch.tasks]
            return Outcome("Succeeded", "successfully synced (no more tasks)")
        outcome = Outcome("Succeeded", "successfully synced (all tasks run)")
        was_empty = not self._world.cluster.owned_by(run.app.key)
        for i, batch in enumerate(batches):
            await hold()
            failure = await self._apply(run, batch, outcome, peeks=was_empty and batch.phase == "Sync")
            is_last = i == len(batches) - 1
            if not failure and (batch.has_hooks or not is_last):
                let_go()
                failure = await self._wait(run, batch, report)
            if failure:
                return await self._fail(run, batch, failure, report)
        self._delete_hooks(run, "HookSucceeded")
        return outcome

    def _plan(self, run: "Run") -> list[Batch]:
        world, app = self._world, run.app
        assert run.desired is not None
        wanted = {key_of(m) for m in run.desired.resources}
        extra = [obj.manifest for obj in world.cluster.owned_by(app.key) if not obj.hook and obj.key not in wanted]
        namespace = str((app.spec.get("destination") or {}).get("namespace", ""))
        create = "CreateNamespace=true" in (run.sync.get("syncOptions") or []) and not self._namespace_exists(app, namespace)
        return planning.plan(
            run.desired, run.operation, extra_live=extra, namespace=namespace if create else "", sha=run.desired.revisions[0], started_at=run.started_at
        )

    def _namespace_exists(self, app: App, namespace: str) -> bool:
        key = key_of({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        return self._world.cluster.get(self._world.server_of(app) or "", key) is not None or any(
            obj.key.namespace == namespace for obj in self._world.cluster.owned_by(app.key)
        )

    async def _apply(self, run: "Run", batch: Batch, outcome: Outcome, *, peeks: bool) -> str:
        """The first failure's text, or ''."""
        failure = ""
        for i, task in enumerate(batch.tasks):
            await self._world.clock.sleep(self._world.config.knobs.apply_seconds_per_resource)
            result = self._apply_one(run, task)
            run.results.append(result)
            outcome.changed |= result["status"] == "Pruned" or result["message"].endswith((" created", " configured"))
            outcome.had_hooks |= task.is_hook
            if result["status"] == "SyncFailed" and not failure:
                failure = result["message"]
            if peeks and i == 0 and len(batch.tasks) > 1 and not failure:
                self._controller.peek(run.app)
        return failure

    def _apply_one(self, run: "Run", task: Task) -> Json:
        world, app, server = self._world, run.app, self._world.server_of(run.app) or ""
        if task.prunes:
            if not run.sync.get("prune"):
                return task.result("PruneSkipped", "ignored (requires pruning)")
            world.cluster.delete(server, task.key)
            return task.result("Pruned", "pruned")
        refusal = self._refusal(app, task)
        if refusal:
            return task.result("SyncFailed", refusal, hook_phase="Failed")
        if task.is_hook:
            world.cluster.delete(server, task.key)
        owner = app.key if task.phase != "PreSync" or task.is_hook else _NOBODY  # the namespace of CreateNamespace belongs to no application
        applied = world.cluster.apply(server, task.manifest, owner=owner, now=world.now(), hook=task.phase if task.is_hook else "")
        if applied.must_roll_out:
            self._rollouts.start(applied.live)
        elif applied.live.key.kind == "Job" and applied.verb != "unchanged":
            self._rollouts.start_job(applied.live)
        return task.result("Synced", f"{planning.lower_name(task.key)} {applied.verb}")

    def _refusal(self, app: App, task: Task) -> str:
        fault = self._world.faults.find("sync_fail", app=app.key)
        if fault:
            wanted = str(fault.parameters.get("resource", "*"))
            if any(matches(wanted, name) for name in (task.key.name, f"{task.key.kind}/{task.key.name}", task.named())):
                self._world.faults.take("sync_fail", app=app.key)
                return str(fault.parameters.get("text", f'{task.key.kind} "{task.key.name}" is invalid: injected'))
        return planning.invalid(task.manifest)

    def _dry_result(self, run: "Run", task: Task) -> Json:
        if task.prunes:
            return task.result("Pruned" if run.sync.get("prune") else "PruneSkipped", "pruned (dry run)", hook_phase="Succeeded")
        live = self._world.cluster.get(self._world.server_of(run.app) or "", task.key)
        same = live is not None and without_ignored(live.manifest, []) == without_ignored(task.manifest, [])
        verb = "created" if live is None else "unchanged" if same else "configured"
        return task.result("Synced", f"{planning.lower_name(task.key)} {verb} (dry run)", hook_phase="Succeeded")

    async def _wait(self, run: "Run", batch: Batch, report: Callable[[str], None]) -> str:
        """Wait until the batch is healthy and its hooks are complete; the text of a failure, or ''."""
        app = run.app
        self._controller.request(app, Level.LIVE)
        await self.pause(app, 0.05 if batch.is_namespace else self._world.config.knobs.wave_delay_seconds)
        report(self._waiting_text(run, batch))
        while True:
            waiting, failed = self._unfinished(run, batch)
            if failed:
                self._mark(run, batch, failed)
                return _UNSUCCESSFUL
            if not waiting:
                self._mark(run, batch, [])
                return ""
            await self._change(run, batch)
            if self._unfinished(run, batch)[0]:
                report(self._waiting_text(run, batch))

    async def _change(self, run: "Run", batch: Batch) -> None:
        before = self._unfinished(run, batch)
        await self._halt_point(run.app, lambda: self._unfinished(run, batch) != before)

    def _live(self, run: "Run", task: Task) -> LiveObject | None:
        return self._world.cluster.get(self._world.server_of(run.app) or "", task.key)

    def _unfinished(self, run: "Run", batch: Batch) -> tuple[list[Task], list[Task]]:
        """The tasks still waited for, and those that have failed."""
        waiting: list[Task] = []
        failed: list[Task] = []
        for task in batch.tasks:
            live = None if task.prunes else self._live(run, task)
            if live is None or live.is_settled:
                continue
            (failed if (live.health or {}).get("status") == "Degraded" else waiting).append(task)
        return waiting, failed

    def _waiting_text(self, run: "Run", batch: Batch) -> str:
        waiting = self._unfinished(run, batch)[0] or batch.tasks
        hooks = [task for task in waiting if task.is_hook]
        first = (hooks or waiting)[0]
        what = f"completion of hook {first.named()}" if hooks else f"healthy state of {first.named()}"
        others = len(hooks or waiting) - 1
        kind = "hooks" if hooks else "resources"
        return f"waiting for {what}" + (f" and {others} more {kind}" if others else "")

    def _mark(self, run: "Run", batch: Batch, failed: list[Task]) -> None:
        """Final phases of the batch's hooks (and of what failed) in the results."""
        phases = {task.key: "Failed" if task in failed else "Succeeded" for task in batch.tasks if task.is_hook or task in failed}
        run.results = [_with_phase(r, phases[key]) if (key := _key_of_result(r)) in phases else r for r in run.results]

    async def _fail(self, run: "Run", batch: Batch, failure: str, report: Callable[[str], None]) -> Outcome:
        good = [r for r in run.results if r["status"] == "Synced" and not r.get("hookType") and r["syncPhase"] == batch.phase]
        refused = any(r["status"] == "SyncFailed" for r in run.results)
        if refused and good:
            others = f" and {len(good) - 1} more resources" if len(good) > 1 else ""
            report(f"waiting for healthy state of {good[0]['group']}/{good[0]['kind']}/{good[0]['name']}{others}")
        run.results = [_with_phase(r, "Succeeded") if r in good else r for r in run.results]
        await self._run_failure_hooks(run)
        self._delete_hooks(run, "HookFailed")
        return Outcome("Failed", f"{_UNSUCCESSFUL}, reason: {failure}" if refused else _UNSUCCESSFUL)

    async def _run_failure_hooks(self, run: "Run") -> None:
        assert run.desired is not None
        tasks = planning.hook_tasks(run.desired, ["SyncFail"], sha=run.desired.revisions[0], started_at=run.started_at)
        if tasks:
            run.results += [self._apply_one(run, task) for task in tasks]
            batch = Batch("SyncFail", 0, tasks)
            while self._unfinished(run, batch)[0]:
                await self._change(run, batch)

    def _delete_hooks(self, run: "Run", policy: str) -> None:
        for obj in self._world.cluster.owned_by(run.app.key):
            if obj.hook and policy in annotations_of(obj.manifest).get("argocd.argoproj.io/hook-delete-policy", ""):
                self._world.cluster.delete(self._world.server_of(run.app) or "", obj.key)

    def halt(self, app: App, results: list[Json]) -> list[Json]:
        """Delete the hooks that still run; their results after a termination."""
        running = {obj.key for obj in self._world.cluster.owned_by(app.key) if obj.hook and not obj.is_settled}
        for key in running:
            self._world.cluster.delete(self._world.server_of(app) or "", key)
        return [{**r, "hookPhase": "Failed", "message": "Terminated"} if _key_of_result(r) in running else r for r in results]

    async def pause(self, app: App, seconds: float) -> None:
        """Raises Halted when the operation is terminated meanwhile."""
        try:
            await asyncio.wait_for(self._halt_point(app, lambda: False), max(self._world.clock.scaled(seconds), 0.001))
        except TimeoutError:
            await self._world.faults.wait_while("controller_down", app=app.key)

    async def _halt_point(self, app: App, holds: Callable[[], bool]) -> None:
        await until(app, lambda a: _is_terminating(a) or holds())
        if _is_terminating(app) or app.gone:
            await self._world.faults.wait_while("controller_down", app=app.key)
            raise Halted

    def note(self, app: App, reason: str, message: str) -> None:
        """An event of the application, as `kubectl describe` would show it."""
        now = stamp(self._world.now())
        number = self._world.store.version
        involved = {"kind": "Application", "namespace": app.key.namespace, "name": app.name, "uid": app.meta["uid"], "apiVersion": "argoproj.io/v1alpha1"}
        event: Json = {"metadata": {"name": f"{app.name}.{number:x}", "namespace": app.key.namespace, "creationTimestamp": now}, "involvedObject": involved}
        event |= {"reason": reason, "message": message, "source": {"component": "argocd-application-controller"}, "firstTimestamp": now, "lastTimestamp": now}
        app.events = [*app.events, {**event, "count": 1, "type": "Normal", "eventTime": None}][-_EVENTS_KEPT:]


def _is_terminating(app: App) -> bool:
    return bool((app.status.get("operationState") or {}).get("phase") == "Terminating")


def _key_of_result(result: Json) -> Key:
    return Key(result["group"], result["kind"], result["namespace"], result["name"])


def _with_phase(result: Json, phase: str) -> Json:
    return {**result, "hookPhase": phase}
