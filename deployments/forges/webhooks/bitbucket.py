"""Pure: deliveries of Bitbucket Cloud and of Bitbucket Data Center, which share the header and little else."""

from typing import Any

from deployments.forges.values import State
from deployments.forges.webhooks.fields import addresses, at, branch_of, entries, is_zero, number, text
from deployments.forges.webhooks.values import Event, Ref, What, ignored

STATES = {"OPEN": State.OPEN, "MERGED": State.MERGED, "DECLINED": State.CLOSED, "SUPERSEDED": State.CLOSED}
BRANCHES = ("branch", "named_branch")


def read_cloud(headers: dict[str, str], content: dict[str, Any]) -> Event:
    name = headers.get("x-event-key", "")
    repository = _cloud_repository(at(content, "repository"))
    if name == "repo:push":
        refs = tuple(ref for ref in map(_cloud_ref, entries(content, "push", "changes")) if ref.branch)
        return Event(What.PUSH, refs=refs, **repository) if refs else ignored("Nothing done: what was pushed is no branch.")
    pull_request = at(content, "pullrequest")
    if not name.startswith("pullrequest:") or number(pull_request, "id") is None:
        return _not_ours(name)
    said = {"pullrequest:fulfilled": State.MERGED, "pullrequest:rejected": State.CLOSED}.get(name)
    return Event(
        What.PULL_REQUEST,
        number=number(pull_request, "id"),
        head=text(pull_request, "source", "branch", "name"),
        base=text(pull_request, "destination", "branch", "name"),
        says=STATES.get(text(pull_request, "state"), said),
        **repository,
    )


def _cloud_ref(change: Any) -> Ref:
    """`new` is null when the branch was deleted, `old` when it was made."""
    new, old = at(change, "new"), at(change, "old")
    side = new if isinstance(new, dict) else old
    branch = text(side, "name") if text(side, "type") in BRANCHES else ""
    return Ref(branch, text(old, "target", "hash"), text(new, "target", "hash"), is_deleted=not isinstance(new, dict))


def _cloud_repository(repository: Any) -> dict[str, Any]:
    return {"path": text(repository, "full_name"), "urls": addresses(text(repository, "links", "html", "href"))}


def read_data_center(headers: dict[str, str], content: dict[str, Any]) -> Event:
    name = headers.get("x-event-key", "")
    if name == "repo:refs_changed":
        refs = tuple(ref for ref in map(_data_center_ref, entries(content, "changes")) if ref.branch)
        repository = _data_center_repository(at(content, "repository"))
        return Event(What.PUSH, refs=refs, **repository) if refs else ignored("Nothing done: what was pushed is no branch.")
    pull_request = at(content, "pullRequest")
    if not name.startswith("pr:") or number(pull_request, "id") is None:
        return _not_ours(name)
    return Event(
        What.PULL_REQUEST,
        number=number(pull_request, "id"),
        head=text(pull_request, "fromRef", "displayId") or branch_of(text(pull_request, "fromRef", "id")),
        base=text(pull_request, "toRef", "displayId") or branch_of(text(pull_request, "toRef", "id")),
        says=State.CLOSED if name == "pr:deleted" else STATES.get(text(pull_request, "state")),
        **_data_center_repository(at(pull_request, "toRef", "repository")),
    )


def _data_center_ref(change: Any) -> Ref:
    before, after = text(change, "fromHash"), text(change, "toHash")
    branch = branch_of(text(change, "refId") or text(change, "ref", "id"))
    return Ref(branch, before, after, is_deleted=text(change, "type") == "DELETE" or is_zero(after))


def _data_center_repository(repository: Any) -> dict[str, Any]:
    """Older servers send no links: the key and the slug are all there is."""
    key, slug = text(repository, "project", "key"), text(repository, "slug")
    links = [*entries(repository, "links", "clone"), *entries(repository, "links", "self")]
    return {"path": f"{key}/{slug}" if key and slug else "", "urls": addresses(*(text(link, "href") for link in links))}


def _not_ours(name: str) -> Event:
    return ignored(f"Nothing done: {name[:60] or 'a delivery without an event key'} is no push and no pull request.")
