"""Azure DevOps Services and Server, as a client and a webhook's receiver see them.

Repositories lie at organisation/project/name, or at organisation/name when the project has the repository's name.
Quirks: "no_filters" (lists show every branch), "redirects" (a wrong token is sent to the sign-in page), "delayed" (answers say that the host
is busy), "no_merge_commit_in_lists".
"""

import re
import time
import uuid
from dataclasses import replace
from typing import ClassVar
from urllib.parse import unquote

from simulator.bare import git
from simulator.forges import merging
from simulator.forges.azure_devops_shapes import (
    HEADS,
    STATES,
    delivered,
    guid,
    identity,
    pull_request_payload,
    pull_shape,
    push_payload,
    repository_shape,
    web_url,
)
from simulator.forges.events import Delivery, Event, Hook, RefChanged
from simulator.forges.state import ZEROS, Access, Exists, NotOpen, NotThere, Pull, Status
from simulator.forges.vendor import Json, Refusal, Request, Response, Vendor

METHODS = {"noFastForward": "merge", "squash": "squash", "rebase": "rebase", "rebaseMerge": "rebase-merge"}
SIGN_IN_PAGE = b"<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head></html>"
REPO = "/{org}/{project}/_apis/git/repositories/{name}"
PULL = f"{REPO}/pullrequests/{{number}}"


class AzureDevOps(Vendor):
    """API and service hooks over the state."""

    ROUTES: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("GET", "/{org}/_apis/connectionData", "connection"),
        ("GET", "/{org}/_apis/identities", "identities"),
        ("GET", "/{org}/_apis/permissions/{namespace}/{bits}", "permissions"),
        ("GET", REPO, "show"),
        ("GET", f"{REPO}/diffs/commits", "compare"),
        ("GET", f"{REPO}/refs", "list_refs"),
        ("POST", f"{REPO}/refs", "change_refs"),
        ("POST", f"{REPO}/commits/{{sha}}/statuses", "set_status"),
        ("GET", f"{REPO}/pullrequests", "list_pulls"),
        ("POST", f"{REPO}/pullrequests", "create"),
        ("GET", PULL, "read"),
        ("PATCH", PULL, "edit"),
        ("POST", f"{PULL}/labels", "label"),
        ("PUT", f"{PULL}/reviewers/{{person_id}}", "review"),
        ("POST", f"{PULL}/threads", "comment"),
        ("GET", f"{PULL}/iterations", "iterations"),
        ("POST", f"{PULL}/statuses", "set_pull_status"),
    )

    def pack(self, event: Event, hook: Hook) -> Delivery:
        if isinstance(event, RefChanged):
            return delivered(push_payload(self.base_url, event), hook.secret)
        return delivered(pull_request_payload(self.base_url, event.pull, event.action), hook.secret)

    def refusal(self, status: int, words: str, key: str = "GitRepositoryNotFoundException") -> Refusal:
        type_name = f"Microsoft.TeamFoundation.Git.Server.{key}, Microsoft.TeamFoundation.Git.Server"
        about = {"message": words, "typeName": type_name, "typeKey": key, "errorCode": 0, "eventId": 3000}
        return Refusal(status, {"$id": "1", "innerException": None, **about})

    def unauthenticated(self, access: Access | None, request: Request) -> Refusal:
        """A client that looks like a browser is shown the sign-in page."""
        if request.method == "PATCH" or request.path.endswith("/connectionData"):
            return self.refusal(401, "TF400813: The user '' is not authorized to access this resource.", "UnauthorizedRequestException")
        if "redirects" in self.state.quirks:
            return Refusal(302, None, ("Location", f"{self.base_url}/_signin?realm=example"))
        return Refusal(203, SIGN_IN_PAGE, ("Content-Type", "text/html; charset=utf-8"))

    def limits(self) -> tuple[tuple[str, str], ...]:
        told = (("X-TFS-ProcessId", guid("process", 6)), ("X-VSS-E2EID", str(uuid.uuid4())))
        if "delayed" not in self.state.quirks:
            return told
        rate = (("X-RateLimit-Resource", "api"), ("X-RateLimit-Delay", "2.5"), ("X-RateLimit-Limit", "200"), ("X-RateLimit-Remaining", "0"))
        return (*told, *rate, ("X-RateLimit-Reset", str(int(time.time()) + 300)), ("Retry-After", "7"))

    def owns(self, path: str) -> bool:
        return "/_apis/" in path

    def git_path(self, path: str) -> str:
        found = re.match(r"/(.+)/_git/([^/]+?)(/(?:info/refs|git-upload-pack|git-receive-pack|HEAD|objects/.*))$", path)
        return f"/{self._known(unquote(found[1]), unquote(found[2]))}.git{found[3]}" if found else path

    def page_path(self, repository: str, number: int) -> str:
        return f"{unquote(web_url('', repository))}/pullrequest/{number}"

    def page_of(self, path: str) -> tuple[str, int | None] | None:
        found = re.fullmatch(r"/(.+)/_git/([^/]+)/pullrequests?(?:/(\d+))?/?", unquote(path))
        return (self._known(found[1], found[2]), int(found[3]) if found[3] else None) if found else None

    def answer(self, request: Request) -> Response:
        """Words in paths are written in any case; writes have to name the API's version."""
        if request.method != "GET" and "api-version" not in request.query:
            words = f"No api-version was supplied for the '{request.method}' request."
            return self.refusal(400, words, "VssVersionNotSpecifiedException").response
        return super().answer(replace(request, target=request.target.replace("/pullRequests", "/pullrequests", 1)))

    def connection(self, request: Request, org: str) -> Response:
        return Response(200, {"authenticatedUser": identity(request.access.user), "deploymentType": "onPremises"})

    def identities(self, request: Request, org: str) -> Response:
        wanted = request.query["filterValue"].lower()
        found = [{"id": guid(name), "providerDisplayName": name, "isActive": True} for name in self.state.users if wanted in (name, f"{name}@example.com")]
        return Response(200, {"count": len(found), "value": found})

    def permissions(self, request: Request, org: str, namespace: str, bits: str) -> Response:
        return Response(200, {"count": 1, "value": [request.access.can_write]})

    def show(self, request: Request, org: str, project: str, name: str) -> Response:
        path = self._path(request, org, project, name)
        return Response(200, repository_shape(self.base_url, path) | {"isDisabled": path in self.state.archived})

    def compare(self, request: Request, org: str, project: str, name: str) -> Response:
        where = self.state.repository(self._path(request, org, project, name)).path
        tips = []
        for branch in (request.query["baseVersion"], request.query["targetVersion"]):
            tip = merging.resolve(where, HEADS + branch)
            if tip is None:
                words = f"TF401175: The version descriptor <Branch: {branch} > could not be resolved to a version in the repository {name}"
                raise self.refusal(404, words, "GitUnresolvableToCommitException")
            tips.append(tip)
        base, target = tips
        counts = {"aheadCount": len(merging.ahead(where, base, target)), "behindCount": len(merging.ahead(where, target, base))}
        return Response(200, {"allChangesIncluded": True, "changes": [], "baseCommit": base, "targetCommit": target, **counts})

    def list_refs(self, request: Request, org: str, project: str, name: str) -> Response:
        """The filter is how the names begin."""
        where = self.state.repository(self._path(request, org, project, name)).path
        lines = git("for-each-ref", "--format=%(objectname) %(refname)", cwd=where).splitlines()
        refs = [{"name": ref, "objectId": sha} for sha, _, ref in (line.partition(" ") for line in lines)]
        shown = [ref for ref in refs if ref["name"].startswith(f"refs/{request.query.get('filter', '')}")]
        return Response(200, {"value": shown, "count": len(shown)})

    def change_refs(self, request: Request, org: str, project: str, name: str) -> Response:
        """Answers 200 whatever happens."""
        path, results = self._writable(request, org, project, name), []
        for wanted in request.json:
            branch = wanted["name"].removeprefix(HEADS)
            is_current = merging.resolve(self.state.repository(path).path, wanted["name"]) == wanted["oldObjectId"]
            if is_current and wanted["newObjectId"] == ZEROS:
                self.state.delete_branch(path, branch)
            results.append({**wanted, "success": is_current, "updateStatus": "succeeded" if is_current else "staleOldObjectId"})
        return Response(200, {"value": results, "count": len(results)})

    def set_status(self, request: Request, org: str, project: str, name: str, sha: str) -> Response:
        path = self._writable(request, org, project, name)
        if merging.resolve(self.state.repository(path).path, sha) is None:
            raise self.refusal(404, f"TF401175: {sha} could not be resolved", "GitUnresolvableToCommitException")
        return Response(201, self._noted(request, path, sha))

    def set_pull_status(self, request: Request, org: str, project: str, name: str, number: str) -> Response:
        path = self._writable(request, org, project, name)
        self._pull(path, number)
        if request.json.get("iterationId", 1) != 1:
            raise self.refusal(404, "TF401180: There is no such iteration.", "GitPullRequestIterationNotFoundException")
        return Response(200, self._noted(request, path, f"pullrequest/{number}"))

    def list_pulls(self, request: Request, org: str, project: str, name: str) -> Response:
        path, query = self._path(request, org, project, name), request.query
        named = {key: query.get(f"searchCriteria.{word}", "").removeprefix(HEADS) for key, word in (("head", "sourceRefName"), ("base", "targetRefName"))}
        named = {} if "no_filters" in self.state.quirks else named
        wanted = query.get("searchCriteria.status", "active")
        found = self.seen([pull for pull in self.state.find(path, **named) if wanted in ("all", STATES[pull.state])])
        skip, size = int(query.get("$skip") or 0), min(int(query.get("$top") or 101), self.state.largest_page)
        shown = [self._shape(pull, is_listed=True) for pull in found[skip : skip + size]]
        return Response(200, {"value": shown, "count": len(shown)})

    def create(self, request: Request, org: str, project: str, name: str) -> Response:
        """Also without any commits between the branches."""
        path, wanted = self._writable(request, org, project, name), request.json
        if len(wanted.get("description") or "") > 4000:
            raise self.refusal(400, "A maximum of 4000 characters is allowed for the description.", "InvalidArgumentValueException")
        texts = {"title": wanted["title"], "body": wanted.get("description") or "", "author": request.access.user}
        gone = "TF401398: The pull request cannot be activated because the source and/or the target branch no longer exists."
        if not all(wanted[field].startswith(HEADS) for field in ("sourceRefName", "targetRefName")):
            raise self.refusal(400, gone, "GitPullRequestCannotBeActivated")
        head, base = (wanted[field].removeprefix(HEADS) for field in ("sourceRefName", "targetRefName"))
        try:
            pull = self.state.open(path, head=head, base=base, is_draft=bool(wanted.get("isDraft")), **texts)
        except Exists:
            words = "TF401179: An active pull request for the source and target branch already exists."
            raise self.refusal(409, words, "GitPullRequestExistsException") from None
        except NotThere:
            raise self.refusal(400, gone, "GitPullRequestCannotBeActivated") from None
        return Response(201, pull_shape(self.base_url, pull, merge_status="queued"))

    def read(self, request: Request, org: str, project: str, name: str, number: str) -> Response:
        return Response(200, self._shape(self._pull(self._path(request, org, project, name), number)))

    def edit(self, request: Request, org: str, project: str, name: str, number: str) -> Response:
        wanted = request.json
        pull = self._pull(self._writable(request, org, project, name), number)
        if pull.state != "open":
            raise self.refusal(403, "TF401181: The pull request cannot be edited due to its state.", "GitPullRequestNotEditableException")
        if wanted.get("status") == "completed":
            self._complete(pull, wanted)
        elif wanted.get("status") == "abandoned":
            self.state.close(pull)
        pull.title, pull.body = wanted.get("title", pull.title), wanted.get("description", pull.body)
        return Response(200, self._shape(pull))

    def label(self, request: Request, org: str, project: str, name: str, number: str) -> Response:
        path, wanted = self._writable(request, org, project, name), request.json["name"]
        pull = self._pull(path, number)
        self.state.label_id(path, wanted)
        pull.labels += [wanted] if wanted not in pull.labels else []
        return Response(200, {"id": guid(wanted, 5), "name": wanted, "active": True})

    def review(self, request: Request, org: str, project: str, name: str, number: str, person_id: str) -> Response:
        """The author may review, too."""
        pull = self._pull(self._writable(request, org, project, name), number)
        person = next((user for user in self.state.users if guid(user) == person_id), None)
        if person is None:
            raise self.refusal(404, f"TF400813: The identity {person_id} could not be found.", "IdentityNotFoundException")
        pull.reviewers += [person] if person not in pull.reviewers else []
        return Response(200, {**identity(person), "vote": 0})

    def comment(self, request: Request, org: str, project: str, name: str, number: str) -> Response:
        pull = self._pull(self._writable(request, org, project, name), number)
        pull.comments += [comment["content"] for comment in request.json["comments"]]
        return Response(200, {"id": len(pull.comments), "status": request.json.get("status")})

    def iterations(self, request: Request, org: str, project: str, name: str, number: str) -> Response:
        pull = self._pull(self._path(request, org, project, name), number)
        return Response(200, {"count": 1, "value": [{"id": 1, "sourceRefCommit": {"commitId": pull.head_sha}}]})

    def _complete(self, pull: Pull, wanted: Json) -> None:
        if (wanted.get("lastMergeSourceCommit") or {}).get("commitId") != pull.head_sha:
            raise self.refusal(409, "TF401192: The source branch has changed since it was last read.", "GitPullRequestStaleException")
        try:
            self.state.merge(pull, method=METHODS.get((wanted.get("completionOptions") or {}).get("mergeStrategy", ""), "merge"))
        except (NotOpen, merging.CannotMerge) as error:
            raise self.refusal(409, f"TF401193: {error}", "GitPullRequestUpdateRejectedException") from None

    def _noted(self, request: Request, path: str, sha: str) -> Json:
        said = request.json
        self.state.set_status(path, Status(sha, said["context"]["name"], said["state"], said.get("targetUrl") or "", said.get("description") or ""))
        return {"id": len(self.state.statuses[path]), **said}

    def _shape(self, pull: Pull, *, is_listed: bool = False) -> Json:
        """An open one shows a merge that was only tried; lists may not know it, nor the real one."""
        if is_listed:
            return pull_shape(self.base_url, pull, merge_commit="" if "no_merge_commit_in_lists" in self.state.quirks else self._merge_commit(pull))
        can_merge = self.state.can_merge(pull)
        word = {None: "queued", True: "succeeded", False: "conflicts"}[can_merge] if pull.state == "open" else "succeeded"
        return pull_shape(self.base_url, pull, merge_status=word, merge_commit=self._merge_commit(pull) if word == "succeeded" else None)

    def _merge_commit(self, pull: Pull) -> str | None:
        return pull.merge_sha or merging.test_merge(self.state.repository(pull.repository).path, pull.base_sha, pull.head_sha)

    def _known(self, before: str, name: str) -> str:
        """The path below the root for what stands before and after /_git/."""
        parts = before.split("/")
        whole = f"{before}/{name}"
        if len(parts) == 2 and parts[1] == name and not (self.state.root / f"{whole}.git").is_dir():
            return f"{parts[0]}/{name}"
        return whole if len(parts) != 1 or (self.state.root / f"{whole}.git").is_dir() else f"{before}/{name}/{name}"

    def _path(self, request: Request, org: str, project: str, name: str) -> str:
        return self.seen_path(request, self._known(f"{org}/{project}", name))

    def _writable(self, request: Request, org: str, project: str, name: str) -> str:
        path = self._path(request, org, project, name)
        if path in self.state.archived:
            raise self.refusal(403, f"The repository {name} is disabled.", "GitRepositoryDisabledException")
        if not request.access.can_write:
            words = "TF401027: You need the Git 'PullRequestContribute' permission to perform this action."
            raise self.refusal(403, words, "GitNeedsPermissionException")
        return path

    def _pull(self, path: str, number: str) -> Pull:
        try:
            return self.state.pull(path, int(number))
        except NotThere:
            raise self.refusal(404, f"TF401180: The requested pull request was not found: {number}.", "GitPullRequestNotFoundException") from None
