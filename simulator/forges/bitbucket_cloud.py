"""Bitbucket Cloud, as a client and a webhook's receiver see it.

Quirks: "no_filters" (lists show every branch).
"""

import hashlib
import hmac
import json
import re
import uuid
from typing import Any, ClassVar
from urllib.parse import unquote, urlencode

from simulator.forges import merging
from simulator.forges.events import Delivery, Event, Hook, PullChanged, RefChanged
from simulator.forges.state import ZEROS, Access, Exists, NotOpen, NotThere, Pull, Status, numbered
from simulator.forges.vendor import Json, Refusal, Request, Response, Vendor

SHORT = 12  # characters of a hash in pull requests
STATES = {"open": "OPEN", "merged": "MERGED", "closed": "DECLINED"}
EVENTS = {"opened": "created", "merged": "fulfilled", "closed": "rejected"}  # the others are "updated"
METHODS = {
    "merge_commit": "merge",
    "squash": "squash",
    "fast_forward": "fast-forward",
    "squash_fast_forward": "squash",
    "rebase_fast_forward": "rebase",
    "rebase_merge": "rebase-merge",
}
WRITES, READS = ("pullrequest:write", "repository:write"), ("pullrequest", "repository")
REPO = "/repositories/{owner}/{name}"
PULL = f"{REPO}/pullrequests/{{number}}"


def signed(event: str, payload: Json, secret: str, *, delivery_id: str = "") -> Delivery:
    """A webhook's request; without a secret it has no signature at all."""
    body = json.dumps(payload).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "Bitbucket-Webhooks/2.0", "X-Event-Key": event, "X-Attempt-Number": "1"}
    headers |= {"X-Hook-UUID": person_id("hook"), "X-Request-UUID": delivery_id or str(uuid.uuid4())}
    if secret:
        headers["X-Hub-Signature"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Delivery(headers, body)


def push_payload(base_url: str, *changes: RefChanged) -> Json:
    """Several refs of one push; `new` is null for one that was deleted."""
    told = [{"old": _side(change.branch, change.before), "new": _side(change.branch, change.after)} for change in changes]
    return {"push": {"changes": told}, "repository": repository_shape(base_url, changes[0].repository)}


def pull_request_payload(base_url: str, pull: Pull) -> Json:
    return {"pullrequest": pull_shape(base_url, pull), "repository": repository_shape(base_url, pull.repository)}


def event_of(change: PullChanged) -> str:
    return f"pullrequest:{EVENTS.get(change.action, 'updated')}"


def person_id(name: str) -> str:
    """The same for the same name."""
    return f"{{{numbered(name):08x}-0000-4000-8000-000000000001}}"


def person(name: str) -> Json:
    return {"type": "user", "uuid": person_id(name), "nickname": name, "display_name": name.title(), "account_id": f"557058:{name}"}


def repository_shape(base_url: str, path: str) -> Json:
    return {"type": "repository", "uuid": person_id(path), "full_name": path, "links": {"html": {"href": f"{base_url}/{path}"}}}


def pull_shape(base_url: str, pull: Pull) -> Json:
    return {
        "type": "pullrequest",
        "id": pull.number,
        "title": pull.title,
        "description": pull.body,
        "state": "SUPERSEDED" if pull.is_superseded and pull.state == "closed" else STATES[pull.state],
        "draft": pull.is_draft,
        "author": person(pull.author),
        "reviewers": [person(name) for name in pull.reviewers],
        "merge_commit": {"type": "commit", "hash": pull.merge_sha[:SHORT]} if pull.state == "merged" else None,
        "source": _end(base_url, pull.head_repository, pull.head, pull.head_sha),
        "destination": _end(base_url, pull.repository, pull.base, pull.base_sha),
        "created_on": pull.created_at.isoformat(),
        "updated_on": pull.updated_at.isoformat(),
        "links": {"html": {"href": f"{base_url}/{pull.repository}/pull-requests/{pull.number}"}},
    }


def _end(base_url: str, path: str, branch: str, sha: str) -> Json:
    commit = {"type": "commit", "hash": sha[:SHORT]}
    return {"branch": {"name": branch}, "commit": commit, "repository": repository_shape(base_url, path)}


def _side(branch: str, sha: str) -> Json | None:
    return None if sha == ZEROS else {"type": "branch", "name": branch, "target": {"type": "commit", "hash": sha}}


class BitbucketCloud(Vendor):
    """API and webhooks over the state."""

    PREFIX: ClassVar[str] = "/2.0"
    ROUTES: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("GET", "/workspaces/{owner}/members", "members"),
        ("GET", REPO, "show"),
        ("GET", f"{REPO}/pullrequests", "list_pulls"),
        ("POST", f"{REPO}/pullrequests", "create"),
        ("GET", PULL, "read"),
        ("PUT", PULL, "edit"),
        ("POST", f"{PULL}/decline", "decline"),
        ("POST", f"{PULL}/merge", "merge"),
        ("POST", f"{PULL}/comments", "comment"),
        ("GET", f"{REPO}/commit/{{sha}}", "commit"),
        ("POST", f"{REPO}/commit/{{sha}}/statuses/build", "set_status"),
        ("DELETE", f"{REPO}/refs/branches/{{branch*}}", "delete_branch"),
    )

    def pack(self, event: Event, hook: Hook) -> Delivery:
        if isinstance(event, RefChanged):
            return signed("repo:push", push_payload(self.base_url, event), hook.secret)
        return signed(event_of(event), pull_request_payload(self.base_url, event.pull), hook.secret)

    def refusal(self, status: int, words: str, **more: Any) -> Refusal:
        return Refusal(status, {"type": "error", "error": {"message": words, **more}})

    def unauthenticated(self, access: Access | None, request: Request) -> Refusal:
        return self.refusal(401, "Token is invalid, expired, or not supported for this endpoint.")

    def limits(self) -> tuple[tuple[str, str], ...]:
        return (("X-RateLimit-Limit", "1000"), ("X-RateLimit-Resource", "api-repositories"), ("X-RateLimit-NearLimit", "false"))

    def page_path(self, repository: str, number: int) -> str:
        return f"/{repository}/pull-requests/{number}"

    def page_of(self, path: str) -> tuple[str, int | None] | None:
        found = re.fullmatch(r"/(.+)/pull-requests(?:/(\d+))?/?", unquote(path))
        return (found[1], int(found[2]) if found[2] else None) if found else None

    def members(self, request: Request, owner: str) -> Response:
        return self._paged(request, [{"type": "workspace_membership", "user": person(name)} for name in self.state.users])

    def show(self, request: Request, owner: str, name: str) -> Response:
        path = self._path(request, owner, name)
        scopes = ("X-OAuth-Scopes", ", ".join(WRITES if request.access.can_write else READS))
        return Response(200, repository_shape(self.base_url, path), (scopes, ("X-Accepted-OAuth-Scopes", "repository")))

    def list_pulls(self, request: Request, owner: str, name: str) -> Response:
        wanted = dict(re.findall(r'([\w.]+) *= *"((?:[^"\\]|\\.)*)"', request.query.get("q", f'state="{request.query.get("state", "OPEN")}"')))
        if "no_filters" in self.state.quirks:
            wanted = {"state": wanted["state"]}
        shapes = [pull_shape(self.base_url, pull) for pull in self.seen(self.state.find(self._path(request, owner, name)))]
        return self._paged(request, [shape for shape in shapes if all(_at(shape, field) == _plain(value) for field, value in wanted.items())])

    def create(self, request: Request, owner: str, name: str) -> Response:
        """A second one of the same branches overwrites the first."""
        path, wanted = self._writable(request, owner, name), request.json
        head, base = wanted["source"]["branch"]["name"], wanted.get("destination", {}).get("branch", {}).get("name", "main")
        where = self.state.repository(path).path
        tips = {side: merging.resolve(where, f"refs/heads/{branch}") for side, branch in (("source", head), ("destination", base))}
        for side, branch in (("source", head), ("destination", base)):
            if tips[side] is None:
                raise self._invalid(side, f"branch not found: {branch}")
        if not merging.ahead(where, str(tips["destination"]), str(tips["source"])):
            raise self.refusal(400, "There are no changes to be pulled")
        texts = {"title": wanted["title"], "body": wanted.get("description", "")}
        try:
            pull = self.state.open(path, head=head, base=base, author=request.access.user, is_draft=bool(wanted.get("draft")), **texts)
        except Exists as exists:
            pull = exists.pull
            pull.title, pull.body = texts["title"], texts["body"]
        return Response(201, pull_shape(self.base_url, pull))

    def read(self, request: Request, owner: str, name: str, number: str) -> Response:
        return Response(200, pull_shape(self.base_url, self._pull(self._path(request, owner, name), number)))

    def edit(self, request: Request, owner: str, name: str, number: str) -> Response:
        """What is left out is cleared."""
        pull, wanted = self._pull(self._writable(request, owner, name), number), request.json
        if pull.state != "open":
            raise self.refusal(400, "This pull request is already closed.")
        if "title" not in wanted:
            raise self._invalid("title", "This field is required.")
        reviewers = [self._reviewer(pull, entry) for entry in wanted.get("reviewers", [])]
        pull.title, pull.body, pull.reviewers = wanted["title"], wanted.get("description", ""), reviewers
        return Response(200, pull_shape(self.base_url, pull))

    def decline(self, request: Request, owner: str, name: str, number: str) -> Response:
        pull = self._pull(self._writable(request, owner, name), number)
        try:
            self.state.close(pull)
        except NotOpen:
            raise self.refusal(400, "This pull request is already closed.") from None
        return Response(200, pull_shape(self.base_url, pull))

    def merge(self, request: Request, owner: str, name: str, number: str) -> Response:
        pull = self._pull(self._writable(request, owner, name), number)
        try:
            self.state.merge(pull, method=METHODS[request.json.get("merge_strategy", "merge_commit")])
        except NotOpen:
            raise self.refusal(400, "This pull request is already closed.") from None
        except merging.CannotMerge as error:
            raise self.refusal(409, f"Unable to merge: {error}") from None
        return Response(200, pull_shape(self.base_url, pull))

    def comment(self, request: Request, owner: str, name: str, number: str) -> Response:
        pull = self._pull(self._path(request, owner, name), number)
        pull.comments.append(request.json["content"]["raw"])
        return Response(201, {"id": len(pull.comments), "content": {"raw": pull.comments[-1]}})

    def commit(self, request: Request, owner: str, name: str, sha: str) -> Response:
        return Response(200, {"type": "commit", "hash": self._commit(self._path(request, owner, name), sha)})

    def set_status(self, request: Request, owner: str, name: str, sha: str) -> Response:
        path, said = self._writable(request, owner, name), request.json
        if not said.get("url"):
            raise self._invalid("url", "This field is required.")
        if len(said["key"]) > 40:
            raise self._invalid("key", "Ensure this value has at most 40 characters.")
        status = Status(self._commit(path, sha), said.get("name") or said["key"], said["state"], said["url"], said.get("description", ""))
        self.state.set_status(path, status)
        return Response(201, {"type": "build", **said})

    def delete_branch(self, request: Request, owner: str, name: str, branch: str) -> Response:
        self.state.delete_branch(self._writable(request, owner, name), branch)
        return Response(204)

    def _paged(self, request: Request, entries: list[Json]) -> Response:
        """The next page is a link in the body."""
        size, number = min(int(request.query.get("pagelen") or 10), self.state.largest_page), int(request.query.get("page") or 1)
        content: Json = {"values": entries[(number - 1) * size : number * size], "page": number, "pagelen": size, "size": len(entries)}
        if number * size < len(entries):
            content["next"] = f"{self.base_url}{request.path}?{urlencode({**request.query, 'page': number + 1})}"
        return Response(200, content)

    def _invalid(self, field: str, words: str) -> Refusal:
        return self.refusal(400, f"{field}: {words}", fields={field: [words]})

    def _reviewer(self, pull: Pull, entry: Json) -> str:
        found = next((name for name in self.state.users if person_id(name) == entry["uuid"]), None)
        if found is None:
            raise self._invalid("reviewers", "Malformed reviewers list")
        if found == pull.author:
            raise self._invalid("reviewers", f"{found.title()} is the author and cannot be included as a reviewer.")
        return found

    def _commit(self, path: str, sha: str) -> str:
        found = merging.resolve(self.state.repository(path).path, sha)
        if found is None:
            raise NotThere(sha)
        return found

    def _path(self, request: Request, owner: str, name: str) -> str:
        return self.seen_path(request, f"{owner}/{name}")

    def _writable(self, request: Request, owner: str, name: str) -> str:
        path = self._path(request, owner, name)
        if path in self.state.archived:
            raise self.refusal(403, "This repository is read-only.")
        if not request.access.can_write:
            words, wanted = "Your credentials lack one or more required privilege scopes.", [WRITES[0]]
            raise self.refusal(403, words, detail={"granted": list(READS), "required": wanted})
        return path

    def _pull(self, path: str, number: str) -> Pull:
        return self.state.pull(path, int(number))


def _at(shape: Any, field: str) -> Any:
    for key in field.split("."):
        shape = shape[key] if isinstance(shape, dict) else None
    return shape


def _plain(text: str) -> str:
    """Without the backslashes before quotes."""
    return re.sub(r"\\(.)", r"\1", text)
