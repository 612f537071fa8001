"""One bare clone on disk, made when it is first needed and fetched under a lock."""

import hashlib
import re
import shutil
import time
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager
from itertools import zip_longest
from pathlib import Path

import structlog

from deployments.git.commands import Commands
from deployments.git.environment import Access
from deployments.git.errors import BranchMissing, GitError, explain
from deployments.git.locks import held
from deployments.git.reads import check_sha
from deployments.git.remote import HEADS, check_branch_name

log = structlog.get_logger(__name__)
STALE_LOCK = re.compile(r"\.lock': File exists", re.IGNORECASE)
BROKEN = re.compile(
    r"not a git repository|object file \S+ is empty|loose object \S+ .*corrupt|is corrupt|bad object|missing blob|missing tree|could not parse object|"
    r"did not send all necessary objects|unable to read tree|packfile \S+ (?:cannot be accessed|is not|index)",
    re.IGNORECASE,
)
UNKNOWN_COMMIT = re.compile(r"not our ref|couldn.t find remote ref|unadvertised object|unable to find|no such remote ref", re.IGNORECASE)
ONE_IN_THE_WAY = re.compile(r"cannot lock ref|unable to update local ref|refname conflict|non-directory in the way", re.IGNORECASE)
FETCH = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"]
LEFT_OVER_AFTER_S = 24 * 3600
ALL_BRANCHES = "+refs/heads/*:refs/heads/*"


class Clone:
    """The full history of the branches that were asked for. Safe between threads and processes."""

    def __init__(self, access: Access, *, directory: Path) -> None:
        self.access = access
        self.git_dir = directory / f"{_name(access.url.key)}.git"
        self.commands = Commands(access, directory=directory, git_dir=self.git_dir)
        if not (self.git_dir / "HEAD").exists():
            self._create(directory)

    @property
    def address(self) -> str:
        return self.commands.address

    def fetch(self, branch: str) -> str:
        """Bring a branch up to date and return its head.

        Raises BranchMissing, or another GitError when the host does not answer as it should.
        """
        ref = HEADS + check_branch_name(branch)
        with self._fetching():
            error = self._fetch(f"+{ref}:{ref}")
            if error and ONE_IN_THE_WAY.search(error):  # "a" is in the way of "a/b" after a rename
                error = self._fetch(ALL_BRANCHES, "--prune")
            if error:
                raise self._explained(error, branch)
            return self.commands.answer(["rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}"]).decode().strip()

    def ensure_commits(self, shas: Iterable[str]) -> dict[str, bool]:
        """Fetch those commits that are not here; False for what the host does not have.

        Raises GitError when the host does not answer.
        """
        here = self._have(shas)
        if all(here.values()):
            return here
        with self._fetching():
            if error := self._fetch(ALL_BRANCHES, "--prune"):
                raise self._explained(error, "of that name")
            here = self._have(here)
            for sha in [sha for sha, is_here in here.items() if not is_here]:
                here[sha] = self._fetch_lost(sha)
        return here

    def ensure_commit(self, sha: str) -> bool:
        return self.ensure_commits([sha])[sha]

    def has_commit(self, sha: str) -> bool:
        return self._have([sha])[sha]

    def tidy(self) -> None:
        """Join the small packs that fetches and commits leave, and delete what killed processes left; no commit is."""
        long_ago = time.time() - LEFT_OVER_AFTER_S
        with self._fetching():
            for path in self.git_dir.glob("objects/**/tmp_*"):
                if path.stat().st_mtime < long_ago:
                    path.unlink(missing_ok=True)
            self.commands.answer(["repack", "--quiet", "-d", "--geometric=2"])
            self.commands.answer(["pack-refs", "--all"])

    def _create(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        with self._fetching():
            if (self.git_dir / "HEAD").exists():
                return
            self._init()

    def _init(self) -> None:
        draft = self.git_dir.with_name(f".new-{uuid.uuid4().hex}")
        Commands(self.access, directory=self.git_dir.parent, git_dir=draft).answer(["init", "--quiet", "--bare", "--template=", str(draft)])
        shutil.rmtree(self.git_dir, ignore_errors=True)  # what a crash left of an earlier one
        draft.rename(self.git_dir)

    def _have(self, shas: Iterable[str]) -> dict[str, bool]:
        """Which commits are here; one process for all of them."""
        wanted = list(dict.fromkeys(shas))
        feed = "".join(f"{check_sha(sha)}\n" for sha in wanted).encode()
        found = self.commands.local(["cat-file", "--batch-check=%(objecttype)", "--buffer"], feed=feed).text.splitlines()
        return {sha: kind == "commit" for sha, kind in zip_longest(wanted, found)}

    def _fetch_lost(self, sha: str) -> bool:
        """Fetch a commit that no branch holds any more, from a host that gives such out."""
        error = self._fetch(f"+{sha}:refs/octoargo/kept/{sha}")
        if error and not UNKNOWN_COMMIT.search(error):
            raise self._explained(error, sha[:10])
        return not error and self.has_commit(sha)

    def _fetch(self, refspec: str, *options: str) -> str:
        """Return what Git complained of, "" if it worked. A clone that a crash has damaged is mended first."""
        error = self._fetch_once(refspec, *options)
        if error and STALE_LOCK.search(error):  # a killed git left it: nobody but us writes refs, and we hold the lock
            for lock in [*self.git_dir.glob("*.lock"), *self.git_dir.glob("refs/**/*.lock")]:
                lock.unlink(missing_ok=True)
            error = self._fetch_once(refspec, *options)
        if error and BROKEN.search(error):
            log.warning("mirror_damaged", repository=self.address, mirror=self.git_dir.name)
            self._init()
            error = self._fetch_once(refspec, *options)
        return error

    def _fetch_once(self, refspec: str, *options: str) -> str:
        result = self.commands.remote(lambda address: [*FETCH, *options, "--", address, refspec])
        return (result.err or f"code {result.code}") if result.code else ""

    def _fetching(self) -> AbstractContextManager[bool]:
        return held(self.git_dir.with_suffix(".lock"), timeout_s=2 * self.access.timeout_s, what=f"the copy of {self.access.url.address}")

    def _explained(self, stderr: str, wanted: str) -> GitError:
        error = explain(stderr, address=self.address, has_credential=self.access.credential is not None)
        return BranchMissing(f"{self.address} has no branch {wanted}.") if isinstance(error, BranchMissing) else error


def _name(key: str) -> str:
    """A folder's name that a person can read: "shop-3f2a…"."""
    readable = re.sub(r"[^a-z0-9]+", "-", key.rsplit("/", 1)[-1].lower()).strip("-")[:40]
    return f"{readable or 'repository'}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
