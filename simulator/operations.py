"""Sync operations, one at a time for each application.

pending (operation set) -> Running -> batches of tasks -> history -> Succeeded | Failed | Error -> forced refresh
                              \\-> Terminating -> Failed        \\-> Running with finishedAt -> retry
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from simulator import autosync, windows
from simulator.comparison import Desired
from simulator.controller import Controller, Level
from simulator.executing import Executor, Halted, Outcome
from simulator.rendering import is_multi, sources_of
from simulator.repos import SourceError
from simulator.shapes import Json, stamp
from simulator.status import history_entry
from simulator.store import DROP, App
from simulator.world import World


@dataclass(eq=False)
class Run:
    """One operation on its way."""

    app: App
    operation: Json
    started_at: datetime
    retries: int = 0
    desired: Desired | None = None
    results: list[Json] = field(default_factory=list)
    held: asyncio.Lock | None = None

    @property
    def sync(self) -> Json:
        return self.operation.get("sync") or {}

    @property
    def is_automated(self) -> bool:
        return bool((self.operation.get("initiatedBy") or {}).get("automated"))

    @property
    def is_dry(self) -> bool:
        return bool(self.sync.get("dryRun"))

    @property
    def is_full(self) -> bool:
        return not self.sync.get("resources")


class Operations:
    def __init__(self, world: World, controller: Controller, executor: Executor) -> None:
        self._world = world
        self._controller = controller
        self._executor = executor
        self._running: dict[App, asyncio.Task[None]] = {}

    def wake(self, app: App) -> None:
        """Pick the application's operation up, unless that is happening already."""
        if app.operation is not None and app not in self._running and not app.gone:
            self._running[app] = self._controller.spawn(self._work(app))

    async def _work(self, app: App) -> None:
        try:
            while _pending(app) is not None:
                await self._world.faults.wait_while("controller_down", app=app.key)
                await self._world.clock.sleep(self._world.config.knobs.op_pickup_seconds)
                operation = _pending(app)
                if operation is not None:
                    await self._operate(Run(app, operation, self._world.now()))
        finally:
            self._running.pop(app, None)

    async def _operate(self, run: Run) -> None:
        self._write(run, {"phase": "Running"})
        self._executor.note(run.app, "OperationStarted", _started_text(run))
        self._controller.peek(run.app)
        try:
            outcome = await self._until_final(run)
            self._finish(run, outcome)
            if not run.is_dry and not run.app.gone:
                await self._after(run, outcome)
        finally:
            self._let_go(run)

    async def _until_final(self, run: Run) -> Outcome:
        """The outcome after all retries."""
        retry = run.operation.get("retry") or {}
        while True:
            try:
                outcome = await self._attempt(run)
            except Halted:
                run.results = self._executor.halt(run.app, run.results)
                return Outcome("Failed", "Operation terminated")
            limit = int(retry.get("limit") or 0)
            if outcome.phase == "Succeeded" or run.is_dry or (0 <= limit <= run.retries):
                return outcome
            try:
                await self._retry(run, outcome, retry)
            except Halted:
                return Outcome("Failed", "Operation terminated")

    async def _retry(self, run: Run, outcome: Outcome, retry: Json) -> None:
        world, now = self._world, self._world.now()
        delay = _backoff(retry.get("backoff") or {}, run.retries)
        run.retries += 1
        due = now.strftime("%I:%M%p").lstrip("0")
        self._write(run, {"phase": "Running", "message": f"{outcome.message}. Retrying attempt #{run.retries} at {due}.", "finishedAt": stamp(now)})
        self._let_go(run)
        self._controller.request(run.app, Level.LATEST, requested=True)
        await self._executor.pause(run.app, delay)
        await world.faults.wait_while("controller_down", app=run.app.key)
        self._write(run, {"phase": "Running", "message": f"Retrying operation. Attempt #{run.retries}"})

    async def _attempt(self, run: Run) -> Outcome:
        app, world = run.app, self._world
        await self._wait_for_window(run)
        fault = world.faults.take("sync_error", app=app.key)
        if fault:
            text = str(fault.parameters.get("text", "Failed to load target state: injected"))
            return Outcome("Error", f"ComparisonError: {text}")
        problem, unreachable = world.spec_problem(app), world.live_failure(app)
        if problem or unreachable:
            return Outcome("Error", f"InvalidSpecError: {problem}" if problem else f"ComparisonError: {unreachable}")
        sources = run.sync.get("sources") or ([run.sync["source"]] if run.sync.get("source") else sources_of(app.spec))
        revisions = run.sync.get("revisions") or ([run.sync["revision"]] if run.sync.get("revision") else [])
        try:
            run.desired = await world.desired(app, sources, revisions)
        except SourceError as error:
            return Outcome("Error", f"ComparisonError: Failed to load target state: {error}")
        run.results = []
        outcome = await self._executor.execute(run, hold=lambda: self._hold(run), let_go=lambda: self._let_go(run), report=lambda text: self._report(run, text))
        if outcome.phase == "Succeeded" and run.is_full and not run.is_dry:
            await self._hold(run)
            self._add_history(run)
        return outcome

    async def _wait_for_window(self, run: Run) -> None:
        while self._world.is_blocked_by_window(run.app, manual=not run.is_automated):
            self._report(run, "Sync operation blocked by sync window")
            await self._executor.pause(run.app, 1)

    async def _hold(self, run: Run) -> None:
        """Keep comparisons out while objects are being applied."""
        if run.held is None:
            lock = self._controller.track(run.app).applying
            await lock.acquire()
            run.held = lock

    def _let_go(self, run: Run) -> None:
        if run.held is not None:
            run.held.release()
            run.held = None

    def _report(self, run: Run, message: str) -> None:
        self._write(run, {"phase": "Running", "message": message})

    def _state(self, run: Run, given: Json) -> Json:
        state: Json = {"operation": run.operation, **given, "startedAt": stamp(run.started_at)}
        if run.retries:
            state["retryCount"] = run.retries
        if run.desired is not None and "message" in given:
            state["syncResult"] = _sync_result(run, run.desired)
        return state

    def _write(self, run: Run, given: Json) -> None:
        """Write the operation's state if that changes it; a Terminating that came in between stays."""
        state = self._state(run, given)
        old = run.app.status.get("operationState") or {}
        if state["phase"] == "Running" and old.get("phase") == "Terminating":
            return
        if state != old and not run.app.gone:
            self._world.write(run.app, status={"operationState": state})

    def _add_history(self, run: Run) -> None:
        history = run.app.status.get("history") or []
        number = history[-1]["id"] + 1 if history else 0
        assert run.desired is not None
        entry = history_entry(run.app, run.operation, run.desired, number, stamp(run.started_at), stamp(self._world.now()))
        limit = int(run.app.spec.get("revisionHistoryLimit", 10))
        self._world.write(run.app, status={"history": [*history, entry][-limit:] if limit else DROP})

    def _finish(self, run: Run, outcome: Outcome) -> None:
        if run.app.gone:
            return
        message = f"{outcome.message} (retried {run.retries} times)." if run.retries and outcome.phase != "Succeeded" else outcome.message
        state = self._state(run, {"phase": outcome.phase, "message": message}) | {"finishedAt": stamp(self._world.now())}
        self._world.write(run.app, status={"operationState": state}, operation=DROP)
        verb = "succeeded" if outcome.phase == "Succeeded" else f"failed: {message}"
        self._executor.note(run.app, "OperationCompleted", f"Sync operation to {','.join(run.desired.revisions) if run.desired else ''} {verb}")

    async def _after(self, run: Run, outcome: Outcome) -> None:
        """The forced refresh, with what is visible before it: section 2.10 of the reference."""
        world, app, knobs = self._world, run.app, self._world.config.knobs
        if outcome.phase != "Succeeded":
            self._let_go(run)
            self._controller.request(app, Level.LATEST, requested=True)
            return
        await world.clock.sleep(knobs.post_sync_refresh_seconds)
        if app.gone:
            return
        track = self._controller.track(app)
        knows_revision = track.desired is not None and run.desired is not None and track.desired.revisions == run.desired.revisions
        if self._heals_again(run, outcome) and knows_revision and run.desired:
            stale = [r for r in app.status.get("resources") or [] if r.get("status") == "OutOfSync"]
            if stale and app.operation is None:
                operation = autosync.healing(autosync.fresh_operation(app.spec, run.desired), stale, 1)
                world.write(app, operation=operation, status={"operationState": DROP})
                return
        if not outcome.changed and not outcome.had_hooks and knows_revision and app.status["sync"]["status"] == "Synced":
            return
        if knobs.post_sync_order == "reconciled_first":
            world.write(app, status={"reconciledAt": stamp(world.now())})
            await asyncio.sleep(0.06)
        elif knows_revision:
            self._controller.peek(app)
        self._let_go(run)
        self._controller.request(app, Level.LATEST, requested=True)

    def _heals_again(self, run: Run, outcome: Outcome) -> bool:
        automated = (run.app.spec.get("syncPolicy") or {}).get("automated") or {}
        return bool(self._world.config.knobs.double_self_heal and run.is_automated and run.is_full and automated.get("selfHeal") and outcome.changed)

    def terminate(self, app: App) -> None:
        """Ask the running operation to end; the caller has checked that one runs."""
        state = app.status["operationState"]
        if state["phase"] != "Terminating":
            self._world.write(app, status={"operationState": {**state, "phase": "Terminating"}})


def _pending(app: App) -> Json | None:
    return None if app.gone else app.operation


def _sync_result(run: Run, desired: Desired) -> Json:
    resources: Json = {"resources": list(run.results)} if run.results else {}
    if is_multi(run.app.spec):
        sources = run.sync.get("sources") or sources_of(run.app.spec)
        return {**resources, "revision": "", "source": {"repoURL": ""}, "sources": sources, "revisions": desired.revisions}
    return {**resources, "revision": desired.revisions[0], "source": run.sync.get("source") or sources_of(run.app.spec)[0]}


def _backoff(backoff: Json, retries: int) -> float:
    first = windows.seconds_of(str(backoff.get("duration") or "5s"))
    longest = windows.seconds_of(str(backoff.get("maxDuration") or "3m"))
    return float(min(first * float(backoff.get("factor") or 2) ** retries, longest))


def _started_text(run: Run) -> str:
    revision = run.sync.get("revision") or ",".join(run.sync.get("revisions") or [])
    if run.is_automated:
        return f"Initiated automated sync to '{revision}'"
    target = sources_of(run.app.spec)[0].get("targetRevision") or "HEAD"
    return f"{(run.operation.get('initiatedBy') or {}).get('username', '')} initiated sync to {target} ({revision})"
