"""Bitbucket Data Center's JSON: repositories, pull requests, and its webhooks with their signature."""

import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime
from urllib.parse import quote

from simulator.forges.events import Delivery, PullChanged, RefChanged
from simulator.forges.state import ZEROS, Pull, numbered
from simulator.forges.vendor import Json

HEADS = "refs/heads/"
STATES = {"open": "OPEN", "merged": "MERGED", "closed": "DECLINED"}
EVENTS = {"opened": "opened", "merged": "merged", "closed": "declined", "synchronized": "from_ref_updated"}  # the others are "modified"


def signed(event: str, payload: Json, secret: str, *, delivery_id: str = "") -> Delivery:
    """A webhook's request; the ping of the test button is never signed."""
    body = json.dumps(payload).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Event-Key": event, "X-Request-Id": delivery_id or str(uuid.uuid4())}
    if secret and event != "diagnostics:ping":
        headers["X-Hub-Signature"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Delivery(headers, body)


def ping() -> Delivery:
    """What the test button sends."""
    return signed("diagnostics:ping", {"test": True}, "")


def event_of(change: PullChanged) -> str:
    return f"pr:{EVENTS.get(change.action, 'modified')}"


def push_payload(base_url: str, *changes: RefChanged) -> Json:
    """Several refs of one push. Without a base URL it has no links, as an older server's."""
    told = [_change(change) for change in changes]
    return {"eventKey": "repo:refs_changed", "date": _now(), "repository": repository_shape(base_url, changes[0].repository), "changes": told}


def pull_request_payload(base_url: str, change: PullChanged) -> Json:
    return {"eventKey": event_of(change), "date": _now(), "pullRequest": pull_shape(base_url, change.pull)}


def repository_shape(base_url: str, path: str) -> Json:
    key, _, slug = path.partition("/")
    shape: Json = {"slug": slug, "id": numbered(path), "name": slug, "project": {"key": key, "id": numbered(key), "name": key}}
    if base_url:
        clone = {"href": f"{base_url}/scm/{quote(key)}/{quote(slug)}.git", "name": "http"}
        shape["links"] = {"clone": [clone], "self": [{"href": f"{_web(base_url, path)}/browse"}]}
    return shape


def pull_shape(base_url: str, pull: Pull, *, tells_merge: bool = True) -> Json:
    shape: Json = {
        "id": pull.number,
        "version": pull.version,
        "title": pull.title,
        "description": pull.body,
        "state": STATES[pull.state],
        "open": pull.state == "open",
        "closed": pull.state != "open",
        "draft": pull.is_draft,
        "createdDate": _milliseconds(pull.created_at),
        "updatedDate": _milliseconds(pull.updated_at),
        "fromRef": _end(base_url, pull.head_repository, pull.head, pull.head_sha),
        "toRef": _end(base_url, pull.repository, pull.base, pull.base_sha),
        "author": {"user": {"name": pull.author}, "role": "AUTHOR"},
        "reviewers": [{"user": {"name": name}, "role": "REVIEWER", "approved": False, "status": "UNAPPROVED"} for name in pull.reviewers],
    }
    if pull.state == "merged" and tells_merge:
        shape["properties"] = {"mergeCommit": {"id": pull.merge_sha, "displayId": pull.merge_sha[:11]}}
    if base_url:
        shape["links"] = {"self": [{"href": f"{_web(base_url, pull.repository)}/pull-requests/{pull.number}"}]}
    return shape


def _end(base_url: str, path: str, branch: str, sha: str) -> Json:
    return {"id": HEADS + branch, "displayId": branch, "latestCommit": sha, "repository": repository_shape(base_url, path)}


def _change(change: RefChanged) -> Json:
    kind = "ADD" if change.before == ZEROS else "DELETE" if change.after == ZEROS else "UPDATE"
    ref = {"id": change.ref, "displayId": change.branch, "type": "BRANCH"}
    return {"ref": ref, "refId": change.ref, "fromHash": change.before, "toHash": change.after, "type": kind}


def _web(base_url: str, path: str) -> str:
    key, _, slug = path.partition("/")
    where = f"users/{quote(key[1:])}" if key.startswith("~") else f"projects/{quote(key)}"
    return f"{base_url}/{where}/repos/{quote(slug)}"


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
