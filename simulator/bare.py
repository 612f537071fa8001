"""Bare Git repositories on disk, changed with git itself as by somebody's push."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
