"""What the tests of the simulator share: a repository on disk, applications, an HTTP client and a recording watch."""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

IN_CLUSTER = "https://kubernetes.default.svc"
FAST = {"reconcile_seconds": 3600, "jitter_seconds": 0}
PATIENCE_S = 15


def deployment(name="shop", image="ghcr.io/acme/shop:1.0.0", extra="", annotations="{}"):
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, annotations: {annotations}}}
spec:
  template: {{spec: {{containers: [{{name: app, image: "{image}"}}]}}}}
{extra}"""


CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop-settings}\ndata: {colour: blue}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {ports: [{port: 80}]}\n"


def job(name="migrate", hook="PreSync", annotations=""):
    return f"""apiVersion: batch/v1
kind: Job
metadata: {{generateName: {name}-, annotations: {{argocd.argoproj.io/hook: {hook}{annotations}}}}}
spec: {{template: {{spec: {{containers: [{{name: run, image: "ghcr.io/acme/migrate:1.0.0"}}]}}}}}}
"""


class Repository:
    """A bare repository and the clone somebody works in."""

    def __init__(self, folder: Path, files=None):
        self.bare, self._work = folder / "shop.git", folder / "work"
        self._git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), cwd=folder)
        self._git("init", "--quiet", "--initial-branch=main", str(self._work), cwd=folder)
        self.url = f"file://{self.bare}"
        self.first = self.commit(files or {"apps/shop/deployment.yaml": deployment(), "apps/shop/settings.yaml": CONFIG_MAP, "apps/shop/service.yaml": SERVICE})

    def commit(self, files, message="Change"):
        """Write (None deletes) and push; the commit's SHA."""
        for name, content in files.items():
            path = self._work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_text(content)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "-m", message)
        self._git("push", "--quiet", "--force", str(self.bare), "HEAD:main")
        return self._git("rev-parse", "HEAD")

    def tag(self, name):
        self._git("tag", "-a", name, "-m", name)
        self._git("push", "--quiet", str(self.bare), name)

    def _git(self, *arguments, cwd=None):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.test", "-c", "commit.gpgsign=false"]
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(["git", *who, *arguments], cwd=cwd or self._work, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()


def application(repository, name="shop", *, path="apps/shop", labels=None, annotations=None, policy=None, initially="", **spec):
    source = {"repoURL": getattr(repository, "url", repository), "path": path, "targetRevision": "main"}
    base = {"destination": {"server": IN_CLUSTER, "namespace": name}, "project": "default"}
    base |= {} if "sources" in spec else {"source": source}
    metadata = {"name": name, "labels": labels or {"team": "shop"}, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": base | ({"syncPolicy": policy} if policy else {}) | spec, "initially": initially}


AUTOMATED = {"automated": {"prune": True, "selfHeal": True}}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


class Client:
    """Calls an Argo CD by URL and token; answers of any status come back as they are."""

    def __init__(self, url, token, *, context=None):
        self.url, self.token, self.context = url, token, context

    def call(self, method, path, body=None, *, headers=None, token="", timeout=30):
        known = {"Content-Type": "application/json"} if method != "GET" else {}
        token = self.token if token == "" else token
        known |= {"Authorization": f"Bearer {token}"} if token else {}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, {**known, **(headers or {})}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.context) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, dict(refused.headers), refused.read())

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.call("POST", path, body if body is not None else {}, **options)

    def application(self, name):
        return self.get(f"/api/v1/applications/{name}").json()

    def refresh(self, name, kind="normal"):
        return self.get(f"/api/v1/applications/{name}?refresh={kind}").json()

    def sync(self, name, body=None):
        return self.post(f"/api/v1/applications/{name}/sync", body or {})

    def wait(self, name, holds, *, seconds=PATIENCE_S):
        """The application as soon as the condition holds."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.application(name)
            if "metadata" in found and holds(found):
                return found
            assert time.monotonic() < deadline, f"never happened; last: {json.dumps(found.get('status'), indent=1)[:3000]}"
            time.sleep(0.02)

    def wait_settled(self, name):
        return self.wait(name, lambda a: sync_of(a) == "Synced" and health_of(a) == "Healthy" and "operation" not in a)

    def raw(self, request: bytes):
        """A connection on which the request has been sent."""
        parts = urlsplit(self.url)
        connection = socket.create_connection((parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)), timeout=5)
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_hostname=parts.hostname)
        connection.sendall(request)
        return connection

    def stream(self, path, *, sse=False):
        accept = "text/event-stream" if sse else "application/json"
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\nAccept: {accept}\r\nAccept-Encoding: identity\r\n\r\n"
        return self.raw(head.encode())


@dataclass
class Seen:
    """One event of a watch, and when it came."""

    kind: str
    app: dict[str, Any]
    at: float

    def row(self):
        """(operation set?, phase, finished?, sync, health, history ids, images' tags): the columns of the recorded timelines."""
        status = self.app["status"]
        state = status.get("operationState", {})
        tags = [image.rpartition(":")[2] for image in status["summary"].get("images", [])]
        history = [entry["id"] for entry in status.get("history", [])]
        return ("operation" in self.app, state.get("phase"), "finishedAt" in state, sync_of(self.app), health_of(self.app), history, tags)


@dataclass
class Watch:
    """Records the stream of applications in a thread, until the `with` block ends."""

    client: Client
    query: str = ""
    events: list[Seen] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        request = urllib.request.Request(f"{self.client.url}/api/v1/stream/applications{self.query}", headers={"Authorization": f"Bearer {self.client.token}"})
        self._answer = None
        self._thread = threading.Thread(target=self._read, args=(request,), daemon=True)
        self._thread.start()
        return self

    def _read(self, request):
        try:
            with urllib.request.urlopen(request, timeout=60, context=self.client.context) as self._answer:
                for line in self._answer:
                    event = json.loads(line)["result"]
                    self.events.append(Seen(event["type"], event["application"], time.monotonic()))
        except (OSError, ValueError, AttributeError, KeyError):
            pass
        finally:
            self.ended.set()

    def __exit__(self, *_):
        if self._answer is not None and self._answer.fp is not None:
            raw = self._answer.fp.raw._sock
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def until(self, holds, *, seconds=PATIENCE_S):
        """The first event for which the condition holds."""
        deadline = time.monotonic() + seconds
        while True:
            for seen in list(self.events):
                if holds(seen):
                    return seen
            assert time.monotonic() < deadline, [seen.row() for seen in self.events]
            time.sleep(0.01)

    def rows(self, name="shop"):
        return [seen.row() for seen in self.events if seen.app["metadata"]["name"] == name]

    def of(self, name="shop"):
        return [seen for seen in self.events if seen.app["metadata"]["name"] == name]


def sync_of(app):
    return app["status"]["sync"].get("status", "")


def health_of(app):
    return app["status"]["health"].get("status", "")


def phase_of(app):
    return app["status"].get("operationState", {}).get("phase")


def revision_of(app):
    return app["status"]["sync"].get("revision", "")


def eventually(holds, *, seconds=PATIENCE_S):
    """The first true answer of the question."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.02)
    return answer
