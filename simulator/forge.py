"""A small Git host: real Git (`git http-backend`) behind a threaded HTTP server with Basic auth, and knobs for its faults."""

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
from urllib.parse import urlsplit

WHO = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"}
QUIET = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}


class GitFailed(Exception):
    """git ended with an error; the message is what it said."""


def git(*arguments: str, cwd: Path | None = None, feed: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run git as somebody else would; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | QUIET | WHO | dict(env or {})
    ended = subprocess.run(["git", *arguments], cwd=cwd, input=feed, env=environment, capture_output=True, timeout=60, check=False)
    if ended.returncode != 0:
        raise GitFailed(f"git {' '.join(arguments)}: {ended.stderr.decode()}")
    return ended.stdout.decode(errors="replace").strip()


@dataclass(frozen=True)
class BareRepository:
    """A host's repository on disk, changed as by somebody's push."""

    path: Path

    @property
    def file_url(self) -> str:
        return f"file://{self.path}"

    def commit(self, files: Mapping[str, bytes | str | None], *, branch: str = "main", message: str = "Change", modes: Mapping[str, str] | None = None) -> str:
        """Commit files (None deletes) on top of a branch and return the SHA. Mode "120000" makes a symbolic link."""
        ref, when = f"refs/heads/{branch}", int(time.time())
        head = git("for-each-ref", "--format=%(objectname)", ref, cwd=self.path)
        stream = [b"commit %s\ncommitter Ada <ada@example.com> %d +0000\n" % (ref.encode(), when), _data(message.encode() + b"\n")]
        stream += [f"from {head}\n".encode()] if head else []
        for path, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            mode = (modes or {}).get(path, "100644")
            stream += [f'D "{path}"\n'.encode()] if raw is None else [f'M {mode} inline "{path}"\n'.encode(), _data(raw)]
        git("fast-import", "--quiet", "--force", cwd=self.path, feed=b"".join(stream))
        return self.head(branch)

    def head(self, branch: str = "main") -> str:
        return git("rev-parse", f"refs/heads/{branch}", cwd=self.path)

    def read(self, path: str, ref: str = "main") -> bytes:
        return subprocess.run(["git", "cat-file", "blob", f"{ref}:{path}"], cwd=self.path, capture_output=True, check=True, timeout=60).stdout

    def log(self, ref: str = "main", *, form: str = "%s") -> list[str]:
        """One line per commit, newest first."""
        return git("log", f"--format={form}", ref, cwd=self.path).splitlines()

    def add_hook(self, name: str, script: str) -> None:
        """E.g. add_hook("pre-receive", "echo no >&2; exit 1")."""
        hook = self.path / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(0o755)


def make_repository(path: Path, files: Mapping[str, bytes | str | None] | None = None) -> BareRepository:
    """A bare repository with the default branch main, and a first commit if there are files."""
    git("init", "--quiet", "--bare", "--initial-branch=main", str(path))
    git("config", "http.receivepack", "true", cwd=path)
    repository = BareRepository(path)
    if files:
        repository.commit(files, message="First")
    return repository


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

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(root: Path, *, users: Mapping[str, str] | None = None, port: int = 0) -> Iterator[GitServer]:
    """Serve on 127.0.0.1 until the block ends; port 0 takes a free one."""
    state = GitServer(root, users=dict(users or {}))
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(state))
    server.daemon_threads = True
    state.port = server.server_address[1]
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
            elif not self._is_known():
                self._send(401, [("WWW-Authenticate", 'Basic realm="git"')], b"who are you?\n")
            elif target:
                old = next(old for old in server.moved if self.path.startswith(f"{old}/"))
                self._send(301, [("Location", target + self.path.removeprefix(old))], b"")
            else:
                self._serve(body, is_push=is_push)

        def _serve(self, body: bytes, *, is_push: bool) -> None:
            status, headers, out = _backend(server, self, body)
            if is_push and self.command == "POST":
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
            return not accepted or self.headers.get("Authorization") in accepted

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
        "PATH_INFO": url.path,
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


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
