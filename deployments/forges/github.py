"""GitHub.com and GitHub Enterprise. https://docs.github.com/rest/pulls"""

import re
from dataclasses import replace
from typing import Any, ClassVar

from deployments.forges.base import Forge, branch_path, said, segment
from deployments.forges.client import Answer
from deployments.forges.errors import BranchMissing, Duplicate, Forbidden, ForgeError, NoChanges, NotFoundOrForbidden, ReadOnly, SsoRequired, UnexpectedAnswer
from deployments.forges.values import TITLE_LENGTH, CommitStatus, Outcome, Proposal, PullRequest, State, Token

STATES = {Outcome.WAITING: "pending", Outcome.PASSED: "success", Outcome.FAILED: "failure", Outcome.ERROR: "error"}
LONGEST_BODY, LONGEST_DESCRIPTION = 65_536, 140
MERGE_COMMIT = "query($o:String!,$r:String!,$n:Int!){repository(owner:$o,name:$r){pullRequest(number:$n){mergeCommit{oid}}}}"


class GitHub(Forge):
    """Pull requests of one repository."""

    WRITE_GAP_S: ClassVar[float] = 1.0
    BRANCH_PAUSES_S: ClassVar[tuple[float, ...]] = (1.0, 2.0, 4.0)
    NO_CHANGES_PAUSES_S: ClassVar[tuple[float, ...]] = (2.0, 2.0)

    def headers(self, token: Token) -> dict[str, str]:
        return {"Authorization": f"Bearer {token.secret}", "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

    @property
    def _path(self) -> str:
        return f"/repos/{segment(self.repository.owner)}/{segment(self.repository.name)}"

    def find(self, *, head: str, base: str) -> PullRequest | None:
        query = {"state": "open", "head": f"{self.repository.owner}:{head}", "base": base, "per_page": "100"}
        for entry in self.list_all(f"{self._path}/pulls", query=query):
            owner = ((entry["head"].get("repo") or {}).get("full_name") or "").lower()
            if entry["head"]["ref"] == head and entry["base"]["ref"] == base and owner == self.repository.path.lower():
                return self._read(entry)
        return None

    def create(self, proposal: Proposal) -> PullRequest:
        body = {"title": proposal.title[:TITLE_LENGTH], "head": proposal.head, "base": proposal.base, "body": proposal.body[:LONGEST_BODY]}
        return self._read(self.ask("POST", f"{self._path}/pulls", body={**body, "maintainer_can_modify": False}))

    def state(self, number: int) -> PullRequest:
        found = self._read(self.ask("GET", f"{self._path}/pulls/{number}"))
        if found.state is State.MERGED and not found.merge_sha:
            return replace(found, merge_sha=self._merge_sha(number))
        return found

    def close(self, number: int) -> PullRequest:
        found = self.state(number)
        if found.state is not State.OPEN:
            return found
        return self._read(self.ask("PATCH", f"{self._path}/pulls/{number}", body={"state": "closed"}))

    def add_labels(self, number: int, labels: list[str]) -> list[str]:
        self.ask("POST", f"{self._path}/issues/{number}/labels", body={"labels": labels})
        return []

    def request_reviewers(self, number: int, names: list[str]) -> list[str]:
        """Names are logins, or teams as "@acme/platform"; one by one, because one wrong name fails the whole call."""
        problems = []
        for name in names:
            field = "team_reviewers" if "/" in name else "reviewers"
            try:
                self.ask("POST", f"{self._path}/pulls/{number}/requested_reviewers", body={field: [name.rpartition("/")[2]]})
            except (UnexpectedAnswer, NotFoundOrForbidden) as error:
                problems.append(f"{name} could not be asked for a review: {error}")
        return problems

    def set_status(self, sha: str, status: CommitStatus) -> None:
        body = {"state": STATES[status.outcome], "target_url": status.url, "description": status.description[:LONGEST_DESCRIPTION], "context": status.name}
        self.ask("POST", f"{self._path}/statuses/{sha}", body=body)

    def comment(self, number: int, text: str) -> None:
        self.ask("POST", f"{self._path}/issues/{number}/comments", body={"body": text[:LONGEST_BODY]})

    def delete_branch(self, name: str) -> None:
        try:
            self.ask("DELETE", f"{self._path}/git/refs/heads/{branch_path(name)}")
        except (BranchMissing, NotFoundOrForbidden):
            return

    def check_rights(self) -> None:
        found = self.ask("GET", self._path)
        if found.get("archived"):
            raise ReadOnly(f"{self.repository.path} on {self.client.host} is archived: nothing can be pushed.")
        if (found.get("permissions") or {}).get("push") is False:
            raise Forbidden(f"The token may read {self.repository.path} on {self.client.host} but not push to it. Give it the right to write contents.")
        branch = found.get("default_branch") or "main"
        self.check_dry(f"{self._path}/pulls", {"title": "May we?", "head": branch, "base": branch})

    def explain(self, answer: Answer) -> ForgeError | None:
        words, host = said(answer), self.client.host
        if answer.status == 403 and "archived" in words:
            return ReadOnly(f"{self.repository.path} on {host} is archived: nothing can be changed.")
        if answer.status == 403 and (single := re.search(r"url=(\S+)", answer.headers.get("x-github-sso", ""))):
            return SsoRequired(f"{host} wants the token authorised for the organisation's single sign-on: {single[1]}")
        if answer.status == 403 and (missing := answer.headers.get("x-accepted-github-permissions")):
            return Forbidden(f"{host} forbids it on {self.repository.path}: {words}. The token needs {missing}.")
        if answer.status != 422:
            return None
        if "already exists for" in words:
            return Duplicate(words)
        if "Reference does not exist" in words:
            return BranchMissing(f"{host} does not know the branch on {self.repository.path}.")
        if "No commits between" in words:
            return NoChanges(f"{host} sees no commits to merge on {self.repository.path}.")
        errors = answer.content.get("errors") if isinstance(answer.content, dict) else None
        if any(isinstance(entry, dict) and entry.get("field") in ("head", "base") and entry.get("code") == "invalid" for entry in errors or []):
            return BranchMissing(f"{host} does not know the pull request's branches on {self.repository.path} (yet).")
        return None

    def _merge_sha(self, number: int) -> str | None:
        """The merge commit by GraphQL: newer versions of the REST API leave it out. None when it is not told."""
        base = self.client.api_base
        url = f"{base.removesuffix('/v3')}/graphql" if base.endswith("/api/v3") else f"{base}/graphql"
        variables = {"o": self.repository.owner, "r": self.repository.name, "n": number}
        answer = self.client.call_url("POST", url, body={"query": MERGE_COMMIT, "variables": variables})
        try:
            sha = answer.content["data"]["repository"]["pullRequest"]["mergeCommit"]["oid"]
        except (KeyError, TypeError):
            return None
        return str(sha)

    def _read(self, entry: dict[str, Any]) -> PullRequest:
        is_merged = bool(entry.get("merged") or entry.get("merged_at"))
        state = State.MERGED if is_merged else State(entry["state"])
        return PullRequest(
            number=entry["number"],
            title=entry["title"],
            state=state,
            head=entry["head"]["ref"],
            base=entry["base"]["ref"],
            head_sha=entry["head"]["sha"],
            merge_sha=entry.get("merge_commit_sha") if is_merged else None,
            web_url=entry["html_url"],
            mergeable=entry.get("mergeable"),
            is_draft=bool(entry.get("draft")),
            labels=tuple(label["name"] for label in entry.get("labels") or []),
        )
