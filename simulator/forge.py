"""A small Git host: real Git (`git http-backend`) behind a threaded HTTP server with Basic auth, and knobs for its faults.

With a vendor (`running(root, vendor="gitea")`) it also has that host's API, webhooks and a web page for each pull request (simulator/forges/).
"""

import base64
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from simulator.bare import QUIET, WHO, BareRepository, GitFailed, git, make_repository
from simulator.forges import pages, storage
from simulator.forges.events import RefChanged
from simulator.forges.registry import make_vendor
from simulator.forges.state import ZEROS, Access, ForgeState
from simulator.forges.vendor import AnswerLost, Request, Response, Vendor, secret_of

__all__ = ["WHO", "BareRepository", "GitFailed", "GitServer", "git", "make_repository", "running"]


@dataclass
class GitServer:
    """A host that serves the bare repositories below a folder; its public fields may be turned while it runs."""

    root: Path
    port: int = 0
    users: dict[str, str] = field(default_factory=dict)  # name: password; empty: nobody is asked
    status: int = 0  # answer every request with it, e.g. 503
    push_status: int = 0  # answer pushes with it, e.g. 403
    latency_s: float = 0.0
    is_away: bool = False  # take connections and close them at once
    lose_push_answers: bool = False  # let the push land and close the connection
    hold_push_answers: bool = False  # let the push land and answer only after `let_go` is set
    has_landed: threading.Event = field(default_factory=threading.Event)  # a push landed
    let_go: threading.Event = field(default_factory=threading.Event)
    moved: dict[str, str] = field(default_factory=dict)  # "/old": where its requests are redirected to
    requests: list[str] = field(default_factory=list)  # "GET /shop/info/refs?service=git-upload-pack"
    authorizations: list[str] = field(default_factory=list)
    vendor: Vendor | None = None  # which host's API it has
    open_pages: bool = False  # anybody may merge and close on the web pages
    state_file: Path | None = None  # keeps the pull requests

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def forge(self) -> ForgeState:
        """Pull requests and the rest. Only with a vendor."""
        if self.vendor is None:
            raise LookupError("This host was started without a vendor.")
        return self.vendor.state


@contextmanager
def running(
    root: Path, *, users: Mapping[str, str] | None = None, port: int = 0, vendor: str = "", open_pages: bool = False, state_file: Path | None = None
) -> Iterator[GitServer]:
    """Serve on 127.0.0.1 until the block ends; port 0 takes a free one.

    `vendor` adds that host's API; users' passwords are tokens of it too. With `state_file` its pull requests outlive the process.
    """
    state = GitServer(root, users=dict(users or {}), open_pages=open_pages, state_file=state_file)
    if vendor:
        forge = ForgeState(root, tokens={password: Access(name) for name, password in state.users.items()})
        state.vendor = make_vendor(vendor, forge)
        if state_file is not None:
            storage.load(forge, state_file)
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(state))
    server.daemon_threads = True
    state.port = server.server_address[1]
    if state.vendor is not None:
        state.vendor.base_url = state.url
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet, else each answer waits for an acknowledgement
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self._body())

        def do_PUT(self) -> None:
            self._answer(self._body())

        def do_PATCH(self) -> None:
            self._answer(self._body())

        def do_DELETE(self) -> None:
            self._answer(self._body())

        def log_message(self, format: str, *args: object) -> None:
            """Tests read `requests` instead."""

        def _answer(self, body: bytes) -> None:
            server.requests.append(f"{self.command} {self.path}")
            server.authorizations.append(self.headers.get("Authorization", ""))
            time.sleep(server.latency_s) if server.latency_s else None
            if server.is_away:
                self.close_connection = True
                return
            is_push = "git-receive-pack" in self.path
            refusal = server.status or (server.push_status if is_push else 0)
            target = next((new for old, new in server.moved.items() if self.path.startswith(f"{old}/")), "")
            if refusal:
                self._send(refusal, [], b"refused\n")
            elif answer := self._from_vendor(body):
                _keep(server, self.command)
                if answer.status:
                    self._send(answer.status, _typed(answer), answer.raw)
            elif not self._is_known():
                self._send(401, [("WWW-Authenticate", 'Basic realm="git"')], b"who are you?\n")
            elif target:
                old = next(old for old in server.moved if self.path.startswith(f"{old}/"))
                self._send(301, [("Location", target + self.path.removeprefix(old))], b"")
            else:
                self._serve(body, is_push=is_push)

        def _from_vendor(self, body: bytes) -> Response | None:
            """The answer of the API or of a web page, status 0 for one that gets lost; None for Git's requests."""
            vendor = server.vendor
            if vendor is None:
                return None
            request = Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            if not vendor.owns(request.path):
                may_change = server.open_pages or secret_of(request.headers) in {*server.users.values(), *vendor.state.tokens}
                return pages.show(vendor, request, may_change=may_change)
            try:
                return vendor.answer(request)
            except AnswerLost:
                self.close_connection = True
                return Response(0)

        def _serve(self, body: bytes, *, is_push: bool) -> None:
            is_landing = is_push and self.command == "POST"
            before = _refs(server, self.path) if is_landing else {}
            status, headers, out = _backend(server, self, body)
            if is_landing:
                _tell(server, self.path, before)
                _keep(server, self.command)
                server.has_landed.set()
                if server.hold_push_answers:
                    server.let_go.wait(30)
                if server.lose_push_answers:
                    self.close_connection = True
                    return
            self._send(status, headers, out)

        def _send(self, status: int, headers: list[tuple[str, str]], out: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def _is_known(self) -> bool:
            accepted = {"Basic " + base64.b64encode(f"{name}:{password}".encode()).decode() for name, password in server.users.items()}
            given = self.headers.get("Authorization", "")
            tokens = server.vendor.state.tokens if server.vendor else {}
            return (not accepted and not tokens) or given in accepted or secret_of({"authorization": given}) in tokens

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

    return Handler


def _keep(server: GitServer, method: str) -> None:
    """Write the pull requests down after whatever may have changed them."""
    if server.vendor is not None and server.state_file is not None and method != "GET":
        storage.save(server.vendor.state, server.state_file)


def _typed(answer: Response) -> list[tuple[str, str]]:
    has_type = any(name.lower() == "content-type" for name, _ in answer.headers)
    return [*answer.headers, *([] if has_type or answer.content is None else [("Content-Type", "application/json; charset=utf-8")])]


def _repository_of(server: GitServer, target: str) -> str:
    """The path of the repository that a push goes to, without .git."""
    path = server.vendor.git_path(urlsplit(target).path) if server.vendor else urlsplit(target).path
    return unquote(path).strip("/").rpartition(".git/")[0]


def _refs(server: GitServer, target: str) -> dict[str, str]:
    folder = server.root / f"{_repository_of(server, target)}.git"
    if server.vendor is None or not folder.is_dir():
        return {}
    lines = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags", cwd=folder).splitlines()
    return {name: sha for name, _, sha in (line.partition(" ") for line in lines)}


def _tell(server: GitServer, target: str, before: Mapping[str, str]) -> None:
    """Tell the vendor what a push changed."""
    if server.vendor is None:
        return
    after, repository = _refs(server, target), _repository_of(server, target)
    moved = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    server.vendor.state.pushed(repository, [RefChanged(repository, name, before.get(name, ZEROS), after.get(name, ZEROS)) for name in moved])


def _backend(server: GitServer, request: Any, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Run git http-backend as a CGI program."""
    url = urlsplit(request.path)
    environment = {
        "PATH": os.environ["PATH"],
        **QUIET,
        "GIT_PROJECT_ROOT": str(server.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REQUEST_METHOD": request.command,
        "PATH_INFO": server.vendor.git_path(url.path) if server.vendor else url.path,
        "QUERY_STRING": url.query,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "REMOTE_USER": "somebody",
        "REMOTE_ADDR": "127.0.0.1",
    }
    ended = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, timeout=60, check=False)
    head, _, out = ended.stdout.partition(b"\r\n\r\n")
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in head.decode().split("\r\n")) if name]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    return status, [(name, value) for name, value in headers if name != "Status"], out
