"""Real Git: resolves revisions with ls-remote, fetches into bare mirrors, reads whole trees.

Credentials travel in GIT_CONFIG_* variables: never in argv, a URL or a message.
"""

import base64
import functools
import hashlib
import io
import os
import re
import subprocess
import tarfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from simulator.shapes import Json, normalise_url, stamp

SHA = re.compile(r"[0-9a-f]{40}\Z")
_TREES_KEPT, _LARGEST_FILE = 12, 2_000_000
Tree = Mapping[str, bytes]


class SourceError(Exception):
    """A source cannot be read or rendered; the message is the tail of Argo CD's text (`rpc error: code = …`)."""


class Sources(Protocol):
    """What rendering needs from Git; tests use a dict."""

    def tree(self, url: str, sha: str) -> Tree: ...


@dataclass(frozen=True)
class Commit:
    author: str
    date: str
    message: str
    tags: list[str]


class _Refs:
    """Runs ls-remote once for everybody who was waiting when it began."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.round = 0
        self.answer: dict[str, str] | SourceError = {}


class Repositories:
    """Thread-safe: called from a pool."""

    def __init__(self, directory: Path, repositories: list[Json], *, timeout_s: float) -> None:
        self._directory = directory
        self._timeout_s = timeout_s
        self.configured = list(repositories)
        self._trees: OrderedDict[str, Tree] = OrderedDict()
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._refs: dict[str, _Refs] = {}

    def resolve(self, url: str, revision: str) -> str:
        """The commit of a branch, tag, HEAD or full SHA. Raises SourceError."""
        if SHA.match(revision):
            return revision
        refs = self._ls_remote(url)
        wanted = revision or "HEAD"
        for name in (f"refs/tags/{wanted}^{{}}", wanted, f"refs/heads/{wanted}", f"refs/tags/{wanted}"):
            if name in refs:
                return refs[name]
        if re.fullmatch(r"[0-9a-f]{7,39}", wanted):
            return self._expand(url, wanted)
        raise SourceError(f"rpc error: code = Unknown desc = unable to resolve '{wanted}' to a commit SHA")

    def tree(self, url: str, sha: str) -> Tree:
        """All files of a commit by path. Raises SourceError."""
        cache_key = f"{normalise_url(url)}@{sha}"
        with self._lock(url):
            found = self._trees.get(cache_key)
            if found is None:
                found = _untar(self.run(self._mirror_with(url, sha), "archive", "--format=tar", sha))
                with self._guard:
                    self._trees[cache_key] = found
                    while len(self._trees) > _TREES_KEPT:
                        self._trees.popitem(last=False)
            return found

    def commit(self, url: str, sha: str) -> Commit:
        with self._lock(url):
            mirror = self._mirror_with(url, sha)
            text = self.run(mirror, "log", "-1", "--format=%an <%ae>%x00%ct%x00%B", sha, "--").decode(errors="replace")
            author, date, message = text.split("\0", 2)
            tags = self.run(mirror, "tag", "--points-at", sha).decode().split()
            return Commit(author, stamp(datetime.fromtimestamp(int(date), UTC)), message.strip(), tags)

    def changed_paths(self, url: str, old: str, new: str) -> list[str]:
        with self._lock(url):
            self._mirror_with(url, old)
            return self.run(self._mirror_with(url, new), "diff", "--name-only", old, new).decode(errors="replace").splitlines()

    def check(self, url: str) -> str:
        """'' when the repository answers, else why not."""
        try:
            self._ls_remote(url)
        except SourceError as error:
            return str(error)
        return ""

    def _lock(self, url: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(normalise_url(url), threading.Lock())

    def _ls_remote(self, url: str) -> dict[str, str]:
        with self._guard:
            refs = self._refs.setdefault(normalise_url(url), _Refs())
            asked_in = refs.round
        with refs.lock:
            if refs.round <= asked_in:  # a round that ran when we asked may have begun before the push we must see
                refs.round += 1
                try:
                    refs.answer = _parse_refs(self.run(None, "ls-remote", "--", url, url=url))
                except SourceError as error:
                    refs.answer = error
            answer = refs.answer
        if isinstance(answer, SourceError):
            raise SourceError(str(answer))
        return answer

    def _expand(self, url: str, short: str) -> str:
        with self._lock(url):
            mirror = self._mirror(url)
            self._fetch(url, mirror)
            found = self.run(mirror, "rev-parse", "--verify", "--quiet", f"{short}^{{commit}}").decode().strip()
            return found

    def _mirror(self, url: str) -> Path:
        mirror = self._directory / hashlib.sha256(normalise_url(url).encode()).hexdigest()[:24]
        if not (mirror / "HEAD").exists():
            self.run(None, "init", "--quiet", "--bare", str(mirror))
        return mirror

    def _mirror_with(self, url: str, sha: str) -> Path:
        mirror = self._mirror(url)
        if not self._has(mirror, sha):
            self._fetch(url, mirror)
            if not self._has(mirror, sha):
                raise SourceError(f"rpc error: code = Internal desc = Failed to checkout revision {sha}: reference is not a tree")
        return mirror

    def _fetch(self, url: str, mirror: Path) -> None:
        self.run(mirror, "fetch", "--quiet", "--force", "--prune", "--no-write-fetch-head", "--", url, "+refs/*:refs/*", url=url)

    def _has(self, mirror: Path, sha: str) -> bool:
        try:
            self.run(mirror, "cat-file", "-e", f"{sha}^{{commit}}")
        except SourceError:
            return False
        return True

    def run(self, mirror: Path | None, *arguments: str, url: str = "") -> bytes:
        where = ["-C", str(mirror)] if mirror else []
        command = ["git", *where, *arguments]
        try:
            done = subprocess.run(command, env=self.environment(url), capture_output=True, timeout=self._timeout_s, check=False)
        except subprocess.TimeoutExpired:
            raise SourceError("rpc error: code = Unknown desc = failed to list refs: context deadline exceeded") from None
        if done.returncode:
            raise SourceError(f"rpc error: code = Unknown desc = failed to list refs: {_reason(done.stderr)}")
        return done.stdout

    def environment(self, url: str) -> dict[str, str]:
        configuration = {"safe.directory": "*", "gc.auto": "0", "protocol.version": "2", "credential.helper": "", "core.askPass": ""}
        found = next((r for r in self.configured if url and r.get("username") and normalise_url(r["url"]) == normalise_url(url)), None)
        if found:
            secret = base64.b64encode(f"{found['username']}:{found.get('password', '')}".encode()).decode()
            configuration["http.extraHeader"] = f"Authorization: Basic {secret}"
        names = {f"GIT_CONFIG_KEY_{i}": key for i, key in enumerate(configuration)}
        values = {f"GIT_CONFIG_VALUE_{i}": value for i, value in enumerate(configuration.values())}
        return {**_base_environment(str(self._directory)), "GIT_CONFIG_COUNT": str(len(configuration)), **names, **values}


@functools.cache
def _base_environment(home: str) -> dict[str, str]:
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": home, **quiet}


def _reason(stderr: bytes) -> str:
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ") if lines else "unknown error"


def _parse_refs(output: bytes) -> dict[str, str]:
    pairs = (line.split("\t", 1) for line in output.decode(errors="replace").splitlines() if "\t" in line)
    return {name: sha for sha, name in pairs}


def _untar(archive: bytes) -> Tree:
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            if member.isfile() and member.size <= _LARGEST_FILE:
                content = tar.extractfile(member)
                files[member.name] = content.read() if content else b""
    return files
