"""Pure: the plain values that every adapter takes and returns."""

from dataclasses import dataclass
from enum import StrEnum

TITLE_LENGTH = 255


class Kind(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    AZURE_DEVOPS = "azure_devops"
    BITBUCKET_CLOUD = "bitbucket_cloud"
    BITBUCKET_DATA_CENTER = "bitbucket_data_center"


class State(StrEnum):
    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class Outcome(StrEnum):
    """What a commit status says."""

    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"


@dataclass(frozen=True)
class Token:
    """A credential for the API. It is never shown; `user` is needed by some kinds only (Bitbucket Cloud's API tokens: the e-mail)."""

    secret: str
    user: str = ""

    def __repr__(self) -> str:
        return "Token(…)"


@dataclass(frozen=True)
class PullRequest:
    """A pull or merge request as every host's adapter tells it."""

    number: int
    title: str
    state: State
    head: str
    base: str
    head_sha: str
    merge_sha: str | None  # set when merged only: merge, squash, or the last rebased commit
    web_url: str
    mergeable: bool | None = None  # None: not known
    is_draft: bool = False
    labels: tuple[str, ...] = ()
    version: int | None = None  # Bitbucket Data Center's optimistic lock


@dataclass(frozen=True)
class Proposal:
    """The pull request we want; branches without refs/heads/."""

    head: str
    base: str
    title: str
    body: str = ""


@dataclass(frozen=True)
class Opened:
    """Our pull request, and whether this call made it."""

    pull_request: PullRequest
    was_created: bool


@dataclass(frozen=True)
class CommitStatus:
    """What we say about a commit; `name` groups, the newest per name counts."""

    outcome: Outcome
    name: str
    url: str
    description: str = ""
    branch: str = ""


@dataclass(frozen=True)
class Budget:
    """What the host said about our rate when it last answered; None where it said nothing."""

    limit: int | None = None
    remaining: int | None = None
    reset_at_s: float | None = None  # seconds since the epoch
    wait_s: float = 0.0  # wait this long before the next call, though the last one succeeded
    refusals: int = 0  # limits in a row, for the doubling wait; hand it to the next Forge
