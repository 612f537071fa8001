"""Pure: what a delivery says, the same for every host."""

from dataclasses import dataclass, field
from enum import StrEnum

from deployments.forges.values import State


class What(StrEnum):
    PUSH = "push"
    PULL_REQUEST = "pull_request"
    PING = "ping"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Ref:
    """A branch that was pushed; before and after are "" where the host does not say."""

    branch: str  # without refs/heads/
    before: str = ""
    after: str = ""
    is_deleted: bool = False


@dataclass(frozen=True)
class Event:
    """One delivery. Everything but its id is "" or empty where it does not apply or was not said."""

    what: What
    delivery_id: str = ""
    sentence: str = ""  # what it was, or why it is ignored
    path: str = ""  # the repository's own path on its host: "acme/shop", "group/sub/shop", "project/repo", "KEY/slug"
    urls: tuple[str, ...] = field(default=())  # every address of the repository that the host told
    default_branch: str = ""
    refs: tuple[Ref, ...] = field(default=())
    number: int | None = None  # of the pull request
    head: str = ""
    base: str = ""
    says: State | None = None  # what became of the pull request; to be read from the API before anything is done


def ignored(sentence: str) -> Event:
    return Event(What.IGNORED, sentence=sentence)
