"""Pure: which of our repositories and branches a delivery is about."""

from functools import lru_cache

from deployments.forges.addresses import recognise
from deployments.forges.errors import ForgeError
from deployments.forges.values import Kind
from deployments.forges.webhooks.values import Event
from infrastructure.repositories import BadRepositoryUrl, matches, parse_url, repository_key

CACHED = 20_000  # a delivery is held against every repository we know
NO_PART_OF_A_NAME = ("scm", "_git", "repos", "projects", "users")


def concerns(event: Event, url: str, *, kind: Kind, patterns: list[str]) -> bool:
    """Is the delivery about the repository with this URL, and may it speak for it?

    `patterns` is the webhook's allow-list, e.g. ["https://git.example.com/platform/*"]; empty allows every repository.
    Hosts are not compared: a server has names inside and outside a cluster, and one look too many costs little.
    """
    return _names(event, url, kind) and (not patterns or any(matches(pattern, url) for pattern in patterns))


def is_branch_of(event: Event, target_revision: str | None) -> bool:
    """Was the branch pushed that a source follows? None, "" and HEAD mean the default branch."""
    branches = {ref.branch for ref in event.refs}
    wanted = (target_revision or "").removeprefix("refs/heads/")
    if wanted in ("", "HEAD"):
        return not event.default_branch or event.default_branch in branches
    return wanted in branches


def _names(event: Event, url: str, kind: Kind) -> bool:
    if _key(url) in map(_key, event.urls):
        return True
    wanted, found = _segments(event.path), _own_path(url, kind)
    return len(wanted) > 1 and found[-len(wanted) :] == wanted


@lru_cache(maxsize=CACHED)
def _key(url: str) -> str:
    return repository_key(url).lower()


@lru_cache(maxsize=CACHED)
def _own_path(url: str, kind: Kind) -> list[str]:
    """Owner and name, with what may stand before them."""
    try:
        return _segments(recognise(url, kind=kind).path)
    except ForgeError:
        pass
    try:
        return [segment for segment in _segments(parse_url(url).path) if segment not in NO_PART_OF_A_NAME]
    except BadRepositoryUrl:
        return []


def _segments(path: str) -> list[str]:
    return [segment for segment in path.lower().split("/") if segment]
