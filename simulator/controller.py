"""The application controller: compares each application with its sources, in Argo CD's order of writes, and starts automated syncs.

One task per application that has something to do, none for the others:  request -> (task) compare -> write -> timer for the next period.
"""

import asyncio
import json
import random
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

import structlog

from simulator import autosync
from simulator.comparison import Comparison, Desired, compare
from simulator.rendering import sources_of
from simulator.repos import SourceError
from simulator.shapes import Json, stamp
from simulator.status import compared_to, dated, history_entry, status_document, without_resource_health
from simulator.store import DROP, REFRESH, App, merged
from simulator.world import World

log = structlog.get_logger(__name__)


class Level(IntEnum):
    """How deep a comparison goes."""

    LIVE = 1  # with what is already known of the sources; reconciledAt stays
    LATEST = 2
    HARD = 3


@dataclass(eq=False)
class Track:
    """What the controller keeps of one application between its writes."""

    pending: Level | None = None
    is_requested: bool = False
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    desired: Desired | None = None
    desired_for: str = ""
    failure: str = ""  # of the last comparison that was reported
    first_failure: datetime | None = None
    was_settled: bool = False
    applying: asyncio.Lock = field(default_factory=asyncio.Lock)


class Controller:
    def __init__(self, world: World, on_operation: Callable[[App], None]) -> None:
        self._world = world
        self._on_operation = on_operation
        self._tracks: dict[App, Track] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failures: list[str] = []  # of its own tasks: bugs of the simulator

    def track(self, app: App) -> Track:
        return self._tracks.setdefault(app, Track())

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            self.failures.append("".join(traceback.format_exception(failure)))
            log.error("task_failed", trace=self.failures[-1])

    def forget(self, app: App) -> None:
        track = self._tracks.pop(app, None)
        if track and track.timer:
            track.timer.cancel()

    def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        for app in list(self._tracks):
            self.forget(app)

    def request(self, app: App, level: Level, *, requested: bool = False) -> None:
        """Ask for a comparison; `requested` ones report a failing repository at once, periodic ones only after the grace period."""
        if app.gone:
            return
        track = self.track(app)
        track.pending = max(track.pending or Level.LIVE, level)
        track.is_requested = track.is_requested or requested
        if track.task is None:
            track.task = self.spawn(self._run(app, track))

    def annotate(self, app: App, kind: str) -> None:
        """What `?refresh=` and a webhook do: set the annotation; the comparison removes it."""
        annotations = {**app.annotations, REFRESH: kind}
        if self._world.release >= (3, 5):
            annotations["argocd.argoproj.io/hydrate"] = "normal"
        if self._world.release >= (3, 6):
            annotations["argocd.argoproj.io/refresh-timestamp"] = stamp(self._world.now())
        self._world.write(app, metadata={"annotations": annotations})
        self.request(app, Level.HARD if kind == "hard" else Level.LATEST, requested=True)

    async def _run(self, app: App, track: Track) -> None:
        try:
            while track.pending is not None and not app.gone:
                await self._world.faults.wait_while("controller_down", app=app.key)
                level, requested = track.pending, track.is_requested
                track.pending, track.is_requested = None, False
                await self._refresh(app, track, level, requested=requested)
        finally:
            track.task = None
            if not app.gone:
                self._schedule(app, track)

    def _schedule(self, app: App, track: Track, *, again: bool = False) -> None:
        if track.timer and not again and not track.timer.cancelled() and track.timer.when() > asyncio.get_running_loop().time():
            return
        if track.timer:
            track.timer.cancel()
        knobs = self._world.config.knobs
        jitter = knobs.jitter_seconds if self._world.release >= (3, 0) else 0
        seconds = knobs.reconcile_seconds + random.uniform(0, jitter)
        track.timer = self._world.clock.later(seconds, lambda: self.request(app, Level.LATEST)) if knobs.reconcile_seconds else None

    async def _refresh(self, app: App, track: Track, level: Level, *, requested: bool) -> None:
        world = self._world
        annotation = app.annotations.get(REFRESH)
        if annotation:
            level, requested = (Level.HARD if annotation == "hard" else max(level, Level.LATEST)), True
            await world.faults.wait_while("refresh_hang", app=app.key)
            slow = world.faults.take("refresh_delay", app=app.key)
            await world.clock.sleep(float(slow.parameters.get("delay", 5)) if slow else 0)
        if track.desired is None or self._compared_is_stale(app):
            level = max(level, Level.LATEST)
        if level >= Level.LATEST:
            await world.clock.sleep(world.config.knobs.refresh_seconds)
            self._schedule(app, track, again=True)
        problem = world.spec_problem(app)
        if problem:
            self._write_invalid(app, problem)
            return
        failure = await self._load(app, track, level)
        if failure and not requested and self._is_in_grace(track):
            return
        track.failure = failure
        async with track.applying:
            if not app.gone:
                self.settle_first(app, track)
                self._write(app, track, level, failure=failure)

    async def _load(self, app: App, track: Track, level: Level) -> str:
        """Read the sources into the track; the text of the ComparisonError when that fails."""
        world = self._world
        unreachable = world.live_failure(app)
        if unreachable:
            return unreachable
        if level == Level.LIVE:
            return track.failure
        sources = sources_of(app.spec)
        fingerprint = json.dumps([sources, app.spec.get("destination")], sort_keys=True)
        try:
            desired = await self._desired(app, track, sources, fingerprint, level)
        except SourceError as error:
            track.first_failure = track.first_failure or world.now()
            return f"Failed to load target state: {error}"
        track.desired, track.desired_for, track.first_failure = desired, fingerprint, None
        return ""

    async def _desired(self, app: App, track: Track, sources: list[Json], fingerprint: str, level: Level) -> Desired:
        """The known one while neither the sources nor their commits have changed."""
        world = self._world
        if track.desired is None or track.desired_for != fingerprint or level == Level.HARD:
            return await world.desired(app, sources)
        revisions = []
        for i, source in enumerate(sources):
            try:
                revisions.append(await world.resolve(app, source, str(source.get("targetRevision") or "")))
            except SourceError as error:
                raise SourceError(f"failed to generate manifest for source {i + 1} of {len(sources)}: {error}") from None
        return track.desired if revisions == track.desired.revisions else await world.desired(app, sources, revisions)

    def _is_in_grace(self, track: Track) -> bool:
        if track.first_failure is None or track.desired is None:
            return False
        failing = (self._world.now() - track.first_failure).total_seconds()
        return failing < self._world.clock.scaled(self._world.config.knobs.repo_error_grace_seconds)

    def _compared_is_stale(self, app: App) -> bool:
        compared = (app.status.get("sync") or {}).get("comparedTo")
        return bool(compared) and compared != compared_to(app.spec)

    def settle_first(self, app: App, track: Track) -> None:
        """`initially: synced`: everything of the first comparison has long been running."""
        if app.initially != "synced" or track.was_settled or track.desired is None:
            return
        track.was_settled = True
        now, server = self._world.now(), self._world.server_of(app) or ""
        for manifest in track.desired.resources:
            self._world.cluster.settle(self._world.cluster.apply(server, manifest, owner=app.key, now=now).live, now)
        entry = history_entry(app, autosync.fresh_operation(app.spec, track.desired), track.desired, 0, stamp(now), stamp(now))
        self._world.store.amend_quietly(app, status={"history": [{**entry, "initiatedBy": {"username": "admin"}}]})

    def compare_live(self, app: App) -> Comparison:
        track = self.track(app)
        live = self._world.cluster.owned_by(app.key)
        desired = None if track.failure else track.desired
        return compare(desired, live, ignore=app.spec.get("ignoreDifferences") or [], release=self._world.release)

    def peek(self, app: App) -> None:
        """A comparison of live objects right now, as the informer would cause in the middle of an apply."""
        self._write(app, self.track(app), Level.LIVE, failure=self.track(app).failure, may_sync=False)

    def _write(self, app: App, track: Track, level: Level, *, failure: str, may_sync: bool = True) -> None:
        world, now = self._world, self._world.now()
        found = self.compare_live(app)
        desired = None if failure else track.desired
        status = status_document(app, found, desired, failure=failure, config=world.config, now=now)
        error = failure and {"type": "ComparisonError", "message": failure}
        kept = [c for c in app.status.get("conditions") or [] if c["type"] == "SyncError" and found.sync_status == "OutOfSync"]
        conditions = [*kept, *([error] if error else [])]
        if may_sync and not failure:
            sync_error = self._start_sync(app, track, found, merged(app.status, status))
            conditions = [{"type": "SyncError", "message": sync_error}] if sync_error else conditions
        status["conditions"] = dated(conditions, app.status.get("conditions") or [], stamp(now)) or DROP
        if level >= Level.LATEST:
            status["reconciledAt"] = stamp(now)
        self._commit(app, status, is_forced=level >= Level.LATEST)
        if may_sync and app.operation is not None:
            self._on_operation(app)

    def _start_sync(self, app: App, track: Track, found: Comparison, status: Json) -> str:
        """Start an automated operation if it is due: its own write, before the status. The text of a SyncError, or ''."""
        world = self._world
        if app.operation or app.is_deleting or track.desired is None or not autosync.is_automated(app.spec, release=world.release):
            return ""
        if world.is_blocked_by_window(app, manual=False):
            return ""
        decision = autosync.decide(
            spec=app.spec, status=status, comparison=found, desired=track.desired, now=world.now(), knobs=world.config.knobs, speed=world.clock.speed
        )
        if decision.operation:
            world.write(app, operation=decision.operation, status={"operationState": DROP})
        if decision.wait_seconds:
            world.clock.later(decision.wait_seconds + 0.1, lambda: self.request(app, Level.LIVE))
        return decision.error

    def _commit(self, app: App, status: Json, *, is_forced: bool) -> None:
        """One patch with the annotation's removal in it; 3.6 removes it in a write of its own."""
        new = merged(app.status, status)
        has_annotation = REFRESH in app.annotations and is_forced
        separate = self._world.release >= (3, 6)
        if self._stored(new) != self._stored(app.status) or (has_annotation and not separate):
            self._world.write(app, status=status, metadata=self._without_refresh(app) if has_annotation and not separate else None)
        elif new != app.status:
            self._world.store.amend_quietly(app, status=status)
        if has_annotation and separate:
            self._world.write(app, metadata=self._without_refresh(app))

    def _without_refresh(self, app: App) -> Json:
        kept = {k: v for k, v in app.annotations.items() if k not in (REFRESH, "argocd.argoproj.io/refresh-timestamp")}
        return {"annotations": kept or DROP}

    def _stored(self, status: Json) -> Json:
        """What the object itself holds: from 3.0 without the resources' health."""
        return status if self._world.release < (3, 0) else without_resource_health(status)

    def _write_invalid(self, app: App, problem: str) -> None:
        now = stamp(self._world.now())
        conditions = dated([{"type": "InvalidSpecError", "message": problem}], app.status.get("conditions") or [], now)
        if app.status.get("conditions") != conditions:
            self._world.write(app, status={"conditions": conditions})
        old = app.status.get("health") or {}
        since = old.get("lastTransitionTime", now) if old.get("status") == "Unknown" else now
        empty: Json = {"status": "Unknown", "comparedTo": {"source": {"repoURL": ""}, "destination": {}}}
        status = {"sync": empty, "health": {"status": "Unknown", "lastTransitionTime": since}, "resources": DROP, "summary": {}, "reconciledAt": DROP}
        self._commit(app, status, is_forced=True)
