"""Bitbucket Data Center, as a client and a webhook's receiver see it.

Repositories lie at KEY/slug, personal ones at ~name/slug; Git is below /scm.
Quirks: "no_filters" (lists show every branch), "merge_commit_in_activities" (pull requests do not tell it), "no_links" (an older server's webhooks).
"""

import re
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import unquote

from simulator.forges import merging
from simulator.forges.bitbucket_data_center_shapes import HEADS, event_of, pull_request_payload, pull_shape, push_payload, repository_shape, signed
from simulator.forges.events import Delivery, Event, Hook, RefChanged
from simulator.forges.state import Access, Exists, NotThere, Pull, Status
from simulator.forges.vendor import Json, Refusal, Request, Response, Vendor, secret_of

METHODS = {"no-ff": "merge", "ff": "merge", "ff-only": "fast-forward", "squash": "squash", "rebase-no-ff": "rebase-merge", "rebase-ff-only": "rebase"}
HIDDEN = 3  # entries after each page that the caller may not see: the next page starts behind them
XSRF = b"<html><body><h1>XSRF check failed</h1></body></html>"
REPO = "/api/{version}/projects/{key}/repos/{slug}"
PULL = f"{REPO}/pull-requests/{{number}}"


class BitbucketDataCenter(Vendor):
    """API and webhooks over the state."""

    PREFIX: ClassVar[str] = "/rest"
    ROUTES: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("GET", "/api/{version}/application-properties", "properties"),
        ("GET", "/api/{version}/repos", "list_repositories"),
        ("GET", REPO, "show"),
        ("GET", f"{REPO}/pull-requests", "list_pulls"),
        ("POST", f"{REPO}/pull-requests", "create"),
        ("GET", PULL, "read"),
        ("PUT", PULL, "edit"),
        ("GET", f"{PULL}/merge", "can_merge"),
        ("POST", f"{PULL}/merge", "merge"),
        ("POST", f"{PULL}/decline", "decline"),
        ("POST", f"{PULL}/comments", "comment"),
        ("GET", f"{PULL}/activities", "activities"),
        ("POST", "/build-status/1.0/commits/{sha}", "set_status"),
        ("DELETE", "/branch-utils/{version}/projects/{key}/repos/{slug}/branches", "delete_branch"),
    )

    def pack(self, event: Event, hook: Hook) -> Delivery:
        base_url = "" if "no_links" in self.state.quirks else self.base_url
        if isinstance(event, RefChanged):
            return signed("repo:refs_changed", push_payload(base_url, event), hook.secret)
        return signed(event_of(event), pull_request_payload(base_url, event), hook.secret)

    def refusal(self, status: int, words: str, name: str = "NoSuchObjectException", **more: Any) -> Refusal:
        error = {"context": None, "message": words, "exceptionName": f"com.atlassian.bitbucket.{name}", **more}
        return Refusal(status, {"errors": [error]})

    def unauthenticated(self, access: Access | None, request: Request) -> Refusal:
        words = "Authentication failed. Please check your credentials and try again."
        return self.refusal(401, words, "auth.IncorrectPasswordAuthenticationException")

    def is_open(self, request: Request) -> bool:
        return request.path.endswith("/application-properties")

    def git_path(self, path: str) -> str:
        return super().git_path(path.removeprefix("/scm")) if path.startswith("/scm/") else path

    def page_path(self, repository: str, number: int) -> str:
        key, _, slug = repository.partition("/")
        where = f"users/{key[1:]}" if key.startswith("~") else f"projects/{key}"
        return f"/{where}/repos/{slug}/pull-requests/{number}"

    def page_of(self, path: str) -> tuple[str, int | None] | None:
        found = re.fullmatch(r"/(projects|users)/([^/]+)/repos/([^/]+)/pull-requests(?:/(\d+))?(?:/overview)?/?", unquote(path))
        if not found:
            return None
        owner = f"~{found[2]}" if found[1] == "users" else found[2]
        return f"{owner}/{found[3]}", int(found[4]) if found[4] else None

    def answer(self, request: Request) -> Response:
        """Writes that a browser could have been talked into are refused; the others tell who asks."""
        is_json = request.headers.get("content-type", "").startswith("application/json")
        if request.method != "GET" and not (is_json and request.headers.get("x-atlassian-token") == "no-check"):
            self.state.requests.append(f"{request.method} {request.target}")
            return Response(403, XSRF, (("Content-Type", "text/html;charset=UTF-8"),))
        response, access = super().answer(request), self.state.access(secret_of(request.headers))
        if access is None or access.is_expired:
            return response
        return replace(response, headers=(*response.headers, ("X-AUSERNAME", access.user)))

    def properties(self, request: Request, version: str) -> Response:
        return Response(200, {"version": "8.19.1", "buildNumber": "8019001", "displayName": "Bitbucket"})

    def list_repositories(self, request: Request, version: str) -> Response:
        """Those that the caller has a right on."""
        paths = [str(found.relative_to(self.state.root)).removesuffix(".git") for found in sorted(self.state.root.glob("*/*.git"))]
        may = request.access.can_see and (request.access.can_write or "WRITE" not in request.query.get("permission", ""))
        shapes = [repository_shape(self.base_url, path) for path in paths if may]
        return self._paged(request, [shape for shape in shapes if request.query.get("name", "").lower() in shape["name"].lower()])

    def show(self, request: Request, version: str, key: str, slug: str) -> Response:
        path = self._path(request, key, slug)
        return Response(200, repository_shape(self.base_url, path) | {"archived": path in self.state.archived})

    def list_pulls(self, request: Request, version: str, key: str, slug: str) -> Response:
        """Outgoing ones come from this repository, and go anywhere; incoming ones, the usual, the other way round."""
        path, query = self._path(request, key, slug), request.query
        is_outgoing = query.get("direction", "INCOMING") == "OUTGOING"
        pulls = [pull for repository in self.state.pulls for pull in self.state.find(repository)]
        pulls = [pull for pull in pulls if path == (pull.head_repository if is_outgoing else pull.repository)]
        if (at := query.get("at")) and "no_filters" not in self.state.quirks:
            pulls = [pull for pull in pulls if at == HEADS + (pull.head if is_outgoing else pull.base)]
        shapes = [self._shape(pull) for pull in self.seen(pulls)]
        return self._paged(request, [shape for shape in shapes if query.get("state", "OPEN") in ("ALL", shape["state"])])

    def create(self, request: Request, version: str, key: str, slug: str) -> Response:
        path, wanted = self._writable(request, key, slug), request.json
        branches = {field: wanted[field]["id"] for field in ("fromRef", "toRef")}
        where = self.state.repository(path).path
        tips = {field: merging.resolve(where, ref) if ref.startswith(HEADS) else None for field, ref in branches.items()}
        for field, ref in branches.items():
            if tips[field] is None:
                raise self.refusal(404, f'Branch "{ref}" does not exist in repository {slug}.', "repository.NoSuchBranchException")
        if len(wanted.get("description") or "") > 32_768:
            raise self.refusal(400, "The description shouldn't exceed 32768 characters.", "validation.ArgumentValidationException")
        head, base = (ref.removeprefix(HEADS) for ref in branches.values())
        if not merging.ahead(where, str(tips["toRef"]), str(tips["fromRef"])):
            raise self.refusal(409, f"{base} is already up-to-date with branch {head}.", "pull.EmptyPullRequestException")
        texts = {"title": wanted["title"], "body": wanted.get("description") or "", "author": request.access.user}
        try:
            pull = self.state.open(path, head=head, base=base, is_draft=bool(wanted.get("draft")), **texts)
        except Exists as exists:
            words, known = "Only one pull request may be open for a given source and target branch", self._shape(exists.pull)
            raise self.refusal(409, words, "pull.DuplicatePullRequestException", existingPullRequest=known) from None
        return Response(201, self._shape(pull))

    def read(self, request: Request, version: str, key: str, slug: str, number: str) -> Response:
        return Response(200, self._shape(self._pull(self._path(request, key, slug), number)))

    def edit(self, request: Request, version: str, key: str, slug: str, number: str) -> Response:
        """What is left out is cleared, but for the title."""
        pull, wanted = self._pull(self._writable(request, key, slug), number), request.json
        self._check(pull, wanted["version"])
        reviewers = [entry["user"]["name"] for entry in wanted.get("reviewers", [])]
        if problems := [problem for problem in (self._problem(pull, name) for name in reviewers) if problem]:
            words = "Errors encountered while adding some reviewers to this pull request."
            raise self.refusal(409, words, "pull.InvalidPullRequestReviewersException", reviewerErrors=problems, validReviewers=[])
        changed = {"title": wanted.get("title", pull.title), "body": wanted.get("description", ""), "reviewers": reviewers}
        return Response(200, self._shape(self.state.change(pull, **changed)))

    def can_merge(self, request: Request, version: str, key: str, slug: str, number: str) -> Response:
        pull = self._pull(self._path(request, key, slug), number)
        if pull.state != "open":
            raise self._not_open(pull)
        can_merge = self.state.can_merge(pull)
        outcome = {None: "UNKNOWN", True: "CLEAN", False: "CONFLICTED"}[can_merge]
        return Response(200, {"canMerge": can_merge is True, "conflicted": can_merge is False, "outcome": outcome, "vetoes": []})

    def merge(self, request: Request, version: str, key: str, slug: str, number: str) -> Response:
        pull = self._pull(self._writable(request, key, slug), number)
        self._check(pull, int(request.query["version"]))
        method = request.json.get("strategyId") or (request.json.get("strategy") or {}).get("id") or "no-ff"
        try:
            self.state.merge(pull, method=METHODS[method])
        except merging.CannotMerge as error:
            raise self.refusal(409, f"The pull request has conflicts: {error}", "pull.PullRequestMergeVetoedException") from None
        return Response(200, self._shape(pull))

    def decline(self, request: Request, version: str, key: str, slug: str, number: str) -> Response:
        pull = self._pull(self._writable(request, key, slug), number)
        self._check(pull, int(request.query["version"]))
        self.state.close(pull)
        return Response(200, self._shape(pull))

    def comment(self, request: Request, version: str, key: str, slug: str, number: str) -> Response:
        pull = self._pull(self._path(request, key, slug), number)
        pull.comments.append(request.json["text"])
        return Response(201, {"id": len(pull.comments), "version": 0, "text": pull.comments[-1]})

    def activities(self, request: Request, version: str, key: str, slug: str, number: str) -> Response:
        pull = self._pull(self._path(request, key, slug), number)
        opened = {"id": 1, "action": "OPENED", "user": {"name": pull.author}}
        merged = {"id": 2, "action": "MERGED", "commit": {"id": pull.merge_sha, "displayId": pull.merge_sha[:11]}}
        return self._paged(request, [merged, opened] if pull.state == "merged" else [opened])

    def set_status(self, request: Request, sha: str) -> Response:
        """Not bound to a repository: every one that holds the commit shows it."""
        said = request.json
        if not said.get("url"):
            raise self.refusal(400, "url may not be empty", "validation.ArgumentValidationException")
        if not request.access.can_write:
            raise self._forbidden(request)
        for found in self.state.root.glob("*/*.git"):
            if merging.resolve(found, sha):
                path = str(found.relative_to(self.state.root)).removesuffix(".git")
                self.state.set_status(path, Status(sha, said.get("name") or said["key"], said["state"], said["url"], said.get("description") or ""))
        return Response(204)

    def delete_branch(self, request: Request, version: str, key: str, slug: str) -> Response:
        self.state.delete_branch(self._writable(request, key, slug), request.json["name"].removeprefix(HEADS))
        return Response(204)

    def _shape(self, pull: Pull) -> Json:
        return pull_shape(self.base_url, pull, tells_merge="merge_commit_in_activities" not in self.state.quirks)

    def _paged(self, request: Request, entries: list[Json]) -> Response:
        """The next page starts where `nextPageStart` says, behind what is hidden."""
        size, start = min(int(request.query.get("limit") or 25), self.state.largest_page), int(request.query.get("start") or 0)
        first = start - HIDDEN * (start // (size + HIDDEN))
        shown, is_last = entries[first : first + size], first + size >= len(entries)
        following = None if is_last else start + size + HIDDEN
        return Response(200, {"values": shown, "size": len(shown), "limit": size, "isLastPage": is_last, "start": start, "nextPageStart": following})

    def _check(self, pull: Pull, version: int) -> None:
        """Refuse a change that is based on an old version, or comes too late."""
        if pull.state != "open":
            raise self._not_open(pull)
        if version != pull.version:
            words, versions = "You are attempting to modify a pull request based on out-of-date information.", (pull.version, version)
            more = {"currentVersion": versions[0], "expectedVersion": versions[1], "pullRequest": self._shape(pull)}
            raise self.refusal(409, words, "pull.PullRequestOutOfDateException", **more)

    def _not_open(self, pull: Pull) -> Refusal:
        words = f"This pull request has been {pull.state} and cannot be changed."
        return self.refusal(409, words, "pull.IllegalPullRequestStateException")

    def _forbidden(self, request: Request) -> Refusal:
        return self.refusal(401, "You are not permitted to access this resource", "AuthorisationException")

    def _problem(self, pull: Pull, name: str) -> Json | None:
        if name == pull.author:
            return {"context": name, "message": f"{name} is the author of the pull request and cannot be a reviewer.", "exceptionName": None}
        if name not in self.state.users:
            return {"context": name, "message": f"{name} is not a user.", "exceptionName": None}
        return None

    def _path(self, request: Request, key: str, slug: str) -> str:
        try:
            return self.seen_path(request, f"{key}/{slug}")
        except NotThere:
            raise self.refusal(404, f"Repository {key}/{slug} does not exist.", "repository.NoSuchRepositoryException") from None

    def _writable(self, request: Request, key: str, slug: str) -> str:
        path = self._path(request, key, slug)
        if not request.access.can_write:
            raise self._forbidden(request)
        if path in self.state.archived:
            raise self.refusal(409, f"Repository {path} is archived and read-only.", "repository.RepositoryReadOnlyException")
        return path

    def _pull(self, path: str, number: str) -> Pull:
        try:
            return self.state.pull(path, int(number))
        except NotThere:
            words = f"Pull request {number} does not exist in {path}."
            raise self.refusal(404, words, "pull.NoSuchPullRequestException") from None
