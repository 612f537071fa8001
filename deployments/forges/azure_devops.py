"""Azure DevOps Services and Server. Branches are full refs, people are GUIDs. https://learn.microsoft.com/rest/api/azure/devops/git/"""

import base64
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from deployments.forges.base import Forge, printable, segment
from deployments.forges.client import Answer, Client
from deployments.forges.errors import (
    BranchMissing,
    Conflict,
    Duplicate,
    Forbidden,
    ForgeError,
    NoChanges,
    NotFoundOrForbidden,
    ReadOnly,
    Unauthenticated,
    UnexpectedAnswer,
)
from deployments.forges.values import TITLE_LENGTH, CommitStatus, Outcome, Proposal, PullRequest, State, Token

STATES = {Outcome.WAITING: "pending", Outcome.PASSED: "succeeded", Outcome.FAILED: "failed", Outcome.ERROR: "error"}
OURS = {"completed": State.MERGED, "abandoned": State.CLOSED}
MERGEABLE = {"succeeded": True, "conflicts": False, "rejectedByPolicy": False}
LONGEST_BODY, PAGE, MOST_PAGES = 4_000, 100, 100
HEADS, NO_COMMIT = "refs/heads/", "0" * 40
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
IDENTITIES = {"dev.azure.com": "https://vssps.dev.azure.com"}  # Services look people up at an address of its own
GIT_RIGHTS, PUSH_AND_PULL_REQUEST = "2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87", 4 + 16384  # GenericContribute, PullRequestContribute


class AzureDevOps(Forge):
    """Pull requests of one repository."""

    def headers(self, token: Token) -> dict[str, str]:
        """A personal access token is the password of nobody: with a user name some calls answer 401. A JWT is a service's own."""
        if token.secret.count(".") == 2 and token.secret.startswith("eyJ"):
            return {"Authorization": f"Bearer {token.secret}"}
        return {"Authorization": "Basic " + base64.b64encode(f":{token.secret}".encode()).decode()}

    def find(self, *, head: str, base: str) -> PullRequest | None:
        for entry in self._active(head=head, base=base):
            if (entry["sourceRefName"], entry["targetRefName"]) == (HEADS + head, HEADS + base) and not entry.get("forkSource"):
                return self._read(entry)
        return None

    def create(self, proposal: Proposal) -> PullRequest:
        """The host opens empty pull requests, so it is asked for the commits first."""
        kinds = {"baseVersionType": "branch", "targetVersionType": "branch"}
        compared = self._git("GET", "/diffs/commits", baseVersion=proposal.base, targetVersion=proposal.head, **kinds, **{"$top": "1"})
        if compared.get("aheadCount") == 0:
            raise NoChanges(f"{self.client.host} sees no commits to merge on {self.repository.path}.")
        body = {
            "sourceRefName": HEADS + proposal.head,
            "targetRefName": HEADS + proposal.base,
            "title": proposal.title[:TITLE_LENGTH],
            "description": proposal.body[:LONGEST_BODY],
        }
        return self._read(self._git("POST", "/pullrequests", body))

    def state(self, number: int) -> PullRequest:
        return self._read(self._git("GET", f"/pullrequests/{number}"))

    def close(self, number: int) -> PullRequest:
        found = self.state(number)
        if found.state is not State.OPEN:
            return found
        try:
            return self._read(self._git("PATCH", f"/pullrequests/{number}", {"status": "abandoned"}))
        except (Conflict, UnexpectedAnswer):  # completed in between
            found = self.state(number)
            if found.state is State.OPEN:
                raise
            return found

    def comment(self, number: int, text: str) -> None:
        first = {"parentCommentId": 0, "content": text, "commentType": 1}
        self._git("POST", f"/pullRequests/{number}/threads", {"comments": [first], "status": 4})

    def add_labels(self, number: int, labels: list[str]) -> list[str]:
        problems = []
        for name in labels:
            try:
                self._git("POST", f"/pullRequests/{number}/labels", {"name": name})
            except (Forbidden, UnexpectedAnswer, Conflict) as error:
                problems.append(f"The label {name} could not be set: {error}")
        return problems

    def request_reviewers(self, number: int, names: list[str]) -> list[str]:
        """Names are people's or teams' names, mail addresses or GUIDs."""
        problems: list[str] = []
        author = (self._git("GET", f"/pullrequests/{number}").get("createdBy") or {}).get("id")
        for name in names:
            try:
                identity = self._identity(name)
                if identity == author:
                    problems.append(f"{name} could not be asked for a review: the pull request is their own.")
                    continue
                self._git("PUT", f"/pullRequests/{number}/reviewers/{identity}", {"id": identity, "vote": 0})
            except (UnexpectedAnswer, NotFoundOrForbidden, Forbidden, Conflict) as error:
                problems.append(f"{name} could not be asked for a review: {error}")
        return problems

    def set_status(self, sha: str, status: CommitStatus) -> None:
        """On the commit, and on the open pull requests it is the head of: branch policies look only there."""
        context = {"name": status.name, "genre": "octoargo"}
        body = {"state": STATES[status.outcome], "description": status.description, "targetUrl": status.url, "context": context}
        self._git("POST", f"/commits/{sha}/statuses", body)
        for entry in self._active(head=status.branch):
            if (entry.get("lastMergeSourceCommit") or {}).get("commitId") == sha:
                where = f"/pullRequests/{entry['pullRequestId']}"
                rounds = self._git("GET", f"{where}/iterations").get("value") or []
                current = [one["id"] for one in rounds if (one.get("sourceRefCommit") or {}).get("commitId") == sha][-1:]
                self._git("POST", f"{where}/statuses", body | ({"iterationId": current[0]} if current else {}))

    def delete_branch(self, name: str) -> None:
        """One that is gone already is fine. The host answers 200 also when it refuses."""
        refs = self._git("GET", "/refs", filter=f"heads/{name}").get("value") or []
        found = next((entry for entry in refs if entry["name"] == HEADS + name), None)
        if found is None:
            return
        change = {"name": HEADS + name, "oldObjectId": found["objectId"], "newObjectId": NO_COMMIT}
        answer = (self._git("POST", "/refs", [change]).get("value") or [{}])[0]
        if not answer.get("success"):
            raise Conflict(f"{self.client.host} did not delete the branch {name} of {self.repository.path}: {answer.get('updateStatus') or 'no reason given'}.")

    def check_rights(self) -> None:
        found = self._git("GET", "")
        if found.get("isDisabled"):
            raise ReadOnly(f"{self.repository.path} on {self.client.host} is disabled: nothing can be pushed.")
        token = f"repoV2/{(found.get('project') or {}).get('id')}/{found.get('id')}"
        try:
            path = f"/{self._organisation}/_apis/permissions/{GIT_RIGHTS}/{PUSH_AND_PULL_REQUEST}"
            given = self.ask("GET", path, query={"tokens": token, "api-version": "6.0"})
        except (Unauthenticated, Forbidden, NotFoundOrForbidden, UnexpectedAnswer):  # not every token may ask
            return
        if isinstance(given, dict) and given.get("value") == [False]:
            wanted = "Contribute and Contribute to pull requests"
            raise Forbidden(f"The token may read {self.repository.path} on {self.client.host} but not push to it. Its user needs the permissions {wanted}.")

    def words(self, answer: Answer) -> str:
        content = answer.content if isinstance(answer.content, dict) else {}
        return printable(str(content.get("message") or ""))

    def explain(self, answer: Answer) -> ForgeError | None:
        """By `typeKey` and TF number: the texts are localised."""
        content = answer.content if isinstance(answer.content, dict) else {}
        key, message = str(content.get("typeKey") or ""), str(content.get("message") or "")
        where, words = f"{self.repository.path} on {self.client.host}", self.words(answer)
        if key == "GitPullRequestExistsException" or "TF401179" in message:
            return Duplicate(f"{self.client.host} has an open pull request for the same branches: {words}.")
        if key == "GitUnresolvableToCommitException" or "TF401398" in message or "TF401175" in message:
            return BranchMissing(f"{self.client.host} does not know the pull request's branches on {self.repository.path}.")
        if key == "GitRepositoryDisabledException" or (answer.status in (403, 404) and "disabled" in message.lower()):
            return ReadOnly(f"{where} is disabled: nothing can be changed there.")
        if key == "GitNeedsPermissionException" or "TF401027" in message:
            return Forbidden(f"The token lacks a right on {where}: {words}.")
        return None

    @property
    def _organisation(self) -> str:
        return segment(self.repository.path.split("/")[0])

    def _git(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """Ask about the repository; an answer without content is {}."""
        organisation, project, name = (segment(part) for part in self.repository.path.split("/"))
        where = f"/{organisation}/{project}/_apis/git/repositories/{name}"
        return self.ask(method, where + path, query={**query, "api-version": "6.0"}, body=body) or {}

    def _active(self, *, head: str = "", base: str = "") -> Iterator[dict[str, Any]]:
        """The open pull requests, of a branch and into a branch if they are given."""
        wanted = {"sourceRefName": head, "targetRefName": base}
        query = {f"searchCriteria.{name}": HEADS + branch for name, branch in wanted.items() if branch} | {"searchCriteria.status": "active"}
        seen = 0
        for _ in range(MOST_PAGES):
            entries = self._git("GET", "/pullrequests", **query, **{"$top": str(PAGE), "$skip": str(seen)}).get("value") or []
            yield from entries
            seen += len(entries)
            if not entries:  # a page may be shorter than what was asked for
                return

    def _identity(self, name: str) -> str:
        """The GUID of a person or team. Raises UnexpectedAnswer when none or several have the name."""
        if GUID.fullmatch(name):
            return name.lower()
        base = IDENTITIES.get(urlsplit(self.repository.api_base).netloc, self.repository.api_base)
        client = (
            self.client
            if base == self.repository.api_base
            else Client(base, self.client.headers, secret=self.client.secret, allow_private=self.client.allow_private, sleep=self.sleep)
        )
        query = {"searchFilter": "General", "filterValue": name, "api-version": "6.0"}
        answer = client.call("GET", f"/{self._organisation}/_apis/identities", query=query)
        if not answer.is_fine:
            self.refuse(answer)
        found = {entry["id"] for entry in answer.content.get("value") or []}
        if len(found) != 1:
            problem = "several people have this name; write the mail address." if found else "there is no such person or team."
            raise UnexpectedAnswer(problem)
        return str(found.pop())

    def _read(self, entry: dict[str, Any]) -> PullRequest:
        state = OURS.get(entry["status"], State.OPEN)
        merged = (entry.get("lastMergeCommit") or {}).get("commitId")  # of an open one it is only a try
        return PullRequest(
            number=entry["pullRequestId"],
            title=entry["title"],
            state=state,
            head=entry["sourceRefName"].removeprefix(HEADS),
            base=entry["targetRefName"].removeprefix(HEADS),
            head_sha=(entry.get("lastMergeSourceCommit") or {}).get("commitId") or "",
            merge_sha=merged if state is State.MERGED else None,
            web_url=self.repository.pull_request_url(entry["pullRequestId"]),
            mergeable=MERGEABLE.get(entry.get("mergeStatus") or ""),
            is_draft=bool(entry.get("isDraft")),
            labels=tuple(label["name"] for label in entry.get("labels") or [] if label.get("active", True)),
        )
