"""GitLab.com and self-hosted GitLab, groups nested. https://docs.gitlab.com/api/merge_requests/"""

import re
from typing import Any, ClassVar

from deployments.forges.base import Forge, said, segment
from deployments.forges.client import Answer
from deployments.forges.errors import BranchMissing, Duplicate, Forbidden, ForgeError, NoChanges, NotFoundOrForbidden, ReadOnly, UnexpectedAnswer
from deployments.forges.values import TITLE_LENGTH, CommitStatus, Outcome, Proposal, PullRequest, State, Token

STATES = {Outcome.WAITING: "running", Outcome.PASSED: "success", Outcome.FAILED: "failed", Outcome.ERROR: "failed"}
OURS = {"opened": State.OPEN, "locked": State.OPEN, "merged": State.MERGED, "closed": State.CLOSED}
MERGEABLE = {"mergeable": True, "conflict": False, "need_rebase": False}
OLDER_MERGEABLE = {"can_be_merged": True, "cannot_be_merged": False}  # before detailed_merge_status
DEVELOPER = 30
LONGEST_BODY = 1_048_576


class GitLab(Forge):
    """Merge requests of one project."""

    BRANCH_PAUSES_S: ClassVar[tuple[float, ...]] = (1.0, 2.0, 4.0)

    def headers(self, token: Token) -> dict[str, str]:
        return {"PRIVATE-TOKEN": token.secret}

    @property
    def _path(self) -> str:
        return f"/projects/{segment(self.repository.path)}"

    def find(self, *, head: str, base: str) -> PullRequest | None:
        query = {"state": "opened", "source_branch": head, "target_branch": base, "per_page": "100"}
        for entry in self.list_all(f"{self._path}/merge_requests", query=query):
            is_ours = entry["source_project_id"] == entry["target_project_id"]
            if is_ours and entry["source_branch"] == head and entry["target_branch"] == base:
                return self._read(entry)
        return None

    def create(self, proposal: Proposal) -> PullRequest:
        self._compare(proposal)
        branches = {"source_branch": proposal.head, "target_branch": proposal.base}
        body = {**branches, "title": proposal.title[:TITLE_LENGTH], "description": proposal.body[:LONGEST_BODY]}
        return self._read(self.ask("POST", f"{self._path}/merge_requests", body=body))

    def state(self, number: int) -> PullRequest:
        return self._read(self.ask("GET", f"{self._path}/merge_requests/{number}"))

    def close(self, number: int) -> PullRequest:
        found = self.state(number)
        if found.state is not State.OPEN:
            return found
        return self._change(number, {"state_event": "close"})

    def add_labels(self, number: int, labels: list[str]) -> list[str]:
        found = self._change(number, {"add_labels": ",".join(labels)})
        return [f"{self.client.host} did not set the label {name}." for name in labels if name not in found.labels]

    def request_reviewers(self, number: int, names: list[str]) -> list[str]:
        """Reviewers are numbers here and replace those before, who are therefore sent along."""
        before = [entry["id"] for entry in self.ask("GET", f"{self._path}/merge_requests/{number}").get("reviewers") or []]
        wanted, problems = list(before), []
        for name in names:
            found = self.ask("GET", "/users", query={"username": name})
            if found:
                wanted.append(found[0]["id"])
            else:
                problems.append(f"{name} could not be asked for a review: {self.client.host} knows no such user.")
        if wanted == before:
            return problems
        kept = self.ask("PUT", f"{self._path}/merge_requests/{number}", body={"reviewer_ids": wanted}).get("reviewers") or []
        if len(kept) < len(set(wanted)):
            problems.append(f"{self.client.host} keeps {len(kept)} of {len(set(wanted))} reviewers: more need another plan of GitLab.")
        return problems

    def set_status(self, sha: str, status: CommitStatus) -> None:
        wanted = STATES[status.outcome]
        body = {"state": wanted, "name": status.name, "target_url": status.url, "description": status.description}
        pipeline = self.ask("GET", f"{self._path}/repository/commits/{sha}").get("last_pipeline")
        extra = ({"ref": status.branch} if status.branch else {}) | ({"pipeline_id": pipeline["id"]} if pipeline else {})
        try:
            self.ask("POST", f"{self._path}/statuses/{sha}", body=body | extra)
        except UnexpectedAnswer as error:
            if f"from :{wanted}" not in str(error):  # the same state again is refused by older servers
                raise

    def comment(self, number: int, text: str) -> None:
        self.ask("POST", f"{self._path}/merge_requests/{number}/notes", body={"body": text[:LONGEST_BODY]})

    def delete_branch(self, name: str) -> None:
        try:
            self.ask("DELETE", f"{self._path}/repository/branches/{segment(name)}")
        except NotFoundOrForbidden:
            return

    def check_rights(self) -> None:
        found = self.ask("GET", self._path)
        if found.get("archived"):
            raise ReadOnly(f"{self.repository.path} on {self.client.host} is archived: nothing can be pushed.")
        given = [entry["access_level"] for entry in (found.get("permissions") or {}).values() if entry]
        if given and max(given) < DEVELOPER:
            raise Forbidden(f"The token may read {self.repository.path} on {self.client.host} but not push to it. Give it the role Developer.")
        try:
            scopes = self.ask("GET", "/personal_access_tokens/self").get("scopes")
        except (NotFoundOrForbidden, Forbidden, UnexpectedAnswer):
            return  # other kinds of tokens do not tell
        if scopes is not None and "api" not in scopes:
            raise Forbidden(f"The token has the scopes {', '.join(scopes)} on {self.client.host}. To open merge requests it needs the scope api.")

    def explain(self, answer: Answer) -> ForgeError | None:
        words = said(answer)
        if answer.status == 409 and "!" in words:
            number = re.search(r"!(\d+)", words)
            return Duplicate(words, number=int(number[1]) if number else None)
        if answer.status == 403 and self._is_archived():
            return ReadOnly(f"{self.repository.path} on {self.client.host} is archived: nothing can be changed.")
        if answer.status == 400 and "source_branch does not exist" in words:
            return BranchMissing(f"{self.client.host} does not know the merge request's branch on {self.repository.path} (yet).")
        return None

    def _compare(self, proposal: Proposal) -> None:
        """Raises NoChanges or BranchMissing: GitLab itself opens empty merge requests, and older ones without a branch."""
        try:
            compared = self.ask("GET", f"{self._path}/repository/compare", query={"from": proposal.base, "to": proposal.head})
        except NotFoundOrForbidden:
            self.ask("GET", self._path)  # the project is hidden: say so
            raise BranchMissing(f"{self.client.host} does not know the merge request's branches on {self.repository.path} (yet).") from None
        if not compared.get("commits"):
            raise NoChanges(f"{self.client.host} sees no commits to merge on {self.repository.path}.")

    def _is_archived(self) -> bool:
        """GitLab says no more than "403 Forbidden" of an archived project."""
        answer = self.client.call("GET", self._path)
        return answer.is_fine and bool(answer.content.get("archived"))

    def _change(self, number: int, body: dict[str, Any]) -> PullRequest:
        return self._read(self.ask("PUT", f"{self._path}/merge_requests/{number}", body=body))

    def _read(self, entry: dict[str, Any]) -> PullRequest:
        state = OURS[entry["state"]]
        detailed = entry.get("detailed_merge_status")
        merged = entry.get("merge_commit_sha") or entry.get("squash_commit_sha") or entry.get("sha")
        return PullRequest(
            number=entry["iid"],
            title=entry["title"],
            state=state,
            head=entry["source_branch"],
            base=entry["target_branch"],
            head_sha=entry.get("sha") or "",
            merge_sha=merged if state is State.MERGED else None,
            web_url=entry["web_url"],
            mergeable=MERGEABLE.get(detailed) if detailed else OLDER_MERGEABLE.get(entry.get("merge_status") or ""),
            is_draft=bool(entry.get("draft")),
            labels=tuple(entry.get("labels") or ()),
        )
