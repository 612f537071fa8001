"""An Argo CD of a few lines that a test can make misbehave, byte by byte. The simulator is the faithful one."""

import asyncio
import contextlib
import copy
import json
from urllib.parse import parse_qs, unquote, urlsplit

import jwt

TOKEN = jwt.encode({"iss": "argocd", "sub": "octoargo:apiKey", "exp": 4_000_000_000}, "s" * 32, algorithm="HS256")


def make_application(name="shop", *, version="1", uid=None, namespace="argocd", revision="a" * 40, sync="Synced", **status):
    """A small Application, as the API shows it."""
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid or f"uid-{name}",
            "resourceVersion": version,
            "generation": int(version),
            "managedFields": [{"manager": "argocd"}],
        },
        "spec": {"project": "default", "source": {"repoURL": "https://git.example.test/shop.git", "path": ".", "targetRevision": "main"}},
        "status": {
            "sync": {"status": sync, "revision": revision},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-11-21T21:42:03Z",
            **status,
        },
    }


class FakeArgoCd:
    """`async with FakeArgoCd() as argocd`. Change `applications` by `put` and `remove`; script answers in `answers`."""

    def __init__(self, *applications):
        self.applications = {app["metadata"]["name"]: app for app in applications}
        self.requests = []  # (method, path, query, body)
        self.answers = {}  # (method, path) -> list of: (status, body), or an async function(writer) that does as it likes
        self.token_is_valid = True
        self.denied = set()  # e.g. "applications/sync"
        self.version = {"Version": "v3.5.1+abc1234"}
        self.keeps_watch_silent = False
        self.clusters = []
        self._watches = []
        self._server = None
        self._connections = set()
        self._tls = None

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    def with_tls(self, context):
        self._tls = context
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self):
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    # What a test does

    def put(self, application, *, silently=False):
        """Create or change an application; `silently`: the watch loses it."""
        name = application["metadata"]["name"]
        kind = "MODIFIED" if name in self.applications else "ADDED"
        self.applications[name] = application
        if not silently:
            self._tell(kind, application)

    def remove(self, name, *, silently=False):
        application = self.applications.pop(name)
        if not silently:
            self._tell("DELETED", application)

    def cut_watches(self):
        for writer in self._watches:
            writer.transport.abort()

    @property
    def watch_count(self):
        return len(self._watches)

    def count(self, method, path):
        return sum(1 for request in self.requests if request[:2] == (method, path))

    # What Argo CD does

    def _tell(self, kind, application):
        line = _event(kind, application)
        for writer in self._watches:
            writer.write(line)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._connections.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, reader, writer):
        line = await reader.readline()
        if not line:
            return False
        method, target, _ = line.decode().split()
        headers = {}
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length") or 0))
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path)
        self.requests.append((method, path, query, json.loads(body) if body else None))
        if path == "/api/v1/stream/applications":
            await self._stream(reader, writer)
            return False
        if method != "GET" and headers.get("content-type") != "application/json":
            await _write(writer, 415, "Invalid content type")
            return True
        scripted = self.answers.get((method, path))
        answer = scripted.pop(0) if scripted else self._regular(method, path, query)
        if callable(answer):
            await answer(writer)
            return False
        await _write(writer, *answer)
        return True

    def _regular(self, method, path, query):
        if path == "/api/version":
            return 200, self.version
        if path == "/api/v1/session/userinfo":
            return 200, {"loggedIn": True, "username": "octoargo", "iss": "argocd"} if self.token_is_valid else {}
        if not self.token_is_valid:
            return 401, {"error": "invalid session: account octoargo does not have token with id 6a", "code": 16}
        if path.startswith("/api/v1/account/can-i/"):
            resource, verb = path.split("/")[5:7]
            return 200, {"value": "no" if f"{resource}/{verb}" in self.denied else "yes"}
        if path == "/api/v1/clusters":
            return 200, {"metadata": {}, "items": self.clusters or None}
        if path == "/api/v1/applications":
            return 200, {"metadata": {}, "items": [self.applications[name] for name in sorted(self.applications)] or None}
        name, _, rest = path.removeprefix("/api/v1/applications/").partition("/")
        application = self.applications.get(name)
        if application is None:
            found = "project" in query
            return (404, _error(5, f'applications.argoproj.io "{name}" not found')) if found else (403, _error(7, "permission denied"))
        if method == "POST" and rest == "sync":
            return 200, self.start_operation(name, self.requests[-1][3])
        return 200, application

    def start_operation(self, name, body):
        """What POST sync does: set the operation, clear its state."""
        application = copy.deepcopy(self.applications[name])
        application["operation"] = {"sync": {"revision": body.get("revision", "")}, "info": body.get("infos", [])}
        application["status"].pop("operationState", None)
        application["metadata"]["resourceVersion"] = str(int(application["metadata"]["resourceVersion"]) + 1)
        self.put(application)
        return application

    async def _stream(self, reader, writer):
        """The event stream: not even a status line until there is something to show."""
        if not self.keeps_watch_silent and self.applications:
            writer.write(_event("", None, head=True))
            for name in sorted(self.applications):
                writer.write(_event("ADDED", self.applications[name]))
        elif not self.keeps_watch_silent:
            first = asyncio.Event()
            writer = _HeadFirst(writer, first)
        self._watches.append(writer)
        try:
            await reader.read()
        finally:
            with contextlib.suppress(ValueError):
                self._watches.remove(writer)


class _HeadFirst:
    """Writes the status line before the first event."""

    def __init__(self, writer, first):
        self._writer, self._first = writer, first
        self.transport = writer.transport

    def write(self, line):
        if not self._first.is_set():
            self._first.set()
            self._writer.write(_event("", None, head=True))
        self._writer.write(line)


def _event(kind, application, *, head=False):
    if head:
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return b"data: " + json.dumps({"result": {"type": kind, "application": application}}).encode() + b"\n\n"


def _error(code, message):
    return {"error": message, "code": code, "message": message}


async def _write(writer, status, body, content_type="application/json"):
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    kind = "text/plain" if isinstance(body, str) and not body.startswith("<") else "text/html" if isinstance(body, str) else content_type
    writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
    await writer.drain()
