"""Injected failures: which are active, for whom, and for how long. Everything else asks here.

A fault: {"kind", "application"?: "ns/name" or "name" glob, "path"?: glob, "count"?: n, "seconds"?: real seconds, ...parameters}.
"""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.policy import matches
from simulator.shapes import AppKey, Json

KINDS = frozenset(
    [
        "refresh_delay",
        "refresh_hang",
        "degraded",
        "flap",
        "progressing_forever",
        "sync_fail",
        "sync_error",
        "hook_fail",
        "hook_hang",
        "repo_down",
        "cluster_down",
        "controller_down",
        "stream_cut",
        "stream_stall",
        "stream_drop",
        "stream_garbage",
        "stream_error",
        "http",
        "latency",
    ]
)


@dataclass(eq=False)
class Fault:
    id: int
    kind: str
    application: str = ""
    path: str = ""
    count: int | None = None
    parameters: Json = field(default_factory=dict)

    def fits(self, app: AppKey | None, path: str) -> bool:
        if self.application and (app is None or not (matches(self.application, app.name) or matches(self.application, str(app)))):
            return False
        return not self.path or matches(self.path, path)

    def document(self) -> Json:
        return {"id": self.id, "kind": self.kind, "application": self.application, "path": self.path, "count": self.count, **self.parameters}


class Faults:
    def __init__(self) -> None:
        self.active: list[Fault] = []
        self._ids = itertools.count(1)
        self._listeners: list[Callable[[Fault, bool], None]] = []
        self._waiting: set[asyncio.Future[None]] = set()

    def listen(self, listener: Callable[[Fault, bool], None]) -> None:
        """Called with (fault, True) when one begins and (fault, False) when it has ended."""
        self._listeners.append(listener)

    def inject(self, given: Json) -> Fault:
        known = dict(given)
        count, seconds = known.pop("count", None), known.pop("seconds", None)
        kind, application, path = (str(known.pop(name, "")) for name in ("kind", "application", "path"))
        fault = Fault(next(self._ids), kind, application, path, int(count) if count is not None else None, known)
        self.active.append(fault)
        if seconds is not None:
            asyncio.get_running_loop().call_later(float(seconds), self.end, fault)
        self._tell(fault, True)
        return fault

    def end(self, fault: Fault) -> None:
        if fault in self.active:
            self.active.remove(fault)
            self._tell(fault, False)

    def clear(self, kind: str = "") -> int:
        ended = [fault for fault in self.active if not kind or fault.kind == kind]
        for fault in ended:
            self.end(fault)
        return len(ended)

    def find(self, kind: str, *, app: AppKey | None = None, path: str = "") -> Fault | None:
        return next((fault for fault in self.active if fault.kind == kind and fault.fits(app, path)), None)

    def take(self, kind: str, *, app: AppKey | None = None, path: str = "") -> Fault | None:
        """As `find`, and count it as having struck once."""
        fault = self.find(kind, app=app, path=path)
        if fault is not None:
            self.take_this(fault)
        return fault

    def take_this(self, fault: Fault) -> None:
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self.end(fault)

    async def wait_while(self, kind: str, *, app: AppKey | None = None) -> None:
        while self.find(kind, app=app):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            try:
                await waiter
            finally:
                self._waiting.discard(waiter)

    def _tell(self, fault: Fault, has_begun: bool) -> None:
        for listener in self._listeners:
            listener(fault, has_begun)
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
