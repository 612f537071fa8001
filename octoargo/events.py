"""One server-sent event stream that says "something changed"; pages then ask for their parts again.

It carries no content, so a page's permissions are checked where the page is made. Each process looks at cheap
markers in the database once a second while somebody listens: the same in one process and in many.
"""

import asyncio
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import get_user
from django.db import DatabaseError, close_old_connections
from django.db.models import Max
from django.http import HttpRequest

from deployments.models import Deployment, LiveState, LogEntry
from infrastructure.models import Application, Gateway, HealthCheck
from octoargo.middleware import CONTENT_SECURITY_POLICY

log = structlog.get_logger(__name__)
PATH = "/events/"
LOOK_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 15.0
Markers = dict[str, tuple[Any, ...]]
PROTECTED = [(b"content-security-policy", CONTENT_SECURITY_POLICY.encode()), (b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


def read_markers() -> Markers:
    """What changes when a topic's pages would show something else: {"applications": (…), …}."""
    close_old_connections()
    try:
        return {
            "applications": (
                Application.objects.aggregate(at=Max("reported_at"))["at"],
                LiveState.objects.aggregate(at=Max("checked_at"))["at"],
            ),
            "deployments": (
                LogEntry.objects.aggregate(last=Max("pk"))["last"],
                Deployment.objects.aggregate(last=Max("pk"))["last"],
                # Unfinished ones have a due time: its index spares the look at all that ever finished.
                tuple(Deployment.objects.unfinished().filter(due_at__isnull=False).values_list("pk", "status", "reason")),
            ),
            "instances": (
                HealthCheck.objects.aggregate(last=Max("pk"))["last"],
                tuple(Gateway.objects.values_list("pk", "epoch", "relay_url", "revoked_at").order_by("pk")),
            ),
        }
    finally:
        close_old_connections()


def is_signed_in(headers: list[tuple[bytes, bytes]]) -> bool:
    """Does the request carry a session of a person who is active and has not changed the password since?"""
    text = next((value.decode("latin-1") for name, value in headers if name == b"cookie"), "")
    try:
        morsel = SimpleCookie(text).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return False
    if morsel is None:
        return False
    store = import_module(settings.SESSION_ENGINE).SessionStore
    close_old_connections()
    try:
        request = HttpRequest()
        request.session = store(morsel.value)
        return get_user(request).is_authenticated
    finally:
        close_old_connections()


class _Watcher:
    """Looks at the markers for all listeners of this process, and only while there are any."""

    def __init__(self) -> None:
        self.listeners: set[asyncio.Queue[str]] = set()
        self._task: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()

    async def join(self) -> asyncio.Queue[str]:
        """What comes out of the queue is everything that changes from now on."""
        queue: asyncio.Queue[str] = asyncio.Queue(maxsize=16)
        self.listeners.add(queue)
        if self._task is None or self._task.done():
            self._looked.clear()
            self._task = asyncio.create_task(self._look())
        await self._looked.wait()
        return queue

    async def _look(self) -> None:
        before: Markers | None = None
        while self.listeners:
            try:
                now = await asyncio.to_thread(read_markers)
            except DatabaseError:
                log.warning("event_markers_unreadable")
            else:
                for topic in now:
                    if before is not None and now[topic] != before[topic]:
                        self._tell(topic)
                before = now
            self._looked.set()
            await asyncio.sleep(LOOK_SECONDS)

    def _tell(self, topic: str) -> None:
        for queue in self.listeners:
            if not queue.full():  # a reader that slow asks for everything anyway
                queue.put_nowait(topic)


_watchers: dict[int, _Watcher] = {}


async def stream(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with an endless text/event-stream: `event: applications`, `deployments` or `instances`, data the same word."""
    try:
        refusal = None if await asyncio.to_thread(is_signed_in, scope["headers"]) else (403, b"Sign in first.\n")
    except DatabaseError:
        refusal = (503, b"The database does not answer.\n")
    if refusal is not None:
        await send({"type": "http.response.start", "status": refusal[0], "headers": [(b"content-type", b"text/plain"), *PROTECTED]})
        await send({"type": "http.response.body", "body": refusal[1]})
        return
    headers = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no"), *PROTECTED]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    watcher = _watchers.setdefault(id(asyncio.get_running_loop()), _Watcher())
    queue = await watcher.join()
    gone = asyncio.create_task(_wait_for_disconnect(receive))
    try:
        await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
        while not gone.done():
            topic = asyncio.create_task(queue.get())
            await asyncio.wait({topic, gone}, timeout=KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            body = f"event: {topic.result()}\ndata: {topic.result()}\n\n" if topic.done() else ":\n\n"
            if not topic.done():
                topic.cancel()
            if not gone.done():
                await send({"type": "http.response.body", "body": body.encode(), "more_body": True})
    finally:
        watcher.listeners.discard(queue)
        gone.cancel()


async def _wait_for_disconnect(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
