"""Gitea and Forgejo. Their list of pull requests has no filter for the head branch, and labels are set by id."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from deployments.forges.base import MERGEABLE_PAUSES_S, Forge, branch_path, said, segment
from deployments.forges.client import MOST_PAGES, Answer
from deployments.forges.errors import BranchMissing, Conflict, Duplicate, Forbidden, ForgeError, NoChanges, NotFoundOrForbidden, ReadOnly, UnexpectedAnswer
from deployments.forges.values import TITLE_LENGTH, CommitStatus, Outcome, Proposal, PullRequest, State, Token

STATES = {Outcome.WAITING: "pending", Outcome.PASSED: "success", Outcome.FAILED: "failure", Outcome.ERROR: "error"}
LABEL_COLOUR = "#3b6ea5"


class Gitea(Forge):
    """Pull requests of one repository."""

    BRANCH_PAUSES_S: ClassVar[tuple[float, ...]] = (1.0, 2.0, 4.0)

    def headers(self, token: Token) -> dict[str, str]:
        return {"Authorization": f"token {token.secret}"}

    @property
    def _path(self) -> str:
        return f"/repos/{segment(self.repository.owner)}/{segment(self.repository.name)}"

    def find(self, *, head: str, base: str) -> PullRequest | None:
        for entry in self.list_all(f"{self._path}/pulls", query={"state": "open", "base_branch": base, "limit": "50"}):
            is_ours = entry["head"].get("repo_id") == entry["base"].get("repo_id")
            if is_ours and head in (entry["head"]["ref"], entry["head"].get("label")) and entry["base"]["ref"] == base:
                return self._read(entry)
        return None

    def create(self, proposal: Proposal) -> PullRequest:
        self._compare(proposal)
        body = {"title": proposal.title[:TITLE_LENGTH], "head": proposal.head, "base": proposal.base, "body": proposal.body}
        try:
            return self._read(self.ask("POST", f"{self._path}/pulls", body=body))
        except NotFoundOrForbidden:
            self.ask("GET", self._path)  # the repository is hidden: say so
            raise BranchMissing(f"{self.client.host} knows no branch {proposal.head} or {proposal.base} on {self.repository.path}.") from None

    def list_all(self, path: str, *, query: dict[str, str]) -> list[dict[str, Any]]:
        """By page numbers: its links are built from an address of its own settings, which need not be ours."""
        entries: list[dict[str, Any]] = []
        for number in range(1, MOST_PAGES + 1):
            answer = self.client.call("GET", path, query={**query, "page": str(number)})
            if not answer.is_fine:
                self.refuse(answer)
            entries += answer.content
            total = answer.headers.get("x-total-count", "")
            if not answer.content or (total.isdigit() and len(entries) >= int(total)):
                break
        return entries

    def state(self, number: int) -> PullRequest:
        return self._read(self.ask("GET", f"{self._path}/pulls/{number}"))

    def close(self, number: int) -> PullRequest:
        found = self.state(number)
        if found.state is not State.OPEN:
            return found
        try:
            return self._read(self.ask("PATCH", f"{self._path}/pulls/{number}", body={"state": "closed"}))
        except Conflict:  # merged in between
            return self.state(number)

    def add_labels(self, number: int, labels: list[str]) -> list[str]:
        """An unknown name would be ignored: labels are looked up, and made if there are none of that name."""
        try:
            known = self._labels(labels)
            set_now = self.ask("POST", f"{self._path}/issues/{number}/labels", body={"labels": [known[name] for name in labels]})
        except Forbidden as error:
            return [f"The labels {', '.join(labels)} could not be set: {error}"]
        names = {entry["name"] for entry in set_now or []}
        return [f"{self.client.host} did not set the label {name}." for name in labels if name not in names]

    def _labels(self, wanted: list[str]) -> dict[str, int]:
        """The ids of labels by name: the repository's, else the organisation's, else made now."""
        known = {entry["name"]: entry["id"] for entry in self.list_all(f"{self._path}/labels", query={"limit": "50"})}
        if not set(wanted) <= set(known):
            known = self._organisation_labels() | known
        for name in wanted:
            if name not in known:
                known[name] = self.ask("POST", f"{self._path}/labels", body={"name": name, "color": LABEL_COLOUR})["id"]
        return known

    def _organisation_labels(self) -> dict[str, int]:
        try:
            return {entry["name"]: entry["id"] for entry in self.list_all(f"/orgs/{segment(self.repository.owner)}/labels", query={"limit": "50"})}
        except (Forbidden, NotFoundOrForbidden):  # a user's repository, or a token that may not see
            return {}

    def request_reviewers(self, number: int, names: list[str]) -> list[str]:
        problems = []
        for name in names:
            try:
                self.ask("POST", f"{self._path}/pulls/{number}/requested_reviewers", body={"reviewers": [name]})
            except NotFoundOrForbidden:  # for unknown people too
                problems.append(f"{name} could not be asked for a review: {self.client.host} knows no such user who may read {self.repository.path}.")
            except UnexpectedAnswer as error:
                problems.append(f"{name} could not be asked for a review: {error}")
        return problems

    def set_status(self, sha: str, status: CommitStatus) -> None:
        body = {"state": STATES[status.outcome], "target_url": status.url, "description": status.description, "context": status.name}
        self.ask("POST", f"{self._path}/statuses/{sha}", body=body)

    def comment(self, number: int, text: str) -> None:
        self.ask("POST", f"{self._path}/issues/{number}/comments", body={"body": text})

    def delete_branch(self, name: str) -> None:
        try:
            self.ask("DELETE", f"{self._path}/branches/{branch_path(name)}")
        except NotFoundOrForbidden:
            return

    def await_mergeable(self, number: int, *, pauses_s: Sequence[float] = MERGEABLE_PAUSES_S) -> bool | None:
        """Here false also means "not looked at yet": it is believed only when it stays so through all the pauses."""
        if super().await_mergeable(number, pauses_s=pauses_s):
            return True
        found = self.state(number)
        return False if pauses_s and found.state is State.OPEN and not found.is_draft and not found.mergeable else None

    def check_rights(self) -> None:
        found = self.ask("GET", self._path)
        if found.get("archived"):
            raise ReadOnly(f"{self.repository.path} on {self.client.host} is archived: nothing can be pushed.")
        if found.get("has_pull_requests") is False:
            raise ReadOnly(f"Pull requests are switched off for {self.repository.path} on {self.client.host}. Switch them on in its settings.")
        if (found.get("permissions") or {}).get("push") is False:
            raise Forbidden(f"The token may read {self.repository.path} on {self.client.host} but not push to it. Give its user the right to write.")
        branch = found.get("default_branch") or "main"
        self.check_dry(f"{self._path}/pulls", {"title": "May we?", "head": branch, "base": branch})

    def explain(self, answer: Answer) -> ForgeError | None:
        words = said(answer)
        if answer.status == 409 and "already exists" in words:
            number = re.search(r"issue_id: (\d+)", words)
            return Duplicate(words, number=int(number[1]) if number else None)
        if answer.status == 422 and "no changes between" in words:
            return NoChanges(f"{self.client.host} sees no commits to merge on {self.repository.path}.")
        if answer.status == 422 and "must be branches" in words:
            return BranchMissing(f"{self.client.host} does not know the pull request's branches on {self.repository.path}.")
        return None

    def _compare(self, proposal: Proposal) -> None:
        """Raises NoChanges: Gitea itself opens empty pull requests. A comparison that it cannot make is left to the creation."""
        try:
            compared = self.ask("GET", f"{self._path}/compare/{branch_path(proposal.base)}...{branch_path(proposal.head)}")
        except NotFoundOrForbidden:
            return
        if compared.get("total_commits") == 0:
            raise NoChanges(f"{self.client.host} sees no commits to merge on {self.repository.path}.")

    def _read(self, entry: dict[str, Any]) -> PullRequest:
        state = State.MERGED if entry.get("merged") else State(entry["state"])
        return PullRequest(
            number=entry["number"],
            title=entry["title"],
            state=state,
            head=entry["head"]["label"] if entry["head"]["ref"].startswith("refs/pull/") else entry["head"]["ref"],
            base=entry["base"]["ref"],
            head_sha=entry["head"]["sha"],
            merge_sha=entry.get("merge_commit_sha") if state is State.MERGED else None,
            web_url=entry["html_url"],
            mergeable=True if entry.get("mergeable") else None,  # false also means "not looked at yet"
            is_draft=bool(entry.get("draft")),
            labels=tuple(label["name"] for label in entry.get("labels") or []),
        )
