"""Gitea and Forgejo, as a client and a webhook's receiver see them.

Quirks: "forgejo" (webhooks and version), "unsigned" (webhooks without a secret's signature),
"no_pull_requests" (they are switched off for every repository).
"""

import hashlib
import hmac
import json
import shutil
import uuid
from typing import ClassVar

from simulator.bare import make_repository
from simulator.forges import merging
from simulator.forges.events import Delivery, Event, Hook, RefChanged
from simulator.forges.state import Access, Exists, NotOpen, NotThere, Pull, Status, numbered
from simulator.forges.vendor import Json, Refusal, Request, Response, Vendor

METHODS = {"merge": "merge", "squash": "squash", "rebase": "rebase", "rebase-merge": "rebase-merge", "fast-forward-only": "fast-forward"}
REPO = "/repos/{owner}/{name}"


def signed(event: str, payload: Json, secret: str, *, delivery_id: str = "", is_forgejo: bool = False, kind: str = "") -> Delivery:
    """A webhook's request: the same values under the names of Gitea, Gogs and GitHub, and of Forgejo."""
    body = json.dumps(payload, indent=2).encode()
    mark = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() if secret else ""
    number = delivery_id or str(uuid.uuid4())
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={mark}"}
    for name in ("Gitea", "Gogs", *(["Forgejo"] if is_forgejo else [])):
        headers |= {f"X-{name}-Event": event, f"X-{name}-Event-Type": kind or event, f"X-{name}-Delivery": number, f"X-{name}-Signature": mark}
    headers |= {"X-GitHub-Event": event, "X-GitHub-Event-Type": kind or event, "X-GitHub-Delivery": number}
    return Delivery(headers, body)


def push_payload(base_url: str, change: RefChanged) -> Json:
    repository = repository_shape(base_url, change.repository)
    return {"ref": change.ref, "before": change.before, "after": change.after, "total_commits": 1, "commits": [], "repository": repository}


def pull_request_payload(base_url: str, pull: Pull, action: str, *, mergeable: bool = False) -> Json:
    """`action` is ours: opened, synchronized, edited, closed, merged."""
    said = "closed" if action == "merged" else action
    shape = pull_shape(base_url, pull, mergeable=mergeable)
    return {"action": said, "number": pull.number, "pull_request": shape, "repository": repository_shape(base_url, pull.repository)}


def repository_shape(base_url: str, path: str) -> Json:
    owner, _, name = path.rpartition("/")
    url = f"{base_url}/{path}"
    return {"id": numbered(path), "owner": {"login": owner}, "name": name, "full_name": path, "html_url": url, "clone_url": f"{url}.git"}


def pull_shape(base_url: str, pull: Pull, *, mergeable: bool) -> Json:
    url, here, there = f"{base_url}/{pull.repository}/pulls/{pull.number}", numbered(pull.repository), numbered(pull.head_repository)
    is_merged = pull.state == "merged"
    return {
        "id": pull.id,
        "number": pull.number,
        "url": url,
        "html_url": url,
        "title": pull.title,
        "body": pull.body,
        "user": {"login": pull.author},
        "labels": [{"id": number, "name": name} for number, name in enumerate(pull.labels, 1)],
        "requested_reviewers": [{"login": name} for name in pull.reviewers],
        "state": "open" if pull.state == "open" else "closed",
        "draft": pull.is_draft,
        "mergeable": mergeable,
        "merged": is_merged,
        "merged_at": pull.ended_at.isoformat() if pull.ended_at and is_merged else None,
        "closed_at": pull.ended_at.isoformat() if pull.ended_at else None,
        "merge_commit_sha": pull.merge_sha if is_merged else None,
        "base": {"label": pull.base, "ref": pull.base, "sha": pull.base_sha, "repo_id": here, "repo": repository_shape(base_url, pull.repository)},
        "head": {"label": pull.head, "ref": pull.head, "sha": pull.head_sha, "repo_id": there, "repo": repository_shape(base_url, pull.head_repository)},
    }


class Gitea(Vendor):
    """API and webhooks over the state."""

    PREFIX: ClassVar[str] = "/api/v1"
    ROUTES: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("GET", "/version", "version"),
        ("POST", "/user/repos", "create_repository"),
        ("GET", REPO, "show"),
        ("PATCH", REPO, "show"),
        ("DELETE", REPO, "delete_repository"),
        ("POST", f"{REPO}/hooks", "create_hook"),
        ("GET", f"{REPO}/pulls", "list_pulls"),
        ("POST", f"{REPO}/pulls", "create"),
        ("GET", f"{REPO}/pulls/{{number}}", "read"),
        ("PATCH", f"{REPO}/pulls/{{number}}", "edit"),
        ("GET", f"{REPO}/pulls/{{base}}/{{head*}}", "by_branches"),
        ("POST", f"{REPO}/pulls/{{number}}/merge", "merge"),
        ("POST", f"{REPO}/pulls/{{number}}/requested_reviewers", "review"),
        ("GET", f"{REPO}/labels", "list_labels"),
        ("POST", f"{REPO}/labels", "create_label"),
        ("GET", "/orgs/{owner}/labels", "no_labels"),
        ("POST", f"{REPO}/issues/{{number}}/labels", "label"),
        ("POST", f"{REPO}/issues/{{number}}/comments", "comment"),
        ("GET", f"{REPO}/compare/{{pair*}}", "compare"),
        ("POST", f"{REPO}/statuses/{{sha}}", "set_status"),
        ("GET", f"{REPO}/branches/{{branch*}}", "branch"),
        ("DELETE", f"{REPO}/branches/{{branch*}}", "delete_branch"),
    )

    def pack(self, event: Event, hook: Hook) -> Delivery:
        is_forgejo = "forgejo" in self.state.quirks
        if isinstance(event, RefChanged):
            return signed("push", push_payload(self.base_url, event), hook.secret, is_forgejo=is_forgejo)
        kind = "pull_request_sync" if event.action == "synchronized" else "pull_request"
        payload = pull_request_payload(self.base_url, event.pull, event.action)
        return signed("pull_request", payload, hook.secret, is_forgejo=is_forgejo, kind=kind)

    def refusal(self, status: int, words: str) -> Refusal:
        return Refusal(status, {"message": words, "url": f"{self.base_url}/api/swagger"})

    def unauthenticated(self, access: Access | None, request: Request) -> Refusal:
        return self.refusal(401, "user does not exist [uid: 0, name: ]")

    def is_open(self, request: Request) -> bool:
        return request.path == f"{self.PREFIX}/version"

    def version(self, request: Request) -> Response:
        return Response(200, {"version": "9.0.1+gitea-1.22.0" if "forgejo" in self.state.quirks else "1.26.0"})

    def create_repository(self, request: Request) -> Response:
        path = f"{request.access.user}/{request.json['name']}"
        if (self.state.root / f"{path}.git").exists():
            raise self.refusal(409, "The repository with the same name already exists.")
        make_repository(self.state.root / f"{path}.git")
        return Response(201, repository_shape(self.base_url, path))

    def delete_repository(self, request: Request, owner: str, name: str) -> Response:
        shutil.rmtree(self.state.repository(self._writable(request, owner, name)).path)
        return Response(204)

    def create_hook(self, request: Request, owner: str, name: str) -> Response:
        path, config = self._writable(request, owner, name), request.json["config"]
        self.state.courier.hooks.append(Hook(path, config["url"], config.get("secret", "")))
        return Response(201, {"id": len(self.state.courier.hooks), "type": "gitea", "active": True})

    def show(self, request: Request, owner: str, name: str) -> Response:
        path = self._path(request, owner, name)
        may = {"admin": False, "push": request.access.can_write, "pull": True}
        shape = repository_shape(self.base_url, path)
        has_pulls = "no_pull_requests" not in self.state.quirks
        return Response(200, shape | {"default_branch": "main", "archived": path in self.state.archived, "has_pull_requests": has_pulls, "permissions": may})

    def list_pulls(self, request: Request, owner: str, name: str) -> Response:
        path = self._path(request, owner, name)
        found = [pull for pull in self.state.find(path) if _is_wanted(pull, request.query.get("state", "open"))]
        shown, links = self.page(request, self.seen(found), size="limit")
        return Response(200, [self._shape(pull) for pull in shown], (*links, ("X-Total-Count", str(len(found)))))

    def create(self, request: Request, owner: str, name: str) -> Response:
        path, wanted = self._writable(request, owner, name), request.json
        if wanted["head"] == wanted["base"]:
            raise self.refusal(422, "Invalid PullRequest: There are no changes between the head and the base")
        user, _, head = wanted["head"].rpartition(":")
        source = f"{user}/{name}" if user else path
        head, base = head.removeprefix("refs/heads/"), wanted["base"].removeprefix("refs/heads/")
        branches = {"head": head, "base": base, "head_repository": source}
        try:
            pull = self.state.open(path, **branches, title=wanted["title"], body=wanted.get("body", ""), author=request.access.user)
        except Exists as exists:
            ids = f"id: {exists.pull.id}, issue_id: {exists.pull.number}, head_repo_id: {numbered(source)}"
            raise self.refusal(409, f"pull request already exists for these targets [{ids}]") from None
        return Response(201, self._shape(pull))

    def read(self, request: Request, owner: str, name: str, number: str) -> Response:
        return Response(200, self._shape(self._pull(request, owner, name, number)))

    def by_branches(self, request: Request, owner: str, name: str, base: str, head: str) -> Response:
        """Whatever their state: an old closed one too."""
        found = self.state.find(self._path(request, owner, name), head=head, base=base)
        if not found:
            raise NotThere(head)
        return Response(200, self._shape(found[-1]))

    def edit(self, request: Request, owner: str, name: str, number: str) -> Response:
        self._writable(request, owner, name)
        pull, wanted = self._pull(request, owner, name, number), request.json
        if "state" in wanted and pull.state == "merged":
            raise self.refusal(412, "cannot change the state of a merged pull request")
        if wanted.get("state") == "closed" and pull.state == "open":
            self.state.close(pull)
        self.state.change(pull, **{name: wanted[name] for name in ("title", "body") if name in wanted})
        return Response(201, self._shape(pull))

    def merge(self, request: Request, owner: str, name: str, number: str) -> Response:
        self._writable(request, owner, name)
        pull = self._pull(request, owner, name, number)
        try:
            self.state.merge(pull, method=METHODS[request.json.get("Do", "merge")])
        except NotOpen:
            raise NotThere(number) from None
        except merging.CannotMerge:
            raise self.refusal(405, "Please try again later") from None
        if request.json.get("delete_branch_after_merge"):
            self.state.delete_branch(pull.head_repository, pull.head)
        return Response(200)

    def review(self, request: Request, owner: str, name: str, number: str) -> Response:
        self._writable(request, owner, name)
        pull = self._pull(request, owner, name, number)
        for reviewer in request.json.get("reviewers", []):
            if reviewer not in self.state.users:
                raise self.refusal(404, f"User '{reviewer}' not exist")
            if reviewer == pull.author:
                raise self.refusal(422, f"poster of pr can't be reviewer [user_id: 1, repo_id: {numbered(pull.repository)}]")
            pull.reviewers += [reviewer] if reviewer not in pull.reviewers else []
        return Response(201, [{"user": {"login": reviewer}, "state": "REQUEST_REVIEW"} for reviewer in pull.reviewers])

    def list_labels(self, request: Request, owner: str, name: str) -> Response:
        known = self.state.labels.get(self._path(request, owner, name), {})
        shown, links = self.page(request, [{"id": number, "name": label} for label, number in known.items()], size="limit")
        return Response(200, shown, (*links, ("X-Total-Count", str(len(known)))))

    def no_labels(self, request: Request, owner: str) -> Response:
        raise NotThere(owner)

    def create_label(self, request: Request, owner: str, name: str) -> Response:
        path, label = self._writable(request, owner, name), request.json["name"]
        return Response(201, {"id": self.state.label_id(path, label), "name": label, "color": request.json["color"].lstrip("#")})

    def label(self, request: Request, owner: str, name: str, number: str) -> Response:
        """By id; unknown names are passed over without a word."""
        path = self._writable(request, owner, name)
        pull = self._pull(request, owner, name, number)
        ids = {number: label for label, number in self.state.labels.get(path, {}).items()}
        new = [ids[label] for label in request.json["labels"] if label in ids and ids[label] not in pull.labels]
        self.state.change(pull, labels=pull.labels + new)
        return Response(200, [{"id": self.state.label_id(path, label), "name": label} for label in pull.labels])

    def comment(self, request: Request, owner: str, name: str, number: str) -> Response:
        pull = self._pull(request, owner, name, number)
        pull.comments.append(request.json["body"])
        return Response(201, {"id": len(pull.comments), "body": pull.comments[-1]})

    def compare(self, request: Request, owner: str, name: str, pair: str) -> Response:
        where = self.state.repository(self._path(request, owner, name)).path
        base, _, head = pair.partition("...")
        tips = [merging.resolve(where, f"refs/heads/{branch}") for branch in (base, head)]
        if tips[0] is None or tips[1] is None:
            raise NotThere(pair)
        commits = merging.ahead(where, tips[0], tips[1])
        return Response(200, {"total_commits": len(commits), "commits": [{"sha": sha} for sha in commits]})

    def set_status(self, request: Request, owner: str, name: str, sha: str) -> Response:
        path, said = self._writable(request, owner, name), request.json
        status = Status(sha, said["context"], said["state"], said.get("target_url", ""), said.get("description", ""))
        self.state.set_status(path, status)
        return Response(201, {"status": status.state, "context": status.name, "target_url": status.url, "description": status.description})

    def branch(self, request: Request, owner: str, name: str, branch: str) -> Response:
        tip = merging.resolve(self.state.repository(self._path(request, owner, name)).path, f"refs/heads/{branch}")
        if tip is None:
            raise NotThere(branch)
        return Response(200, {"name": branch, "commit": {"id": tip}})

    def delete_branch(self, request: Request, owner: str, name: str, branch: str) -> Response:
        self.state.delete_branch(self._writable(request, owner, name), branch)
        return Response(204)

    def _path(self, request: Request, owner: str, name: str) -> str:
        return self.seen_path(request, f"{owner}/{name}")

    def _writable(self, request: Request, owner: str, name: str) -> str:
        path = self._path(request, owner, name)
        if not request.access.can_write:
            wanted = "write:issue" if "/issues/" in request.path else "write:repository"
            raise self.refusal(403, f"token does not have at least one of required scope(s), required=[{wanted}], token scope=read:repository")
        if path in self.state.archived:
            raise self.refusal(423, f"{path} is archived")
        return path

    def _pull(self, request: Request, owner: str, name: str, number: str) -> Pull:
        return self.state.pull(self._path(request, owner, name), int(number))

    def _shape(self, pull: Pull) -> Json:
        return pull_shape(self.base_url, pull, mergeable=bool(self.state.can_merge(pull)) and not pull.is_draft)


def _is_wanted(pull: Pull, state: str) -> bool:
    return state == "all" or (pull.state == "open") == (state == "open")
