"""GitHub Enterprise Server, as a client and a webhook's receiver see it.

Quirks: "no_merge_commit_sha" (API version 2026-03-10), "graphql_away", "no_filters" (lists show every branch).
"""

import hashlib
import hmac
import json
import time
import uuid
from typing import Any, ClassVar

from simulator.forges import merging
from simulator.forges.events import Delivery, Event, Hook, RefChanged
from simulator.forges.state import PER_HOUR, ZEROS, Access, Exists, NotOpen, NotThere, Pull, Status, numbered
from simulator.forges.vendor import Json, Refusal, Request, Response, Vendor

REPO = "/repos/{owner}/{name}"
DOCS = "https://docs.github.com/rest"


def signed(event: str, payload: Json, secret: str, *, delivery_id: str = "") -> Delivery:
    """A webhook's request; without a secret there is no signature."""
    body = json.dumps(payload).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/simulated", "X-GitHub-Event": event}
    headers["X-GitHub-Delivery"] = delivery_id or str(uuid.uuid4())
    if secret:
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Delivery(headers, body)


def repository_shape(base_url: str, path: str) -> Json:
    owner, _, name = path.rpartition("/")
    url = f"{base_url}/{path}"
    return {"id": numbered(path), "name": name, "full_name": path, "owner": {"login": owner}, "html_url": url, "clone_url": f"{url}.git"}


def push_payload(base_url: str, change: RefChanged) -> Json:
    repository = repository_shape(base_url, change.repository)
    ends = {"before": change.before, "after": change.after, "deleted": change.after == ZEROS, "created": change.before == ZEROS}
    return {"ref": change.ref, **ends, "commits": [], "repository": repository}


def pull_request_payload(base_url: str, pull: Pull, action: str) -> Json:
    """`action` is ours: opened, synchronized, edited, closed, merged."""
    said = {"merged": "closed", "synchronized": "synchronize"}.get(action, action)
    shape = pull_shape(base_url, pull) | {"merged": pull.state == "merged"}
    return {"action": said, "number": pull.number, "pull_request": shape, "repository": repository_shape(base_url, pull.repository)}


def pull_shape(base_url: str, pull: Pull) -> Json:
    """As it stands in lists: without `merged` and `mergeable`."""
    is_merged, ended = pull.state == "merged", pull.ended_at.isoformat() if pull.ended_at else None
    head_owner, base_owner = (path.rpartition("/")[0] for path in (pull.head_repository, pull.repository))
    return {
        "id": pull.id,
        "node_id": f"PR_{pull.id}",
        "number": pull.number,
        "html_url": f"{base_url}/{pull.repository}/pull/{pull.number}",
        "title": pull.title,
        "body": pull.body,
        "user": {"login": pull.author},
        "labels": [{"name": name} for name in pull.labels],
        "requested_reviewers": [{"login": name} for name in pull.reviewers],
        "state": "open" if pull.state == "open" else "closed",
        "draft": pull.is_draft,
        "merged_at": ended if is_merged else None,
        "closed_at": ended,
        "merge_commit_sha": pull.merge_sha or None,
        "head": {
            "label": f"{head_owner}:{pull.head}",
            "ref": pull.head,
            "sha": pull.head_sha,
            "repo": repository_shape(base_url, pull.head_repository),
        },
        "base": {"label": f"{base_owner}:{pull.base}", "ref": pull.base, "sha": pull.base_sha, "repo": repository_shape(base_url, pull.repository)},
    }


class GitHub(Vendor):
    """API and webhooks over the state."""

    PREFIX: ClassVar[str] = "/api"
    ROUTES: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("POST", "/graphql", "graphql"),
        ("GET", "/v3/meta", "meta"),
        *(
            (method, f"/v3{REPO}{path}", name)
            for method, path, name in (
                ("GET", "", "show"),
                ("GET", "/pulls", "list_pulls"),
                ("POST", "/pulls", "create"),
                ("GET", "/pulls/{number}", "read"),
                ("PATCH", "/pulls/{number}", "edit"),
                ("PUT", "/pulls/{number}/merge", "merge"),
                ("POST", "/pulls/{number}/requested_reviewers", "review"),
                ("POST", "/issues/{number}/labels", "label"),
                ("POST", "/issues/{number}/comments", "comment"),
                ("POST", "/statuses/{sha}", "set_status"),
                ("DELETE", "/git/refs/heads/{branch*}", "delete_branch"),
            )
        ),
    )

    def pack(self, event: Event, hook: Hook) -> Delivery:
        if isinstance(event, RefChanged):
            return signed("push", push_payload(self.base_url, event), hook.secret)
        return signed("pull_request", pull_request_payload(self.base_url, event.pull, event.action), hook.secret)

    def refusal(self, status: int, words: str) -> Refusal:
        return Refusal(status, {"message": words, "documentation_url": DOCS}, ("X-GitHub-Request-Id", "SIMULATED"))

    def unauthenticated(self, access: Access | None, request: Request) -> Refusal:
        return self.refusal(401, "Bad credentials")

    def limits(self) -> tuple[tuple[str, str], ...]:
        reset = str(int(time.time()) + 3600)
        counts = (("limit", str(PER_HOUR)), ("remaining", str(self.state.remaining)), ("reset", reset), ("resource", "core"))
        return (("X-GitHub-Enterprise-Version", "3.17.0"), *((f"x-ratelimit-{name}", value) for name, value in counts))

    def page_path(self, repository: str, number: int) -> str:
        return f"/{repository}/pull/{number}"

    def is_open(self, request: Request) -> bool:
        return request.path == "/api/v3/meta"

    def signed_in(self, request: Request) -> Access:
        if not request.headers.get("user-agent"):
            raise self.refusal(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
        access = super().signed_in(request)
        if access.sso_url:
            words = "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."
            raise Refusal(403, {"message": words, "documentation_url": DOCS}, ("X-GitHub-SSO", f"required; url={access.sso_url}"))
        if self.state.remaining == 0:
            raise self.refusal(403, "API rate limit exceeded for user ID 1.")
        return access

    def meta(self, request: Request) -> Response:
        return Response(200, {"verifiable_password_authentication": True, "installed_version": "3.17.0"})

    def show(self, request: Request, owner: str, name: str) -> Response:
        path = self._path(request, owner, name)
        may = {"admin": False, "push": request.access.can_write, "pull": True}
        shape = repository_shape(self.base_url, path)
        return Response(200, shape | {"default_branch": "main", "archived": path in self.state.archived, "permissions": may})

    def list_pulls(self, request: Request, owner: str, name: str) -> Response:
        path, query = self._path(request, owner, name), request.query
        user, _, head = query.get("head", "").rpartition(":")
        found = self.state.find(path, base=query.get("base", ""))
        if "no_filters" in self.state.quirks:
            found = self.state.find(path)
        elif user:  # without the owner the filter is passed over
            found = [pull for pull in found if pull.head == head and pull.head_repository.startswith(f"{user}/")]
        wanted = query.get("state", "open")
        found = [pull for pull in found if wanted == "all" or (pull.state == "open") == (wanted == "open")]
        shown, links = self.page(request, self.seen(found))
        return Response(200, [pull_shape(self.base_url, pull) | self._tested(pull) for pull in shown], links)

    def create(self, request: Request, owner: str, name: str) -> Response:
        path, wanted = self._writable(request, owner, name, "pull_requests=write"), request.json
        user, _, head = wanted["head"].rpartition(":")
        base, source = wanted["base"], f"{user}/{name}" if user else path
        repository = self.state.repository(path).path
        tips = [merging.resolve(repository, f"refs/heads/{branch}") for branch in (base, head)]
        if not user and tips[0] and tips[1] and not merging.ahead(repository, tips[0], tips[1]):
            raise self._invalid(message=f"No commits between {base} and {head}")
        try:
            pull = self.state.open(
                path, head=head, base=base, head_repository=source, title=wanted["title"], body=wanted.get("body", ""), author=request.access.user
            )
        except Exists:
            raise self._invalid(message=f"A pull request already exists for {owner}:{head}.") from None
        except NotThere as missing:
            raise self._invalid(field="head" if str(missing) == head else "base", code="invalid") from None
        return Response(201, self._single(pull))

    def read(self, request: Request, owner: str, name: str, number: str) -> Response:
        return Response(200, self._single(self._pull(request, owner, name, number)))

    def edit(self, request: Request, owner: str, name: str, number: str) -> Response:
        self._writable(request, owner, name, "pull_requests=write")
        pull, wanted = self._pull(request, owner, name, number), request.json
        if wanted.get("state") == "closed" and pull.state == "open":
            self.state.close(pull)
        self.state.change(pull, **{field: wanted[field] for field in ("title", "body") if field in wanted})
        return Response(200, self._single(pull))

    def merge(self, request: Request, owner: str, name: str, number: str) -> Response:
        self._writable(request, owner, name, "contents=write")
        pull, wanted = self._pull(request, owner, name, number), request.json
        if wanted.get("sha") not in (None, pull.head_sha):
            raise self.refusal(409, "Head branch was modified. Review and try the merge again.")
        try:
            sha = self.state.merge(pull, method=wanted.get("merge_method", "merge"))
        except (NotOpen, merging.CannotMerge):
            raise self.refusal(405, "Pull Request is not mergeable") from None
        return Response(200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"})

    def review(self, request: Request, owner: str, name: str, number: str) -> Response:
        """One wrong name fails the whole call."""
        self._writable(request, owner, name, "pull_requests=write")
        pull, wanted = self._pull(request, owner, name, number), request.json.get("reviewers", [])
        if pull.author in wanted:
            raise Refusal(422, {"message": "Review cannot be requested from pull request author.", "documentation_url": DOCS})
        if set(wanted) - set(self.state.users):
            raise Refusal(422, {"message": "Reviews may only be requested from collaborators.", "documentation_url": DOCS})
        self.state.change(pull, reviewers=list(dict.fromkeys([*pull.reviewers, *wanted])))
        return Response(201, self._single(pull))

    def label(self, request: Request, owner: str, name: str, number: str) -> Response:
        self._writable(request, owner, name, "issues=write; pull_requests=write")
        pull = self._pull(request, owner, name, number)
        self.state.change(pull, labels=list(dict.fromkeys([*pull.labels, *request.json["labels"]])))
        return Response(200, [{"name": label} for label in pull.labels])

    def comment(self, request: Request, owner: str, name: str, number: str) -> Response:
        self._writable(request, owner, name, "issues=write; pull_requests=write")
        pull = self._pull(request, owner, name, number)
        pull.comments.append(request.json["body"])
        return Response(201, {"id": len(pull.comments), "body": pull.comments[-1]})

    def set_status(self, request: Request, owner: str, name: str, sha: str) -> Response:
        path, said = self._writable(request, owner, name, "statuses=write"), request.json
        status = Status(sha, said["context"], said["state"], said.get("target_url", ""), said.get("description", ""))
        self.state.set_status(path, status)
        return Response(201, {"state": status.state, "context": status.name, "target_url": status.url, "description": status.description})

    def delete_branch(self, request: Request, owner: str, name: str, branch: str) -> Response:
        try:
            self.state.delete_branch(self._writable(request, owner, name, "contents=write"), branch)
        except NotThere:
            raise self.refusal(422, "Reference does not exist") from None
        return Response(204)

    def graphql(self, request: Request) -> Response:
        """Only the question for a pull request's merge commit."""
        if "graphql_away" in self.state.quirks:
            return Response(200, {"errors": [{"message": "Something went wrong"}], "data": None})
        asked = request.json["variables"]
        pull = self._pull(request, asked["o"], asked["r"], asked["n"])
        commit = {"oid": pull.merge_sha} if pull.merge_sha else None
        return Response(200, {"data": {"repository": {"pullRequest": {"mergeCommit": commit}}}})

    def _invalid(self, **error: str) -> Refusal:
        entry = {"resource": "PullRequest", "code": "custom", **error}
        return Refusal(422, {"message": "Validation Failed", "errors": [entry], "documentation_url": DOCS})

    def _path(self, request: Request, owner: str, name: str) -> str:
        return self.seen_path(request, f"{owner}/{name}")

    def _writable(self, request: Request, owner: str, name: str, needs: str) -> str:
        path = self._path(request, owner, name)
        if path in self.state.archived:
            raise self.refusal(403, "Repository was archived so is read-only.")
        if not request.access.can_write:
            body = {"message": "Resource not accessible by personal access token", "documentation_url": DOCS}
            raise Refusal(403, body, ("X-Accepted-GitHub-Permissions", needs))
        return path

    def _pull(self, request: Request, owner: str, name: str, number: str) -> Pull:
        return self.state.pull(self._path(request, owner, name), int(number))

    def _tested(self, pull: Pull) -> Json:
        """Open ones show a test merge; the newest API version shows nothing."""
        if "no_merge_commit_sha" in self.state.quirks:
            return {"merge_commit_sha": None}
        if pull.state != "open":
            return {}
        return {"merge_commit_sha": merging.test_merge(self.state.repository(pull.repository).path, pull.base_sha, pull.head_sha)}

    def _single(self, pull: Pull) -> Json:
        can_merge = self.state.can_merge(pull)
        word = {True: "clean", False: "dirty", None: "unknown"}[can_merge]
        shape: dict[str, Any] = pull_shape(self.base_url, pull) | self._tested(pull)
        if "no_merge_commit_sha" in self.state.quirks:
            del shape["merge_commit_sha"]
        return shape | {"merged": pull.state == "merged", "mergeable": can_merge, "mergeable_state": word}
