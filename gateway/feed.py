"""Follows Argo CD's applications: the watch tells changes, a list every few minutes finds what the watch lost."""

import asyncio
import json
import random
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import structlog

from gateway.argocd import ArgoCd, ArgoCdError, Kind, application_path, error_in, lines_of
from gateway.config import Timing
from gateway.listing import applications
from gateway.reports import Key, Reports, is_newer, key_of

log = structlog.get_logger(__name__)

_AT_ONCE = 8  # single GETs beside each other
_MANY = 50  # more differences than this are taken from the list itself
_LIST_WITHOUT_WATCH_S = 30.0


class WatchState(StrEnum):
    """How the watch stands."""

    OPENING = "opening"
    SILENT = "silent"  # accepted, and nothing to show: fine when no application is visible
    OPEN = "open"
    FAILED = "failed"
    PAUSED = "paused"  # the token is rejected


class WatchLostError(Exception):
    """The watch ended in a way that is not its own end."""


class Feed:
    """Keeps `reports` equal to what Argo CD shows; `on_health` is called when the state of the watch changes."""

    def __init__(self, argocd: ArgoCd, reports: Reports, timing: Timing, on_health: Callable[[], None]) -> None:
        self._argocd = argocd
        self._reports = reports
        self._timing = timing
        self._on_health = on_health
        self._list_soon = asyncio.Event()
        self._may_run = asyncio.Event()
        self._may_run.set()
        self._watch: asyncio.Task[None] | None = None
        self.watch_state = WatchState.OPENING
        self.watch_error = ""
        self.list_error = ""

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_watching())
            group.create_task(self._keep_listing())

    def pause(self) -> None:
        """The token is rejected: close the watch, an open one would go on with rights that are gone."""
        if self._may_run.is_set():
            self._may_run.clear()
            if self._watch is not None:
                self._watch.cancel()
            self._set_state(WatchState.PAUSED, "")

    def resume(self) -> None:
        """The token works (again)."""
        if not self._may_run.is_set():
            self._set_state(WatchState.OPENING, "")
            self._may_run.set()
            self._list_soon.set()

    # The watch

    async def _keep_watching(self) -> None:
        """Open the watch again and again, with back-off and jitter after failures."""
        failures = 0
        while True:
            await self._may_run.wait()
            started = asyncio.get_running_loop().time()
            self._watch = asyncio.create_task(self._watch_once())
            try:
                await asyncio.wait([self._watch])
            finally:
                self._watch.cancel()
            if not self._watch.cancelled():
                self._tell_end(self._watch.exception())
            lasted = asyncio.get_running_loop().time() - started
            failures = 0 if lasted > self._timing.settle_s else failures + 1
            await asyncio.sleep(backoff_s(failures, self._timing))

    def _tell_end(self, error: BaseException | None) -> None:
        if error is None:
            return
        if isinstance(error, ArgoCdError | WatchLostError):
            log.info("watch_ended", reason=str(error))
        else:
            log.error("watch_broke", exc_info=error)
        self._set_state(WatchState.FAILED, str(error) or type(error).__name__)

    async def _watch_once(self) -> None:
        """One stream, until it ends. Without a first byte it is renewed after a while; that is no failure.

        Raises ArgoCdError or WatchLostError.
        """
        timing, loop = self._timing, asyncio.get_running_loop()
        has_spoken = False
        try:
            async with (
                asyncio.timeout(timing.watch_renew_s) as limit,
                self._argocd.stream("/api/v1/stream/applications", accept="text/event-stream", trace=self._trace) as chunks,
            ):
                limit.reschedule(loop.time() + timing.watch_silence_s)
                async for line in lines_of(chunks):
                    limit.reschedule(loop.time() + timing.watch_silence_s)
                    if not has_spoken:
                        has_spoken = True
                        self._set_state(WatchState.OPEN, "")
                    self._take(line)
                    await asyncio.sleep(0)  # a snapshot of thousands must not hold up heartbeats
        except TimeoutError:
            if has_spoken:
                raise WatchLostError(f"The watch was silent for {timing.watch_silence_s:.0f} s, not even a keep-alive came.") from None
            if self.watch_state is not WatchState.SILENT:
                raise WatchLostError("The watch did not open in time.") from None
            self._list_soon.set()
            return
        raise WatchLostError("Argo CD ended the watch.")

    async def _trace(self, event: str, _: object) -> None:
        """The request has left: from here on, silence means that there is nothing to show."""
        if event == "http11.send_request_body.complete":
            if self.watch_state is not WatchState.SILENT:
                self._set_state(WatchState.SILENT, "")
            asyncio.get_running_loop().call_later(self._timing.settle_s, self._list_soon.set)

    def _take(self, line: bytes) -> None:
        """One line of the stream: `data: {…}`, a comment, or nothing."""
        if not line.startswith(b"data:"):
            return
        try:
            message = json.loads(line[5:])
            if "error" in message:
                raise error_in(message)
            event = message["result"]
            application: dict[str, Any] = event["application"]
            key = key_of(application)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WatchLostError("Argo CD sent a line that cannot be read.") from error
        if event.get("type") == "DELETED":
            self._reports.gone(key)
        else:
            self._reports.seen(application)

    # The list

    async def _keep_listing(self) -> None:
        failures = 0
        while True:
            await self._may_run.wait()
            self._list_soon.clear()
            try:
                await self._list_once()
                failures = 0
                self._set_list_error("")
            except ArgoCdError as error:
                failures += 1
                log.info("list_failed", reason=str(error))
                self._set_list_error(str(error))
            except Exception as error:
                failures += 1
                log.exception("list_broke")
                self._set_list_error(str(error))
            await self._until_next_list(failures)

    async def _until_next_list(self, failures: int) -> None:
        if failures:
            await asyncio.sleep(backoff_s(failures, self._timing))
            return
        is_watching = self.watch_state in (WatchState.OPEN, WatchState.SILENT)
        try:
            async with asyncio.timeout(self._timing.list_s if is_watching else min(_LIST_WITHOUT_WATCH_S, self._timing.list_s)):
                await self._list_soon.wait()
        except TimeoutError:
            pass

    async def _list_once(self) -> None:
        """Compare with all that is visible. The watch goes first at the start, because it shows more than a list does.

        Raises ArgoCdError.
        """
        known = self._reports.keys()
        listed: set[Key] = set()
        differing: dict[Key, str] = {}  # -> Argo CD's project
        async for item in applications(self._argocd):
            key = key_of(item)
            listed.add(key)
            if not self._reports.same_content(item):
                differing[key] = str((item.get("spec") or {}).get("project") or "default")
        if not self._reports.is_complete:
            await self._let_the_watch_show(listed)
            differing = {key: project for key, project in differing.items() if self._reports.get(key) is None}
        if len(differing) > _MANY:
            differing = await self._take_from_list(differing)
        missing = {key: held.project for key in known - listed if (held := self._reports.get(key))}
        await self._confirm_all({**differing, **missing})
        self._reports.complete()

    async def _let_the_watch_show(self, keys: set[Key]) -> None:
        try:
            async with asyncio.timeout(self._timing.settle_s):
                while not keys <= self._reports.keys():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            log.info("watch_is_slow", missing=len(keys - self._reports.keys()))

    async def _take_from_list(self, differing: dict[Key, str]) -> dict[Key, str]:
        """Take over many differences from another list; return those that it shows older than we hold them."""
        log.info("list_differed_much", applications=len(differing))
        left = dict(differing)
        async for item in applications(self._argocd):
            key = key_of(item)
            held = self._reports.get(key)
            version = str((item.get("metadata") or {}).get("resourceVersion") or "")
            if key in left and (held is None or is_newer(version, held.resource_version)):
                self._reports.seen(item)
                del left[key]
            elif key in left and self._reports.same_content(item):  # the watch has shown it meanwhile
                del left[key]
        return left

    async def _confirm_all(self, doubtful: dict[Key, str]) -> None:
        """Ask for each by itself: a list may be behind, and shows less of an application."""
        if doubtful:
            log.info("list_differed", applications=len(doubtful))
        limit = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for key, project in doubtful.items():
                group.create_task(self._confirm(key, project, limit))

    async def _confirm(self, key: Key, project: str, limit: asyncio.Semaphore) -> None:
        async with limit:
            held = self._reports.get(key)
            try:
                application = await self._argocd.get(application_path(key[1]), {"appNamespace": key[0], "project": project})
            except ArgoCdError as error:
                if error.kind in (Kind.NOT_FOUND, Kind.DENIED):
                    self._reports.gone(key)
                else:
                    log.info("application_unconfirmed", application=key[1], reason=str(error))
                return
            self._reports.seen(application, expected=held)

    def _set_state(self, state: WatchState, error: str) -> None:
        has_changed = (state, error) != (self.watch_state, self.watch_error)
        self.watch_state, self.watch_error = state, error
        if has_changed:
            self._on_health()

    def _set_list_error(self, error: str) -> None:
        if error != self.list_error:
            self.list_error = error
            self._on_health()


def backoff_s(failures: int, timing: Timing) -> float:
    """How long to wait before trying again: 1, 2, 4 … 30 s by default, each with jitter."""
    doubled = timing.backoff_min_s * float(2 ** min(max(failures - 1, 0), 10))
    return min(timing.backoff_max_s, doubled) * random.uniform(0.5, 1.0)  # noqa: S311 (jitter, not a secret)
