"""GitLab, as a client and a webhook's receiver see it.

Quirks: "squash_in_merge_commit" (older servers), "no_total" (lists without x-total), "strict_status" (the same state again is refused),
"one_reviewer" (the free plan), "no_meta" (no header that tells GitLab), "no_filters" (lists show every branch), "pipeline" (commits have one).
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import ClassVar

from simulator.forges import merging
from simulator.forges.events import Delivery, Event, Hook, RefChanged
from simulator.forges.state import Access, Exists, NotOpen, NotThere, Pull, Status, numbered
from simulator.forges.vendor import Json, Refusal, Request, Response, Vendor

PROJECT = "/projects/{project}"
STATES = {"open": "opened", "merged": "merged", "closed": "closed"}
ACTIONS = {"opened": "open", "synchronized": "update", "edited": "update", "closed": "close", "merged": "merge"}


def signed(event: str, payload: Json, secret: str, *, signing_token: str = "", delivery_id: str = "", at_s: int | None = None) -> Delivery:
    """A webhook's request: the secret itself in a header, and with a signing token ("whsec_" and base64) a signature."""
    body, number = json.dumps(payload).encode(), delivery_id or str(uuid.uuid4())
    headers = {"Content-Type": "application/json", "X-Gitlab-Event": event, "Idempotency-Key": number, "X-Gitlab-Event-UUID": str(uuid.uuid4())}
    if secret:
        headers["X-Gitlab-Token"] = secret
    if signing_token:
        stamp = str(int(time.time()) if at_s is None else at_s)
        key = base64.b64decode(signing_token.removeprefix("whsec_"))
        mark = base64.b64encode(hmac.new(key, f"{number}.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()
        headers |= {"webhook-id": number, "webhook-timestamp": stamp, "webhook-signature": f"v1,{mark}"}
    return Delivery(headers, body)


def project_shape(base_url: str, path: str) -> Json:
    url = f"{base_url}/{path}"
    return {"id": numbered(path), "path_with_namespace": path, "web_url": url, "git_http_url": f"{url}.git", "default_branch": "main"}


def push_payload(base_url: str, change: RefChanged) -> Json:
    project = project_shape(base_url, change.repository)
    return {"object_kind": "push", "ref": change.ref, "before": change.before, "after": change.after, "project": project, "total_commits_count": 1}


def merge_request_payload(base_url: str, pull: Pull, action: str) -> Json:
    """`action` is ours: opened, synchronized, edited, closed, merged."""
    facts = {
        "iid": pull.number,
        "action": ACTIONS[action],
        "state": STATES[pull.state],
        "source_branch": pull.head,
        "target_branch": pull.base,
        "url": page(base_url, pull),
        "last_commit": {"id": pull.head_sha},
        "target": {"path_with_namespace": pull.repository},
    }
    if pull.state == "merged":
        facts["merge_commit_sha"] = pull.merge_sha if pull.method == "merge" else None
    return {"object_kind": "merge_request", "project": project_shape(base_url, pull.repository), "object_attributes": facts}


def page(base_url: str, pull: Pull) -> str:
    return f"{base_url}/{pull.repository}/-/merge_requests/{pull.number}"


class GitLab(Vendor):
    """API and webhooks over the state."""

    PREFIX: ClassVar[str] = "/api/v4"
    ROUTES: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("GET", "/version", "version"),
        ("GET", "/users", "find_user"),
        ("GET", "/personal_access_tokens/self", "token"),
        ("GET", PROJECT, "show"),
        ("GET", f"{PROJECT}/merge_requests", "list_requests"),
        ("POST", f"{PROJECT}/merge_requests", "create"),
        ("GET", f"{PROJECT}/merge_requests/{{number}}", "read"),
        ("PUT", f"{PROJECT}/merge_requests/{{number}}", "edit"),
        ("PUT", f"{PROJECT}/merge_requests/{{number}}/merge", "merge"),
        ("POST", f"{PROJECT}/merge_requests/{{number}}/notes", "comment"),
        ("GET", f"{PROJECT}/repository/compare", "compare"),
        ("GET", f"{PROJECT}/repository/commits/{{sha}}", "commit"),
        ("GET", f"{PROJECT}/repository/branches/{{branch}}", "branch"),
        ("DELETE", f"{PROJECT}/repository/branches/{{branch}}", "delete_branch"),
        ("POST", f"{PROJECT}/statuses/{{sha}}", "set_status"),
    )

    def pack(self, event: Event, hook: Hook) -> Delivery:
        signing_token = hook.options.get("signing_token", "")
        if isinstance(event, RefChanged):
            return signed("Push Hook", push_payload(self.base_url, event), hook.secret, signing_token=signing_token)
        payload = merge_request_payload(self.base_url, event.pull, event.action)
        return signed("Merge Request Hook", payload, hook.secret, signing_token=signing_token)

    def refusal(self, status: int, words: str) -> Refusal:
        return Refusal(status, {"message": f"{status} {words}"}, *self._meta())

    def unauthenticated(self, access: Access | None, request: Request) -> Refusal:
        if access is None:
            return self.refusal(401, "Unauthorized")
        return Refusal(401, {"error": "invalid_token", "error_description": "Token is expired. You can either do re-authorization or token refresh."})

    def limits(self) -> tuple[tuple[str, str], ...]:
        reset = str(int(time.time()) + 60)
        return (("RateLimit-Limit", "400"), ("RateLimit-Remaining", str(self.state.remaining)), ("RateLimit-Reset", reset), *self._meta())

    def page_path(self, repository: str, number: int) -> str:
        return f"/{repository}/-/merge_requests/{number}"

    def page_of(self, path: str) -> tuple[str, int | None] | None:
        repository, found, rest = path.partition("/-/merge_requests")
        number = rest.strip("/")
        return (repository.strip("/"), int(number) if number else None) if found and (not number or number.isdigit()) else None

    def version(self, request: Request) -> Response:
        return Response(200, {"version": "18.3.0-ee", "revision": "0123456789a"})

    def token(self, request: Request) -> Response:
        return Response(200, {"id": 1, "name": "octoargo", "scopes": list(request.access.scopes), "active": True})

    def find_user(self, request: Request) -> Response:
        name = request.query.get("username", "")
        return Response(200, [{"id": self.state.users[name], "username": name}] if name in self.state.users else [])

    def show(self, request: Request, project: str) -> Response:
        path = self._path(request, project)
        level = 30 if request.access.can_write else 20
        rights = {"project_access": {"access_level": level}, "group_access": None}
        return Response(200, project_shape(self.base_url, path) | {"archived": path in self.state.archived, "permissions": rights})

    def list_requests(self, request: Request, project: str) -> Response:
        path, query = self._path(request, project), request.query
        found = self.state.find(path)
        if "no_filters" not in self.state.quirks:
            found = self.state.find(path, head=query.get("source_branch", ""), base=query.get("target_branch", ""))
        found = [pull for pull in found if query.get("state", "all") in ("all", STATES[pull.state])]
        shown, links = self.page(request, self.seen(found), usual=20)
        totals = () if "no_total" in self.state.quirks else (("x-total", str(len(found))),)
        return Response(200, [self._shape(pull) for pull in shown], (*links, *totals))

    def create(self, request: Request, project: str) -> Response:
        path, wanted = self._writable(request, project), request.json
        branches = {"head": wanted["source_branch"], "base": wanted["target_branch"]}
        try:
            pull = self.state.open(path, **branches, title=wanted["title"], body=wanted.get("description", ""), author=request.access.user)
        except Exists as exists:
            said = f"Another open merge request already exists for this source branch: !{exists.pull.number}"
            raise Refusal(409, {"message": [said]}) from None
        except NotThere as missing:
            field = "source_branch" if str(missing) == wanted["source_branch"] else "target_branch"
            raise Refusal(400, {"message": {field: ["does not exist"]}}) from None
        return Response(201, self._shape(pull))

    def read(self, request: Request, project: str, number: str) -> Response:
        return Response(200, self._shape(self._pull(request, project, number)))

    def edit(self, request: Request, project: str, number: str) -> Response:
        self._writable(request, project)
        pull, wanted = self._pull(request, project, number), request.json
        if not wanted:
            raise Refusal(400, {"error": "at least one of the fields has to be given"})
        if wanted.get("state_event") == "close" and pull.state == "open":
            self.state.close(pull)
        new = {ours: wanted[theirs] for theirs, ours in (("title", "title"), ("description", "body")) if theirs in wanted}
        if added := wanted.get("add_labels"):
            new["labels"] = list(dict.fromkeys([*pull.labels, *added.split(",")]))
        if "reviewer_ids" in wanted:
            names = {number: name for name, number in self.state.users.items()}
            chosen = [names[number] for number in wanted["reviewer_ids"] if number in names]
            new["reviewers"] = chosen[:1] if "one_reviewer" in self.state.quirks else chosen
        return Response(200, self._shape(self.state.change(pull, **new)))

    def merge(self, request: Request, project: str, number: str) -> Response:
        self._writable(request, project)
        pull = self._pull(request, project, number)
        try:
            self.state.merge(pull, method="squash" if request.json.get("squash") else "merge")
        except (NotOpen, merging.CannotMerge):
            raise self.refusal(405, "Method Not Allowed") from None
        return Response(200, self._shape(pull))

    def comment(self, request: Request, project: str, number: str) -> Response:
        pull = self._pull(request, project, number)
        pull.comments.append(request.json["body"])
        return Response(201, {"id": len(pull.comments), "body": pull.comments[-1]})

    def compare(self, request: Request, project: str) -> Response:
        where = self.state.repository(self._path(request, project)).path
        tips = [merging.resolve(where, request.query[side]) for side in ("from", "to")]
        if tips[0] is None or tips[1] is None:
            raise self.refusal(404, "Ref Not Found")
        commits = merging.ahead(where, tips[0], tips[1])
        return Response(200, {"commits": [{"id": sha} for sha in commits], "diffs": [], "compare_same_ref": tips[0] == tips[1]})

    def commit(self, request: Request, project: str, sha: str) -> Response:
        found = merging.resolve(self.state.repository(self._path(request, project)).path, sha)
        if found is None:
            raise self.refusal(404, "Commit Not Found")
        return Response(200, {"id": found, "last_pipeline": {"id": 7} if "pipeline" in self.state.quirks else None})

    def branch(self, request: Request, project: str, branch: str) -> Response:
        tip = merging.resolve(self.state.repository(self._path(request, project)).path, f"refs/heads/{branch}")
        if tip is None:
            raise self.refusal(404, "Branch Not Found")
        return Response(200, {"name": branch, "commit": {"id": tip}})

    def delete_branch(self, request: Request, project: str, branch: str) -> Response:
        try:
            self.state.delete_branch(self._writable(request, project), branch)
        except NotThere:
            raise self.refusal(404, "Branch Not Found") from None
        return Response(204)

    def set_status(self, request: Request, project: str, sha: str) -> Response:
        path, said = self._writable(request, project), request.json
        status = Status(sha, said["name"], said["state"], said.get("target_url", ""), said.get("description", ""))
        before = self.state.status_of(path, sha, status.name)
        if before and before.state == status.state and "strict_status" in self.state.quirks:
            event = {"pending": "enqueue", "running": "run"}.get(status.state, status.state)
            words = f'Cannot transition status via :{event} from :{before.state} (Reason(s): Status cannot transition via "{event}")'
            raise Refusal(400, {"message": words})
        self.state.set_status(path, status)
        return Response(201, {"id": 1, "sha": sha, "status": status.state, "name": status.name, "target_url": status.url})

    def _meta(self) -> tuple[tuple[str, str], ...]:
        return () if "no_meta" in self.state.quirks else (("X-Gitlab-Meta", '{"correlation_id":"simulated","version":"1"}'),)

    def _path(self, request: Request, project: str) -> str:
        if project.isdigit():
            paths = [str(found.relative_to(self.state.root))[:-4] for found in self.state.root.rglob("*.git")]
            project = next((path for path in paths if numbered(path) == int(project)), project)
        try:
            return self.seen_path(request, project)
        except NotThere:
            raise self.refusal(404, "Project Not Found") from None

    def _writable(self, request: Request, project: str) -> str:
        path = self._path(request, project)
        if not request.access.can_write or path in self.state.archived:
            raise self.refusal(403, "Forbidden")
        if "api" not in request.access.scopes:
            words = "The request requires higher privileges than provided by the access token."
            raise Refusal(403, {"error": "insufficient_scope", "error_description": words, "scope": "api"})
        return path

    def _pull(self, request: Request, project: str, number: str) -> Pull:
        return self.state.pull(self._path(request, project), int(number))

    def _shape(self, pull: Pull) -> Json:
        can_merge = self.state.can_merge(pull)
        detailed = "not_open" if pull.state != "open" else {True: "mergeable", False: "conflict", None: "checking"}[can_merge]
        is_old_squash = pull.method == "squash" and "squash_in_merge_commit" in self.state.quirks
        shown = pull.state == "merged"
        return {
            "id": pull.id,
            "iid": pull.number,
            "title": pull.title,
            "description": pull.body,
            "state": "locked" if pull.is_locked else STATES[pull.state],
            "source_branch": pull.head,
            "target_branch": pull.base,
            "source_project_id": numbered(pull.head_repository),
            "target_project_id": numbered(pull.repository),
            "author": {"username": pull.author},
            "reviewers": [{"id": self.state.users.get(name, 0), "username": name} for name in pull.reviewers],
            "labels": pull.labels,
            "draft": pull.is_draft,
            "sha": pull.head_sha if pull.method not in ("rebase", "fast-forward") else pull.merge_sha,
            "merge_commit_sha": pull.merge_sha if shown and (pull.method in ("merge", "rebase-merge") or is_old_squash) else None,
            "squash_commit_sha": pull.merge_sha if shown and pull.method == "squash" and not is_old_squash else None,
            "merge_status": {True: "can_be_merged", False: "cannot_be_merged", None: "checking"}[can_merge],
            "detailed_merge_status": detailed,
            "has_conflicts": can_merge is False,
            "web_url": page(self.base_url, pull),
        }
