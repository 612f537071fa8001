"""Deliveries as each host sends them: headers, body and signature, in the shapes of the hosts' own documentation."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote_plus

from deployments.forges.values import Kind

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
SECRET = "It's a Secret to Everybody"
ZERO, OLD, NEW = "0" * 40, "a" * 40, "b" * 40
UUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
WEB = "https://git.example.test"


@dataclass(frozen=True)
class Delivery:
    kind: Kind
    headers: dict[str, str]
    body: bytes

    def without(self, *names):
        return replace(self, headers={name: value for name, value in self.headers.items() if name not in names})

    def with_headers(self, **headers):
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}})


def digest(secret, body):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def basic(password, user="octoargo"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def sign(kind, body, headers, secret=SECRET):
    """The headers, with the host's way to prove itself."""
    match kind:
        case Kind.GITHUB:
            proof = {"X-Hub-Signature-256": f"sha256={digest(secret, body)}", "X-Hub-Signature": "sha1=" + "0" * 40}
        case Kind.GITLAB:
            proof = {"X-Gitlab-Token": secret}
        case Kind.GITEA:
            proof = {"X-Gitea-Signature": digest(secret, body), "X-Hub-Signature-256": f"sha256={digest(secret, body)}"}
        case Kind.AZURE_DEVOPS:
            proof = {"Authorization": basic(secret)}
        case _:
            proof = {"X-Hub-Signature": f"sha256={digest(secret, body)}"}
    return Delivery(kind, {"Content-Type": "application/json", **headers, **proof}, body)


def sign_token(body, key, *, at=NOW, name=UUID):
    """GitLab's signing token: headers of a delivery signed with the bytes `key`."""
    sent = str(int(at.timestamp()))
    signed = base64.b64encode(hmac.new(key, f"{name}.{sent}.".encode() + body, hashlib.sha256).digest()).decode()
    return {"webhook-id": name, "webhook-timestamp": sent, "webhook-signature": f"v1,{signed}"}


def push(kind, *, branches=("main",), path="acme/shop", is_deleted=False, secret=SECRET, delivery=UUID, web=WEB):
    """A push to branches (one where the host tells one per delivery), or their deletion."""
    after = ZERO if is_deleted else NEW
    match kind:
        case Kind.GITHUB | Kind.GITEA:
            content = {"ref": f"refs/heads/{branches[0]}", "before": OLD, "after": after, "deleted": is_deleted, "repository": _hub(path, web)}
        case Kind.GITLAB:
            content = {"object_kind": "push", "ref": f"refs/heads/{branches[0]}", "before": OLD, "after": after, "project": _lab(path, web)}
        case Kind.AZURE_DEVOPS:
            updates = [{"name": f"refs/heads/{branch}", "oldObjectId": OLD, "newObjectId": after} for branch in branches]
            content = {"id": delivery, "eventType": "git.push", "publisherId": "tfs", "resource": {"refUpdates": updates, "repository": _azure(path, web)}}
        case Kind.BITBUCKET_CLOUD:
            changes = [{"old": _side(branch, OLD), "new": None if is_deleted else _side(branch, NEW)} for branch in branches]
            content = {"push": {"changes": changes}, "repository": _bucket(path, web)}
        case Kind.BITBUCKET_DATA_CENTER:
            changes = [{"refId": f"refs/heads/{branch}", "fromHash": OLD, "toHash": after, "type": "DELETE" if is_deleted else "UPDATE"} for branch in branches]
            content = {"eventKey": "repo:refs_changed", "repository": _center(path), "changes": changes}
    return sign(kind, json.dumps(content).encode(), _headers(kind, "push", delivery), secret)


def pull_request(kind, *, state="merged", number=7, path="acme/shop", secret=SECRET, delivery=UUID, web=WEB):
    """Pull request 7 of octoargo/1 into main; `state` is open, merged or closed."""
    words = STATES[kind]
    match kind:
        case Kind.GITHUB | Kind.GITEA:
            request = {"number": number, "state": "open" if state == "open" else "closed", "merged": state == "merged"}
            request |= {"head": {"ref": "octoargo/1"}, "base": {"ref": "main"}}
            content = {"action": "closed", "number": number, "pull_request": request, "repository": _hub(path, web)}
        case Kind.GITLAB:
            attributes = {"iid": number, "id": 99, "state": words[state], "source_branch": "octoargo/1", "target_branch": "main", "target": _lab(path, web)}
            content = {"object_kind": "merge_request", "project": _lab(path, web), "object_attributes": attributes}
        case Kind.AZURE_DEVOPS:
            resource = {"pullRequestId": number, "status": words[state], "sourceRefName": "refs/heads/octoargo/1", "targetRefName": "refs/heads/main"}
            content = {"id": delivery, "eventType": "git.pullrequest.merged", "resource": {**resource, "repository": _azure(path, web)}}
        case Kind.BITBUCKET_CLOUD:
            request = {"id": number, "state": words[state], "source": {"branch": {"name": "octoargo/1"}}, "destination": {"branch": {"name": "main"}}}
            content = {"pullrequest": request, "repository": _bucket(path, web)}
        case Kind.BITBUCKET_DATA_CENTER:
            request = {"id": number, "version": 2, "state": words[state], "fromRef": {"displayId": "octoargo/1"}}
            content = {"pullRequest": {**request, "toRef": {"displayId": "main", "repository": _center(path)}}}
    return sign(kind, json.dumps(content).encode(), _headers(kind, "pull_request", delivery), secret)


def other(kind, *, secret=SECRET):
    """Signed, and about something that we do not care for."""
    content = {"id": UUID, "eventType": "build.complete", "object_kind": "note"}
    return sign(kind, json.dumps(content).encode(), _headers(kind, "other", UUID), secret)


def as_form(delivery, *, secret=SECRET):
    """The same as a form: GitHub signs the form, Gitea the JSON in it."""
    body = b"payload=" + quote_plus(delivery.body).encode()
    headers = {**delivery.headers, "Content-Type": "application/x-www-form-urlencoded"}
    if delivery.kind is Kind.GITHUB:
        headers["X-Hub-Signature-256"] = f"sha256={digest(secret, body)}"
    return Delivery(delivery.kind, headers, body)


STATES = {
    Kind.GITHUB: {},
    Kind.GITEA: {},
    Kind.GITLAB: {"open": "opened", "merged": "merged", "closed": "closed"},
    Kind.AZURE_DEVOPS: {"open": "active", "merged": "completed", "closed": "abandoned"},
    Kind.BITBUCKET_CLOUD: {"open": "OPEN", "merged": "MERGED", "closed": "DECLINED"},
    Kind.BITBUCKET_DATA_CENTER: {"open": "OPEN", "merged": "MERGED", "closed": "DECLINED"},
}
EVENTS = {
    Kind.GITHUB: {"push": "push", "pull_request": "pull_request", "other": "issues"},
    Kind.GITEA: {"push": "push", "pull_request": "pull_request", "other": "issues"},
    Kind.GITLAB: {"push": "Push Hook", "pull_request": "Merge Request Hook", "other": "Note Hook"},
    Kind.AZURE_DEVOPS: {"push": "", "pull_request": "", "other": ""},
    Kind.BITBUCKET_CLOUD: {"push": "repo:push", "pull_request": "pullrequest:fulfilled", "other": "issue:created"},
    Kind.BITBUCKET_DATA_CENTER: {"push": "repo:refs_changed", "pull_request": "pr:merged", "other": "repo:forked"},
}


def _headers(kind, what, delivery):
    event = EVENTS[kind][what]
    match kind:
        case Kind.GITHUB:
            return {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
        case Kind.GITEA:
            return {"X-Gitea-Event": event, "X-Gitea-Delivery": delivery, "X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
        case Kind.GITLAB:
            return {"X-Gitlab-Event": event, "Idempotency-Key": delivery, "X-Gitlab-Event-UUID": "13792a34-cac6-4fda-95a8-c58e00a3954e"}
        case Kind.AZURE_DEVOPS:
            return {"User-Agent": "VSServices/19.0"}
        case Kind.BITBUCKET_CLOUD:
            return {"X-Event-Key": event, "X-Request-UUID": delivery, "X-Hook-UUID": "c7a1", "X-Attempt-Number": "1"}
        case Kind.BITBUCKET_DATA_CENTER:
            return {"X-Event-Key": event, "X-Request-Id": delivery}


def _hub(path, web):
    return {"full_name": path, "html_url": f"{web}/{path}", "clone_url": f"{web}/{path}.git", "default_branch": "main"}


def _lab(path, web):
    return {"path_with_namespace": path, "web_url": f"{web}/{path}", "git_http_url": f"{web}/{path}.git", "default_branch": "main"}


def _azure(path, web):
    project, _, name = path.rpartition("/")
    return {"id": "278d5cd2", "name": name, "project": {"id": "6ce954b1", "name": project}, "remoteUrl": f"{web}/fabrikam/{project}/_git/{name}"}


def _bucket(path, web):
    return {"full_name": path, "uuid": "{21fa9bf8}", "links": {"html": {"href": f"{web}/{path}"}}}


def _center(path):
    key, _, slug = path.rpartition("/")
    return {"slug": slug, "project": {"key": key.upper()}}


def _side(branch, sha):
    return {"type": "branch", "name": branch, "target": {"hash": sha}}
