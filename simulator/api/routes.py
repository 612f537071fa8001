"""Which path is served by what, the guards before it, and errors in the shape the path has."""

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from simulator.api import accounts, applications, inventory, logs, operations, resources, webhook
from simulator.api.calls import Call
from simulator.controller import Controller
from simulator.faults import Fault
from simulator.http import Answer, HangUp, Request, Response
from simulator.operations import Operations
from simulator.shapes import DEADLINE_EXCEEDED, UNKNOWN, ApiError
from simulator.world import World

log = structlog.get_logger(__name__)
_APP = r"/api/v1/applications/(?P<name>[^/]+)"


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    handle: Callable[[Call], Awaitable[Any]]
    is_stream: bool = False


def _route(method: str, pattern: str, handle: Callable[[Call], Awaitable[Any]], *, is_stream: bool = False) -> Route:
    return Route(method, re.compile(pattern + r"\Z"), handle, is_stream)


ROUTES = [
    _route("GET", "/api/version", accounts.version),
    _route("GET", "/api/v1/settings", accounts.settings),
    _route("GET", "/api/v1/session/userinfo", accounts.userinfo),
    _route("POST", "/api/v1/session", accounts.log_in),
    _route("DELETE", "/api/v1/session", accounts.log_out),
    _route("GET", r"/api/v1/account/can-i/(?P<resource>[^/]+)/(?P<action>[^/]+)/(?P<scope>.+)", accounts.can_i),
    _route("GET", "/api/v1/account", accounts.list_accounts),
    _route("GET", r"/api/v1/account/(?P<account>[^/]+)", accounts.get_account),
    _route("POST", r"/api/v1/account/(?P<account>[^/]+)/token", accounts.mint),
    _route("DELETE", r"/api/v1/account/(?P<account>[^/]+)/token/(?P<id>[^/]+)", accounts.delete_token),
    _route("GET", "/api/v1/applications", applications.list_applications),
    _route("GET", _APP, applications.get_application),
    _route("PATCH", _APP, applications.patch_application),
    _route("PUT", _APP + "/spec", applications.put_spec),
    _route("POST", _APP + "/sync", operations.sync),
    _route("DELETE", _APP + "/operation", operations.terminate),
    _route("POST", _APP + "/rollback", operations.rollback),
    _route("GET", _APP + "/resource-tree", resources.resource_tree),
    _route("GET", _APP + "/managed-resources", resources.managed_resources),
    _route("GET", _APP + "/resource", resources.resource),
    _route("GET", _APP + "/events", resources.events),
    _route("GET", _APP + "/logs", logs.logs, is_stream=True),
    _route("GET", _APP + r"/pods/(?P<pod>[^/]+)/logs", logs.logs, is_stream=True),
    _route("GET", _APP + "/syncwindows", applications.sync_windows),
    _route("GET", _APP + "/manifests", applications.manifests),
    _route("GET", _APP + "/links", applications.links),
    _route("GET", _APP + r"/revisions/(?P<revision>[^/]+)/metadata", applications.revision_metadata),
    _route("GET", "/api/v1/stream/applications", applications.watch_applications, is_stream=True),
    _route("GET", r"/api/v1/stream/applications/(?P<name>[^/]+)/resource-tree", resources.watch_tree, is_stream=True),
    _route("GET", "/api/v1/clusters", inventory.clusters),
    _route("GET", "/api/v1/repositories", inventory.repositories),
    _route("GET", "/api/v1/projects", inventory.projects),
    _route("GET", r"/api/v1/projects/(?P<project>[^/]+)", inventory.project),
]


class Api:
    """The handler of the API's port."""

    def __init__(self, world: World, controller: Controller, operations: Operations) -> None:
        self._world, self._controller, self._operations = world, controller, operations
        self.is_stopping = False

    async def handle(self, request: Request) -> Answer:
        injected = await self._injected(request)
        if injected:
            return injected
        if request.path == "/healthz":
            return Response.text("stopping", 503) if self.is_stopping else Response(200, b"ok", "text/plain; charset=utf-8")
        if request.path == "/api/webhook" and request.method == "POST":
            return await webhook.receive(self._world, self._controller, request)
        if not request.path.startswith("/api/"):
            return Response(200, b"<!doctype html><title>Argo CD</title>", "text/html; charset=utf-8")
        if request.method not in ("GET", "HEAD", "OPTIONS") and request.header("content-type").split(";")[0].strip().lower() != "application/json":
            return Response.text("Invalid content type", 415)
        return await self._routed(request)

    async def _routed(self, request: Request) -> Answer:
        fitting = [(route, found) for route in ROUTES if (found := route.pattern.match(request.path))]
        if not fitting:
            return Response.text("Not Found", 404)
        for route, found in fitting:
            if route.method == request.method:
                return await self._answer(route, Call(self._world, self._controller, self._operations, request, found.groupdict()))
        return Response.text("Method Not Allowed", 405)

    async def _answer(self, route: Route, call: Call) -> Answer:
        try:
            answer: Answer = await asyncio.wait_for(route.handle(call), _timeout_s(call.request))
        except TimeoutError:
            return Response.of(ApiError(DEADLINE_EXCEEDED, "context deadline exceeded").unary(), 504)
        except ApiError as error:
            return Response.of(error.streamed() if route.is_stream else error.unary(), error.http_status)
        except HangUp:
            raise
        except Exception as failure:  # the outermost loop: Argo CD answers 500 and lives on
            log.error("request_failed", path=call.request.path, trace=traceback.format_exc())
            return Response.of(ApiError(UNKNOWN, str(failure)).unary(), 500)
        return answer

    async def _injected(self, request: Request) -> Answer | None:
        faults = self._world.faults
        slow = faults.take("latency", path=request.path)
        if slow:
            await self._world.clock.sleep(float(slow.parameters.get("delay", 1)))
        fault = faults.take("http", path=request.path)
        return _injected_answer(fault) if fault else None


def _timeout_s(request: Request) -> float | None:
    """Of `Grpc-Timeout: 30S`; None = the server sets none."""
    found = re.fullmatch(r"(\d+)([HMSm])", request.header("grpc-timeout"))
    return int(found[1]) * {"H": 3600, "M": 60, "S": 1, "m": 0.001}[found[2]] if found else None


def _injected_answer(fault: Fault) -> Response:
    status = int(fault.parameters.get("status", 503))
    headers = {"Retry-After": str(fault.parameters["retry_after"])} if "retry_after" in fault.parameters else {}
    if fault.parameters.get("html"):
        return Response(status, f"<html><body><h1>{status}</h1></body></html>".encode(), "text/html", headers)
    text = str(fault.parameters.get("text", "injected"))
    answer = Response.of({"error": text, "code": 14, "message": text}, status)
    answer.headers = headers
    return answer
