"""What a pretend Git host knows beside its Git, alike for all hosts. Its public fields may be turned while it runs."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.bare import BareRepository, git
from simulator.forges import merging
from simulator.forges.events import Courier, PullChanged, RefChanged

ZEROS = "0" * 40
PER_HOUR = 5000


class NotThere(Exception):
    """The host knows no such thing."""


class Exists(Exception):
    """There is an open pull request for the same branches; `pull` is it."""

    def __init__(self, pull: "Pull") -> None:
        super().__init__(f"#{pull.number}")
        self.pull = pull


class NotOpen(Exception):
    """The pull request is closed or merged."""


@dataclass
class Access:
    """What a token may do."""

    user: str
    can_write: bool = True
    can_see: bool = True  # False: the host hides the repository from it
    is_expired: bool = False
    sso_url: str = ""  # GitHub: authorise the token there first
    scopes: tuple[str, ...] = ("api", "repo", "write:repository", "write:issue")


@dataclass
class Fault:
    """Answer the next `times` matching API requests with this; with `status` 0 do the work and lose the answer."""

    status: int
    content: Any = None  # JSON, or bytes to send as they are
    headers: tuple[tuple[str, str], ...] = ()
    method: str = ""
    path: str = ""  # part of the path
    times: int = 1


@dataclass
class Pull:
    """A pull request."""

    id: int  # of the whole host
    number: int  # of its repository
    repository: str  # "acme/shop": where it would be merged
    head_repository: str
    head: str
    base: str
    title: str
    body: str
    author: str
    state: str = "open"  # open, merged, closed
    is_draft: bool = False
    is_locked: bool = False  # GitLab: it is being merged right now
    is_superseded: bool = False  # Bitbucket Cloud
    method: str = ""  # how it was merged
    head_sha: str = ""
    base_sha: str = ""
    merge_sha: str = ""
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    unknown_reads: int = 0  # so many readings that do not know yet whether it can be merged
    version: int = 0
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Status:
    """A commit status; `state` in the host's own word."""

    sha: str
    name: str
    state: str
    url: str
    description: str


@dataclass
class ForgeState:
    """Pull requests and the rest, over the bare repositories below `root`."""

    root: Path
    users: dict[str, int] = field(default_factory=lambda: {"ada": 1, "ben": 2, "octoargo": 3})
    tokens: dict[str, Access] = field(default_factory=dict)
    pulls: dict[str, list[Pull]] = field(default_factory=dict)  # by repository, oldest first
    labels: dict[str, dict[str, int]] = field(default_factory=dict)  # by repository: name and id
    statuses: dict[str, list[Status]] = field(default_factory=dict)  # by repository, oldest first
    archived: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    blind_finds: int = 0  # so many lists of pull requests come back empty: others open theirs meanwhile
    largest_page: int = 50
    remaining: int = PER_HOUR
    quirks: set[str] = field(default_factory=set)  # behaviours of older or newer servers, named by the hosts' modules
    courier: Courier = field(default_factory=Courier)
    requests: list[str] = field(default_factory=list)  # API only: "POST /api/v1/repos/acme/shop/pulls"
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(101))

    def repository(self, path: str) -> BareRepository:
        """Raises NotThere."""
        found = self.root / f"{path}.git"
        if not path or ".." in path.split("/") or not found.is_dir():
            raise NotThere(path)
        return BareRepository(found)

    def access(self, secret: str) -> Access | None:
        return self.tokens.get(secret)

    def find(self, repository: str, *, head: str = "", base: str = "", head_repository: str = "", state: str = "") -> list[Pull]:
        """The pull requests that match, newest first."""
        wanted = {"head": head, "base": base, "head_repository": head_repository, "state": state}
        return [pull for pull in reversed(self.pulls.get(repository, [])) if all(not value or getattr(pull, name) == value for name, value in wanted.items())]

    def pull(self, repository: str, number: int) -> Pull:
        """Raises NotThere."""
        for found in self.pulls.get(repository, []):
            if found.number == number:
                return self._fresh(found)
        raise NotThere(f"{repository} #{number}")

    def open(self, repository: str, *, head: str, base: str, title: str, body: str, author: str, head_repository: str = "", is_draft: bool = False) -> Pull:
        """Open a pull request.

        Raises NotThere for a missing branch, Exists for a second one.
        """
        with self.lock:
            source = head_repository or repository
            tips = [merging.resolve(self.repository(path).path, f"refs/heads/{name}") for path, name in ((source, head), (repository, base))]
            if not all(tips):
                raise NotThere(head if tips[0] is None else base)
            for found in self.find(repository, head=head, base=base, head_repository=source, state="open"):
                raise Exists(found)
            known = self.pulls.setdefault(repository, [])
            pull = Pull(next(self.ids), len(known) + 1, repository, source, head, base, title, body, author, is_draft=is_draft)
            known.append(pull)
            self._fresh(pull)
        self.courier.send([PullChanged(pull, "opened")])
        return pull

    def merge(self, pull: Pull, *, method: str = "merge", message: str = "") -> str:
        """Merge with real Git and tell the webhooks: as on real hosts the pull request comes before the push.

        Raises NotOpen, or CannotMerge.
        """
        with self.lock:
            if self._fresh(pull).state != "open":
                raise NotOpen(pull.state)
            before = pull.base_sha
            text = message or (
                f"{pull.title} (#{pull.number})\n\n{pull.body}\n" if method == "squash" else f"Merge pull request #{pull.number}\n\n{pull.title}\n"
            )
            tip = merging.merge(self.repository(pull.repository).path, branch=pull.base, head=pull.head_sha, method=method, message=text)
            pull.merge_sha, pull.method = tip, method
            self._end(pull, "merged")
        self.courier.send([PullChanged(pull, "merged"), RefChanged(pull.repository, f"refs/heads/{pull.base}", before, tip)])
        return tip

    def close(self, pull: Pull) -> None:
        """Raises NotOpen."""
        with self.lock:
            if pull.state != "open":
                raise NotOpen(pull.state)
            self._fresh(pull)
            self._end(pull, "closed")
        self.courier.send([PullChanged(pull, "closed")])

    def can_merge(self, pull: Pull) -> bool | None:
        """Whether it merges cleanly; None while the host has not looked yet. Every call is one reading."""
        if pull.state != "open":
            return None
        if pull.unknown_reads > 0:
            pull.unknown_reads -= 1
            return None
        return not merging.conflicts(self.repository(pull.repository).path, pull.base_sha, pull.head_sha)

    def set_status(self, repository: str, status: Status) -> None:
        self.statuses.setdefault(repository, []).append(status)

    def status_of(self, repository: str, sha: str, name: str) -> Status | None:
        """The newest of that name."""
        return next((status for status in reversed(self.statuses.get(repository, [])) if (status.sha, status.name) == (sha, name)), None)

    def label_id(self, repository: str, name: str) -> int:
        """The label's id; made if there is none."""
        known = self.labels.setdefault(repository, {})
        return known.setdefault(name, len(known) + 1)

    def delete_branch(self, repository: str, name: str) -> None:
        """Raises NotThere."""
        where = self.repository(repository).path
        tip = merging.resolve(where, f"refs/heads/{name}")
        if tip is None:
            raise NotThere(name)
        git("update-ref", "-d", f"refs/heads/{name}", cwd=where)
        self.pushed(repository, [RefChanged(repository, f"refs/heads/{name}", tip, ZEROS)])

    def pushed(self, repository: str, changes: list[RefChanged]) -> None:
        """Take note of a push: pull requests get new commits; without their branch they are closed."""
        told: list[PullChanged | RefChanged] = list(changes)
        gone = {change.branch: change.after == ZEROS for change in changes}
        for pull in [pull for pulls in self.pulls.values() for pull in pulls if pull.head_repository == repository and pull.head in gone]:
            if pull.state == "open" and gone[pull.head]:
                self._end(pull, "closed")
            told += [PullChanged(pull, "closed" if gone[pull.head] else "synchronized")] if pull.state != "merged" else []
        self.courier.send(told)

    def protect(self, repository: str, branch: str, lines: list[str]) -> None:
        """Refuse pushes to a branch with these lines, by a hook."""
        said = "\n".join(f"echo {_quoted(line)} >&2" for line in lines)
        self.repository(repository).add_hook(
            "pre-receive", f'while read old new ref; do if [ "$ref" = {_quoted(f"refs/heads/{branch}")} ]; then\n{said}\nexit 1\nfi; done'
        )

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The next fault that is due for a request."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.method in ("", method) and fault.path in path:
                    fault.times -= 1
                    return fault
        return None

    def change(self, pull: Pull, **values: object) -> Pull:
        """Edit a pull request's fields, and count its version."""
        with self.lock:
            for name, value in values.items():
                setattr(pull, name, value)
            pull.version += 1
            pull.updated_at = datetime.now(UTC)
        return pull

    def _fresh(self, pull: Pull) -> Pull:
        """With the branches' commits of now, while it is open."""
        if pull.state == "open":
            source, target = self.repository(pull.head_repository).path, self.repository(pull.repository).path
            pull.base_sha = merging.resolve(target, f"refs/heads/{pull.base}") or pull.base_sha
            tip = merging.resolve(source, f"refs/heads/{pull.head}")
            if tip and tip != pull.head_sha:
                git("fetch", "--quiet", f"file://{source}", f"+refs/heads/{pull.head}:refs/pull/{pull.number}/head", cwd=target)
                pull.head_sha = tip
        return pull

    def _end(self, pull: Pull, state: str) -> None:
        pull.state, pull.ended_at = state, datetime.now(UTC)
        pull.updated_at = pull.ended_at
        pull.version += 1


def numbered(path: str) -> int:
    """A repository's id: the same for the same path."""
    return sum(ord(character) * (place + 7) for place, character in enumerate(path)) % 100_000


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
