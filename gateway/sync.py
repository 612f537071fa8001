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


@dataclass
class _Attempt:
    """One sync id's way. `sent_at` None: nothing was sent; `before` is when the operation before it began."""

    task: asyncio.Task[Answer] | None = None
    sent_at: float | None = None
    before: str = ""

    @property
    def is_over(self) -> bool:
        """May this id be asked for anew? Not while it runs, nor once it is known to have started."""
        if self.task is None:
            return True
        return self.task.done() and (self.task.cancelled() or self.task.exception() is not None or self.task.result().outcome != pb.DONE)


class Syncs:
    """The operations this process was asked to start, by sync id."""

    def __init__(self, argocd: ArgoCd, timing: Timing) -> None:
        self._argocd = argocd
        self._timing = timing
        self._attempts: OrderedDict[str, _Attempt] = OrderedDict()

    async def start(self, sync: pb.Sync) -> Answer:
        """Start the operation, or say what became of it. Cancelling the caller does not interrupt what is on its way."""
        attempt = self._attempts.setdefault(sync.sync_id, _Attempt())
        while len(self._attempts) > _REMEMBERED:
            self._attempts.popitem(last=False)
        if attempt.task is None or attempt.is_over:
            attempt.task = asyncio.create_task(self._try(sync, attempt))
        return await asyncio.shield(attempt.task)

    async def _try(self, sync: pb.Sync, attempt: _Attempt) -> Answer:
        """Look first, then send; but not while an earlier request with this id may still arrive."""
        key = sync.application
        try:
            application = await self._read(key)
        except ArgoCdError as error:
            unclear = f"{error} An earlier request may have arrived."
            return Answer(outcome_of(error), str(error)) if attempt.sent_at is None else Answer(pb.UNCONFIRMED, unclear)
        if key.uid and key.uid != (application.get("metadata") or {}).get("uid"):
            return Answer(pb.NOT_FOUND, f"{key.name} was deleted and created again. Nothing was started.")
        if carries(application, sync.sync_id):
            return Answer(pb.DONE, "The operation was started before.", application)
        if attempt.sent_at is not None and not self._has_certainly_not_arrived(application, attempt):
            return Answer(pb.UNCONFIRMED, f"This sync was sent before, and {key.name} does not show whether it arrived.")
        return await self._send(sync, attempt, application)

    def _has_certainly_not_arrived(self, application: Mapping[str, Any], attempt: _Attempt) -> bool:
        """Enough time has passed for it, and no operation has begun since."""
        waited_s = asyncio.get_running_loop().time() - (attempt.sent_at or 0)
        return waited_s > self._timing.quiet_s and not application.get("operation") and _began(application) == attempt.before

    async def _send(self, sync: pb.Sync, attempt: _Attempt, application: Mapping[str, Any]) -> Answer:
        attempt.sent_at, attempt.before = asyncio.get_running_loop().time(), _began(application)
        try:
            started = await self._argocd.post(application_path(sync.application.name, "/sync"), sync_body(sync))
        except ArgoCdError as error:
            answer = await self._after(error, sync)
            if answer.outcome not in (pb.DONE, pb.UNCONFIRMED):
                attempt.sent_at = None  # it certainly did not start: it may be asked for again at once
            return answer
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


def _began(application: Mapping[str, Any]) -> str:
    """When the last operation began, as Argo CD writes it; "" if there was none."""
    return str(((application.get("status") or {}).get("operationState") or {}).get("startedAt") or "")


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
