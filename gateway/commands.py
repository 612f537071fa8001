"""The closed set of commands: each becomes one or two calls of Argo CD, and always an answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import structlog

from gateway import gateway_pb2 as pb
from gateway import trim
from gateway.argocd import ArgoCd, ArgoCdError, application_path, error_in, lines_of
from gateway.config import Config
from gateway.reports import Reports
from gateway.sync import Answer, Syncs, outcome_of

log = structlog.get_logger(__name__)

Send = Callable[[pb.CommandResult], Awaitable[None]]

_DEFAULT_TIMEOUT_S = 60.0
_OURS = 0.95  # of the time that the asker waits, so that our answer is there before he gives up
_MAX_ANSWER = 3 * 1024 * 1024  # bytes; gRPC's limit is 4 MiB
_LOG_LINES, _LOG_PAUSE_S = 200, 0.2  # in one result; how long lines are collected
_WRITING = ("sync", "terminate")


class Commands:
    """Runs the hub's commands, as far as the configuration allows them."""

    def __init__(self, argocd: ArgoCd, reports: Reports, config: Config, preflight: Callable[[], Awaitable[pb.HealthReport]]) -> None:
        self._argocd = argocd
        self._reports = reports
        self._may_sync = config.may_sync
        self._timing = config.timing
        self._preflight = preflight
        self._syncs = Syncs(argocd, config.timing)
        self._calls: dict[str, Callable[[pb.Command], Awaitable[Answer | bytes]]] = {
            "refresh": self._refresh,
            "sync": self._sync,
            "terminate": self._terminate,
            "detail": self._detail,
            "tree": self._tree,
            "diff": self._diff,
            "manifests": self._manifests,
            "events": self._events,
            "preflight": self._check,
        }

    @property
    def capabilities(self) -> list[str]:
        """What we are willing to do."""
        return [name for name in (*self._calls, "logs") if self._may_sync or name not in _WRITING]

    async def run(self, command: pb.Command, send: Send) -> None:
        """Answer a command, whatever happens; a cancelled one needs no answer."""
        kind = command.WhichOneof("command") or ""
        timeout_s = command.timeout_ms / 1000 * _OURS if command.timeout_ms else _DEFAULT_TIMEOUT_S
        self._fill_in_project(command, kind)
        try:
            async with asyncio.timeout(timeout_s):
                if kind == "logs":
                    await self._logs(command, send)
                    return
                result = _result(command, await self._answer(kind, command))
        except TimeoutError:
            result = _result(command, _timed_out(kind, timeout_s))
        except ArgoCdError as error:
            result = _result(command, Answer(outcome_of(error), str(error)))
        except Exception:
            log.exception("command_broke", command=kind)
            result = _result(command, Answer(pb.UNAVAILABLE, "The gateway failed on this command; its log says more."))
        log.info("command_answered", command=kind, outcome=pb.Outcome.Name(result.outcome))
        await send(result)

    def _fill_in_project(self, command: pb.Command, kind: str) -> None:
        """Always send the project: without it Argo CD answers 403 for an application that is gone."""
        key: pb.ApplicationKey | None = getattr(getattr(command, kind, None), "application", None)
        held = self._reports.get((key.namespace, key.name)) if key is not None else None
        if key is not None and held is not None and not key.project:
            key.project = held.project

    async def _answer(self, kind: str, command: pb.Command) -> Answer | bytes:
        if kind in _WRITING and not self._may_sync:
            return Answer(pb.REFUSED, "This gateway is installed read-only: it may not sync. Set maySync=true in its Helm values to allow it.")
        call = self._calls.get(kind)
        if call is None:
            return Answer(pb.REFUSED, "This gateway does not know the command. Upgrade it.")
        refusal = await self._other_uid(command, kind)
        return refusal or await call(command)

    async def _other_uid(self, command: pb.Command, kind: str) -> Answer | None:
        """Refuse a command for an application that was deleted and created again."""
        if kind in ("preflight", "sync"):  # a sync looks for itself, at a fresh copy
            return None
        key: pb.ApplicationKey = getattr(command, kind).application
        if not key.uid:
            return None
        held = self._reports.get((key.namespace, key.name))
        uid = held.uid if held is not None else (await self._read(key)).get("metadata", {}).get("uid")
        return None if uid == key.uid else Answer(pb.NOT_FOUND, f"{key.name} was deleted and created again.")

    async def _read(self, key: pb.ApplicationKey, **query: Any) -> dict[str, Any]:
        return await self._argocd.get(application_path(key.name), {**_scope(key), **query})

    async def _refresh(self, command: pb.Command) -> Answer:
        """Argo CD answers when the comparison is done; while its controller is away, never."""
        key, limit = command.refresh.application, self._timing.refresh_s
        if command.timeout_ms:
            limit = min(limit, command.timeout_ms / 1000 * _OURS)
        query = {**_scope(key), "refresh": "hard" if command.refresh.hard else "normal"}
        try:
            application = await self._argocd.get(application_path(key.name), query, timeout_s=limit)
        except ArgoCdError as error:
            if isinstance(error.__cause__, httpx2.ReadTimeout | TimeoutError):
                return Answer(pb.TIMED_OUT, f"The refresh was requested; Argo CD has not finished it within {limit:.0f} s.")
            raise
        self._reports.seen(application)
        return Answer(pb.DONE, "Argo CD has compared the application.", application)

    async def _sync(self, command: pb.Command) -> Answer:
        sync = command.sync
        if not sync.sync_id:
            return Answer(pb.INVALID, "A sync needs a sync_id.")
        if sync.positions and len(sync.positions) != len(sync.revisions):
            return Answer(pb.INVALID, "A sync needs one revision for each position.")
        if not sync.positions and len(sync.revisions) > 1:
            return Answer(pb.INVALID, "A sync to several revisions needs their positions.")
        return await self._syncs.start(sync)

    async def _terminate(self, command: pb.Command) -> Answer:
        key = command.terminate.application
        await self._argocd.delete(application_path(key.name, "/operation"), _scope(key))
        return Answer(pb.DONE, "The operation is being terminated.")

    async def _detail(self, command: pb.Command) -> bytes:
        application = await self._read(command.detail.application)
        application.get("metadata", {}).pop("managedFields", None)
        return trim.canonical(application)

    async def _tree(self, command: pb.Command) -> bytes:
        key = command.tree.application
        return trim.canonical(await self._argocd.get(application_path(key.name, "/resource-tree"), _scope(key)))

    async def _diff(self, command: pb.Command) -> bytes:
        diff = command.diff
        query = {**_scope(diff.application), "group": diff.group, "kind": diff.kind, "namespace": diff.namespace, "name": diff.name}
        return trim.canonical(await self._argocd.get(application_path(diff.application.name, "/managed-resources"), query))

    async def _manifests(self, command: pb.Command) -> bytes:
        key, revisions = command.manifests.application, list(command.manifests.revisions)
        query = _scope(key)
        if len(revisions) == 1:
            query["revision"] = revisions[0]
        elif revisions:
            query |= {"revisions": revisions, "sourcePositions": list(range(1, len(revisions) + 1))}
        return trim.canonical(await self._argocd.get(application_path(key.name, "/manifests"), query, timeout_s=self._timing.refresh_s))

    async def _events(self, command: pb.Command) -> bytes:
        events = command.events
        resource = {"resourceNamespace": events.resource_namespace, "resourceName": events.resource_name, "resourceUID": events.resource_uid}
        answer = await self._argocd.get(application_path(events.application.name, "/events"), {**_scope(events.application), **resource})
        for item in answer.get("items") or ():
            item.get("metadata", {}).pop("managedFields", None)
        return trim.canonical(answer)

    async def _check(self, _: pb.Command) -> bytes:
        report = await self._preflight()
        fields = ("leg", "status", "evidence", "advice", "duration_ms")
        return trim.canonical([{field: getattr(leg, field) for field in fields} for leg in report.legs])

    async def _logs(self, command: pb.Command, send: Send) -> None:
        """Lines as they come, some at a time; the last result has `has_more` false."""
        logs = command.logs
        query = {**_scope(logs.application), "namespace": logs.namespace, "podName": logs.pod, "container": logs.container}
        query |= {"tailLines": logs.tail_lines or 200, "follow": "true" if logs.follow else ""}
        path = application_path(logs.application.name, "/logs")
        async with self._argocd.stream(path, query, accept="application/json") as stream:
            async for entries in _collected(lines_of(stream)):
                await send(pb.CommandResult(id=command.id, outcome=pb.DONE, content=trim.canonical(entries), has_more=True))
        await send(pb.CommandResult(id=command.id, outcome=pb.DONE, content=b"[]"))


def _scope(key: pb.ApplicationKey) -> dict[str, Any]:
    """Which application is meant, besides its name."""
    return {"appNamespace": key.namespace, "project": key.project}


async def _collected(stream: AsyncIterator[bytes]) -> AsyncIterator[list[dict[str, str]]]:
    """Log lines in groups: a full one at once, a smaller one when nothing more comes for a moment."""
    entries: list[dict[str, str]] = []
    coming: asyncio.Future[bytes] = asyncio.ensure_future(anext(stream))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=_LOG_PAUSE_S if entries else None)
            if not done or len(entries) >= _LOG_LINES:
                yield entries
                entries = []
            if not done:
                continue
            try:
                entry = _log_line(coming.result())
            except StopAsyncIteration:
                break
            if entry is not None:
                entries.append(entry)
            coming = asyncio.ensure_future(anext(stream))
    finally:
        coming.cancel()
    if entries:
        yield entries


def _log_line(line: bytes) -> dict[str, str] | None:
    if not line.strip():
        return None
    message = json.loads(line)
    if "error" in message:
        raise error_in(message)
    result = message.get("result") or {}
    if result.get("last"):
        return None
    has_time = result.get("timeStamp") is not None  # Argo CD's own words, as that a pod has no logs, come with the year 1
    return {"content": result.get("content") or "", "time": result.get("timeStampStr") or "" if has_time else "", "pod": result.get("podName") or ""}


def _timed_out(kind: str, timeout_s: float) -> Answer:
    if kind == "sync":
        return Answer(pb.UNCONFIRMED, f"The sync is on its way; Argo CD has not answered within {timeout_s:.0f} s.")
    return Answer(pb.TIMED_OUT, f"Argo CD has not answered within {timeout_s:.0f} s.")


def _result(command: pb.Command, answer: Answer | bytes) -> pb.CommandResult:
    if isinstance(answer, bytes):
        if len(answer) > _MAX_ANSWER:
            return pb.CommandResult(id=command.id, outcome=pb.INVALID, message=f"The answer is too large to be sent: {len(answer) // 1024} KiB.")
        return pb.CommandResult(id=command.id, outcome=pb.DONE, content=answer)
    content = trim.trim(answer.application) if answer.application is not None else b""
    return pb.CommandResult(id=command.id, outcome=answer.outcome, message=answer.message, content=content)
