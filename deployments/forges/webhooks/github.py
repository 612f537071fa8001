"""Pure: deliveries of GitHub, Gitea and Forgejo, which have nearly the same shape."""

from typing import Any

from deployments.forges.values import State
from deployments.forges.webhooks.fields import addresses, at, branch_of, is_zero, number, text
from deployments.forges.webhooks.values import Event, Ref, What, ignored

EVENT_HEADERS = ("x-forgejo-event", "x-gitea-event", "x-gogs-event", "x-github-event")


def read(headers: dict[str, str], content: dict[str, Any]) -> Event:
    name = next((headers[header] for header in EVENT_HEADERS if headers.get(header)), "")
    if name == "ping":
        return Event(What.PING, sentence="The host’s ping.", **_repository(content))
    if name == "push":
        return _push(content)
    if name == "delete" and text(content, "ref_type") == "branch" and text(content, "ref"):
        return Event(What.PUSH, refs=(Ref(text(content, "ref"), is_deleted=True),), **_repository(content))
    if name.startswith("pull_request") and at(content, "pull_request") is not None:
        return _pull_request(content)
    return ignored(f"Nothing done: {name[:60] or 'a delivery without an event name'} is no push and no pull request.")


def _push(content: dict[str, Any]) -> Event:
    branch, before, after = branch_of(text(content, "ref")), text(content, "before"), text(content, "after")
    if not branch:
        return ignored("Nothing done: what was pushed is no branch.")
    ref = Ref(branch, before, after, is_deleted=is_zero(after) or at(content, "deleted") is True)
    return Event(What.PUSH, refs=(ref,), **_repository(content))


def _pull_request(content: dict[str, Any]) -> Event:
    pull_request = at(content, "pull_request")
    found = number(pull_request, "number") or number(content, "number")
    if found is None:
        return ignored("Nothing done: the pull request has no number.")
    return Event(
        What.PULL_REQUEST,
        number=found,
        head=text(pull_request, "head", "ref"),
        base=text(pull_request, "base", "ref"),
        says=_state(pull_request),
        **_repository(content),
    )


def _state(pull_request: Any) -> State | None:
    if at(pull_request, "merged") is True:
        return State.MERGED
    return {"open": State.OPEN, "closed": State.CLOSED}.get(text(pull_request, "state"))


def _repository(content: dict[str, Any]) -> dict[str, Any]:
    """The repository that was pushed to, or into which the pull request goes."""
    found = [text(content, "repository", key) for key in ("clone_url", "html_url", "ssh_url", "git_url")]
    return {
        "path": text(content, "repository", "full_name"),
        "urls": addresses(*found),
        "default_branch": text(content, "repository", "default_branch"),
    }
