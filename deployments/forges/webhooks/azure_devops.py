"""Pure: deliveries of Azure DevOps' service hooks. "Merged" there means that a merge was tried: only the status tells."""

from typing import Any

from deployments.forges.values import State
from deployments.forges.webhooks.fields import addresses, at, branch_of, entries, is_zero, number, text
from deployments.forges.webhooks.values import Event, Ref, What, ignored

STATES = {"active": State.OPEN, "completed": State.MERGED, "abandoned": State.CLOSED}


def read(_headers: dict[str, str], content: dict[str, Any]) -> Event:
    name, resource = text(content, "eventType"), at(content, "resource")
    if name == "git.push":
        return _push(resource)
    if name.startswith("git.pullrequest.") or name == "ms.vss-code.git-pullrequest-comment-event":
        return _pull_request(resource)
    return ignored(f"Nothing done: {name[:60] or 'a delivery without an event type'} is no push and no pull request.")


def _push(resource: Any) -> Event:
    refs = tuple(ref for ref in map(_ref, entries(resource, "refUpdates")) if ref.branch)
    if not refs:
        return ignored("Nothing done: no branch was pushed, or the subscription sends minimal details. Choose “All” for them.")
    return Event(What.PUSH, refs=refs, **_repository(at(resource, "repository")))


def _ref(update: Any) -> Ref:
    before, after = text(update, "oldObjectId"), text(update, "newObjectId")
    return Ref(branch_of(text(update, "name")), before, after, is_deleted=is_zero(after))


def _pull_request(resource: Any) -> Event:
    pull_request = at(resource, "pullRequest") or resource
    found = number(pull_request, "pullRequestId")
    if found is None:
        return ignored("Nothing done: the pull request has no number.")
    return Event(
        What.PULL_REQUEST,
        number=found,
        head=branch_of(text(pull_request, "sourceRefName")),
        base=branch_of(text(pull_request, "targetRefName")),
        says=STATES.get(text(pull_request, "status")),
        **_repository(at(pull_request, "repository")),
    )


def _repository(repository: Any) -> dict[str, Any]:
    project, name = text(repository, "project", "name"), text(repository, "name")
    return {
        "path": f"{project}/{name}" if project and name else name,
        "urls": addresses(*(text(repository, key) for key in ("remoteUrl", "sshUrl", "webUrl"))),
        "default_branch": branch_of(text(repository, "defaultBranch")),
    }
