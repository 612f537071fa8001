"""Pure: deliveries of GitLab."""

from typing import Any

from deployments.forges.values import State
from deployments.forges.webhooks.fields import addresses, at, branch_of, is_zero, number, text
from deployments.forges.webhooks.values import Event, Ref, What, ignored

STATES = {"opened": State.OPEN, "locked": State.OPEN, "merged": State.MERGED, "closed": State.CLOSED}
URLS = ("git_http_url", "git_ssh_url", "web_url", "http_url", "ssh_url")


def read(headers: dict[str, str], content: dict[str, Any]) -> Event:
    name = headers.get("x-gitlab-event", "")
    said = text(content, "object_kind") or text(content, "event_name")
    if name == "Push Hook" or (name in ("", "System Hook") and said == "push"):
        return _push(content)
    if name == "Merge Request Hook" or (name in ("", "System Hook") and said == "merge_request"):
        return _merge_request(content)
    return ignored(f"Nothing done: {(name or said)[:60] or 'a delivery without an event name'} is no push and no merge request.")


def _push(content: dict[str, Any]) -> Event:
    branch, before, after = branch_of(text(content, "ref")), text(content, "before"), text(content, "after")
    if not branch:
        return ignored("Nothing done: what was pushed is no branch.")
    return Event(What.PUSH, refs=(Ref(branch, before, after, is_deleted=is_zero(after)),), **_repository(at(content, "project")))


def _merge_request(content: dict[str, Any]) -> Event:
    request = at(content, "object_attributes")
    found = number(request, "iid")
    if found is None:
        return ignored("Nothing done: the merge request has no number.")
    target = at(request, "target")
    return Event(
        What.PULL_REQUEST,
        number=found,
        head=text(request, "source_branch"),
        base=text(request, "target_branch"),
        says=STATES.get(text(request, "state")),
        **_repository(target if isinstance(target, dict) else at(content, "project")),
    )


def _repository(project: Any) -> dict[str, Any]:
    return {
        "path": text(project, "path_with_namespace"),
        "urls": addresses(*(text(project, key) for key in URLS)),
        "default_branch": text(project, "default_branch"),
    }
