"""Azure DevOps' JSON: repositories, pull requests, and what its service hooks send."""

import base64
import json
import uuid
from urllib.parse import quote

from simulator.forges.events import Delivery, RefChanged
from simulator.forges.state import Pull, numbered
from simulator.forges.vendor import Json

HEADS = "refs/heads/"
STATES = {"open": "active", "merged": "completed", "closed": "abandoned"}
EVENTS = {"opened": "created", "merged": "merged"}  # the others are "updated"


def guid(name: str, kind: int = 1) -> str:
    """The same for the same name."""
    return f"{numbered(name):08x}-0000-4000-8000-{kind:012d}"


def delivered(payload: Json, secret: str) -> Delivery:
    """A service hook's request: nothing is signed, the secret is the password of Basic authentication."""
    word = base64.b64encode(f"octoargo:{secret}".encode()).decode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "VSServices/19.245.35430.2", "Authorization": f"Basic {word}"}
    return Delivery(headers, json.dumps(payload).encode())


def push_payload(base_url: str, change: RefChanged) -> Json:
    update = {"name": change.ref, "oldObjectId": change.before, "newObjectId": change.after}
    resource = {"commits": [], "refUpdates": [update], "repository": repository_shape(base_url, change.repository), "pushId": 1}
    return _payload("git.push", resource)


def pull_request_payload(base_url: str, pull: Pull, action: str) -> Json:
    """`action` is ours: opened, synchronized, edited, closed, merged; or "tried": a test merge, which is told like a real one."""
    name = "merged" if action == "tried" else EVENTS.get(action, "updated")
    return _payload(f"git.pullrequest.{name}", pull_shape(base_url, pull, merge_commit=pull.merge_sha))


def _payload(event: str, resource: Json) -> Json:
    known = {"subscriptionId": guid("subscription", 4), "notificationId": 1, "id": str(uuid.uuid4()), "eventType": event, "publisherId": "tfs"}
    return {**known, "resource": resource, "resourceVersion": "1.0"}


def repository_shape(base_url: str, path: str) -> Json:
    organisation, project, name = names(path)
    about = {"id": guid(f"{organisation}/{project}", 2), "name": project, "state": "wellFormed", "visibility": "private"}
    web, ours = web_url(base_url, path), guid(path, 3)
    urls = {"url": f"{base_url}/{quote(organisation)}/_apis/git/repositories/{ours}", "remoteUrl": web, "webUrl": web}
    return {"id": ours, "name": name, "project": about, "defaultBranch": "refs/heads/main", "isDisabled": False, **urls}


def pull_shape(base_url: str, pull: Pull, *, merge_status: str = "notSet", merge_commit: str | None = None) -> Json:
    shape: Json = {
        "repository": repository_shape(base_url, pull.repository),
        "pullRequestId": pull.number,
        "codeReviewId": pull.number,
        "status": STATES[pull.state],
        "createdBy": identity(pull.author),
        "creationDate": pull.created_at.isoformat(),
        "title": pull.title,
        "description": pull.body,
        "sourceRefName": HEADS + pull.head,
        "targetRefName": HEADS + pull.base,
        "mergeStatus": merge_status,
        "isDraft": pull.is_draft,
        "lastMergeSourceCommit": {"commitId": pull.head_sha},
        "lastMergeTargetCommit": {"commitId": pull.base_sha},
        "reviewers": [{**identity(name), "vote": 0, "isRequired": False} for name in pull.reviewers],
        "labels": [{"id": guid(name, 5), "name": name, "active": True} for name in pull.labels],
        "supportsIterations": True,
    }
    if merge_commit:
        shape["lastMergeCommit"] = {"commitId": merge_commit}
    if pull.head_repository != pull.repository:
        shape["forkSource"] = {"name": HEADS + pull.head, "repository": repository_shape(base_url, pull.head_repository)}
    return shape


def identity(name: str) -> Json:
    return {"id": guid(name), "displayName": name, "uniqueName": f"{name}@example.com"}


def names(path: str) -> tuple[str, str, str]:
    organisation, *rest = path.split("/")
    return organisation, rest[0], rest[-1]


def web_url(base_url: str, path: str) -> str:
    organisation, project, name = (quote(part) for part in names(path))
    return f"{base_url}/{organisation}/{project}/_git/{name}"
