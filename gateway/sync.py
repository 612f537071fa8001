"""Starts operations, each at most once: an answer that was lost is looked for, never asked for again."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from gateway import gateway_pb2 as pb
from gateway.argocd import ArgoCd, ArgoCdError, Kind, application_path
from gateway.config import Timing

log = structlog.get_logger(__name__)

SYNC_INFO, DEPLOYMENT_INFO = "Octoargo sync", "Octoargo deployment"
_REMEMBERED = 1000


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    outcome: pb.Outcome
    message: str
    application: Mapping[str, Any] | None = None


class Syncs:
    """The operations this process was asked to start, by sync id."""

    def __init__(self, argocd: ArgoCd, timing: Timing) -> None:
        self._argocd = argocd
        self._timing = timing
        self._tasks: OrderedDict[str, asyncio.Task[Answer]] = OrderedDict()

    async def start(self, sync: pb.Sync) -> Answer:
        """Start the operation, or say what became of it. Cancelling the caller does not interrupt what is on its way."""
        task = self._tasks.get(sync.sync_id)
        if task is not None and task.done() and (task.cancelled() or task.exception() is not None or task.result().outcome == pb.UNCONFIRMED):
            # It may have arrived: from now on it is only looked for.
            task = self._remember(sync.sync_id, asyncio.create_task(self._look_again(sync)))
        if task is None:
            task = self._remember(sync.sync_id, asyncio.create_task(self._start(sync)))
        answer = await asyncio.shield(task)
        if answer.outcome not in (pb.DONE, pb.UNCONFIRMED) and self._tasks.get(sync.sync_id) is task:
            del self._tasks[sync.sync_id]  # it certainly did not start: the same id may be tried again
        return answer

    def _remember(self, sync_id: str, task: asyncio.Task[Answer]) -> asyncio.Task[Answer]:
        self._tasks[sync_id] = task
        self._tasks.move_to_end(sync_id)
        while len(self._tasks) > _REMEMBERED:
            self._tasks.popitem(last=False)
        return task

    async def _start(self, sync: pb.Sync) -> Answer:
        key = sync.application
        try:
            application = await self._read(key)
        except ArgoCdError as error:
            return Answer(outcome_of(error), str(error))
        if key.uid and key.uid != (application.get("metadata") or {}).get("uid"):
            return Answer(pb.NOT_FOUND, f"{key.name} was deleted and created again. Nothing was started.")
        if carries(application, sync.sync_id):
            return Answer(pb.DONE, "The operation was started before.", application)
        try:
            started = await self._argocd.post(application_path(key.name, "/sync"), sync_body(sync))
        except ArgoCdError as error:
            return await self._after(error, sync)
        return Answer(pb.DONE, "The operation was started.", started)

    async def _after(self, error: ArgoCdError, sync: pb.Sync) -> Answer:
        """The sync failed: certainly, or was only its answer lost?"""
        if error.kind not in (Kind.UNCLEAR, Kind.UNAVAILABLE, Kind.NOT_ARGOCD):
            return Answer(outcome_of(error), str(error))
        log.info("sync_answer_was_lost", application=sync.application.name, reason=str(error))
        found = await self._look_for(sync)
        if found is not None:
            return Answer(pb.DONE, "The operation was started; Argo CD's answer was lost on the way.", found)
        if error.kind is Kind.UNAVAILABLE:  # Argo CD itself said no
            return Answer(pb.UNAVAILABLE, str(error))
        return Answer(pb.UNCONFIRMED, f"{error} The sync was sent, and {sync.application.name} does not show whether it arrived.")

    async def _look_again(self, sync: pb.Sync) -> Answer:
        found = await self._look_for(sync)
        if found is not None:
            return Answer(pb.DONE, "The operation was started; Argo CD's answer was lost on the way.", found)
        return Answer(pb.UNCONFIRMED, f"This sync was sent before, and {sync.application.name} does not show whether it arrived.")

    async def _look_for(self, sync: pb.Sync) -> dict[str, Any] | None:
        """GET the application until it shows our operation, for a few seconds."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + self._timing.look_s, 0.2
        while True:
            try:
                application = await self._read(sync.application)
                if carries(application, sync.sync_id):
                    return application
            except ArgoCdError as error:
                log.info("operation_not_looked_up", application=sync.application.name, reason=str(error))
            if loop.time() + pause > end:
                return None
            await asyncio.sleep(pause)
            pause = min(2 * pause, 2.0)

    async def _read(self, key: pb.ApplicationKey) -> dict[str, Any]:
        return await self._argocd.get(application_path(key.name), {"appNamespace": key.namespace, "project": key.project})


def sync_body(sync: pb.Sync) -> dict[str, Any]:
    """The body of Argo CD's sync call. Our positions count from 0, Argo CD's from 1."""
    key = sync.application
    infos = [{"name": SYNC_INFO, "value": sync.sync_id}]
    if sync.deployment:
        infos.append({"name": DEPLOYMENT_INFO, "value": sync.deployment})
    body: dict[str, Any] = {"name": key.name, "prune": sync.prune, "dryRun": sync.dry_run, "infos": infos}
    if key.namespace:
        body["appNamespace"] = key.namespace
    if key.project:
        body["project"] = key.project
    if sync.positions:
        body["revisions"] = list(sync.revisions)
        body["sourcePositions"] = [position + 1 for position in sync.positions]
    elif sync.revisions:
        body["revision"] = sync.revisions[0]
    return body


def carries(application: Mapping[str, Any], sync_id: str) -> bool:
    """Does the requested, running or last operation carry our id?"""
    state = (application.get("status") or {}).get("operationState") or {}
    operations = (application.get("operation") or {}, state.get("operation") or {})
    infos = [info for operation in operations for info in operation.get("info") or ()]
    return any(info.get("name") == SYNC_INFO and info.get("value") == sync_id for info in infos)


def outcome_of(error: ArgoCdError) -> pb.Outcome:
    """What an error of Argo CD is called in the protocol."""
    outcomes = {
        Kind.UNAUTHENTICATED: pb.DENIED,
        Kind.DENIED: pb.DENIED,
        Kind.NOT_FOUND: pb.NOT_FOUND,
        Kind.INVALID: pb.INVALID,
        Kind.BUSY: pb.BUSY,
    }
    return outcomes.get(error.kind, pb.UNAVAILABLE)
