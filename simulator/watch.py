"""The streams: applications and resource trees, in plain lines or as server-sent events, with their real weaknesses and injected faults."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from simulator.faults import Fault
from simulator.http import HangUp
from simulator.selecting import picked_paths, without
from simulator.shapes import AppKey, Json
from simulator.store import App
from simulator.world import World

Pick = Callable[[App], bool]
View = Callable[[App], Json]
_PATH = "/api/v1/stream/applications"


@dataclass(eq=False)
class Subscriber:
    """A bounded queue that silently drops what does not fit, as Argo CD's does."""

    limit: int
    events: deque[tuple[str, App, Json]] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, kind: str, app: App, document: Json) -> None:
        if len(self.events) < self.limit:
            self.events.append((kind, app, document))
            self.ready.set()


def framed(line: bytes, *, sse: bool) -> bytes:
    return b"data: " + line + b" \n\n\n" if sse else line + b"\n"


async def with_keepalive(lines: AsyncGenerator[bytes, None], *, world: World, sse: bool) -> AsyncGenerator[bytes, None]:
    """Frame the lines; between them a comment each 15 s, in SSE mode only, and only once there has been a line."""
    period = world.clock.scaled(world.config.knobs.sse_keepalive_seconds) if sse else None
    waiting: asyncio.Task[bytes] | None = None
    has_begun = False
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(_next(lines))
            done, _ = await asyncio.wait({waiting}, timeout=period)
            if not done:
                if has_begun and not world.faults.find("stream_stall", path=_PATH):
                    yield b":\n"
                continue
            line, waiting = await waiting, None
            if not line:
                return
            has_begun = True
            yield framed(line, sse=sse)
    finally:
        if waiting:
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await waiting
        await lines.aclose()


async def _next(lines: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(lines, b"")


async def applications(world: World, *, pick: Pick, is_visible: Pick, view: View, after: int | None, fields: list[str]) -> AsyncGenerator[bytes, None]:
    """One JSON line an event. `after` is the resourceVersion filter; with it there is no snapshot. `pick` selects by query, `is_visible` by RBAC."""
    subscriber = Subscriber(world.config.knobs.watch_buffer)
    stop = world.store.watch(lambda kind, app: subscriber.push(kind, app, app.doc))
    last_sent: dict[str, bytes] = {}
    faults = _StreamFaults(world)
    world.streams.add(subscriber.ready)
    try:
        if after is None:
            for app in list(world.store.sorted_apps()):
                if pick(app) and is_visible(app):
                    line = _line("ADDED", view(app), fields)
                    last_sent[app.name] = line
                    async for chunk in faults.passed(app.key, line):
                        yield chunk
        while True:
            await subscriber.ready.wait()
            subscriber.ready.clear()
            faults.check_idle()
            while subscriber.events:
                kind, app, document = subscriber.events.popleft()
                then = _at(app, document)
                if int(document["metadata"]["resourceVersion"]) < (after or 0) or not pick(then) or not is_visible(then):
                    continue
                line = _line(kind, view(then), fields)
                if last_sent.get(app.name) == line:
                    continue
                last_sent[app.name] = line
                async for chunk in faults.passed(app.key, line):
                    yield chunk
    finally:
        stop()
        world.streams.discard(subscriber.ready)


def _at(app: App, document: Json) -> App:
    """The application as it was at the event."""
    return app if app.doc is document else App(app.key, document)


def _line(kind: str, document: Json, fields: list[str]) -> bytes:
    event: Json = {"result": {"type": kind, "application": document}}
    if fields:
        is_dropping = fields[0].startswith("-")
        names = [fields[0].lstrip("-"), *fields[1:]]
        event = without(event, names) if is_dropping else picked_paths(event, names)
    return json.dumps(event, separators=(",", ":")).encode()


class _StreamFaults:
    """Passes lines on, drops them, or ends the stream, as the injected faults say."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._passed = 0

    def check_idle(self) -> None:
        """Cut a stream on which nothing happens."""
        cut = self._world.faults.find("stream_cut", path=_PATH)
        if cut and not cut.application and self._passed >= int(cut.parameters.get("after", 0)):
            self._cut(cut)

    async def passed(self, app: AppKey, line: bytes) -> AsyncGenerator[bytes, None]:
        faults = self._world.faults
        if faults.take("stream_drop", app=app, path=_PATH):
            return
        await faults.wait_while("stream_stall", app=app)
        cut = faults.find("stream_cut", app=app, path=_PATH)
        if cut and self._passed >= int(cut.parameters.get("after", 0)):
            self._cut(cut)
        if faults.take("stream_garbage", app=app, path=_PATH):
            yield line[: len(line) // 2]
            raise _Ended
        broken = faults.take("stream_error", app=app, path=_PATH)
        if broken:
            yield error_line(broken)
            raise _Ended
        self._passed += 1
        yield line

    def _cut(self, cut: Fault) -> None:
        self._world.faults.take_this(cut)
        if cut.parameters.get("how") == "reset":
            raise HangUp(reset=True)
        raise _Ended


class _Ended(Exception):
    """The stream ends cleanly here."""


def error_line(fault: Fault) -> bytes:
    text = str(fault.parameters.get("text", "injected"))
    error = {"grpc_code": 14, "http_code": 503, "message": text, "http_status": "Service Unavailable"}
    return json.dumps({"error": error}, separators=(",", ":")).encode()


async def until_end(lines: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The lines up to an injected clean end."""
    try:
        async for line in lines:
            yield line
    except _Ended:
        return
    finally:
        await lines.aclose()


async def trees(world: World, app: App, tree: Callable[[App], Json]) -> AsyncGenerator[bytes, None]:
    """The whole resource tree at each change."""
    last = b""
    while not app.gone:
        line = json.dumps({"result": tree(app)}, separators=(",", ":")).encode()
        if line != last:
            last = line
            yield line
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        app.waiting.add(waiter)
        try:
            await waiter
        finally:
            app.waiting.discard(waiter)
