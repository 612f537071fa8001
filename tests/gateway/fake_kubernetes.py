"""Secrets and Leases of a Kubernetes API, over HTTP: enough for the gateway's own library calls, conflicts included."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kubernetes.client import ApiClient, Configuration


class FakeKubernetes:
    """`with FakeKubernetes() as kubernetes`: `objects` by path; `denied` paths answer 403."""

    def __init__(self):
        self.objects = {}
        self.denied = False
        self._version = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"kubernetes": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def client(self):
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{self._server.server_port}"
        return ApiClient(configuration)

    def handle(self, method, path, body):
        with self._lock:
            if self.denied:
                return 403, {"message": "forbidden"}
            if method == "POST":
                path = f"{path}/{body['metadata']['name']}"
                if path in self.objects:
                    return 409, {"message": "exists"}
                return 201, self._store(path, body)
            held = self.objects.get(path)
            if held is None:
                return 404, {"message": "not found"}
            if method == "GET":
                return 200, held
            if method == "PATCH":
                return 200, self._store(path, {**held, "data": {**held.get("data", {}), **body["data"]}})
            if body["metadata"].get("resourceVersion") != held["metadata"]["resourceVersion"]:
                return 409, {"message": "conflict"}
            return 200, self._store(path, body)

    def _store(self, path, body):
        self._version += 1
        self.objects[path] = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        return self.objects[path]


class _Handler(BaseHTTPRequestHandler):
    kubernetes: FakeKubernetes
    wbufsize = -1

    def _any(self):
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        status, answer = self.kubernetes.handle(self.command, self.path.split("?")[0], body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = _any  # noqa: N815 (the base class's names)

    def log_message(self, *_):
        """Quiet."""
